import { Effect, Schema, type Scope } from "effect"
import { addressOf } from "../../fission/Address.ts"
import { labels } from "../../fission/Labels.ts"
import { ObjectMeta, optional } from "../../fission/ObjectMeta.ts"
import type { ResourceKind } from "../../fission/ResourceKind.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { EndpointSlices } from "../Kinds.ts"
import type { RawObject } from "../RawKind.ts"
import { isSynced, watchKind } from "./Views.ts"

/**
 * What the index says to one request. `Busy`: no pod of those that are ready has a place left. `Empty`: none is ready.
 * `Unlisted`: nobody knows yet.
 */
export type IndexAdmission =
  | {
      readonly _tag: "Admitted"
      readonly address: string
      /** Gives the place back. */
      readonly release: () => void
      /** The address does not answer: it is not used until a slice changes. */
      readonly forget: () => void
    }
  | { readonly _tag: "Busy"; readonly ready: number }
  | { readonly _tag: "Empty" }
  | { readonly _tag: "Unlisted" }

/**
 * The pods of poolmgr's functions that may be used without asking the executor, and the requests that this router has in
 * each: a count of its own, which nobody else sees (http-api.md section 10.2).
 */
export interface SliceIndex {
  /** A place for one request of a Function in one of its ready pods, or why there is none. */
  readonly admit: (fn: RawObject, requestsPerPod: number) => IndexAdmission
}

/** A router that always asks. */
export const off: SliceIndex = { admit: () => ({ _tag: "Empty" }) }

const FunctionSlice = Schema.Struct({
  metadata: ObjectMeta,
  endpoints: optional(
    Schema.Array(
      Schema.Struct({
        addresses: Schema.Array(Schema.String),
        conditions: optional(Schema.Struct({ ready: optional(Schema.Boolean) }))
      })
    )
  ),
  ports: optional(Schema.Array(Schema.Struct({ port: optional(Schema.Int) })))
})
type FunctionSlice = typeof FunctionSlice.Type

const FunctionSlices: ResourceKind<FunctionSlice> = {
  ...EndpointSlices,
  decode: Schema.decodeUnknownResult(FunctionSlice)
}

/** Watches the EndpointSlices of function Services in these namespaces, by the labels that they have of their Services. */
export const watch = (
  namespaces: ReadonlyArray<string>
): Effect.Effect<SliceIndex, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    const active = new Map<string, number>()
    const unreachable = new Set<string>()
    const reflectors = yield* watchKind(
      FunctionSlices,
      namespaces,
      () => unreachable.clear(),
      `${labels.managedBy}=fission`
    )

    /** Those of a published version carry its name, and those of the function as it is now carry none. */
    const slicesOf = ({ metadata }: RawObject): ReadonlyArray<FunctionSlice> => {
      const namespace = metadata.namespace ?? ""
      return [...(reflectors.get(namespace)?.store.values(namespace) ?? [])].filter(
        ({ metadata: { labels: held } }) =>
          held?.[labels.functionUid] === metadata.uid &&
          held?.[labels.functionVersion] === metadata.labels?.[labels.functionVersion]
      )
    }

    const take = (address: string): IndexAdmission => {
      active.set(address, (active.get(address) ?? 0) + 1)
      return {
        _tag: "Admitted",
        address,
        release: () => {
          const left = (active.get(address) ?? 1) - 1
          if (left > 0) active.set(address, left)
          else active.delete(address)
        },
        forget: () => void unreachable.add(address)
      }
    }

    return {
      admit: (fn, requestsPerPod) => {
        if (!isSynced(reflectors)) return { _tag: "Unlisted" }
        const ready = slicesOf(fn).flatMap(readyAddresses)
        if (ready.length === 0) return { _tag: "Empty" }
        const free = ready.find((address) => !unreachable.has(address) && (active.get(address) ?? 0) < requestsPerPod)
        return free === undefined ? { _tag: "Busy", ready: ready.length } : take(free)
      }
    }
  })

const readyAddresses = ({ endpoints, ports }: FunctionSlice): ReadonlyArray<string> => {
  const port = ports?.[0]?.port
  if (port === undefined || port === null) return []
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses.map((address) => addressOf(address, port)))
}
