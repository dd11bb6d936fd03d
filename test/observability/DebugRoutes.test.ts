import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { TestClock } from "effect/testing"
import { answer, type PageSources } from "../../src/observability/DebugRoutes.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import * as FunctionSeries from "../../src/observability/FunctionSeries.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { connectionReset, etcdTimeout, expired } from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const get = (target: string) => answer("GET", target)
const getJson = (target: string) => Effect.map(get(target), ({ body }) => JSON.parse(body))

/** A running executor in two namespaces, of which each test sees metrics of its own. */
const inWorld = <E>(
  test: (world: ExecutorInMemory.ExecutorInMemory) => Effect.Effect<void, E, ExecutorInMemory.ExecutorServices>
) =>
  Effect.flatMap(ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: "default,team-a" }), (world) =>
    ExecutorInMemory.running(world, test(world))
  ).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

const decisionsAbout = (name: string, namespace = "default") =>
  DecisionLog.use((log) => log.record({ action: "Deleted", kind: "Pod", namespace, name, reason: "a test" }))

const namesIn = (page: { readonly decisions: ReadonlyArray<{ readonly name: string }> }) =>
  page.decisions.map(({ name }) => name)

describe("the namespaces page", () => {
  it.effect("says what this replica is", () =>
    inWorld(() =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* getJson("/debug/namespaces")).replica, { role: "Leader" })
        const { body } = yield* get("/metrics")
        assert.match(body, /^fission_executor_leader 1$/mu)
        assert.match(body, /^leader_election_master_status\{name="fission-executor"\} 1$/mu)
      })
    )
  )
})

describe("the decisions page", () => {
  it.effect("gives every decision with its time, oldest first", () =>
    inWorld(() =>
      Effect.gen(function* () {
        yield* decisionsAbout("pod-1")
        yield* decisionsAbout("pod-2", "team-a")
        const page = yield* getJson("/debug/decisions")
        assert.deepStrictEqual(namesIn(page), ["pod-1", "pod-2"])
        assert.deepInclude(page.decisions[0], { at: "1970-01-01T00:00:01.000Z", action: "Deleted", reason: "a test" })
      })
    )
  )

  it.effect("gives the newest ones that a search finds, a part at a time", () =>
    inWorld(() =>
      Effect.gen(function* () {
        for (const name of ["pod-1", "pod-2", "other", "pod-3"]) yield* decisionsAbout(name)
        const page = yield* getJson("/debug/decisions?search=POD-&limit=2")
        assert.deepStrictEqual([page.total, namesIn(page)], [3, ["pod-2", "pod-3"]])
        assert.deepStrictEqual(namesIn(yield* getJson("/debug/decisions?search=pod-&limit=2&offset=2")), ["pod-1"])
      })
    )
  )

  it.effect("gives those of a namespace, of an object, and since a time or for a while", () =>
    inWorld(() =>
      Effect.gen(function* () {
        yield* decisionsAbout("pod-1")
        yield* decisionsAbout("pod-2", "team-a")
        yield* TestClock.adjust("1 hour")
        yield* decisionsAbout("pod-1", "team-a")
        const of = (query: string) => Effect.map(getJson(`/debug/decisions?${query}`), namesIn)
        assert.deepStrictEqual(yield* of("namespace=team-a"), ["pod-2", "pod-1"])
        assert.deepStrictEqual(yield* of("namespace=team-a&object=pod-2"), ["pod-2"])
        assert.deepStrictEqual(yield* of("since=10m"), ["pod-1"])
        assert.deepStrictEqual(yield* of("since=1970-01-01T00:30:00Z"), ["pod-1"])
        assert.deepStrictEqual(yield* of("object=never-existed"), [])
      })
    )
  )

  it.effect.each([
    ["/debug/decisions?since=yesterday", 'since: "yesterday" is neither a time'],
    ["/debug/decisions?since=2026-13-45T99:00:00Z", "since:"],
    ["/debug/decisions?namespace=team-b", 'namespace: "team-b" is not served here; known are default, team-a'],
    [
      "/debug/decisions?objects=pod-1",
      "objects: no such parameter; known are namespace, object, since, search, offset, limit"
    ],
    ["/debug/namespaces?namespace=default", "namespace: no such parameter; known are search, offset, limit"],
    ["/debug/requests?limit=1", "limit: no such parameter; known are none"],
    ["/debug/functions?offset=-1", 'offset: "-1" is not a whole number from 0'],
    ["/debug/pools?limit=501", "limit: at most 500 at a time"]
  ] as const)("refuses what it does not know: %s", ([target, problem]) =>
    inWorld(() =>
      Effect.map(get(target), ({ body, status }) => {
        assert.strictEqual(status, 400)
        assert.include(body, problem)
      })
    )
  )
})

