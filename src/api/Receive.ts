import type { IncomingMessage } from "node:http"
import { Clock, Data, Effect, Redacted } from "effect"
import type { InternalAuthSettings, SettingsShape } from "../Config.ts"
import { type ChannelKey, channelKey, digestOf, verifySignature, verifyTimestamp } from "../fission/RequestSignature.ts"
import { readBody } from "../HttpListener.ts"
import type { Body } from "./Bodies.ts"

/** A request that goes no further. `reason` is for the log, in the words of http-api.md section 8.3. */
export class NotReceived extends Data.TaggedError("NotReceived")<{
  readonly status: 401 | 413
  readonly reason: string
}> {}

/** Reads one request's body. */
export type Receive = (request: IncomingMessage) => Effect.Effect<Body, NotReceived>

/** The keys that a request may be signed with, the current one first; none where internal auth is off. */
export const keysOf = (auth: InternalAuthSettings): ReadonlyArray<ChannelKey> =>
  [auth.secret, auth.previousSecret].flatMap((secret) =>
    secret === undefined ? [] : [channelKey(Redacted.value(secret), "executor")]
  )

/**
 * The two ways to take a request in, both up to the body limit. `verified` checks the signature and is undefined where
 * internal auth is off; it refuses by headers before it touches the body (http-api.md section 8.3).
 */
export const makeReceivers = (
  settings: Pick<SettingsShape, "bodyLimit" | "internalAuth">
): { readonly unverified: Receive; readonly verified: Receive | undefined } => {
  const keys = keysOf(settings.internalAuth)

  const unverified: Receive = (request) =>
    readBody(request, settings.bodyLimit).pipe(
      Effect.map((bytes) => ({ bytes, digest: digestOf(bytes) })),
      Effect.mapError(({ reason }) =>
        reason === "TooLarge"
          ? new NotReceived({ status: 413, reason: "body exceeds the limit" })
          : new NotReceived({ status: 401, reason: "body read error" })
      )
    )

  const verified: Receive = Effect.fnUntraced(function* (request: IncomingMessage) {
    const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1000)
    const stamp = verifyTimestamp(request.headers, nowSeconds)
    if ("refusal" in stamp) return yield* new NotReceived({ status: 401, reason: stamp.refusal })

    const body = yield* unverified(request)
    const signed = { method: request.method ?? "", target: request.url ?? "", bodyDigest: body.digest }
    if (!verifySignature(keys, signed, stamp.unixSeconds, stamp.signature)) {
      return yield* new NotReceived({ status: 401, reason: "signature mismatch" })
    }
    return body
  })

  return { unverified, verified: keys.length === 0 ? undefined : verified }
}
