import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Bulkheads from "../../src/kubernetes/Bulkheads.ts"
import * as TokenBucket from "../../src/kubernetes/TokenBucket.ts"

const stock = { burst: 500, perSecond: 200, reserved: 0.2 }

/** Lets time pass in steps so small that all that is due in one is done with before the next. */
const pass = (millis: number) => Effect.repeat(TestClock.adjust("5 millis"), { times: millis / 5 - 1 })

/** Takes tokens in the background, and counts those that were given. */
const taking = (bucket: TokenBucket.TokenBucket, urgent: boolean, count: number) =>
  Effect.gen(function* () {
    let given = 0
    const take = Effect.tap(bucket.take(urgent), () => Effect.sync(() => given++))
    const fiber = yield* Effect.forkChild(Effect.forEach(Array.from({ length: count }), () => take))
    yield* Effect.repeat(TestClock.adjust(0), { times: 20 })
    return { given: () => given, fiber }
  })

describe("the token bucket", () => {
  it.effect("gives the burst at once, but for the reserve, and then its rate", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make(stock)
      const background = yield* taking(bucket, false, 2000)
      assert.strictEqual(background.given(), 400)
      for (const second of [1, 2, 3]) {
        yield* pass(1000)
        assert.strictEqual(background.given(), 400 + 200 * second)
      }
    })
  )

  it.effect("keeps a fifth of the burst for urgent calls, which then wait for the rate too", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make(stock)
      const background = yield* taking(bucket, false, 2000)
      const urgent = yield* taking(bucket, true, 150)
      assert.strictEqual(urgent.given(), 100)
      yield* pass(250)
      assert.strictEqual(urgent.given(), 150)
      assert.strictEqual(background.given(), 400)
    })
  )

  it.effect("earns no more than its burst while nobody asks", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make(stock)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* taking(bucket, true, 2000)).given(), 500)
    })
  )

  it.effect("serves the others when the first that waits is interrupted, and loses no token by it", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ burst: 1, perSecond: 1, reserved: 0 })
      yield* bucket.take(false)
      const first = yield* taking(bucket, false, 1)
      const second = yield* taking(bucket, false, 1)
      yield* TestClock.adjust("900 millis")
      yield* Fiber.interrupt(first.fiber)
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual([first.given(), second.given()], [0, 1])
    })
  )
})

describe("the bulkheads' rate", () => {
  it.effect("bounds calls and lists of all namespaces together, and lets requests of users and watches pass", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      let sent = 0
      const send = Effect.sync(() => void sent++)
      yield* Effect.forEach(Array.from({ length: 600 }), (_, index) =>
        Effect.forkChild(
          index % 2 === 0
            ? bulkheads.list(`team-${index}`, Effect.never, send)
            : bulkheads.call(`team-${index}`, "background", send)
        )
      )
      yield* TestClock.adjust(0)
      assert.strictEqual(sent, 400)
      yield* bulkheads.call("team-0", "request", send)
      yield* bulkheads.call("", "lease", send)
      yield* bulkheads.watchHandshake(send)
      assert.strictEqual(sent, 403)
      yield* TestClock.adjust("500 millis")
      assert.isAtMost(sent, 503)
    })
  )
})
