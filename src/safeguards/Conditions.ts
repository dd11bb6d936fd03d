import { Clock, Context, DateTime, Duration, Effect, FiberMap, Layer } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { type Condition, type FissionFunction } from "../fission/Function.ts"
import { Functions } from "../fission/ResourceKind.ts"
import { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"
import { countDropped } from "./EventRecorder.ts"

/** What a condition shall say. `message` alone is no reason to write: it may name a pod that changes all the time. */
export type WantedCondition = Pick<Condition, "type" | "status" | "reason" | "message">

/** Fields of the status that are written with a condition, or because they alone differ. One that is missing counts as 0. */
export type WantedCounts = {
  readonly [field in "provisionedReady" | "provisionedTarget" | "provisionedSpecTarget"]: number
}

/** What a write of a condition may come with. */
export interface ConditionOptions {
  /** Time until the write, during which another wanted state takes its place. */
  readonly delay?: Duration.Duration
  readonly counts?: WantedCounts
}

/** Writes our own conditions into the status of Functions (resources.md section 3). */
export class Conditions extends Context.Service<
  Conditions,
  {
    /**
     * Returns at once; the write follows, best effort: ten tries within ten minutes,
     * the latest wanted state wins, and what is lost is written with the next change. Nothing is written where the
     * Function says it already. Conditions of other writers are kept, by a guarded patch.
     */
    readonly set: (fn: FissionFunction, wanted: WantedCondition, options?: ConditionOptions) => Effect.Effect<void>
  }
>()("fission-executor/safeguards/Conditions") {
  static readonly layer: Layer.Layer<Conditions, never, KubernetesApi> = Layer.effect(
    Conditions,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const writes = yield* FiberMap.make<string>()
      const fork = yield* FiberMap.runtime(writes)()

      /** One write from the Function as it is known, or from the live one after somebody else wrote. */
      const write = Effect.fnUntraced(function* (
        fn: FissionFunction,
        wanted: WantedCondition,
        counts: WantedCounts | undefined
      ): Effect.fn.Return<void, KubernetesError> {
        const { generation, name, namespace, resourceVersion, uid } = fn.metadata
        const conditions = withCondition(fn, wanted, yield* Clock.currentTimeMillis)
        if (conditions === undefined && areTold(fn, counts)) return
        yield* api.patch(
          Functions,
          { namespace: namespace ?? "", name },
          {
            type: "merge",
            subresource: "status",
            body: {
              metadata: { uid, resourceVersion },
              status: { observedGeneration: generation, ...counts, ...(conditions && { conditions }) }
            }
          }
        )
      })

      const writeFromLive = Effect.fnUntraced(function* (
        fn: FissionFunction,
        wanted: WantedCondition,
        counts: WantedCounts | undefined
      ) {
        const { name, namespace, uid } = fn.metadata
        const live = yield* api.get(Functions, { namespace: namespace ?? "", name })
        const decoded = Functions.decode(live)
        if (decoded._tag === "Success" && decoded.success.metadata.uid === uid) {
          yield* write(decoded.success, wanted, counts)
        }
      })

      const settle = (fn: FissionFunction, wanted: WantedCondition, counts: WantedCounts | undefined) =>
        write(fn, wanted, counts).pipe(
          Effect.catchTag("KubernetesConflict", () => writeFromLive(fn, wanted, counts)),
          RetryPolicy.retry(RetryPolicy.bestEffort),
          Effect.catchTag("KubernetesNotFound", () => Effect.void),
          Effect.catch((error) =>
            Effect.logDebug("a condition was not written; the next change writes it again", error.message).pipe(
              Effect.annotateLogs({ namespace: fn.metadata.namespace, function: fn.metadata.name, type: wanted.type }),
              Effect.andThen(countDropped("Function"))
            )
          )
        )

      return Conditions.of({
        set: (fn, wanted, { counts, delay = Duration.zero } = {}) =>
          Effect.sync(() => {
            const write = settle(fn, wanted, counts)
            const later = Duration.isZero(delay) ? write : Effect.andThen(Effect.sleep(delay), write)
            fork(`${fn.metadata.uid}/${wanted.type}`, later)
          })
      })
    })
  )
}

/** Whether the Function says these numbers already. */
const areTold = ({ status }: FissionFunction, counts: WantedCounts | undefined): boolean =>
  counts === undefined ||
  ((status?.provisionedReady ?? 0) === counts.provisionedReady &&
    (status?.provisionedTarget ?? 0) === counts.provisionedTarget &&
    (status?.provisionedSpecTarget ?? 0) === counts.provisionedSpecTarget)

/** The Function's conditions with ours among them, or undefined where it is there already. */
const withCondition = (
  fn: FissionFunction,
  wanted: WantedCondition,
  nowMillis: number
): ReadonlyArray<Condition> | undefined => {
  const held = fn.status?.conditions ?? []
  const before = held.find(({ type }) => type === wanted.type)
  const observedGeneration = fn.metadata.generation ?? 0
  const isThere =
    before?.status === wanted.status &&
    before.reason === wanted.reason &&
    before.observedGeneration === observedGeneration
  if (isThere) return undefined
  const now = DateTime.formatIso(DateTime.makeUnsafe(nowMillis)).replace(/\.\d+Z$/u, "Z")
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now
  const condition: Condition = { ...before, ...wanted, observedGeneration, lastTransitionTime }
  return before === undefined ? [...held, condition] : held.map((other) => (other === before ? condition : other))
}
