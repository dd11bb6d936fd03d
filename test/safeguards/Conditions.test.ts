import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../src/Errors.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { Conditions } from "../../src/safeguards/Conditions.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const reference = { namespace: "default", name: "hello" }

const foreign = {
  type: "PackageReady",
  status: "True",
  reason: "PackageReady",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z"
}

const ready = {
  type: "Ready",
  status: "True",
  reason: "Available",
  message: "function is serving via specialized pod a"
}

const withFunction = (
  test: (world: {
    readonly api: KubernetesApiInMemory.KubernetesApiInMemory
    readonly fn: () => Parameters<Conditions["Service"]["set"]>[0]
    readonly stored: () => ReadonlyArray<{ readonly [field: string]: unknown }>
  }) => Effect.Effect<void, never, Conditions>
) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces: ["default"] })
    api.put(Functions, { metadata: reference, spec: {}, status: { conditions: [foreign] } })
    const fn = () => Result.getOrThrow(Functions.decode(api.find(Functions, reference)))
    const stored = () => {
      const status: unknown = api.find(Functions, reference)?.["status"]
      return JSON.parse(JSON.stringify(status)).conditions
    }
    yield* test({ api, fn, stored }).pipe(Effect.provide(Conditions.layer.pipe(Layer.provide(api.layer))))
  })

const set = (fn: Parameters<Conditions["Service"]["set"]>[0], wanted = ready) =>
  Effect.flatMap(Conditions, (conditions) => conditions.set(fn, wanted)).pipe(
    Effect.andThen(TestClock.adjust("1 millis"))
  )

it.effect("writes a condition with one guarded patch and keeps those of other writers", () =>
  withFunction(({ api, fn, stored }) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(Date.parse("2026-02-03T04:05:06Z"))
      yield* set(fn())
      assert.deepStrictEqual(api.lines(), ["patch functions/status default/hello"])
      assert.deepStrictEqual(stored(), [
        foreign,
        { ...ready, observedGeneration: 1, lastTransitionTime: "2026-02-03T04:05:06Z" }
      ])
    })
  )
)

it.effect("writes nothing where the Function says it already, whatever the message", () =>
  withFunction(({ api, fn }) =>
    Effect.gen(function* () {
      yield* set(fn())
      yield* set(fn(), { ...ready, message: "function is serving via specialized pod b" })
      assert.strictEqual(api.lines().length, 1)
    })
  )
)

it.effect("writes a new generation and keeps the time of the transition", () =>
  withFunction(({ api, fn, stored }) =>
    Effect.gen(function* () {
      yield* set(fn())
      const before = stored()[1]
      yield* TestClock.adjust("1 hour")
      api.merge(Functions, reference, { spec: { concurrency: 7 } })
      yield* set(fn())
      assert.deepStrictEqual(stored()[1], { ...before, observedGeneration: 2 })
    })
  )
)

it.effect("starts again from the live Function when somebody wrote in between", () =>
  withFunction(({ api, fn, stored }) =>
    Effect.gen(function* () {
      const old = fn()
      api.merge(Functions, reference, { metadata: { labels: { team: "a" } } })
      yield* set(old)
      assert.deepStrictEqual(api.lines(), [
        "patch functions/status default/hello",
        "get functions default/hello",
        "patch functions/status default/hello"
      ])
      assert.strictEqual(stored().length, 2)
    })
  )
)

it.effect("goes on trying while the API does not answer, and gives up after ten minutes", () =>
  withFunction(({ api, fn, stored }) =>
    Effect.gen(function* () {
      api.intercept((call) =>
        Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: true }))
      )
      yield* set(fn())
      yield* TestClock.adjust("1 hour")
      assert.isAtMost(api.calls.length, 10)
      assert.isAtLeast(api.calls.length, 5)
      assert.deepStrictEqual(stored(), [foreign])
    })
  )
)

it.effect("a Function that is gone needs no condition", () =>
  withFunction(({ api, fn }) =>
    Effect.gen(function* () {
      const old = fn()
      api.remove(Functions, reference)
      yield* set(old)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(api.lines().length, 1)
    })
  )
)

describe("numbers beside a condition", () => {
  const counts = { provisionedReady: 1, provisionedTarget: 2, provisionedSpecTarget: 2 }
  const setWith = (fn: Parameters<Conditions["Service"]["set"]>[0], given: typeof counts) =>
    Effect.flatMap(Conditions, (conditions) => conditions.set(fn, ready, { counts: given })).pipe(
      Effect.andThen(TestClock.adjust("1 millis"))
    )

  it.effect("are written with it, in one patch", () =>
    withFunction(({ api, fn, stored }) =>
      Effect.gen(function* () {
        yield* setWith(fn(), counts)
        assert.deepInclude(api.find(Functions, reference)?.["status"], counts)
        assert.strictEqual(stored().length, 2)
        assert.strictEqual(api.lines("patch").length, 1)
      })
    )
  )

  it.effect("are written when they alone differ, and the conditions stay", () =>
    withFunction(({ api, fn, stored }) =>
      Effect.gen(function* () {
        yield* setWith(fn(), counts)
        const before = stored()
        yield* setWith(fn(), { ...counts, provisionedReady: 2 })
        assert.deepInclude(api.find(Functions, reference)?.["status"], { ...counts, provisionedReady: 2 })
        assert.deepStrictEqual(stored(), before)
      })
    )
  )

  it.effect("are not written again", () =>
    withFunction(({ api, fn }) =>
      Effect.gen(function* () {
        yield* setWith(fn(), counts)
        yield* setWith(fn(), counts)
        assert.strictEqual(api.lines("patch").length, 1)
      })
    )
  )
})
