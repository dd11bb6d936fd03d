import { assert, it } from "@effect/vitest"
import { Duration, Effect, Latch, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as WorkQueue from "../../src/devcluster/WorkQueue.ts"
import { NotFound } from "../../src/Errors.ts"

const settle = TestClock.adjust(0)

it.effect("works on a key once for all that came in before, and once more for what came in meanwhile", () =>
  Effect.gen(function* () {
    const gate = yield* Latch.make()
    const rounds: Array<string> = []
    const add = yield* WorkQueue.make("test", Effect.void, (namespace, name) =>
      Effect.andThen(
        Effect.sync(() => rounds.push(`${namespace}/${name}`)),
        gate.await
      )
    )
    add("a", "x")
    add("a", "x")
    yield* settle
    assert.deepStrictEqual(rounds, ["a/x"])
    add("a", "x")
    add("a", "x")
    yield* settle
    assert.deepStrictEqual(rounds, ["a/x"])
    yield* gate.open
    yield* settle
    assert.deepStrictEqual(rounds, ["a/x", "a/x"])
  })
)

it.effect("waits until the views are there", () =>
  Effect.gen(function* () {
    const ready = yield* Latch.make()
    let rounds = 0
    const add = yield* WorkQueue.make("test", ready.await, () => Effect.sync(() => void rounds++))
    add("a", "x")
    yield* settle
    assert.strictEqual(rounds, 0)
    yield* ready.open
    yield* settle
    assert.strictEqual(rounds, 1)
  })
)

it.effect("repeats what failed, died or is not done with a growing wait, and starts over after a success", () =>
  Effect.gen(function* () {
    const outcomes = [
      Effect.fail(new WorkQueue.NotYet()),
      Effect.die(new Error("bug")),
      Effect.fail(new WorkQueue.NotYet()),
      Effect.void
    ]
    let rounds = 0
    const add = yield* WorkQueue.make("test", Effect.void, () =>
      Effect.suspend(() => outcomes[rounds++] ?? Effect.void)
    )
    add("a", "x")
    yield* settle
    assert.strictEqual(rounds, 1)
    yield* TestClock.adjust("5 millis")
    assert.strictEqual(rounds, 2)
    yield* TestClock.adjust("9 millis")
    assert.strictEqual(rounds, 2)
    yield* TestClock.adjust("1 millis")
    assert.strictEqual(rounds, 3)
    yield* TestClock.adjust("20 millis")
    assert.strictEqual(rounds, 4)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(rounds, 4)
  }).pipe(Effect.provide(Logger.layer([])))
)

it.effect("takes an object that is gone for done", () =>
  Effect.gen(function* () {
    let rounds = 0
    const gone = new NotFound({ verb: "get", resource: "pods", detail: "gone" })
    const add = yield* WorkQueue.make("test", Effect.void, () =>
      Effect.suspend(() => {
        rounds++
        return Effect.fail(gone)
      })
    )
    add("a", "x")
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(rounds, 1)
  })
)

it.effect("works on a key again when it asks for it, once for all that asked meanwhile", () =>
  Effect.gen(function* () {
    let rounds = 0
    const add = yield* WorkQueue.make("test", Effect.void, () =>
      Effect.sync(() => (++rounds <= 2 ? Duration.seconds(10) : undefined))
    )
    add("a", "x")
    yield* settle
    yield* TestClock.adjust("4 seconds")
    add("a", "x")
    yield* settle
    assert.strictEqual(rounds, 2)
    yield* TestClock.adjust("9 seconds")
    assert.strictEqual(rounds, 2)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(rounds, 3)
  })
)
