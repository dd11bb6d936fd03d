import { Duration, Effect, Layer } from "effect"
import { type AddOn, ExecutorTypes, FissionError, type FissionFunction } from "fission-executor"

/** Where a Function of this type is served, as `host:port`. */
const addressAnnotation = "example.org/address"

/** Admits a Function to the server that its annotation names: nothing is created, so there is never a miss. */
const admit = Effect.fnUntraced(function* ({ metadata }: FissionFunction) {
  const address = metadata.annotations?.[addressAnnotation] ?? ""
  if (!/^[\w.-]+:\d+$/u.test(address)) {
    const text = `function ${metadata.namespace}/${metadata.name}: annotation ${addressAnnotation} must be host:port`
    return yield* new FissionError({ kind: "InvalidArgument", text })
  }
  return {
    _tag: "Hit" as const,
    service: { address, release: Effect.void },
    isValid: () => true,
    evict: () => {}
  }
})

/** The executor type `external`: functions that run on servers outside Fission, such as ones that are being moved. */
export const externalType: AddOn = Layer.effectDiscard(
  Effect.gen(function* () {
    const types = yield* ExecutorTypes
    types.register({
      name: "external",
      admit,
      isServing: () => true,
      tap: () => true,
      tapAll: () => {},
      unTap: () => {},
      onChange: () => [],
      work: {},
      owners: () => [],
      reconcileEnvironment: () => Effect.void,
      removeEnvironment: () => Effect.void,
      removeFunction: () => Effect.void,
      reapEvery: Duration.minutes(1),
      reapIdle: () => Effect.void
    })
  })
)
