import { assert, it } from "@effect/vitest"
import { Arbitrary, Context, Effect, Exit, Fiber, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { settle } from "../../fakes/ExecutorInMemory.ts"

/** Which executor is asked, and how long every call to the API takes from then on. */
const Step = Schema.Struct({
  executor: Schema.Literals([0, 1]),
  latency: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })),
  pause: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
})

it.effect.prop(
  "two executors on one pool never give two functions the same pod, whatever the order, the delays and their reserves",
  [Arbitrary.array(Arbitrary.schema(Step), { minLength: 2, maxLength: 8 }), Arbitrary.schema(Schema.Literals([0, 1]))],
  ([steps, reserve]) =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ EXECUTOR_WARM_RESERVE: String(reserve) })
      const environment = world.environment()
      // One more for the reserve of each.
      const pods = steps.length + 2 * reserve
      for (let pod = 1; pod <= pods; pod++) world.warmPod(environment, `warm-${pod}`, `10.0.0.${pod}`)
      const executors = yield* Effect.forEach([0, 1], () =>
        Effect.map(Layer.build(world.executor()), (context) => Context.get(context, Dispatcher))
      )
      yield* TestClock.adjust("1 second")
      const asked: Array<Fiber.Fiber<string, unknown>> = []
      for (const [index, { executor, latency, pause }] of steps.entries()) {
        world.api.intercept(({ verb }) =>
          ["get", "patch"].includes(verb) ? Effect.sleep(`${latency} millis`) : undefined
        )
        const fn = world.fn({ name: `fn-${index}` })
        const dispatcher = executors[executor]
        if (dispatcher === undefined) continue
        asked.push(
          yield* Effect.forkChild(Effect.map(dispatcher.getService(fn, "request-1"), ({ address }) => address))
        )
        yield* TestClock.adjust(`${pause} millis`)
      }
      yield* TestClock.adjust("1 second")
      yield* settle
      const exits = yield* Effect.forEach(asked, (fiber) => Fiber.await(fiber))
      const addresses = exits.filter(Exit.isSuccess).map(({ value }) => value)
      assert.strictEqual(addresses.length, steps.length)
      assert.strictEqual(new Set(addresses).size, steps.length)
      assert.strictEqual(new Set(world.specialized).size, world.specialized.length)
      assert.deepStrictEqual(world.api.lines("delete"), [])
      world.api.intercept()
    }).pipe(Effect.scoped),
  { arbitrary: { runs: 60 } }
)
