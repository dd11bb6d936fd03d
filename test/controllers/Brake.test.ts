import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { Brake } from "../../src/safeguards/Brake.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { etcdTimeout, expired } from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const names = (count: number) => Array.from({ length: count }, (_, index) => `fn-${index}`)

/** As many functions, each with its own pod, in a running executor; the pool Deployment is an object too. */
const withFunctions = (
  count: number,
  test: (
    world: ExecutorInMemory.ExecutorInMemory & Helpers
  ) => Effect.Effect<void, never, ExecutorInMemory.ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make(variables)
    const environment = world.environment()
    const functions = names(count).map((name) => world.fn({ name, spec: { idletimeout: 7200 } }))
    for (const index of functions.keys()) world.warmPod(environment, `pod-${index}`, `10.0.0.${index}`)
    yield* ExecutorInMemory.running(
      world,
      Effect.gen(function* () {
        yield* Effect.orDie(Effect.forEach(functions, ExecutorInMemory.ask))
        yield* seconds(1)
        yield* test({
          ...world,
          vanish: (count) => {
            for (const name of names(count)) world.api.remove(Functions, { namespace: "default", name })
          },
          vanishUnseen: (count) => {
            const watches = world.api.watches("functions")
            for (const watch of watches) watch.mute()
            for (const name of names(count)) world.api.remove(Functions, { namespace: "default", name })
            for (const watch of watches) watch.fail(expired)
          },
          left: () => functions.filter((_, index) => world.pod(`pod-${index}`) !== undefined).length
        })
      })
    )
  })

interface Helpers {
  /** So many Functions are gone, without a finalizer. */
  readonly vanish: (count: number) => void
  /** The same, but only the next list shows it. */
  readonly vanishUnseen: (count: number) => void
  /** Pods that are still there. */
  readonly left: () => number
}

const refusals = Effect.map(
  Effect.flatMap(DecisionLog, (log) => log.recent("default")),
  (decisions) => decisions.filter(({ action }) => action === "Refused")
)

describe("the brake", () => {
  it.effect("stops before the first pod when most Functions are missing from a list, and says so once", () =>
    withFunctions(10, ({ api, left, vanishUnseen }) =>
      Effect.gen(function* () {
        vanishUnseen(6)
        // The list that finds out is answered; the one that may prove it is not.
        let lists = 0
        api.intercept((call) =>
          call.verb === "list" && call.resource === "functions" && ++lists > 1
            ? Effect.fail(etcdTimeout(call))
            : undefined
        )
        yield* seconds(600)
        assert.strictEqual(left(), 10)
        const [refusal, ...others] = yield* refusals
        assert.deepStrictEqual(others, [])
        assert.include(refusal?.reason ?? "", "6 of 11 objects would be deleted")
        assert.isDefined((yield* Brake).status("default"))
      })
    )
  )

  it.effect("counts the Services of functions beside their pods", () =>
    withFunctions(
      10,
      ({ vanishUnseen }) =>
        Effect.gen(function* () {
          yield* seconds(20)
          vanishUnseen(6)
          yield* seconds(600)
          assert.include((yield* refusals)[0]?.reason ?? "", "12 of 21 objects would be deleted")
        }),
      { ENABLE_FUNCTION_SERVICES: "true" }
    )
  )

  it.effect("lets go when a fresh list lacks them too", () =>
    withFunctions(10, ({ left, vanishUnseen }) =>
      Effect.gen(function* () {
        vanishUnseen(6)
        yield* seconds(600)
        assert.strictEqual((yield* refusals).length, 1)
        assert.strictEqual(left(), 4)
      })
    )
  )

  it.effect("lets go when a person says so, while the list still fails", () =>
    withFunctions(10, ({ api, left, vanishUnseen }) =>
      Effect.gen(function* () {
        const brake = yield* Brake
        assert.isFalse(yield* brake.release("default"))
        vanishUnseen(6)
        let lists = 0
        api.intercept((call) =>
          call.verb === "list" && call.resource === "functions" && ++lists > 1
            ? Effect.fail(etcdTimeout(call))
            : undefined
        )
        yield* seconds(400)
        assert.strictEqual(left(), 10)
        assert.isTrue(yield* brake.release("default"))
        yield* seconds(120)
        assert.strictEqual(left(), 4)
      })
    )
  )

  it.effect("does not mind four objects, however large their share is", () =>
    withFunctions(4, ({ left, vanish }) =>
      Effect.gen(function* () {
        vanish(4)
        yield* seconds(10)
        assert.strictEqual(left(), 0)
        assert.deepStrictEqual(yield* refusals, [])
      })
    )
  )

  it.effect("does not mind a small share, however many objects it is", () =>
    withFunctions(24, ({ left, vanish }) =>
      Effect.gen(function* () {
        vanish(7)
        yield* seconds(10)
        assert.strictEqual(left(), 17)
        assert.deepStrictEqual(yield* refusals, [])
      })
    )
  )

  it.effect("counts what was deleted within the last ten minutes too", () =>
    withFunctions(12, ({ api, left, vanish }) =>
      Effect.gen(function* () {
        api.intercept((call) =>
          call.verb === "list" && call.resource === "functions" ? Effect.fail(etcdTimeout(call)) : undefined
        )
        vanish(3)
        yield* seconds(10)
        assert.strictEqual(left(), 9)
        vanish(6)
        yield* seconds(60)
        assert.isAtLeast(left(), 8)
        assert.strictEqual((yield* refusals).length, 1)
      })
    )
  )

  it.effect("of a higher share stops later", () =>
    withFunctions(
      10,
      ({ left, vanish }) =>
        Effect.gen(function* () {
          vanish(6)
          yield* seconds(10)
          assert.strictEqual(left(), 4)
          assert.deepStrictEqual(yield* refusals, [])
        }),
      { EXECUTOR_DELETION_BRAKE_PERCENT: "100" }
    )
  )
})

describe("a dry run", () => {
  const said = Effect.map(
    Effect.flatMap(DecisionLog, (log) => log.recent("default")),
    (decisions) => decisions.filter(({ action }) => action === "WouldDelete").map(({ kind, name }) => `${kind} ${name}`)
  )

  it.effect("names an idle pod once, and deletes nothing", () =>
    withFunctions(
      1,
      ({ left }) =>
        Effect.gen(function* () {
          yield* Effect.repeat(seconds(60), { times: 129 })
          assert.strictEqual(left(), 1)
          assert.deepStrictEqual(yield* said, ["Pod pod-0"])
        }),
      { EXECUTOR_REAPER: "dry-run" }
    )
  )

  it.effect("names an owner that is gone, and leaves its pod", () =>
    withFunctions(
      1,
      ({ left, vanish }) =>
        Effect.gen(function* () {
          vanish(1)
          yield* Effect.repeat(seconds(60), { times: 29 })
          assert.strictEqual(left(), 1)
          assert.include(yield* said, "Function fn-0")
          assert.strictEqual((yield* said).filter((line) => line === "Function fn-0").length, 1)
        }),
      { EXECUTOR_REAPER: "dry-run" }
    )
  )
})
