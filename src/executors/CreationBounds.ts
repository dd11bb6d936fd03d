import { Clock, Context, Duration, Effect, identity, Layer, Semaphore } from "effect"
import { Settings } from "../Config.ts"
import { FissionError } from "../Errors.ts"
import { type FissionFunction, specializationSeconds } from "../fission/Function.ts"
import { endPhase } from "./ColdStartPhases.ts"

/** The bound on creations of all executor types together, and each function's deadline (http-api.md section 6). */
export class CreationBounds extends Context.Service<
  CreationBounds,
  {
    /** Waits for a slot where their number is bounded; the clock of the deadline starts with the slot. */
    readonly within: <A, R>(
      fn: FissionFunction,
      creation: Effect.Effect<A, FissionError, R>
    ) => Effect.Effect<A, FissionError, R>
  }
>()("fission-executor/executors/CreationBounds") {
  static readonly layer: Layer.Layer<CreationBounds, never, Settings> = Layer.effect(
    CreationBounds,
    Effect.gen(function* () {
      const { specializationConcurrency } = yield* Settings
      const slots = yield* Semaphore.make(specializationConcurrency)
      const inSlot =
        specializationConcurrency === 0
          ? identity
          : <A, E, R>(self: Effect.Effect<A, E, R>) =>
              Effect.flatMap(Clock.monotonicTimeNanos, (since) =>
                slots.withPermits(1)(Effect.andThen(endPhase("queue", since), self))
              )
      return CreationBounds.of({
        within: (fn, creation) =>
          creation.pipe(
            Effect.timeoutOrElse({
              duration: Duration.seconds(specializationSeconds(fn)),
              orElse: () => Effect.fail(tookTooLong(fn))
            }),
            inSlot
          )
      })
    })
  )
}

const tookTooLong = (fn: FissionFunction): FissionError =>
  new FissionError({
    kind: "Internal",
    text: `[${fn.metadata.name}] error creating service for function: not done within ${specializationSeconds(fn)} s`,
    degraded: "NotReadyInTime"
  })
