import { Clock, Context, Duration, Effect, Layer, type Scope } from "effect"
import { type Pool, poolKey } from "./Pool.ts"

/** Who needs a pool. */
interface Demand {
  readonly pool: Pool | undefined
  readonly requests: number
  /** Monotonic nanoseconds. */
  readonly usedAt: bigint
}

/**
 * Which pools requests need, and since when nobody needed the others: what decides how long a pool stays that is not
 * there for ever (poolmgr.md sections 4.3 and 14.2).
 */
export class PoolDemands extends Context.Service<
  PoolDemands,
  {
    /** The pool is needed for as long as the scope is open. */
    readonly hold: (pool: Pool) => Effect.Effect<void, never, Scope.Scope>
    /** The pools of an Environment that somebody needs now. */
    readonly held: (environmentUid: string) => ReadonlyArray<Pool>
    /** Time since anybody needed the pool with this key, zero while somebody does; undefined where none is known. */
    readonly unusedFor: (key: string) => Duration.Duration | undefined
    /** The pool counts as used now, as far as nobody knows better. */
    readonly touch: (key: string) => void
    /** Forgets when the pool was used, unless somebody needs it. */
    readonly forget: (key: string) => void
  }
>()("fission-executor/executors/poolmgr/PoolDemands") {
  static readonly layer: Layer.Layer<PoolDemands> = Layer.effect(
    PoolDemands,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const demands = new Map<string, Demand>()

      const add = (key: string, change: number, pool?: Pool) => {
        const known = demands.get(key)
        demands.set(key, {
          pool: pool ?? known?.pool,
          requests: (known?.requests ?? 0) + change,
          usedAt: clock.monotonicTimeNanosUnsafe()
        })
      }

      return PoolDemands.of({
        hold: (pool) =>
          Effect.acquireRelease(
            Effect.sync(() => add(poolKey(pool), 1, pool)),
            () => Effect.sync(() => add(poolKey(pool), -1))
          ),
        held: (environmentUid) =>
          [...demands.values()].flatMap(({ pool, requests }) =>
            requests > 0 && pool?.environment.metadata.uid === environmentUid ? [pool] : []
          ),
        unusedFor: (key) => {
          const known = demands.get(key)
          if (known === undefined) return undefined
          return known.requests > 0 ? Duration.zero : Duration.nanos(clock.monotonicTimeNanosUnsafe() - known.usedAt)
        },
        touch: (key) => add(key, 0),
        forget: (key) => {
          if (demands.get(key)?.requests === 0) demands.delete(key)
        }
      })
    })
  )
}
