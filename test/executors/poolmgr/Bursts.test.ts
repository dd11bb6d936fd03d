import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running } from "../../fakes/ExecutorInMemory.ts"

const requests = 500

/** Pods that so many first requests may make, if no one of them ends meanwhile. */
const cases = [1, 5, 500].flatMap((requestsPerPod) =>
  [3, 10, 500].map((concurrency) => ({
    requestsPerPod,
    concurrency,
    pods: Math.min(concurrency, Math.ceil(requests / requestsPerPod))
  }))
)

it.effect.each(cases)(
  "500 first requests at once, $requestsPerPod a pod and $concurrency pods at most, make $pods and get an answer each",
  ({ concurrency, pods, requestsPerPod }) =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      const environment = world.environment({ spec: { poolsize: requests } })
      for (let index = 0; index < requests; index++) {
        world.warmPod(environment, `warm-${index}`, `10.0.${Math.floor(index / 250)}.${(index % 250) + 1}`)
      }
      const fn = world.fn({ spec: { requestsPerPod, concurrency } })
      world.answer(() => Effect.sleep("1 second"))
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forEach(Array.from({ length: requests }), () =>
            Effect.forkChild(Effect.exit(ask(fn)))
          )
          yield* TestClock.adjust("3 seconds")
          const exits = yield* Effect.forEach(asked, Fiber.join)
          const served = exits.filter(Exit.isSuccess)
          const refused = yield* Effect.forEach(exits.filter(Exit.isFailure), (exit) => Effect.flip(exit))
          const requestsIn = new Map<string, number>()
          for (const { value } of served) requestsIn.set(value.address, (requestsIn.get(value.address) ?? 0) + 1)

          assert.strictEqual(requestsIn.size, pods)
          assert.strictEqual(world.specialized.length, pods)
          assert.isAtMost(Math.max(...requestsIn.values()), requestsPerPod)
          assert.strictEqual(served.length, Math.min(requests, pods * requestsPerPod))
          assert.deepStrictEqual(
            refused.map(({ status }) => status),
            refused.map(() => 429)
          )
        })
      )
    })
)

it.effect("two functions that race for the last warm pod: one gets it, the other the next that becomes warm", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    world.warmPod(environment, "warm-1", "10.0.0.1")
    const functions = ["first", "second"].map((name) => world.fn({ name }))
    world.answer(() => Effect.sleep("100 millis"))
    yield* running(
      world,
      Effect.gen(function* () {
        const asked = yield* Effect.forEach(functions, (fn) => Effect.forkChild(ask(fn)))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
        world.warmPod(environment, "warm-2", "10.0.0.2")
        yield* TestClock.adjust("1 second")
        const addresses = (yield* Effect.forEach(asked, Fiber.join)).map(({ address }) => address)
        assert.sameMembers(addresses, ["10.0.0.1:8888", "10.0.0.2:8888"])
        assert.deepStrictEqual(world.specialized, ["10.0.0.1", "10.0.0.2"])
        const owners = ["warm-1", "warm-2"].map((name) => world.pod(name)?.metadata.labels?.["functionName"])
        assert.sameMembers(owners, ["first", "second"])
      })
    )
  })
)
