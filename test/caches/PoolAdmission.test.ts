import { assert, describe } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { outcomes, podOf, type Requests, scenario } from "./PoolRequests.ts"

/** Sends requests in bursts; whoever gets a miss creates a pod before the next burst. Nobody gives a place back. */
const load = (requests: Requests, total: number, burst: number) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    for (let sent = 0; sent < total; sent += burst) {
      const sentNow = yield* requests.gets(Math.min(burst, total - sent))
      while (requests.creators() > 0) yield* requests.add(`pod-${requests.state()?.n}`)
      seen.push(...outcomes(sentNow))
    }
    return {
      pods: requests.state()?.n,
      refused: seen.filter((outcome) => outcome === "429").length,
      served: seen.filter((outcome) => outcome === "miss" || outcome.startsWith("hit")).length
    }
  })

describe("one request after the other", () => {
  scenario("P1 misses in an empty cache", { requestsPerPod: 2 }, ({ ask, state }) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ask, "miss")
      assert.deepStrictEqual(state(), { n: 0, w: 1, q: 0, p: 1 })
    })
  )

  scenario("P2 hits the pod that a miss created", { requestsPerPod: 10 }, ({ add, ask }) =>
    Effect.gen(function* () {
      yield* ask
      yield* add("a")
      assert.strictEqual(yield* ask, "hit a")
    })
  )

  scenario("P3 counts each creator of the same pod as a request in progress", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.reserve(0)
      yield* requests.reserve(0)
      yield* requests.add("a")
      yield* requests.add("a")
      assert.strictEqual(requests.activeOf("a"), 2)
      assert.strictEqual(yield* requests.ask, "miss")
    })
  )

  scenario("P4 misses when the only pod is full, whatever CPU it has left", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.ask
      yield* requests.add("a", { cpuLimit: 45 })
      yield* requests.ask
      requests.cache.setCpuUsage("a:8888", 4)
      assert.strictEqual(yield* requests.ask, "miss")
    })
  )
})

describe("CPU", () => {
  const withUsage = (limit: number, usage: number) => (requests: Requests) =>
    Effect.sync(() => {
      requests.cache.adopt(podOf("a", { cpuLimit: limit }), { requestsPerPod: 1, retainPods: 0 })
      requests.cache.setCpuUsage("a:8888", usage)
    })

  scenario("P5 skips a pod above its limit", {}, (requests) =>
    Effect.gen(function* () {
      yield* withUsage(45, 46)(requests)
      assert.strictEqual(yield* requests.ask, "miss")
    })
  )

  scenario("P6 takes the pod again once its usage is no longer above the limit", {}, (requests) =>
    Effect.gen(function* () {
      yield* withUsage(45, 46)(requests)
      requests.cache.setCpuUsage("a:8888", 45)
      assert.strictEqual(yield* requests.ask, "hit a")
    })
  )

  scenario("P7 refuses at once when the only pod allowed is above its limit", { concurrency: 1 }, (requests) =>
    Effect.gen(function* () {
      yield* withUsage(45, 46)(requests)
      assert.strictEqual(yield* requests.ask, "429")
    })
  )

  scenario("P8, W13: takes a limit of 0 for no limit", {}, (requests) =>
    Effect.gen(function* () {
      yield* withUsage(0, 30)(requests)
      assert.strictEqual(yield* requests.ask, "hit a")
    })
  )

  scenario("gives a pod whose usage fell to a parked request", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      yield* withUsage(45, 46)(requests)
      const [, parked] = yield* requests.gets(2)
      assert.strictEqual(parked?.outcome(), "parked")
      requests.cache.setCpuUsage("a:8888", 45)
      yield* Effect.yieldNow
      assert.strictEqual(parked?.outcome(), "hit a")
    })
  )

  scenario("ignores a measurement of an unknown pod (C15)", {}, ({ cache }) =>
    Effect.sync(() => {
      cache.setCpuUsage("nobody:8888", 10)
      assert.deepStrictEqual(cache.snapshot(), [])
    })
  )
})

describe("capacity", () => {
  const cases = [
    { row: "P9", concurrency: 1, requestsPerPod: 1, total: 1, burst: 1, pods: 1, refused: 0 },
    { row: "P10", concurrency: 2, requestsPerPod: 1, total: 2, burst: 1, pods: 2, refused: 0 },
    { row: "P11", concurrency: 5, requestsPerPod: 60, total: 300, burst: 1, pods: 5, refused: 0 },
    { row: "P12", concurrency: 1, requestsPerPod: 5, total: 6, burst: 1, pods: 1, refused: 1 },
    { row: "P13", concurrency: 5, requestsPerPod: 1, total: 6, burst: 1, pods: 5, refused: 1 },
    { row: "P14", concurrency: 5, requestsPerPod: 60, total: 300, burst: 30, pods: 5, refused: 0 },
    { row: "P15", concurrency: 5, requestsPerPod: 60, total: 310, burst: 30, pods: 5, refused: 10 }
  ]
  for (const { burst, concurrency, pods, refused, requestsPerPod, row, total } of cases) {
    const name = `${row} serves ${total} requests, ${burst} at a time, with ${pods} pods and refuses ${refused}`
    scenario(name, { concurrency, requestsPerPod }, (requests) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* load(requests, total, burst), { pods, refused, served: total - refused })
      })
    )
  }
})

