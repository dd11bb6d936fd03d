import { Duration, Effect, Semaphore } from "effect"
import type { CallPriority } from "./KubernetesApi.ts"
import * as TokenBucket from "./TokenBucket.ts"

/** Bounds of calls in flight (failure-semantics.md section 9.4 item 6). */
const perNamespace = { lists: 2, calls: 4 }
const overall = { lists: 32, watchHandshakes: 32 }
/** A list that has had no headers for this long gives its place back and goes on waiting. */
const listHoldsFor = Duration.seconds(2)
/**
 * Bound of all calls of the process but the handshakes of watches, which cost a server little and of which few are in
 * flight; the reserve is for requests of users and the lease (failure-semantics.md section 3).
 */
const rate = { burst: 500, perSecond: 200, reserved: 0.2 }

/**
 * Bounds what one namespace, and the process, may have in flight and send per second, inside the transport where nobody
 * can go around it. Requests of users have places of their own, so that background work of their namespace never holds
 * them up.
 */
export interface Bulkheads {
  /** Runs a list; `answered` completes when its headers are there. */
  readonly list: <A, E>(
    namespace: string,
    answered: Effect.Effect<void>,
    self: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  readonly call: <A, E>(namespace: string, priority: CallPriority, self: Effect.Effect<A, E>) => Effect.Effect<A, E>
  readonly watchHandshake: <A, E>(self: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** Makes bulkheads for one transport. */
export const make: Effect.Effect<Bulkheads> = Effect.gen(function* () {
  const lists = yield* Semaphore.make(overall.lists)
  const handshakes = yield* Semaphore.make(overall.watchHandshakes)
  const tokens = yield* TokenBucket.make(rate)
  const semaphores = new Map<string, Semaphore.Semaphore>()

  const semaphore = (key: string, permits: number) => {
    const known = semaphores.get(key)
    if (known !== undefined) return known
    const made = Semaphore.makeUnsafe(permits)
    semaphores.set(key, made)
    return made
  }

  /** Holds a permit until the answer begins, the hold time is over, or the work ends, whichever is first. */
  const holding = <A, E>(permits: Semaphore.Semaphore, answered: Effect.Effect<void>, self: Effect.Effect<A, E>) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(permits.take(1))
        let held = true
        const release = Effect.suspend(() => {
          if (!held) return Effect.void
          held = false
          return permits.release(1)
        })
        const early = Effect.andThen(Effect.raceFirst(answered, Effect.sleep(listHoldsFor)), release)
        return yield* Effect.scoped(
          Effect.andThen(Effect.forkScoped(Effect.interruptible(early)), restore(self)).pipe(Effect.ensuring(release))
        )
      })
    )

  /** A token is taken last, with the place: whoever waits for a place spends none. */
  const paced = <A, E>(urgent: boolean, self: Effect.Effect<A, E>) => Effect.andThen(tokens.take(urgent), self)

  return {
    list: (namespace, answered, self) =>
      holding(
        semaphore(`lists/${namespace}`, perNamespace.lists),
        answered,
        holding(lists, answered, paced(false, self))
      ),
    call: (namespace, priority, self) =>
      priority === "lease"
        ? paced(true, self)
        : semaphore(`${priority}/${namespace}`, perNamespace.calls).withPermit(paced(priority === "request", self)),
    watchHandshake: (self) => handshakes.withPermit(self)
  }
})
