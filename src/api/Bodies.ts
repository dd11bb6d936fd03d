import { Result, Schema } from "effect"
import { normalizeAddress } from "../fission/Address.ts"
import { FissionFunction } from "../fission/Function.ts"
import { optional } from "../fission/ObjectMeta.ts"
import type { Tap } from "../executors/Dispatcher.ts"

/** The bytes of a request's body and their SHA-256 in lower-case hex. */
export interface Body {
  readonly bytes: Buffer
  readonly digest: string
}

/** Turns a body into what a route works with, or says in one line why it cannot. Only consumed fields are looked at. */
export type Decode<A> = (body: Body) => Result.Result<A, string>

const decodeWith = <A, B>(schema: Schema.Codec<A, unknown>, toValue: (decoded: A) => B): Decode<B> => {
  const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema))
  return (body) =>
    decode(body.bytes.toString("utf8")).pipe(
      Result.map(toValue),
      Result.mapError((error) => error.message.slice(0, 300))
    )
}

/** A Function that caches can tell from others: one without a UID is refused (http-api.md H2). */
const IdentifiedFunction = FissionFunction.check(
  Schema.makeFilter((fn) => (fn.metadata.uid ?? "") !== "" || "metadata.uid must not be empty")
)

const EnsureCapacity = Schema.Struct({
  function: IdentifiedFunction,
  observedReadyEndpoints: optional(Schema.Int),
  observedBusyEndpoints: optional(Schema.Int)
})

/** The router's keys have no JSON names in Go, hence the capitals (http-api.md section 4.3). */
const TapEntry = Schema.Struct({
  FnMetadata: optional(
    Schema.Struct({
      name: optional(Schema.String),
      namespace: optional(Schema.String),
      uid: optional(Schema.String),
      generation: optional(Schema.Int)
    })
  ),
  FnExecutorType: optional(Schema.String),
  ServiceURL: optional(Schema.String)
})

const toTap = (entry: typeof TapEntry.Type | null): Tap => ({
  executorType: entry?.FnExecutorType ?? "",
  metadata: { ...entry?.FnMetadata, name: entry?.FnMetadata?.name ?? "" },
  address: normalizeAddress(entry?.ServiceURL ?? "")
})

/** Taps as the router posts them. */
export const encodeTaps = (taps: ReadonlyArray<Tap>): string =>
  JSON.stringify(
    taps.map(({ address, executorType, metadata: { generation, name, namespace, uid } }) => ({
      FnMetadata: { name, namespace, uid, generation },
      FnExecutorType: executorType,
      ServiceURL: address
    }))
  )

/** A whole Function, for `getServiceForFunction`. */
export const decodeFunction: Decode<FissionFunction> = decodeWith(IdentifiedFunction, (fn) => fn)

/** The body of `ensureCapacity`; the counts are what the router saw, for the log. */
export const decodeEnsureCapacity: Decode<typeof EnsureCapacity.Type> = decodeWith(EnsureCapacity, (body) => body)

/** The body of `tapServices`; `null` is an empty batch, as in Go. */
export const decodeTaps: Decode<ReadonlyArray<Tap>> = decodeWith(
  Schema.NullOr(Schema.Array(Schema.NullOr(TapEntry))),
  (entries) => (entries ?? []).map(toTap)
)

/** The body of `unTapService`; `null` is an empty entry, as in Go. */
export const decodeTap: Decode<Tap> = decodeWith(Schema.NullOr(TapEntry), toTap)

/** Bodies above this many bytes are decoded each time. */
const largestRemembered = 64 * 1024
/** Bodies whose decoded form is remembered have this many bytes together at most. */
const remembered = 8 * 1024 * 1024

/**
 * Remembers what recent bodies decode to, by their digest, so that a repeated body is parsed once. Refused bodies are
 * not remembered. The least recently used goes first.
 */
export const remembering = <A>(decode: Decode<A>, capacity = remembered): Decode<A> => {
  const known = new Map<string, { readonly value: Result.Result<A, string>; readonly size: number }>()
  let size = 0

  const evict = () => {
    for (const [digest, entry] of known) {
      if (size <= capacity) return
      known.delete(digest)
      size -= entry.size
    }
  }

  return (body) => {
    const found = known.get(body.digest)
    if (found !== undefined) {
      known.delete(body.digest)
      known.set(body.digest, found)
      return found.value
    }
    const value = decode(body)
    if (Result.isSuccess(value) && body.bytes.length <= largestRemembered) {
      known.set(body.digest, { value, size: body.bytes.length })
      size += body.bytes.length
      evict()
    }
    return value
  }
}
