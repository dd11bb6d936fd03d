import { Duration, Effect, Semaphore } from "effect"

/** Bounds of calls in flight (failure-semantics.md section 9.4 item 6). */
const perNamespace = { lists: 2, calls: 4 }
const overall = { lists: 32, watchHandshakes: 32 }
/** A list that has had no headers for this long gives its place back and goes on waiting. */
const listHoldsFor = Duration.seconds(2)

/**
 * Bounds what one namespace, and the process, may have in flight, inside the transport where nobody can go around it.
 * Requests of users have places of their own, so that background work of their namespace never holds them up.
 */
export interface Bulkheads {
  /** Runs a list; `answered` completes when its headers are there. */
  readonly list: <A, E>(
    namespace: string,
    answered: Effect.Effect<void>,
    self: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  readonly call: <A, E>(
    namespace: string,
    priority: "request" | "background" | "lease",
    self: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  readonly watchHandshake: <A, E>(self: Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/** Makes bulkheads for one transport. */
export const make: Effect.Effect<Bulkheads> = Effect.gen(function* () {
  const lists = yield* Semaphore.make(overall.lists)
  const handshakes = yield* Semaphore.make(overall.watchHandshakes)
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

  return {
    list: (namespace, answered, self) =>
      holding(semaphore(`lists/${namespace}`, perNamespace.lists), answered, holding(lists, answered, self)),
    call: (namespace, priority, self) =>
      priority === "lease" ? self : semaphore(`${priority}/${namespace}`, perNamespace.calls).withPermit(self),
    watchHandshake: handshakes.withPermit
  }
})
