import { Effect } from "effect"
import type { Environment } from "../../../src/fission/Environment.ts"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"

/** A cluster with one pool and its warm pods, `warm-1` at 10.0.0.1 and so on, and executors that keep a reserve. */
export interface ReserveWorld extends ExecutorInMemory.ExecutorInMemory {
  readonly pooled: Environment
  /** Names of the pods that carry the mark of a reserve, by its value. */
  readonly marked: (value?: "true" | "released") => ReadonlyArray<string>
  /** Adds warm pods with these numbers. */
  readonly warm: (...numbers: ReadonlyArray<number>) => void
}

/** `reserve`: the setting; `poolSize`: of the Environment; `warm`: pods that are there. Twice the reserve by default. */
export const make = (options: {
  readonly reserve: number
  readonly poolSize?: number
  readonly warm?: number
}): Effect.Effect<ReserveWorld> =>
  Effect.gen(function* () {
    const { reserve, poolSize = 2 * reserve, warm = 2 * reserve } = options
    const world = yield* ExecutorInMemory.make({ EXECUTOR_WARM_RESERVE: String(reserve) })
    const pooled = world.environment({ spec: { poolsize: poolSize } })
    const add = (...numbers: ReadonlyArray<number>) => {
      for (const number of numbers) {
        world.warmPod(pooled, `warm-${number}`, `10.0.${Math.floor(number / 250)}.${number % 250}`)
      }
    }
    add(...Array.from({ length: warm }, (_, index) => index + 1))
    return {
      ...world,
      pooled,
      warm: add,
      marked: (value = "true") =>
        world.api
          .list(Pods)
          .filter(({ metadata }) => metadata.labels?.["fission.io/claimed"] === value)
          .map(({ metadata }) => metadata.name)
    }
  })