describe("the namespaces page", () => {
  it.effect("tells state and age of every kind, the queue and the circuits", () =>
    inWorld(() =>
      Effect.gen(function* () {
        yield* seconds(10)
        const { apiServer, namespaces } = yield* getJson("/debug/namespaces")
        assert.deepStrictEqual(apiServer, { state: "Answering" })
        assert.deepInclude(namespaces[0], {
          namespace: "default",
          state: "Healthy",
          reason: "",
          queued: 0,
          circuits: { default: { reads: "Closed", writes: "Closed" } }
        })
        const functions = namespaces[0].kinds.find(({ resource }: { resource: string }) => resource === "functions")
        assert.deepInclude(functions, { state: "Watching", required: true, failures: 0 })
        assert.isAtLeast(functions.viewAgeSeconds, 9)
        assert.isAtMost(functions.viewAgeSeconds, 11)
      })
    )
  )

  it.effect("puts a namespace in trouble first, with the age of its view", () =>
    inWorld(({ api }) =>
      Effect.gen(function* () {
        api.intercept((call) => (call.namespace === "team-a" ? Effect.fail(etcdTimeout(call)) : undefined))
        for (const watch of api.watches(undefined, "team-a")) watch.fail(expired)
        yield* seconds(200)
        const { namespaces, states, total } = yield* getJson("/debug/namespaces?limit=1")
        assert.deepStrictEqual([total, states], [2, { Stale: 1, Healthy: 1 }])
        assert.strictEqual(namespaces[0].namespace, "team-a")
        assert.isAbove(namespaces[0].viewAgeSeconds, 190)
      })
    )
  )

  it.effect("tells why a kind is not watched, and when it is tried again", () =>
    inWorld(({ api }) =>
      Effect.gen(function* () {
        api.intercept((call) => (call.namespace === "team-a" ? Effect.fail(etcdTimeout(call)) : undefined))
        for (const watch of api.watches("functions", "team-a")) watch.fail(expired)
        yield* seconds(20)
        const { namespaces } = yield* getJson("/debug/namespaces")
        const functions = namespaces[1].kinds.find(({ resource }: { resource: string }) => resource === "functions")
        assert.strictEqual(functions.state, "BackingOff")
        assert.include(functions.error, "etcdserver: request timed out")
        assert.isNumber(functions.nextAttemptInSeconds)
        assert.isAbove(functions.failures, 1)
        assert.strictEqual(namespaces[0].state, "Healthy")
      })
    )
  )

  it.effect("tells that the server is away", () =>
    inWorld(({ api }) =>
      Effect.gen(function* () {
        api.intercept((call) => Effect.fail(connectionReset(call)))
        for (const watch of api.watches()) watch.fail(connectionReset)
        yield* seconds(60)
        const { apiServer } = yield* getJson("/debug/namespaces")
        assert.strictEqual(apiServer.state, "Away")
        assert.isAbove(apiServer.forSeconds, 10)
      })
    )
  )
})

describe("the brake page", () => {
  const post = (target: string) => answer("POST", target)

  it.effect("says whether there was anything to release", () =>
    inWorld(() =>
      Effect.map(post("/debug/brakes/release?namespace=default"), ({ body, status }) => {
        assert.strictEqual(status, 200)
        assert.deepStrictEqual(JSON.parse(body), { namespace: "default", released: false })
      })
    )
  )

  it.effect("wants a namespace, and POST", () =>
    inWorld(() =>
      Effect.gen(function* () {
        assert.strictEqual((yield* post("/debug/brakes/release")).status, 400)
        assert.strictEqual((yield* post("/debug/brakes/release?namespace=other")).status, 400)
        assert.strictEqual((yield* get("/debug/brakes/release?namespace=default")).status, 405)
      })
    )
  )
})

