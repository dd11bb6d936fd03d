import { Effect, Random } from "effect"

/** Runs an effect with chance held still: every random number is this one, of [0, 1). */
export const withRandom = (value: number) => Effect.provideService(Random.Random, randomOf(value))

/** A source of random numbers that always gives this one. */
const randomOf = (value: number): (typeof Random.Random)["Service"] => ({
  nextDoubleUnsafe: () => value,
  nextIntUnsafe: () => Math.floor(value * Number.MAX_SAFE_INTEGER)
})
