import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type Decision, DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"

const decision = (name: string, namespace = "team-a"): Decision => ({
  action: "Deleted",
  kind: "Pod",
  namespace,
  name,
  uid: `uid-${name}`,
  ground: "Idle",
  reason: "nobody used it",
  evidence: { idleSeconds: 120 }
})

describe("the decision log", () => {
  it.effect("keeps the last thousand, oldest first, with the time of each", () =>
    Effect.gen(function* () {
      const decisions = yield* DecisionLog
      for (let index = 0; index < 1001; index++) yield* decisions.record(decision(`pod-${index}`))
      yield* TestClock.setTime(90_000)
      yield* decisions.record(decision("last"))
      const recent = yield* decisions.recent()
      assert.strictEqual(recent.length, 1000)
      assert.strictEqual(recent[0]?.name, "pod-2")
      assert.deepInclude(recent.at(-1), { ...decision("last"), at: DateTime.makeUnsafe(90_000) })
    }).pipe(Effect.provide(DecisionLog.layer))
  )

  it.effect("gives those of one namespace", () =>
    Effect.gen(function* () {
      const decisions = yield* DecisionLog
      yield* decisions.record(decision("a"))
      yield* decisions.record(decision("b", "team-b"))
      assert.deepStrictEqual(
        (yield* decisions.recent("team-b")).map((one) => one.name),
        ["b"]
      )
    }).pipe(Effect.provide(DecisionLog.layer))
  )

  it.effect("writes one structured line for each: information, or a warning where nothing was done", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      yield* Effect.gen(function* () {
        const decisions = yield* DecisionLog
        yield* decisions.record(decision("a"))
        yield* decisions.record({ ...decision("b"), action: "Refused", reason: "the view is old" })
      }).pipe(Effect.provide([DecisionLog.layer, log.layer]))
      assert.deepStrictEqual(
        log.lines.map(({ level, message }) => `${level}: ${message}`),
        ["Info: nobody used it", "Warn: the view is old"]
      )
      assert.deepInclude(log.lines[0]?.fields, {
        decision: "Deleted",
        kind: "Pod",
        namespace: "team-a",
        name: "a",
        uid: "uid-a",
        ground: "Idle",
        evidence: { idleSeconds: 120 }
      })
    })
  )

  it.effect("says that an object is kept once for each reason, and again after something was done to it", () =>
    Effect.gen(function* () {
      const decisions = yield* DecisionLog
      const kept = (reason: string): Decision => ({ ...decision("a"), action: "Kept", reason })
      for (const reason of ["used", "watched", "used", "watched"]) yield* decisions.recordOnce(kept(reason))
      yield* decisions.record({ ...decision("a"), action: "Claimed", reason: "a request" })
      yield* decisions.recordOnce(kept("used"))
      assert.deepStrictEqual(
        (yield* decisions.recent()).map(({ reason }) => reason),
        ["used", "watched", "a request", "used"]
      )
    }).pipe(Effect.provide(DecisionLog.layer))
  )

  it.effect("shows each decision to whoever follows, from then on and in order", () =>
    Effect.gen(function* () {
      const decisions = yield* DecisionLog
      yield* decisions.record(decision("before"))
      const followed = yield* decisions.follow
      yield* decisions.record(decision("a"))
      yield* decisions.record(decision("b"))
      const seen = yield* Stream.runCollect(Stream.take(followed, 2))
      assert.deepStrictEqual(
        seen.map(({ name, number }) => `${number} ${name}`),
        ["2 a", "3 b"]
      )
    }).pipe(Effect.provide(DecisionLog.layer))
  )

  it.effect("keeps the newest thousand for a follower that lags, and the numbers show the gap", () =>
    Effect.gen(function* () {
      const decisions = yield* DecisionLog
      const followed = yield* decisions.follow
      for (let index = 0; index < 5000; index++) yield* decisions.record(decision(`pod-${index}`))
      const first = yield* Stream.runHead(followed)
      assert.strictEqual(Option.getOrThrow(first).number, 4001)
    }).pipe(Effect.provide(DecisionLog.layer))
  )
})
