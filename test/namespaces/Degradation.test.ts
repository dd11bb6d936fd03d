import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import { FissionError } from "../../src/Errors.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Events, Functions } from "../../src/fission/ResourceKind.ts"
import { ApiServerHealth } from "../../src/kubernetes/ApiServerHealth.ts"
import { Circuits } from "../../src/namespaces/Circuits.ts"
import { Degradation } from "../../src/namespaces/Degradation.ts"
import { Conditions } from "../../src/safeguards/Conditions.ts"
import { EventRecorder } from "../../src/safeguards/EventRecorder.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const reference = { namespace: "default", name: "hello" }

/** The Function's condition as it is stored, without what every condition has. */
const degraded = ({ api }: ExecutorInMemory.ExecutorInMemory) => {
  const { conditions = [] } = JSON.parse(JSON.stringify(api.find(Functions, reference)?.["status"] ?? {}))
  const ours = conditions.find(({ type }: { readonly type: string }) => type === "ExecutorDegraded")
  return ours === undefined ? undefined : `${ours.status} ${ours.reason}`
}

const reasons = ({ api }: ExecutorInMemory.ExecutorInMemory) => api.list(Events).map((event) => event["reason"])

const asked = (fn: FissionFunction) =>
  Effect.andThen(
    Effect.exit(Effect.tap(ExecutorInMemory.ask(fn), ({ release }) => release)),
    TestClock.adjust("100 millis")
  )

const statusWrites = ({ api }: ExecutorInMemory.ExecutorInMemory) =>
  api.lines("patch").filter((line) => line.startsWith("patch functions/status")).length

const running = (
  test: (world: ExecutorInMemory.ExecutorInMemory) => Effect.Effect<void, never, ExecutorInMemory.ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.flatMap(ExecutorInMemory.make(variables), (world) => ExecutorInMemory.running(world, test(world))).pipe(
    Random.withSeed("degraded")
  )

describe("the condition ExecutorDegraded", () => {
  it.effect("names a missing Environment at once, and is taken back when the function serves", () =>
    running((world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        yield* asked(fn)
        assert.strictEqual(degraded(world), "True EnvironmentMissing")
        assert.deepStrictEqual(reasons(world), ["SpecializationFailed"])
        world.warmPod(world.environment(), "warm-1", "10.0.0.1")
        yield* seconds(1)
        yield* asked(fn)
        assert.strictEqual(degraded(world), "False Recovered")
      })
    )
  )

  it.effect("names an exceeded quota at once", () =>
    running((world) =>
      Effect.gen(function* () {
        const quota = Failures.answered(403, "Forbidden", 'deployments.apps "pool" is forbidden: exceeded quota: team')
        world.api.intercept((call) =>
          call.verb === "create" && call.resource === "deployments" ? Effect.fail(quota(call)) : undefined
        )
        world.environment()
        const fn = world.fn()
        yield* asked(fn)
        assert.strictEqual(degraded(world), "True QuotaExceeded")
        assert.deepStrictEqual(reasons(world), ["DeploymentFailed"])
      })
    )
  )

  it.effect("needs three failures in a row of what may pass by itself", () =>
    running(
      (world) =>
        Effect.gen(function* () {
          world.environment()
          const fn = world.fn()
          for (const expected of [undefined, undefined, "True NotReadyInTime"]) {
            const waiting = yield* Effect.forkChild(asked(fn))
            yield* seconds(20)
            assert.isDefined(waiting.pollUnsafe())
            assert.strictEqual(degraded(world), expected)
          }
        }),
      { POD_READY_TIMEOUT: "10s" }
    )
  )

  it.effect("is written at most once in five minutes for one reason, however often it changes", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      const fn = world.fn()
      const layer = Degradation.layer.pipe(
        Layer.provide([Conditions.layer, EventRecorder.layer, Circuits.layer]),
        Layer.provide(ApiServerHealth.layer),
        Layer.provide(world.api.layer)
      )
      const refusal = new FissionError({ kind: "Internal", text: "no such", degraded: "EnvironmentMissing" })
      yield* Effect.gen(function* () {
        const degradation = yield* Degradation
        for (let round = 0; round < 8; round++) {
          yield* degradation.refused(fn, refusal)
          yield* TestClock.adjust("15 seconds")
          yield* degradation.succeeded(fn, "request")
          yield* TestClock.adjust("15 seconds")
        }
        assert.strictEqual(statusWrites(world), 3, "one of each, and one that met a newer version")
        yield* degradation.refused(fn, refusal)
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(degraded(world), "True EnvironmentMissing")
      }).pipe(Effect.provide(layer))
    })
  )

  it.effect("is not written while calls of the namespace are known to fail", () =>
    running((world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        world.api.intercept((call) =>
          call.verb === "list" || call.verb === "watch" ? undefined : Effect.fail(Failures.etcdTimeout(call))
        )
        for (let second = 0; second < 60; second++) {
          yield* Effect.forkChild(asked(fn))
          yield* seconds(1)
        }
        world.api.intercept()
        yield* seconds(60)
        assert.isUndefined(degraded(world))
        assert.notInclude(reasons(world), "SpecializationFailed")
      })
    )
  )
})

describe("a namespace in trouble", () => {
  it.effect("has one Event when it is blocked, and one when it is healthy again", () =>
    running(
      (world) =>
        Effect.gen(function* () {
          yield* seconds(5)
          world.api.intercept((call) =>
            call.namespace === "team-a" && ["list", "watch"].includes(call.verb)
              ? Effect.fail(Failures.forbidden(call))
              : undefined
          )
          for (const watch of world.api.watches(undefined, "team-a")) watch.fail(Failures.expired)
          yield* Effect.repeat(seconds(10), { times: 59 })
          world.api.intercept()
          yield* Effect.repeat(seconds(10), { times: 59 })
          const told = world.api.list(Events, "team-a").map((event) => [event["type"], event["reason"]])
          assert.deepStrictEqual(told, [
            ["Warning", "NamespaceBlocked"],
            ["Normal", "NamespaceHealthy"]
          ])
          assert.deepStrictEqual(world.api.list(Events, "default"), [])
        }),
      { FISSION_RESOURCE_NAMESPACES: "default,team-a" }
    )
  )
})
