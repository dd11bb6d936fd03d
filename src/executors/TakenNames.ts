import { Clock, Context, Effect, Layer } from "effect"
import { FatalError } from "../Errors.ts"
import { labels } from "../fission/Labels.ts"
import { keyOf } from "../fission/ObjectMeta.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import type { OwnerReference } from "../safeguards/Ground.ts"

/** An object of somebody else's under the name of one that we want to make. */
export interface TakenName {
  readonly kind: string
  readonly metadata: KubernetesObject["metadata"]
  /** Whose object cannot be made for it. */
  readonly owner: OwnerReference & { readonly kind: "Environment" | "Function" }
  /** When it was met first, and last; monotonic nanoseconds. */
  readonly since: bigint
  readonly metAt: bigint
}

/** What stays is met again every five minutes, more or less: what was not, is gone or not in the way any more. */
const believedFor = 15n * 60_000_000_000n
/** Names that are remembered; the oldest are forgotten. */
const capacity = 1000

/**
 * Whether an object is the owner's: its label says so, or without the label its owner reference
 * (failure-semantics.md section 9.3).
 */
export const isOwnedBy = (
  { metadata }: Pick<KubernetesObject, "metadata">,
  label: string,
  uid: string | null | undefined
): boolean => {
  const held = metadata.labels?.[label]
  if (held !== undefined) return held === uid
  return (metadata.ownerReferences ?? []).some((reference) => reference.uid === uid)
}

/** The Function that these labels of one of its objects name. */
export const functionNamedBy = (held: { readonly [label: string]: string }): TakenName["owner"] => ({
  kind: "Function",
  namespace: held[labels.functionNamespace] ?? "",
  name: held[labels.functionName] ?? "",
  uid: held[labels.functionUid] ?? ""
})

/** Foreign objects that creations met. They are in no view, and are left alone (failure-semantics.md section 5.5, d). */
export class TakenNames extends Context.Service<
  TakenNames,
  {
    /** Remembers the object that stands where one of the owner should, and fails, for that stays until somebody acts. */
    readonly refuse: (
      kind: ResourceKind,
      holder: KubernetesObject,
      owner: TakenName["owner"]
    ) => Effect.Effect<never, FatalError>
    /** Those of a namespace for workloads that were met within a quarter of an hour; at most 1000 of all together. */
    readonly recent: (workloadNamespace: string) => Effect.Effect<ReadonlyArray<TakenName>>
  }
>()("fission-executor/executors/TakenNames") {
  static readonly layer = Layer.sync(TakenNames, () => {
    const taken = new Map<string, TakenName>()
    return TakenNames.of({
      refuse: Effect.fnUntraced(function* (kind, { metadata }, owner) {
        const now = yield* Clock.monotonicTimeNanos
        const id = `${kind.plural} ${keyOf(metadata)}`
        const before = taken.get(id)
        const since = before?.metadata.uid === metadata.uid ? (before?.since ?? now) : now
        taken.delete(id)
        taken.set(id, { kind: kind.kind, metadata, owner, since, metAt: now })
        const oldest = taken.keys().next()
        if (taken.size > capacity && oldest.done !== true) taken.delete(oldest.value)
        const detail = `a ${kind.kind} of this name exists that is not the ${owner.kind.toLowerCase()}'s; it is left alone`
        const { name, namespace } = metadata
        const call = { verb: "create", resource: kind.plural, namespace: namespace ?? "", name } as const
        return yield* new FatalError({ ...call, scope: "object", detail })
      }),
      recent: (workloadNamespace) =>
        Effect.map(Clock.monotonicTimeNanos, (now) =>
          [...taken.values()].filter(
            ({ metadata, metAt }) => metadata.namespace === workloadNamespace && now - metAt < believedFor
          )
        )
    })
  })
}
