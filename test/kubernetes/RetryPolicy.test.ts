import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import { FatalError, type KubernetesError, TimeoutError } from "../../src/Errors.ts"
import * as RetryPolicy from "../../src/kubernetes/RetryPolicy.ts"
import { withRandom } from "../fakes/FixedRandom.ts"

const call = { verb: "get", resource: "pods", namespace: "team-a", detail: "trouble", outcomeUnknown: false } as const
const timeout = (kind: TimeoutError["kind"] = "Etcd", retryAfter?: Duration.Duration) =>
  new TimeoutError({ ...call, kind, retryAfter })
const fatal = new FatalError({ ...call, scope: "resource" })

const millis = (policy: RetryPolicy.RetryPolicy, error: KubernetesError, failures: number, random: number) =>
  Duration.toMillis(RetryPolicy.delayAfter(policy, error, failures, random))

/** Runs a call that always fails with these errors in turn, and says when each attempt began. */
const attempts = (policy: RetryPolicy.RetryPolicy, ...errors: readonly [KubernetesError, ...Array<KubernetesError>]) =>
  Effect.gen(function* () {
    const at: Array<number> = []
    const failing = Effect.gen(function* () {
      at.push(yield* Clock.currentTimeMillis)
      return yield* Effect.fail(errors[Math.min(at.length, errors.length) - 1] ?? errors[0])
    })
    const fiber = yield* Effect.forkChild(Effect.flip(RetryPolicy.retry(policy)(failing)))
    yield* TestClock.adjust("1 hour")
    return { at, error: yield* Fiber.join(fiber) }
  })

describe("the delay after a failure", () => {
  it("is anything below a ceiling that doubles up to the cap", () => {
    const almostOne = 0.999999
    const ceilings = [1, 2, 3, 4, 5, 6, 7].map((failures) => millis(RetryPolicy.watch, timeout(), failures, almostOne))
    assert.deepStrictEqual(ceilings, [800, 1600, 3200, 6400, 12_800, 25_600, 30_000])
    assert.strictEqual(millis(RetryPolicy.watch, timeout(), 7, 0), 0)
    assert.strictEqual(millis(RetryPolicy.watch, timeout(), 7, 0.5), 15_000)
  })

  it("stays at the cap however long a series is", () => {
    assert.strictEqual(millis(RetryPolicy.background, timeout(), 10_000, 0.5), 30_000)
  })

  it("is never less than the server asked for", () => {
    assert.strictEqual(millis(RetryPolicy.watch, timeout("Throttled", Duration.seconds(7)), 1, 0.5), 7000)
    assert.strictEqual(millis(RetryPolicy.watch, timeout("Throttled", Duration.millis(1)), 1, 0.5), 400)
  })

  it("is five minutes ± 20 % for what will not heal by itself", () => {
    assert.strictEqual(millis(RetryPolicy.watch, fatal, 1, 0), 240_000)
    assert.strictEqual(millis(RetryPolicy.critical, fatal, 9, 0.999999), 360_000)
  })

  it("is short and does not grow while a server warms up", () => {
    assert.strictEqual(millis(RetryPolicy.background, timeout("Warmup"), 1, 0), 200)
    assert.strictEqual(millis(RetryPolicy.background, timeout("Warmup"), 50, 0.999999), 2000)
  })

  it("of the lease is 2 s ± 20 % every time", () => {
    assert.strictEqual(millis(RetryPolicy.lease, timeout(), 1, 0), 1600)
    assert.strictEqual(millis(RetryPolicy.lease, timeout(), 5, 0.5), 2000)
  })
})

describe("a healthy time", () => {
  it("of two minutes ends a series of a watch", () => {
    assert.isFalse(RetryPolicy.wasHealthy(RetryPolicy.watch, Duration.seconds(119)))
    assert.isTrue(RetryPolicy.wasHealthy(RetryPolicy.watch, Duration.seconds(120)))
  })

  it("does not exist where the policy names none", () => {
    assert.isFalse(RetryPolicy.wasHealthy(RetryPolicy.background, Duration.hours(1)))
  })
})

describe("a retried call", () => {
  it.effect("waits exactly the jittered delays", () =>
    Effect.gen(function* () {
      const { at } = yield* attempts({ ...RetryPolicy.background, attempts: 4 }, timeout()).pipe(withRandom(0.5))
      assert.deepStrictEqual(at, [0, 500, 1500, 3500])
    })
  )

  it.effect("waits the same under the same seed and differently under another", () =>
    Effect.gen(function* () {
      const run = (seed: string) =>
        Effect.gen(function* () {
          const begun = yield* Clock.currentTimeMillis
          const { at } = yield* attempts({ ...RetryPolicy.background, attempts: 6 }, timeout())
          return at.map((one) => one - begun)
        }).pipe(Random.withSeed(seed))
      assert.deepStrictEqual(yield* run("one"), yield* run("one"))
      assert.notDeepEqual(yield* run("one"), yield* run("another"))
    })
  )

  it.effect("gives up after as many attempts as the policy allows", () =>
    Effect.gen(function* () {
      const { at, error } = yield* attempts(RetryPolicy.critical, timeout()).pipe(withRandom(0.5))
      assert.strictEqual(at.length, 5)
      assert.strictEqual(error._tag, "KubernetesTimeoutError")
    })
  )

  it.effect("begins no attempt after the budget", () =>
    Effect.gen(function* () {
      const policy = { base: Duration.seconds(4), cap: Duration.seconds(4), budget: Duration.seconds(10) }
      const { at } = yield* attempts(policy, timeout()).pipe(withRandom(0.75))
      assert.deepStrictEqual(at, [0, 3000, 6000, 9000])
    })
  )

  it.effect("waits as long as the server asks", () =>
    Effect.gen(function* () {
      const policy = { ...RetryPolicy.critical, attempts: 3 }
      const { at } = yield* attempts(policy, timeout("Throttled", Duration.seconds(2))).pipe(withRandom(0.5))
      assert.deepStrictEqual(at, [0, 2000, 4000])
    })
  )

  it.effect("gives up at once when the server asks for more than the caller has", () =>
    Effect.gen(function* () {
      const { at } = yield* attempts(RetryPolicy.critical, timeout("Throttled", Duration.millis(2001)))
      assert.deepStrictEqual(at, [0])
    })
  )

  it.effect("is given up at once without the lease where somebody waits for it, and repeated where nobody does", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* attempts(RetryPolicy.critical, timeout("NotLeader"))).at, 1)
      assert.lengthOf((yield* attempts(RetryPolicy.bestEffort, timeout("NotLeader"))).at, 10)
    })
  )

  it.effect("passes what will not heal, and what is no failure of the server, at once", () =>
    Effect.gen(function* () {
      const { at, error } = yield* attempts(RetryPolicy.critical, timeout(), fatal).pipe(withRandom(0.5))
      assert.deepStrictEqual(at, [0, 50])
      assert.strictEqual(error, fatal)
    })
  )
})
