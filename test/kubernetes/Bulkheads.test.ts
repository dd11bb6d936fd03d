import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Bulkheads from "../../src/kubernetes/Bulkheads.ts"

/** Counts what runs at the same time, and never ends what it runs. */
const counting = () => {
  let running = 0
  return {
    running: () => running,
    endless: Effect.acquireUseRelease(
      Effect.sync(() => running++),
      () => Effect.never,
      () => Effect.sync(() => running--)
    )
  }
}

const forkMany = <A>(count: number, self: Effect.Effect<A>) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.forkChild(self))

describe("the bulkheads", () => {
  it.effect("let four calls of a namespace run, and those of others beside them", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const [mine, others] = [counting(), counting()]
      yield* forkMany(10, bulkheads.call("team-a", "background", mine.endless))
      yield* forkMany(10, bulkheads.call("team-b", "background", others.endless))
      yield* TestClock.adjust(0)
      assert.strictEqual(mine.running(), 4)
      assert.strictEqual(others.running(), 4)
    })
  )

  it.effect("do not let requests wait behind background calls, nor the lease behind anything", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const background = counting()
      const waiting = counting()
      yield* forkMany(10, bulkheads.call("team-a", "background", background.endless))
      yield* forkMany(10, bulkheads.call("team-a", "request", waiting.endless))
      yield* TestClock.adjust(0)
      assert.strictEqual(waiting.running(), 4)
      assert.strictEqual(yield* bulkheads.call("team-a", "lease", Effect.succeed("renewed")), "renewed")
    })
  )

  it.effect("let two lists of a namespace wait for their answer", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const lists = counting()
      yield* forkMany(5, bulkheads.list("team-a", Effect.never, lists.endless))
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual(lists.running(), 2)
    })
  )

  it.effect("take a list's place back after two seconds without headers, while it goes on waiting", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const lists = counting()
      yield* forkMany(5, bulkheads.list("team-a", Effect.never, lists.endless))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(lists.running(), 4)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(lists.running(), 5)
    })
  )

  it.effect("take a list's place back as soon as its headers are there", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const lists = counting()
      const answered = yield* Deferred.make<void>()
      yield* forkMany(2, bulkheads.list("team-a", Deferred.await(answered), lists.endless))
      yield* forkMany(2, bulkheads.list("team-a", Effect.never, lists.endless))
      yield* TestClock.adjust(0)
      assert.strictEqual(lists.running(), 2)
      yield* Deferred.succeed(answered, undefined)
      yield* TestClock.adjust(0)
      assert.strictEqual(lists.running(), 4)
    })
  )

  it.effect("let 32 lists and 32 watch handshakes of the whole process run", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const [lists, handshakes] = [counting(), counting()]
      for (let index = 0; index < 40; index++) {
        yield* Effect.forkChild(bulkheads.list(`team-${index}`, Effect.never, lists.endless))
      }
      yield* forkMany(40, bulkheads.watchHandshake(handshakes.endless))
      yield* TestClock.adjust(0)
      assert.strictEqual(lists.running(), 32)
      assert.strictEqual(handshakes.running(), 32)
    })
  )

  it.effect("give every place back when its holder is interrupted or fails", () =>
    Effect.gen(function* () {
      const bulkheads = yield* Bulkheads.make
      const lists = counting()
      for (let round = 0; round < 3; round++) {
        const fibers = yield* forkMany(2, bulkheads.list("team-a", Effect.never, lists.endless))
        yield* TestClock.adjust(0)
        assert.strictEqual(lists.running(), 2)
        yield* Fiber.interruptAll(fibers)
        yield* Effect.exit(bulkheads.list("team-a", Effect.never, Effect.die("a bug")))
      }
      assert.strictEqual(yield* bulkheads.list("team-a", Effect.never, Effect.succeed("listed")), "listed")
    })
  )
})
