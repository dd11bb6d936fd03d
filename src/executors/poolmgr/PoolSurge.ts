import { Clock, Context, Duration, Effect, Layer } from "effect"
import { Settings } from "../../Config.ts"
import { type Environment, isInfinite } from "../../fission/Environment.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { environmentWork } from "../ExecutorType.ts"
import { type Pool, poolKey, smallestSize } from "./Pool.ts"
import { WarmPods } from "./WarmPods.ts"

/** Requests that begin to wait within this time are one reason to enlarge a pool. */
const gatheredFor = Duration.millis(100)
/** How long a pool stays enlarged after the last look that found requests waiting: the next burst may be near. */
const keptAfterWaiting = Duration.minutes(1)

/** A pool that is, or was, enlarged while requests wait. */
interface Surge {
  /** Replicas beyond the size of the Environment; it only grows. */
  extra: number
  /** When requests were last found waiting, in monotonic nanoseconds. */
  waitedAt: bigint
  /** Replicas that the Deployment had or was given here since the beginning: any others are somebody else's doing. */
  readonly sizes: Set<number>
}

/** How many pods a pool should have, and for how long that is known. */
export interface PoolSizing {
  readonly size: number
  /** Undefined: until something changes. */
  readonly lookAgainIn: Duration.Duration | undefined
}

/**
 * Enlarges plain pools for a while, within a bound, when more requests wait for a pod than the pool has; one of an image
 * has one pod (poolmgr.md section 18). Off unless the bound is set. Somebody else's scaling ends it until nobody waits any
 * more, so that it never answers to that with a write of its own.
 */
export class PoolSurge extends Context.Service<
  PoolSurge,
  {
    /** A request is about to wait for a pod of the pool, which is looked at soon. */
    readonly onWait: (view: NamespaceView, pool: Pool) => Effect.Effect<void>
    /**
     * The size that the plain pool of the Environment should have.
     *
     * @param shown replicas of its Deployment, as the view has it
     */
    readonly sizing: (environment: Environment, shown: number) => Effect.Effect<PoolSizing>
    /** Forgets a pool that is gone, by its key. */
    readonly forget: (pool: string) => void
  }
>()("fission-executor/executors/poolmgr/PoolSurge") {
  static readonly layer: Layer.Layer<PoolSurge, never, Settings | WarmPods | Supervisor> = Layer.effect(
    PoolSurge,
    Effect.gen(function* () {
      const { poolSurge } = yield* Settings
      const warmPods = yield* WarmPods
      const supervisor = yield* Supervisor
      /** By key of the pool. */
      const surges = new Map<string, Surge>()

      /** Goes on with a surge, or gives it up; false when it is over. */
      const goOn = (surge: Surge, shown: number, wanted: number, now: bigint): boolean => {
        if (wanted > 0) surge.waitedAt = now
        if (Duration.isGreaterThanOrEqualTo(Duration.nanos(now - surge.waitedAt), keptAfterWaiting)) return false
        const isOurs = surge.sizes.has(shown)
        if (!isOurs) surge.sizes.clear()
        surge.extra = isOurs ? Math.max(surge.extra, wanted) : 0
        return true
      }

      const sizing = Effect.fnUntraced(function* (environment: Environment, shown: number) {
        const pool = poolKey({ environment })
        const size = smallestSize({ environment })
        const wanted = Math.max(0, Math.min(poolSurge, warmPods.waiting(pool) - size))
        const now = yield* Clock.monotonicTimeNanos
        const known = surges.get(pool)
        if (known === undefined) {
          if (wanted === 0 || shown !== size || isInfinite(environment)) return { size, lookAgainIn: undefined }
          surges.set(pool, { extra: wanted, waitedAt: now, sizes: new Set([size, size + wanted]) })
          return { size: size + wanted, lookAgainIn: keptAfterWaiting }
        }
        if (!goOn(known, shown, wanted, now)) {
          surges.delete(pool)
          return { size, lookAgainIn: undefined }
        }
        if (known.extra > 0) known.sizes.add(size + known.extra)
        return { size: size + known.extra, lookAgainIn: keptAfterWaiting }
      })

      return PoolSurge.of({
        onWait: (view, { environment, image }) =>
          (poolSurge > 0 && image === undefined
            ? supervisor
                .cell(view.namespace)
                ?.enqueueAfter({ handler: environmentWork, name: environment.metadata.name }, gatheredFor)
            : undefined) ?? Effect.void,
        sizing,
        forget: (pool) => void surges.delete(pool)
      })
    })
  )
}
