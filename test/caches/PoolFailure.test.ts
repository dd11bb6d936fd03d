import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { PoolCache } from "../../src/caches/PoolCache.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import { hello, outcomes, podOf, requestsFor, scenario } from "./PoolRequests.ts"

describe("a specialization that fails", () => {
  scenario("Q1 leaves nothing behind, so that the next one may start", { concurrency: 1 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.reserve(0)
      yield* requests.fail()
      assert.strictEqual(yield* requests.reserve(0), "ok")
    })
  )

  scenario("Q2 Q13 is counted once however often it is reported", { concurrency: 2 }, ({ cache, demand, state }) =>
    Effect.gen(function* () {
      const first = yield* cache.reserve(demand, 0)
      yield* cache.reserve(demand, 0)
      first.abandon()
      first.abandon()
      assert.deepStrictEqual(state(), { n: 0, w: 1, q: 0, p: 1 })
    })
  )

  scenario("stores no pod once it was reported", {}, ({ cache, demand, state }) =>
    Effect.gen(function* () {
      const reservation = yield* cache.reserve(demand, 0)
      reservation.abandon()
      reservation.fulfil(podOf("a")).release()
      assert.isFalse(cache.holds("uid-a"))
      assert.deepStrictEqual(state(), { n: 0, w: 0, q: 0, p: 0 })
    })
  )

  scenario("Q3 makes the parked request the next creator", { concurrency: 1, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const [, parked] = yield* requests.gets(2)
      yield* requests.fail()
      assert.strictEqual(parked?.outcome(), "miss")
      assert.deepStrictEqual(requests.state(), { n: 0, w: 1, q: 0, p: 1 })
    })
  )

  scenario("Q4 makes only one parked request a creator", { concurrency: 2, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const [, first, , second] = yield* requests.gets(4)
      yield* requests.fail()
      assert.deepStrictEqual([first?.outcome(), second?.outcome()], ["miss", "parked"])
      assert.deepStrictEqual(requests.state(), { n: 0, w: 3, q: 1, p: 2 })
    })
  )
})

describe("a parked request", () => {
  scenario("becomes a creator when the pod it waited for turns out to be full", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.reserve(0)
      yield* requests.reserve(0)
      yield* requests.add("a")
      yield* requests.get
      const parked = yield* requests.get
      assert.strictEqual(parked.outcome(), "parked")
      yield* requests.add("a")
      assert.strictEqual(parked.outcome(), "miss")
    })
  )

  scenario("Q5 leaves at once with its client", { concurrency: 1, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const [, parked] = yield* requests.gets(2)
      yield* parked?.leave ?? Effect.void
      assert.strictEqual(parked?.outcome(), "left")
      assert.deepStrictEqual(requests.state(), { n: 0, w: 1, q: 0, p: 1 })
      assert.strictEqual(yield* requests.ask, "parked")
    })
  )

  scenario("Q6 takes no place once it has left", { concurrency: 1, requestsPerPod: 3 }, (requests) =>
    Effect.gen(function* () {
      const [, leaving, staying] = yield* requests.gets(3)
      yield* leaving?.leave ?? Effect.void
      yield* requests.add("a")
      assert.strictEqual(staying?.outcome(), "hit a")
      assert.strictEqual(requests.activeOf("a"), 2)
    })
  )

  scenario(
    "Q7 gives back a place handed over as it leaves",
    { requestsPerPod: 2 },
    ({ cache, demand, gets, activeOf }) =>
      Effect.gen(function* () {
        const reservation = yield* cache.reserve(demand, 0)
        const [parked] = yield* gets(1)
        reservation.fulfil(podOf("a"))
        assert.strictEqual(activeOf("a"), 2)
        yield* parked?.leave ?? Effect.void
        assert.strictEqual(parked?.outcome(), "left")
        assert.strictEqual(activeOf("a"), 1)
      })
  )

  scenario("gives back a duty to create handed over as it leaves", { requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      const reservation = yield* requests.cache.reserve(requests.demand, 0)
      const [parked] = yield* requests.gets(1)
      reservation.abandon()
      assert.deepStrictEqual(requests.state(), { n: 0, w: 1, q: 0, p: 1 })
      yield* parked?.leave ?? Effect.void
      assert.deepStrictEqual(requests.state(), { n: 0, w: 0, q: 0, p: 0 })
    })
  )

  scenario("Q8 takes the place that a full pod gets back", { concurrency: 2, requestsPerPod: 2 }, (requests) =>
    Effect.gen(function* () {
      yield* requests.gets(2)
      yield* requests.add("a")
      const [, parked] = yield* requests.gets(2)
      yield* requests.unTap("a")
      assert.strictEqual(parked?.outcome(), "hit a")
      assert.strictEqual(requests.activeOf("a"), 2)
      assert.deepStrictEqual(requests.state(), { n: 1, w: 1, q: 0, p: 1 })
    })
  )

  scenario("Q15 is answered when a thousand come and go", { concurrency: 10, requestsPerPod: 101 }, (requests) =>
    Effect.gen(function* () {
      const all = yield* requests.gets(1010)
      assert.deepStrictEqual(requests.state(), { n: 0, w: 1010, q: 1000, p: 10 })
      for (let round = 0; requests.creators() > 0; round++) {
        for (const request of all) if ((yield* Random.next) < 0.05) yield* request.leave
        if (yield* Random.nextBoolean) yield* requests.fail()
        else yield* requests.add(`pod-${round}`)
        yield* requests.release(yield* Random.nextIntBetween(0, 50))
        assert.strictEqual(requests.cache.snapshot()[0]?.active, requests.slots.length)
      }
      assert.notInclude(outcomes(all), "parked")
      assert.deepInclude(requests.state(), { w: 0, q: 0 })
    }).pipe(Random.withSeed("a thousand"))
  )
})

