import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { finalAnswer, hello, podOf, requestsFor, scenario, stateOf } from "./PoolRequests.ts"

const options = { requestsPerPod: 1, retainPods: 0 }
const next = { ...hello, generation: 2 }
const gone = "404 function default/hello is gone, not creating service"

describe("a deleted function", () => {
  scenario("D1 leaves nothing behind once its last pod is gone", {}, ({ add, ask, cache, get, state }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      cache.markFunctionDeleted(hello.uid)
      cache.remove("uid-a")
      assert.isUndefined(state())
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* ask, "miss")
      assert.strictEqual(cache.snapshot()[0]?.deleted, false)
    })
  )

  scenario("leaves nothing behind when it had no pod", {}, ({ cache, fail, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* fail()
      cache.markFunctionDeleted(hello.uid)
      assert.deepStrictEqual(cache.snapshot(), [])
    })
  )

  scenario("D2 is deleted in every generation", {}, ({ cache }) =>
    Effect.sync(() => {
      cache.adopt(podOf("a"), options)
      cache.adopt(podOf("b", { fn: next }), options)
      cache.markFunctionDeleted(hello.uid)
      assert.deepStrictEqual(
        cache.snapshot().map(({ deleted }) => deleted),
        [true, true]
      )
    })
  )

  scenario("D5 is refused for 10 minutes, without a group of its own", {}, ({ ask, cache, reserve }) =>
    Effect.gen(function* () {
      cache.markFunctionDeleted(hello.uid)
      yield* TestClock.adjust("599 seconds")
      assert.strictEqual(yield* ask, gone)
      assert.strictEqual(yield* reserve(0), gone)
      assert.deepStrictEqual(cache.snapshot(), [])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* ask, "miss")
    })
  )

  scenario("D6 leaves no parked request waiting when no pod comes", { requestsPerPod: 3 }, (requests) =>
    Effect.gen(function* () {
      const [, ...parked] = yield* requests.gets(3)
      requests.cache.markFunctionDeleted(hello.uid)
      yield* requests.fail()
      assert.deepStrictEqual(
        parked.map((request) => request.outcome()),
        [gone, gone]
      )
      assert.isUndefined(requests.state())
    })
  )

  scenario("D6 serves its parked requests with the pod that was in preparation", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const [, parked] = yield* requests.gets(2)
      requests.cache.markFunctionDeleted(hello.uid)
      yield* requests.add("a")
      assert.strictEqual(parked?.outcome(), "hit a")
      yield* requests.release(2)
      assert.deepStrictEqual(
        requests.cache.idle("default", () => true).map(({ deleted }) => deleted),
        [true]
      )
    })
  )

  scenario("drains a pod that is adopted after it was deleted", { retainPods: 1 }, ({ cache }) =>
    Effect.sync(() => {
      cache.markFunctionDeleted(hello.uid)
      cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 1 })
      assert.deepStrictEqual(
        cache.idle("default", () => true).map(({ pod }) => pod.name),
        ["a"]
      )
    })
  )
})

describe("a pod that is removed", () => {
  scenario("D3 is unknown from then on", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      assert.isTrue(cache.holds("uid-a"))
      assert.isTrue(cache.remove("uid-a"))
      assert.isFalse(cache.remove("uid-a"))
      assert.isFalse(cache.holds("uid-a"))
      assert.isFalse(cache.touch("a:8888"))
      assert.strictEqual(yield* ask, "miss")
    })
  )

  scenario("D8 with all pods of its function makes the next request a miss", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      cache.adopt(podOf("b", { fn: next }), options)
      cache.adopt(podOf("c", { fn: { ...hello, uid: "uid-other" } }), options)
      for (const uid of ["uid-a", "uid-b"]) cache.remove(uid)
      assert.strictEqual(yield* ask, "miss")
      assert.isTrue(cache.holds("uid-c"))
    })
  )

  scenario("makes room for another one under the concurrency limit", { concurrency: 1 }, ({ add, ask, cache, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      assert.strictEqual(yield* ask, "429")
      cache.remove("uid-a")
      assert.strictEqual(yield* ask, "miss")
    })
  )

  scenario("takes back no slot for others", { requestsPerPod: 2 }, ({ activeOf, add, cache, get, release }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      cache.remove("uid-a")
      yield* get
      yield* add("b", { address: "a:8888" })
      yield* release(1)
      assert.strictEqual(activeOf("a"), 1)
    })
  )

  scenario("has its running time recorded (C31)", {}, ({ cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      yield* TestClock.adjust("90 seconds")
      cache.touch("a:8888")
      yield* TestClock.adjust("1 hour")
      cache.remove("uid-a")
      const recorded = (yield* Metric.snapshot).find(({ id }) => id === "fission_function_running_seconds")
      assert.deepStrictEqual(recorded?.attributes, { function_name: "hello", function_namespace: "default" })
      assert.deepInclude(recorded?.state, { count: 1, sum: 90 })
    })
  )
})

