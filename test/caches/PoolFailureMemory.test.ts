import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { finalAnswer, hello, requestsFor, scenario } from "./PoolRequests.ts"

describe("a final answer", () => {
  scenario("Q16 is given again for a second, without taking a pod", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* requests.ask, "500 x")
      assert.deepStrictEqual(requests.state(), { n: 0, w: 0, q: 0, p: 0 })
    })
  )

  scenario("Q17 holds for 1 s, and twice as long after each failed retry, up to 60 s", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
        yield* TestClock.adjust(`${seconds * 1000 - 1} millis`)
        assert.strictEqual(yield* requests.ask, "500 x", `just before ${seconds} s`)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* requests.ask, "miss", `after ${seconds} s`)
        yield* requests.fail(finalAnswer())
      }
    })
  )

  scenario("Q18 is retried by one request while the others still get it", { concurrency: 500 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* requests.asks(20), ["miss", ...Array.from({ length: 19 }, () => "500 x")])
    })
  )

  scenario("Q19 says nothing about another generation", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      const next = yield* requestsFor({ fn: { ...hello, generation: 2 } })
      assert.strictEqual(yield* next.ask, "miss")
    })
  )

  scenario("Q19 is forgotten with its delay when what the code is made from changed", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      yield* TestClock.adjust("1 second")
      yield* requests.get
      yield* requests.fail(finalAnswer())
      const changed = yield* requestsFor({ inputs: "package 2" })
      assert.strictEqual(yield* changed.ask, "miss")
      yield* changed.fail(finalAnswer())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* changed.ask, "miss")
    })
  )

  scenario(
    "Q20 goes to the parked request too, and nobody creates",
    { concurrency: 1, requestsPerPod: 2 },
    (requests) =>
      Effect.gen(function* () {
        const [, parked] = yield* requests.gets(2)
        yield* requests.fail(finalAnswer())
        assert.strictEqual(parked?.outcome(), "500 x")
        assert.deepStrictEqual(requests.state(), { n: 0, w: 0, q: 0, p: 0 })
      })
  )

  scenario(
    "leaves parked requests alone that another pod will serve",
    { concurrency: 2, requestsPerPod: 2 },
    (requests) =>
      Effect.gen(function* () {
        const [, first, , second] = yield* requests.gets(4)
        yield* requests.fail(finalAnswer())
        assert.deepStrictEqual([first?.outcome(), second?.outcome()], ["parked", "500 x"])
      })
  )

  scenario("Q21 is not what a broken connection or a deadline leaves", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail()
      assert.strictEqual(yield* requests.ask, "miss")
    })
  )

  scenario("Q22 is given to a reserve as well, which reserves nothing", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer("NotFound", "y"))
      assert.strictEqual(yield* requests.ask, "404 y")
      assert.strictEqual(yield* requests.reserve(0), "404 y")
      assert.deepStrictEqual(requests.state(), { n: 0, w: 0, q: 0, p: 0 })
    })
  )

  scenario("is given to a reserve even at the concurrency limit", { concurrency: 1 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* requests.reserve(0), "ok")
      assert.strictEqual(yield* requests.reserve(0), "500 x")
    })
  )

  scenario("Q23 keeps nobody from a pod with a free place", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(2)
      yield* requests.add("a")
      yield* requests.fail(finalAnswer())
      assert.strictEqual(yield* requests.ask, "500 x")
      yield* requests.unTap("a")
      assert.strictEqual(yield* requests.ask, "hit a")
    })
  )

  scenario("Q24 concerns one function, not its neighbours in the environment", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.fail(finalAnswer())
      const neighbour = yield* requestsFor({ fn: { ...hello, uid: "uid-neighbour", name: "neighbour" } })
      assert.strictEqual(yield* neighbour.ask, "miss")
    })
  )

  scenario("is forgotten when a pod serves after all", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(2)
      yield* requests.fail(finalAnswer())
      yield* requests.add("a")
      assert.strictEqual(yield* requests.ask, "miss")
    })
  )

  scenario("outlives the last pod of a superseded generation, which an alias may still ask for", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* (yield* requestsFor({ fn: { ...hello, generation: 2 } })).get
      yield* requests.fail(finalAnswer())
      assert.strictEqual(yield* requests.ask, "500 x")
    })
  )
})
