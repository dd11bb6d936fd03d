import { assert, describe } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { FunctionGeneration, PoolCache } from "../../src/caches/PoolCache.ts"
import { hello, podOf, requestsFor, scenario } from "./PoolRequests.ts"

type Cache = PoolCache["Service"]

const never = () => false

/** Pods that the reaper is offered, by name. */
const idleNames = (cache: Cache) => cache.idle("default", never).map(({ pod }) => pod.name)

const generation = (number: number): FunctionGeneration => ({ ...hello, generation: number })

const adopt = (cache: Cache, names: ReadonlyArray<string>, retainPods: number, fn = hello) => {
  for (const name of names) cache.adopt(podOf(name, { fn }), { requestsPerPod: 1, retainPods })
}

describe("the last access", () => {
  scenario("I1 is now after a touch", {}, ({ cache }) =>
    Effect.gen(function* () {
      adopt(cache, ["a"], 0)
      yield* TestClock.adjust("1 hour")
      assert.isTrue(cache.touch("a:8888"))
      assert.deepStrictEqual(cache.idle("default", never)[0]?.idleFor, Duration.zero)
    })
  )

  scenario("I2 of an unknown address cannot be refreshed", {}, ({ cache }) =>
    Effect.sync(() => {
      assert.isFalse(cache.touch("nobody:8888"))
    })
  )

  scenario("I11 is the end of a long request", {}, ({ add, cache, get, unTap }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      yield* TestClock.adjust("10 minutes")
      yield* unTap("a")
      assert.isUndefined(cache.removeIfIdle(podOf("a"), Duration.minutes(2)))
    })
  )

  scenario("I13 stays whole when taps and idle walks interleave", {}, ({ cache }) =>
    Effect.gen(function* () {
      const names = Array.from({ length: 20 }, (_, index) => `pod-${index}`)
      adopt(cache, names, 0)
      yield* Effect.forEach(
        Array.from({ length: 200 }),
        (_, turn) =>
          Effect.andThen(
            Effect.yieldNow,
            Effect.sync(() => {
              if (turn % 2 === 0) assert.isTrue(cache.touch(`pod-${turn % 20}:8888`))
              else assert.strictEqual(idleNames(cache).length, 20)
            })
          ),
        { concurrency: "unbounded", discard: true }
      )
      assert.sameMembers(idleNames(cache), names)
    })
  )
})

