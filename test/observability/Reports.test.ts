import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../src/fission/ResourceKind.ts"
import { answer } from "../../src/observability/DebugRoutes.ts"
import { poolLabels } from "../../src/podspec/PodTemplate.ts"
import { SpecializeError } from "../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { ask, settle } from "../fakes/ExecutorInMemory.ts"
import { seconds } from "../fakes/Reflecting.ts"

const getJson = (target: string) => Effect.map(answer("GET", target), ({ body }) => JSON.parse(body))

const inWorld = <E>(
  test: (world: ExecutorInMemory.ExecutorInMemory) => Effect.Effect<void, E, ExecutorInMemory.ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.flatMap(ExecutorInMemory.make(variables), (world) => ExecutorInMemory.running(world, test(world))).pipe(
    Effect.provideService(Metric.MetricRegistry, new Map())
  )

const namesIn = (page: { readonly functions: ReadonlyArray<{ readonly name: string }> }) =>
  page.functions.map(({ name }) => name)

describe("the functions page", () => {
  it.effect("tells a function's pods, slots and last cold start by phase", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.warmPod(world.environment(), "warm-1", "10.0.0.1")
        const fn = world.fn({ spec: { requestsPerPod: 3 } })
        yield* seconds(1)
        world.answer(() => Effect.sleep("40 millis"))
        yield* Effect.forkChild(ask(fn))
        yield* TestClock.adjust("40 millis")
        yield* seconds(5)
        const { functions, states, total } = yield* getJson("/debug/functions")
        assert.deepStrictEqual([total, states], [1, { Busy: 1 }])
        const [{ lastColdStart, shown, ...report }] = functions
        assert.deepInclude(report, { name: "hello", environment: "nodejs", state: "Busy", pods: 1, waiting: 0 })
        assert.deepStrictEqual(report.slots, { active: 1, total: 3 })
        assert.deepStrictEqual(shown, [
          { name: "warm-1", address: "10.0.0.1:8888", active: 1, idleForSeconds: 5, provisioned: false }
        ])
        assert.deepInclude(lastColdStart, { millis: 40, failure: null })
        assert.deepInclude(lastColdStart.phases, { phase: "fetch_specialize", millis: 40 })
      })
    )
  )

  it.effect("tells the answer of a pod that refused, and puts such a function first", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.warmPod(world.environment(), "warm-1", "10.0.0.1")
        world.fn({ name: "all-is-well" })
        const broken = world.fn({ name: "broken" })
        yield* seconds(1)
        const text = "x".repeat(1000)
        world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text })))
        yield* Effect.flip(ask(broken))
        const page = yield* getJson("/debug/functions")
        assert.deepStrictEqual(namesIn(page), ["broken", "all-is-well"])
        assert.strictEqual(page.functions[0].state, "Failing")
        assert.match(page.functions[0].reason, /^500: .*xxx…$/u)
        assert.isAtMost(page.functions[0].reason.length, 301)
        assert.strictEqual(page.functions[0].lastColdStart.failure, "Internal")
      })
    )
  )

  it.effect("tells pods from their labels where nothing was asked of this process", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        world.warmPod(world.environment(), "warm-1", "10.0.0.1")
        const fn = world.fn()
        yield* seconds(1)
        yield* ask(fn)
        yield* seconds(1)
        const again = Effect.gen(function* () {
          yield* seconds(1)
          const [{ pods, shown, slots }] = (yield* getJson("/debug/functions")).functions
          assert.deepStrictEqual([pods, shown[0].address], [1, "10.0.0.1:8888"])
          assert.deepStrictEqual(slots?.active ?? 0, 0)
        })
        yield* Effect.provide(again, world.executor())
      })
    )
  )

  it.effect("gives a part of what a search finds", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        for (let index = 0; index < 600; index++) world.fn({ name: `fn-${String(index).padStart(3, "0")}` })
        world.fn({ name: "other" })
        yield* seconds(5)
        const page = yield* getJson("/debug/functions?search=FN-&offset=598&limit=10")
        assert.deepStrictEqual([page.total, page.offset, namesIn(page)], [600, 598, ["fn-598", "fn-599"]])
        assert.strictEqual((yield* getJson("/debug/functions")).functions.length, 100)
      })
    )
  )
})

describe("the pools page", () => {
  it.effect("tells what each pod of an Environment does", () =>
    inWorld(
      (world) =>
        Effect.gen(function* () {
          const environment = world.environment()
          for (const index of [1, 2, 3]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
          yield* seconds(2)
          yield* ask(world.fn())
          yield* settle
          const { pods, pools } = yield* getJson("/debug/pools")
          assert.deepStrictEqual(pools, [
            {
              namespace: "default",
              environment: "nodejs",
              image: "",
              state: "Filling",
              reason: "",
              target: 2,
              pods: { starting: 0, warm: 1, reserved: 1, loading: 0, serving: 1, leaving: 0 },
              waiting: 0
            }
          ])
          assert.deepStrictEqual(pods, pools[0].pods)
        }),
      { EXECUTOR_WARM_RESERVE: "1" }
    )
  )

  it.effect("tells that requests wait for a pod, and why there is none", () =>
    inWorld((world) =>
      Effect.gen(function* () {
        const environment = world.environment()
        const fn = world.fn()
        yield* seconds(1)
        yield* Effect.forkChild(ask(fn))
        yield* settle
        assert.deepInclude((yield* getJson("/debug/pools")).pools[0], { state: "Waiting", waiting: 1 })
        world.api.put(Pods, {
          metadata: { name: "pending-1", namespace: "default", labels: poolLabels(environment) },
          spec: { containers: [{ name: "runtime" }] },
          status: {
            phase: "Pending",
            containerStatuses: [{ name: "runtime", ready: false, state: { waiting: { reason: "ErrImagePull" } } }]
          }
        })
        yield* seconds(1)
        const [pool] = (yield* getJson("/debug/pools")).pools
        assert.strictEqual(pool.state, "Stuck")
        assert.include(pool.reason, "ErrImagePull")
      })
    )
  )
})

it.effect("the requests page sums calls over hosts, and failures over kinds and namespaces", () =>
  inWorld(() =>
    Effect.gen(function* () {
      const requests = Metric.counter("rest_client_requests_total", { incremental: true })
      const errors = Metric.counter("fission_executor_api_errors_total", { incremental: true })
      yield* Metric.update(Metric.withAttributes(requests, { method: "GET", code: "200", host: "a" }), 2)
      yield* Metric.update(Metric.withAttributes(requests, { method: "GET", code: "200", host: "b" }), 3)
      yield* Metric.update(Metric.withAttributes(errors, { class: "TimeoutError.Etcd", resource: "pods" }), 1)
      yield* Metric.update(Metric.withAttributes(errors, { class: "TimeoutError.Etcd", resource: "functions" }), 1)
      assert.deepStrictEqual(yield* getJson("/debug/requests"), {
        requests: [{ method: "GET", code: "200", total: 5 }],
        errors: [{ class: "TimeoutError.Etcd", total: 2 }]
      })
    })
  )
)
