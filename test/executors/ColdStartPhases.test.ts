import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import { fromError } from "../../src/api/Answer.ts"
import { answer } from "../../src/observability/DebugRoutes.ts"
import { SpecializeError } from "../../src/specialization/PodRequests.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"

const ofItsOwn = Effect.provideService(Metric.MetricRegistry, new Map())

const metricLines = Effect.map(answer("GET", "/metrics"), ({ body }) => body.split("\n"))

const refused = new SpecializeError({ reason: "Answered", status: 500, text: "error specializing: no luck" })

describe("a cold start", () => {
  it.effect("is counted, and each of its phases is measured and told in one line", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn()
      world.answer(() => Effect.sleep("2 seconds"))
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ExecutorInMemory.ask(fn))
          yield* TestClock.adjust("2 seconds")
          yield* Fiber.join(asked)
          const lines = yield* metricLines
          const of = `function_name="hello",function_namespace="default"`
          assert.include(lines, `fission_function_cold_starts_total{${of}} 1`)
          assert.include(lines, `fission_function_cold_start_errors_total{${of}} 0`)
          for (const [phase, seconds] of [
            ["choose_pod", 0],
            ["relabel", 0],
            ["fetch_specialize", 2],
            ["total", 2]
          ]) {
            const labels = `phase="${phase}",executor_type="poolmgr"`
            assert.include(lines, `fission_coldstart_phase_seconds_sum{${labels}} ${seconds}`)
          }
          assert.include(lines, "fission_executor_specializations_in_flight 0")
        })
      ).pipe(Effect.provide(log.layer))
      const [line, ...others] = log.lines.filter(({ message }) => message === "function specialized")
      assert.isEmpty(others)
      assert.deepInclude(line?.fields, { duration_ms: 2000, fetch_specialize_ms: 2000, request_id: "request-1" })
    }).pipe(ofItsOwn)
  )

  it.effect("that finds no pod says in its answer where the time went, and counts that phase as failed", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ POD_READY_TIMEOUT: "3s" })
      world.environment()
      const fn = world.fn()
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(Effect.flip(ExecutorInMemory.ask(fn)))
          yield* TestClock.adjust("3 seconds")
          const { body, status } = fromError(yield* Fiber.join(asked))
          assert.strictEqual(status, 500)
          assert.match(body, /timeout: waited too long to get a ready pod.* \[choose_pod 3000 ms\]\n$/u)
          const lines = yield* metricLines
          const labels = `executor_type="poolmgr"`
          assert.include(lines, `fission_coldstart_phase_failures_total{phase="choose_pod",${labels}} 1`)
          assert.include(lines, `fission_executor_creation_failures_total{${labels},reason="NotReadyInTime"} 1`)
        })
      )
    }).pipe(ofItsOwn)
  )

  it.effect("that a pod refuses gives the pod's words alone", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.warmWorld
      world.answer(() => Effect.fail(refused))
      const error = yield* ExecutorInMemory.running(world, Effect.flip(ExecutorInMemory.ask(world.function)))
      assert.strictEqual(fromError(error).body, `${refused.text}\n`)
    }).pipe(ofItsOwn)
  )

  it.effect("O5: is not what an adopted pod counts as", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.warmWorld
      yield* ExecutorInMemory.running(
        world,
        Effect.andThen(ExecutorInMemory.ask(world.function), ExecutorInMemory.settle)
      )
      yield* ExecutorInMemory.running(world, metricLines).pipe(
        Effect.map((lines) => {
          assert.include(lines, `fission_executor_adopted_total{executor_type="poolmgr",kind="Pod"} 1`)
          const of = `function_name="hello",function_namespace="default"`
          assert.include(lines, `fission_function_cold_starts_total{${of}} 0`)
        }),
        Effect.provideService(Metric.MetricRegistry, new Map())
      )
    }).pipe(ofItsOwn)
  )
})