describe("idle pods", () => {
  scenario("I3 are those that gave every request back", { requestsPerPod: 2 }, ({ add, cache, get, unTap }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      yield* get
      yield* unTap("a")
      assert.deepStrictEqual(idleNames(cache), [])
      yield* unTap("a")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(cache.idle("default", never), [
        { pod: podOf("a"), idleFor: Duration.seconds(1), deleted: false }
      ])
    })
  )

  scenario("I4 are none while there are no more than to retain", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a"], 0)
      adopt(cache, ["b"], 2)
      assert.deepStrictEqual(idleNames(cache), [])
    })
  )

  scenario("are counted by the number to retain that came with the last pod", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a"], 2)
      adopt(cache, ["b"], 1)
      assert.strictEqual(idleNames(cache).length, 1)
    })
  )

  scenario("I5 are none when one function is active and the other's pod is gone", {}, ({ add, cache, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      const other = yield* requestsFor({ fn: { ...hello, uid: "uid-other", name: "other" } })
      yield* other.get
      yield* other.add("b")
      cache.remove("uid-b")
      assert.deepStrictEqual(idleNames(cache), [])
      assert.strictEqual(yield* other.ask, "miss")
    })
  )

  scenario("I6 are those beyond the number to retain", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a", "b"], 1)
      assert.strictEqual(idleNames(cache).length, 1)
    })
  )

  scenario("I7 are all of an older generation that nobody refers to", {}, ({ cache }) =>
    Effect.gen(function* () {
      const old = ["a", "b", "c", "d", "e"]
      adopt(cache, old, 2, generation(1))
      const latest = yield* requestsFor({ fn: generation(2) })
      yield* latest.get
      yield* latest.add("new")
      assert.sameMembers(idleNames(cache), old)
    })
  )

  scenario("I8 count busy pods among those to retain", {}, ({ add, cache, gets, unTap }) =>
    Effect.gen(function* () {
      yield* gets(3)
      yield* add("a", {})
      yield* add("b", {})
      yield* add("c", {})
      yield* unTap("b")
      assert.deepStrictEqual(idleNames(cache), ["b"])
    })
  )

  scenario("I9 are the longest idle, longest first", {}, ({ cache }) =>
    Effect.gen(function* () {
      adopt(cache, ["a", "b", "c"], 1)
      yield* TestClock.adjust("4 minutes")
      cache.touch("b:8888")
      yield* TestClock.adjust("4 minutes")
      cache.touch("a:8888")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(idleNames(cache), ["c", "b"])
    })
  )

  scenario("of several functions are offered longest idle first", {}, ({ cache }) =>
    Effect.gen(function* () {
      adopt(cache, ["a"], 0)
      yield* TestClock.adjust("1 minute")
      adopt(cache, ["b"], 0, { ...hello, uid: "uid-b" })
      cache.touch("a:8888")
      yield* TestClock.adjust("1 minute")
      cache.touch("a:8888")
      assert.deepStrictEqual(idleNames(cache), ["b", "a"])
    })
  )

  scenario("are those of one namespace's functions", {}, ({ cache }) =>
    Effect.sync(() => {
      adopt(cache, ["a"], 0)
      adopt(cache, ["b"], 0, { ...hello, uid: "uid-b", namespace: "team-b" })
      assert.deepStrictEqual(
        cache.idle("team-b", never).map(({ pod }) => pod.name),
        ["b"]
      )
    })
  )
})

describe("removing an idle pod", () => {
  scenario("I10 is refused when a request came since it was listed", {}, ({ ask, cache }) =>
    Effect.gen(function* () {
      adopt(cache, ["a"], 0)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(idleNames(cache), ["a"])
      assert.strictEqual(yield* ask, "hit a")
      assert.isUndefined(cache.removeIfIdle(podOf("a"), Duration.minutes(2)))
      assert.isTrue(cache.holds("uid-a"))
    })
  )

  scenario("is refused while a request goes on, however long", {}, ({ add, cache, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(cache.removeIfIdle(podOf("a"), Duration.minutes(2)))
    })
  )

  scenario("I14 is refused below the threshold and gives the idle time from there on", {}, ({ cache }) =>
    Effect.gen(function* () {
      adopt(cache, ["a"], 0)
      yield* TestClock.adjust("30 seconds")
      assert.isUndefined(cache.removeIfIdle(podOf("a"), Duration.seconds(60)))
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(cache.removeIfIdle(podOf("a"), Duration.seconds(60)), Duration.seconds(60))
      assert.isFalse(cache.holds("uid-a"))
      assert.isUndefined(cache.removeIfIdle(podOf("a"), Duration.zero))
    })
  )
})

describe("requests whose un-tap was lost", () => {
  scenario("I12 are forgotten after the limit, and the pod is idle again", {}, ({ activeOf, add, cache, get }) =>
    Effect.gen(function* () {
      yield* get
      yield* add("a")
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        cache.resetLeaked(() => Duration.hours(1)),
        []
      )
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(
        cache.resetLeaked(() => Duration.hours(1)),
        [podOf("a")]
      )
      assert.strictEqual(activeOf("a"), 0)
      assert.deepStrictEqual(cache.removeIfIdle(podOf("a"), Duration.minutes(2)), Duration.hours(2))
    })
  )

  scenario("leave their places to whoever waits", { requestsPerPod: 2 }, ({ add, cache, get, gets }) =>
    Effect.gen(function* () {
      yield* gets(2)
      yield* add("a")
      yield* get
      const waiting = yield* get
      yield* TestClock.adjust("2 hours")
      cache.resetLeaked(() => Duration.hours(1))
      yield* Effect.yieldNow
      assert.strictEqual(waiting.outcome(), "hit a")
    })
  )
})
