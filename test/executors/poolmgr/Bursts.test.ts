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