describe("the metrics page", () => {
  const lines = Effect.map(get("/metrics"), ({ body }) => body.split("\n"))

  it.effect("has a series per namespace and state, circuit and kind", () =>
    inWorld(() =>
      Effect.gen(function* () {
        yield* seconds(5)
        const page = yield* lines
        assert.include(page, 'fission_executor_namespace_state{namespace="default",state="Healthy"} 1')
        assert.include(page, 'fission_executor_namespace_state{namespace="default",state="Stale"} 0')
        assert.include(page, 'fission_executor_circuit_state{namespace="team-a"} 0')
        assert.isTrue(page.some((line) => /^fission_executor_watch_age_seconds\{.*resource="pods".*\} \d/u.test(line)))
      })
    )
  )

  it.effect("counts errors by class, retries, relists and teardowns that were prevented", () =>
    inWorld(({ api, fn }) =>
      Effect.gen(function* () {
        fn({ name: "hello" })
        yield* seconds(1)
        let failures = 3
        api.intercept((call) =>
          call.verb === "list" && call.resource === "environments" && failures-- > 0
            ? Effect.fail(etcdTimeout(call))
            : undefined
        )
        for (const watch of api.watches("environments", "team-a")) watch.fail(expired)
        yield* seconds(30)
        const page = yield* lines
        assert.isTrue(
          page.some((line) => /^fission_executor_api_errors_total\{.*class="TimeoutError.Etcd".*\} 3$/u.test(line)),
          page.filter((line) => line.includes("api_errors")).join("\n")
        )
        assert.isTrue(page.some((line) => /^fission_executor_api_retries_total \d+$/u.test(line)))
        assert.include(page, 'fission_executor_watch_relists_total{reason="expired"} 1')

        api.intercept((call) => (call.verb === "get" ? Effect.fail(etcdTimeout(call)) : undefined))
        api.remove(Functions, { namespace: "default", name: "hello" })
        yield* seconds(1)
        const after = yield* lines
        assert.isTrue(
          after.some((line) => /^fission_executor_unknown_not_absent_total\{kind="Function"\} \d+$/u.test(line))
        )
      })
    )
  )

  it.effect("O2: forgets the series of functions ten minutes after they have gone", () =>
    inWorld(({ api, fn }) =>
      Effect.gen(function* () {
        yield* Layer.build(FunctionSeries.layer)
        const series = Effect.map(lines, (all) => all.filter((line) => line.includes("fn-")).length)
        for (let index = 0; index < 10; index++) fn({ name: `fn-${index}` })
        yield* seconds(2)
        for (let index = 0; index < 10; index++) api.remove(Functions, { namespace: "default", name: `fn-${index}` })
        yield* TestClock.adjust("9 minutes")
        assert.strictEqual(yield* series, 20)
        yield* TestClock.adjust("3 minutes")
        assert.strictEqual(yield* series, 0)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("O8: drops the gauges of a pool whose Environment is gone", () =>
    inWorld(({ api, environment, warmPod }) =>
      Effect.gen(function* () {
        warmPod(environment(), "warm-1", "10.0.0.1")
        yield* seconds(2)
        const gauges = Effect.map(lines, (all) => all.filter((line) => line.startsWith("fission_executor_pool_")))
        assert.include(yield* gauges, 'fission_executor_pool_warm_pods{environment="nodejs",namespace="default"} 1')
        assert.include(yield* gauges, 'fission_executor_pool_target{environment="nodejs",namespace="default"} 2')
        api.remove(Environments, { namespace: "default", name: "nodejs" })
        yield* seconds(2)
        assert.deepStrictEqual(yield* gauges, [])
      })
    )
  )
})

it.effect("a page that does not exist says what does", () =>
  inWorld(() =>
    Effect.gen(function* () {
      const page: Effect.Effect<{ readonly status: number; readonly body: string }, never, PageSources> = get("/")
      const { body, status } = yield* page
      assert.strictEqual(status, 404)
      assert.include(body, "/debug/namespaces")
    })
  )
)