describe("requests at once", () => {
  scenario("P16 parks what the pod in preparation has room for", { concurrency: 1, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* requests.asks(3), ["miss", "parked", "429"])
      assert.deepStrictEqual(requests.state(), { n: 0, w: 2, q: 1, p: 1 })
    })
  )

  scenario("P17 gives the new pod to the parked request", { concurrency: 1, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const [, parked] = yield* requests.gets(3)
      yield* requests.add("a")
      assert.strictEqual(parked?.outcome(), "hit a")
      assert.strictEqual(requests.activeOf("a"), 2)
      assert.deepStrictEqual(requests.state(), { n: 1, w: 0, q: 0, p: 0 })
    })
  )

  scenario("P18 fills the new pod with its creator and all parked", { concurrency: 1, requestsPerPod: 5 }, (requests) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* requests.asks(6), ["miss", "parked", "parked", "parked", "parked", "429"])
      yield* requests.add("a")
      assert.strictEqual(requests.activeOf("a"), 5)
    })
  )

  scenario("P19 never parks when a pod serves one request", { concurrency: 2, requestsPerPod: 1 }, ({ asks }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asks(3), ["miss", "miss", "429"])
    })
  )

  scenario("P20 waits for a pod in preparation before it makes another", { concurrency: 2, requestsPerPod: 2 }, (all) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* all.asks(5), ["miss", "parked", "miss", "parked", "429"])
    })
  )

  scenario(
    "P21 serves the parked in their order, no pod beyond its places",
    { concurrency: 2, requestsPerPod: 2 },
    (all) =>
      Effect.gen(function* () {
        const requests = yield* all.gets(5)
        yield* all.add("a")
        yield* all.add("b")
        assert.deepStrictEqual(outcomes(requests), ["miss", "hit a", "miss", "hit b", "429"])
        assert.deepStrictEqual([all.activeOf("a"), all.activeOf("b")], [2, 2])
      })
  )

  scenario("P22 makes a second pod beside a full one", { concurrency: 2, requestsPerPod: 3 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(3)
      yield* requests.add("a")
      assert.deepStrictEqual(yield* requests.asks(4), ["miss", "parked", "parked", "429"])
      yield* requests.add("b")
      assert.strictEqual(requests.activeOf("b"), 3)
    })
  )

  scenario("P23 makes one pod for 30 requests at once that fit into it", { requestsPerPod: 60 }, (requests) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* requests.asks(30), ["miss", ...Array.from({ length: 29 }, () => "parked")])
      yield* requests.add("a")
      assert.strictEqual(requests.activeOf("a"), 30)
    })
  )

  scenario("P24 never refuses without a limit", { concurrency: 0, requestsPerPod: 2 }, ({ asks }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asks(4), ["miss", "parked", "miss", "parked"])
    })
  )

  scenario("counts and explains a refusal, and asks to come back in a second", { concurrency: 1 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.ask
      const error = yield* Effect.flip(requests.cache.admit(requests.demand))
      assert.strictEqual(error.text, "function 'uid-hello_1' concurrency '1' limit reached.")
      assert.strictEqual(error.retryAfterSeconds, 1)
      const counted = (yield* Metric.snapshot).find(
        ({ id }) => id === "fission_executor_specializations_rejected_total"
      )
      assert.deepStrictEqual(counted?.attributes, { function_name: "hello", function_namespace: "default" })
      assert.deepStrictEqual(counted?.state, { count: 1, incremental: true })
    })
  )
})

describe("the choice of a pod", () => {
  scenario("P25 prefers the pod with the fewest requests", { requestsPerPod: 3 }, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), { requestsPerPod: 3, retainPods: 0 })
      assert.strictEqual(yield* ask, "hit a")
      cache.adopt(podOf("b"), { requestsPerPod: 3, retainPods: 0 })
      yield* TestClock.adjust("1 second")
      cache.touch("a:8888")
      assert.strictEqual(yield* ask, "hit b")
    })
  )

  scenario("P26 prefers the pod used last, so that surplus pods age out", { requestsPerPod: 3 }, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), { requestsPerPod: 3, retainPods: 0 })
      yield* TestClock.adjust("50 seconds")
      cache.adopt(podOf("b"), { requestsPerPod: 3, retainPods: 0 })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* ask, "hit b")
    })
  )

  scenario("falls back to the order of the addresses", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      for (const name of ["b", "a", "c"]) cache.adopt(podOf(name), { requestsPerPod: 1, retainPods: 0 })
      assert.strictEqual(yield* ask, "hit a")
    })
  )

  scenario("never gives a pod whose address another one has now", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("old", { address: "a:8888" }), { requestsPerPod: 1, retainPods: 0 })
      cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 0 })
      assert.isFalse(cache.holds("uid-old"))
      assert.isTrue(cache.touch("a:8888"))
      assert.strictEqual(yield* ask, "hit a")
      assert.strictEqual(yield* ask, "miss")
    })
  )
})