describe("an un-tap", () => {
  it.effect("Q9 takes no more than is there, and is logged", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const requests = requestsFor({}).pipe(Effect.provide(PoolCache.layer), Effect.provide(log.layer))
      const { activeOf, cache, get, unTap } = yield* requests
      cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 0 })
      yield* get
      yield* unTap("a")
      assert.deepStrictEqual(log.lines, [])
      yield* unTap("a")
      assert.strictEqual(activeOf("a"), 0)
      assert.deepStrictEqual(
        log.lines.map(({ level, message }) => [level, message]),
        [["Error", "a pod got a request back although it has none"]]
      )
    })
  )

  scenario("Q10 is ignored for an unknown address or function", {}, (requests) =>
    Effect.gen(function* () {
      yield* requests.get
      yield* requests.add("a")
      yield* requests.unTap("nobody")
      requests.cache.unTap({ uid: "uid-other", generation: 1 }, "a:8888")
      assert.strictEqual(requests.activeOf("a"), 1)
    })
  )

  scenario(
    "Q11 finds the pod under another generation of the function",
    { fn: { ...hello, generation: 6 } },
    (requests) =>
      Effect.gen(function* () {
        yield* requests.get
        yield* requests.add("a")
        requests.cache.unTap({ uid: hello.uid, generation: 5 }, "http://a:8888")
        assert.strictEqual(requests.activeOf("a"), 0)
      })
  )

  scenario("Q12 of a creator whose client left keeps the pod", {}, ({ activeOf, cache, demand }) =>
    Effect.gen(function* () {
      const reservation = yield* cache.reserve(demand, 0)
      const slot = reservation.fulfil(podOf("a"))
      slot.release()
      slot.release()
      assert.isTrue(cache.holds("uid-a"))
      assert.strictEqual(activeOf("a"), 0)
    })
  )

  scenario("finds a pod by an IPv6 address with or without brackets", {}, ({ activeOf, add, cache, get }) =>
    Effect.gen(function* () {
      for (const address of ["fd00::1:8888", "[fd00::1]:8888"]) {
        yield* get
        if (!cache.holds("uid-a")) yield* add("a", { address: "[fd00::1]:8888" })
        cache.unTap(hello, address)
        assert.deepStrictEqual(cache.snapshot()[0]?.active, 0)
      }
      assert.isUndefined(activeOf("a"))
    })
  )
})

scenario("Q14 a pod without a reservation consumes nobody else's", {}, (requests) =>
  Effect.gen(function* () {
    yield* requests.reserve(0)
    requests.cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 0 })
    assert.deepStrictEqual(requests.state(), { n: 1, w: 1, q: 0, p: 1 })
  })
)
