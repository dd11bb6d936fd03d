import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject, timingSafeEqual } from "node:crypto"

/** A key of one channel between Fission's components. */
export type ChannelKey = KeyObject

/** The two headers that carry a signature. */
export const timestampHeader = "x-fission-auth-timestamp"
export const signatureHeader = "x-fission-auth-signature"

/** Largest difference between a request's timestamp and our clock, in seconds (http-api.md section 8.3). */
const window = 60

/**
 * The key of a channel (`executor`, `fetcher`, `fetcher:team-a`), derived from the master secret's bytes as they are:
 * HKDF-SHA-256 without salt (http-api.md section 8.1).
 */
export const channelKey = (masterSecret: string, channel: string): ChannelKey =>
  createSecretKey(Buffer.from(hkdfSync("sha256", masterSecret, "", `fission-internal-v1:${channel}`, 32)))

/** A key as it stands in an environment variable: hexadecimal, or raw bytes where it is not. */
export const keyFromText = (text: string): ChannelKey =>
  createSecretKey(/^([0-9a-f]{2})+$/u.test(text) ? Buffer.from(text, "hex") : Buffer.from(text))

/** What is signed. `target` is path and query as sent on the wire. */
export interface SignedRequest {
  readonly method: string
  readonly target: string
  readonly body: Uint8Array | string
}

/** Lower-case hex of the signature; only the minute of `unixSeconds` counts (http-api.md section 8.2). */
export const signature = (key: ChannelKey, request: SignedRequest, unixSeconds: number): string =>
  signDigest(key, request.method, request.target, digestOf(request.body), unixSeconds)

/** SHA-256 of a body in lower-case hex. */
export const digestOf = (body: Uint8Array | string): string => hash("sha256", body, "hex")

const signDigest = (key: ChannelKey, method: string, target: string, digest: string, unixSeconds: number): string => {
  const minute = unixSeconds - (((unixSeconds % window) + window) % window)
  return createHmac("sha256", key).update(`${method}\n${target}\n${digest}\n${minute}`).digest("hex")
}

/** The headers of a signed request. Sign every attempt afresh. */
export const signedHeaders = (
  key: ChannelKey,
  request: SignedRequest,
  unixSeconds: number
): { readonly [header: string]: string } => ({
  [timestampHeader]: String(unixSeconds),
  [signatureHeader]: signature(key, request, unixSeconds)
})

/** Why a signature was refused, in the words of http-api.md section 8.3. */
export type Refusal = "missing headers" | "unparseable timestamp" | "stale timestamp" | "signature mismatch"

/** The part of the verification that needs no body: refuses at once, or gives the timestamp to verify with. */
export const verifyTimestamp = (
  headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined },
  nowSeconds: number
): { readonly refusal: Refusal } | { readonly unixSeconds: number; readonly signature: string } => {
  const timestamp = headers[timestampHeader]
  const given = headers[signatureHeader]
  if (typeof timestamp !== "string" || timestamp === "" || typeof given !== "string" || given === "") {
    return { refusal: "missing headers" }
  }
  if (!/^[+-]?\d{1,15}$/u.test(timestamp.trim())) return { refusal: "unparseable timestamp" }
  const unixSeconds = Number(timestamp.trim())
  if (Math.abs(nowSeconds - unixSeconds) > window) return { refusal: "stale timestamp" }
  return { unixSeconds, signature: given }
}

/** Whether the signature is right for one of the keys, in constant time for each. */
export const verifySignature = (
  keys: ReadonlyArray<ChannelKey>,
  request: { readonly method: string; readonly target: string; readonly bodyDigest: string },
  unixSeconds: number,
  given: string
): boolean => {
  const presented = Buffer.from(given)
  return keys.some((key) => {
    const expected = Buffer.from(signDigest(key, request.method, request.target, request.bodyDigest, unixSeconds))
    return presented.length === expected.length && timingSafeEqual(presented, expected)
  })
}
