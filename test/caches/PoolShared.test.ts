import { assert, describe } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { hello, podOf, type Requests, requestsFor, scenario, stateOf } from "./PoolRequests.ts"

const other = { ...hello, uid: "uid-other", name: "other" }

/** The pod `a` holds both functions, and each of them has a request in progress. */
const sharedByTwo = (requests: Requests) =>
  Effect.gen(function* () {
    const others = yield* requestsFor({ fn: other, requestsPerPod: 2 })
    for (const each of [requests, others]) {
      yield* each.get
      yield* each.add("a", { shared: true })
    }
    return others
  })

/** Requests in progress in the pod, by function. */
const activeIn = ({ cache }: Requests) =>
  Object.fromEntries(cache.snapshot().map(({ active, fn }) => [fn.name, active]))

describe("a pod that functions share", () => {
  scenario("gives each function places of its own", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      assert.strictEqual(yield* requests.ask, "hit a")
      assert.strictEqual(yield* requests.ask, "miss")
      assert.strictEqual(yield* others.ask, "hit a")
      assert.deepStrictEqual(activeIn(requests), { hello: 2, other: 2 })
    })
  )

  scenario("gets a request back for the function that is named", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      yield* others.unTap("a")
      assert.deepStrictEqual(activeIn(requests), { hello: 1, other: 0 })
    })
  )

  scenario("gets a request back for the generation that is named", {}, (requests) =>
    Effect.gen(function* () {
      const newer = yield* requestsFor({ fn: { ...hello, generation: 2 } })
      for (const each of [requests, newer]) {
        yield* each.get
        yield* each.add("a", { shared: true })
      }
      yield* newer.unTap("a")
      assert.deepStrictEqual(
        requests.cache.snapshot().map(({ active, fn }) => [fn.generation, active]),
        [
          [1, 1],
          [2, 0]
        ]
      )
    })
  )

  scenario("is used by all of them when its address is tapped", {}, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      for (const each of [requests, others]) yield* each.release(1)
      yield* TestClock.adjust("1 minute")
      assert.isTrue(requests.cache.touch("a:8888"))
      const idleFor = requests.cache.idle("default", () => false).map(({ idleFor }) => Duration.toSeconds(idleFor))
      assert.deepStrictEqual(idleFor, [0, 0])
    })
  )

  scenario("is forgotten for all of them when it is gone", {}, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      assert.isTrue(requests.cache.remove("uid-a"))
      assert.isFalse(requests.cache.holds("uid-a"))
      assert.deepStrictEqual([yield* requests.ask, yield* others.ask], ["miss", "miss"])
    })
  )

  scenario("is forgotten for the one function that does not use it any more", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      yield* requests.release(1)
      assert.isDefined(requests.cache.removeIfIdle(podOf("a", { shared: true }), Duration.zero))
      assert.strictEqual(yield* requests.ask, "miss")
      assert.strictEqual(yield* others.ask, "hit a")
    })
  )

  scenario("is loaded once for several creators, and counts each as a request in progress", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(2)
      yield* requests.add("a", { shared: true })
      yield* requests.add("a", { shared: true })
      assert.deepStrictEqual(stateOf(requests.cache, hello), { n: 1, w: 0, q: 0, p: 0 })
      assert.deepStrictEqual(activeIn(requests), { hello: 2 })
    })
  )

  scenario("loses its address for all of them to another pod that has it now", {}, (requests) =>
    Effect.gen(function* () {
      const others = yield* sharedByTwo(requests)
      requests.cache.adopt(podOf("b", { address: "a:8888" }), { requestsPerPod: 1, retainPods: 0 })
      assert.isFalse(requests.cache.holds("uid-a"))
      assert.deepStrictEqual([yield* requests.ask, yield* others.ask], ["hit b", "miss"])
    })
  )
})