describe("generations", () => {
  scenario("D4 a superseded one goes with its last pod", {}, ({ cache }) =>
    Effect.sync(() => {
      cache.adopt(podOf("a"), options)
      cache.adopt(podOf("b", { fn: next }), options)
      cache.remove("uid-a")
      assert.deepStrictEqual(
        cache.snapshot().map(({ key }) => key),
        ["uid-hello_2"]
      )
    })
  )

  scenario("the newest goes without pods when it was not asked for in 10 minutes (C18)", {}, ({ cache, fail, get }) =>
    Effect.gen(function* () {
      const isKnownAfter = (seconds: number) =>
        Effect.andThen(TestClock.adjust(Duration.seconds(seconds)), () => {
          cache.idle("default", () => false)
          return Effect.succeed(stateOf(cache, hello) !== undefined)
        })
      yield* get
      yield* fail()
      assert.isTrue(yield* isKnownAfter(599))
      yield* get
      yield* fail()
      assert.isTrue(yield* isKnownAfter(599))
      assert.isFalse(yield* isKnownAfter(1))
    })
  )

  scenario("a pod belongs to the one it was last created for", {}, ({ add, ask, cache, reserve }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a", { fn: next }), options)
      yield* reserve(0)
      yield* add("a")
      assert.deepStrictEqual(
        cache.snapshot().flatMap(({ fn, pods }) => pods.map(() => fn.generation)),
        [1]
      )
      assert.strictEqual(yield* (yield* requestsFor({ fn: next })).ask, "miss")
      assert.strictEqual(yield* ask, "miss")
    })
  )

  scenario("D7 are told apart by UID and generation alone", {}, ({ cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      const renamed = yield* requestsFor({ fn: { ...hello, name: "another" } })
      assert.strictEqual(yield* renamed.ask, "hit a")
      assert.strictEqual(cache.snapshot().length, 1)
    })
  )
})

describe("adoption after a restart", () => {
  scenario("D9 takes in every pod of a generation", { concurrency: 2 }, ({ asks, cache, unTap }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      cache.adopt(podOf("b"), options)
      assert.deepStrictEqual(yield* asks(3), ["hit a", "hit b", "429"])
      yield* unTap("a")
      yield* unTap("b")
      yield* TestClock.adjust("10 minutes")
      for (const { pod } of cache.idle("default", () => false)) cache.removeIfIdle(pod, Duration.minutes(2))
      assert.deepStrictEqual([cache.holds("uid-a"), cache.holds("uid-b")], [false, false])
    })
  )

  scenario("D10 keeps a pod under the generation it is given", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a", { fn: next }), options)
      assert.strictEqual(yield* ask, "miss")
      assert.strictEqual(yield* (yield* requestsFor({ fn: next })).ask, "hit a")
    })
  )

  scenario("D11 counts no request from before the restart", {}, ({ asks, cache }) =>
    Effect.gen(function* () {
      cache.adopt(podOf("a"), options)
      assert.deepStrictEqual(yield* asks(2), ["hit a", "miss"])
    })
  )

  scenario("leaves a known pod as it is", {}, ({ activeOf, add, cache, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      cache.adopt(podOf("a"), { requestsPerPod: 9, retainPods: 9 })
      assert.strictEqual(activeOf("a"), 1)
      assert.strictEqual(cache.snapshot()[0]?.retain, 0)
    })
  )

  scenario("gives the places of the pod to whoever waits", { requestsPerPod: 2 }, ({ cache, gets }) =>
    Effect.gen(function* () {
      const [, parked] = yield* gets(2)
      cache.adopt(podOf("a"), { requestsPerPod: 2, retainPods: 0 })
      yield* Effect.yieldNow
      assert.strictEqual(parked?.outcome(), "hit a")
    })
  )
})

scenario("the snapshot shows everything that is known", { requestsPerPod: 2, retainPods: 3 }, (requests) =>
  Effect.gen(function* () {
    yield* requests.gets(2)
    yield* requests.add("a", { cpuLimit: 850 })
    requests.cache.setCpuUsage("a:8888", 7)
    yield* requests.gets(2)
    assert.deepStrictEqual(requests.cache.snapshot(), [
      {
        key: "uid-hello_1",
        fn: hello,
        n: 1,
        active: 2,
        w: 2,
        q: 1,
        p: 1,
        deleted: false,
        retain: 3,
        failure: undefined,
        requestsPerPod: 2,
        pods: [{ name: "a", address: "a:8888", active: 2, cpuUsage: 7, cpuLimit: 850, idleFor: Duration.zero }]
      }
    ])
  })
)

scenario("the snapshot shows a remembered failure and how long it holds", {}, ({ cache, demand }) =>
  Effect.gen(function* () {
    const reservation = yield* cache.reserve(demand, 0)

    reservation.abandon(finalAnswer())
    yield* TestClock.adjust("400 millis")
    assert.deepStrictEqual(cache.snapshot()[0]?.failure, { status: 500, text: "x", holdsFor: Duration.millis(600) })
  })
)
