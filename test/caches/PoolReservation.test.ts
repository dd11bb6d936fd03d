import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { podOf, scenario } from "./PoolRequests.ts"

scenario("R1 reserves up to the concurrency", { concurrency: 2 }, ({ cache, demand, reserve }) =>
  Effect.gen(function* () {
    assert.deepStrictEqual([yield* reserve(0), yield* reserve(0), yield* reserve(0)], ["ok", "ok", "429"])
    const error = yield* Effect.flip(cache.reserve(demand, 0))
    assert.strictEqual(error.text, "function 'uid-hello_1' concurrency '2' limit reached.")
  })
)

scenario("R2 reserves in the place of one that failed", { concurrency: 2 }, ({ fail, reserve }) =>
  Effect.gen(function* () {
    yield* reserve(0)
    yield* reserve(0)
    yield* fail()
    assert.strictEqual(yield* reserve(0), "ok")
  })
)

scenario("R3 counts pods and those in preparation together", { concurrency: 2 }, ({ add, reserve }) =>
  Effect.gen(function* () {
    yield* reserve(0)
    yield* reserve(0)
    yield* add("a")
    assert.strictEqual(yield* reserve(0), "429")
  })
)

scenario("R4 keeps at most the given number in preparation", { concurrency: 500 }, ({ cache, demand, reserve }) =>
  Effect.gen(function* () {
    assert.deepStrictEqual([yield* reserve(2), yield* reserve(2), yield* reserve(2)], ["ok", "ok", "429"])
    const error = yield* Effect.flip(cache.reserve(demand, 2))
    assert.strictEqual(error.text, "function 'uid-hello_1' already has 2 specializations in flight (cap 2).")
    assert.strictEqual(error.retryAfterSeconds, 1)
  })
)

scenario("R5 R6 goes on when one of those in preparation succeeded or failed", { concurrency: 500 }, (requests) =>
  Effect.gen(function* () {
    yield* requests.reserve(2)
    yield* requests.reserve(2)
    yield* requests.add("a")
    assert.strictEqual(yield* requests.reserve(2), "ok")
    assert.strictEqual(yield* requests.reserve(2), "429")
    yield* requests.fail()
    assert.strictEqual(yield* requests.reserve(2), "ok")
  })
)

scenario("R7 has no limit where none is set", { concurrency: 0 }, ({ reserve, state }) =>
  Effect.gen(function* () {
    for (let count = 0; count < 50; count++) assert.strictEqual(yield* reserve(0), "ok")
    assert.deepStrictEqual(state(), { n: 0, w: 50, q: 0, p: 50 })
  })
)

scenario("R8 does not look at idle pods", { concurrency: 2 }, ({ cache, reserve }) =>
  Effect.gen(function* () {
    cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 0 })
    assert.strictEqual(yield* reserve(0), "ok")
  })
)

scenario(
  "R9 does not count parked requests as pods in preparation",
  { concurrency: 0, requestsPerPod: 3 },
  (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(5)
      assert.deepStrictEqual(requests.state(), { n: 0, w: 5, q: 3, p: 2 })
      assert.strictEqual(yield* requests.reserve(2), "429")
      assert.strictEqual(yield* requests.reserve(3), "ok")
    })
)
