import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import { request } from "undici"
import { version } from "../../src/cli/version.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as CommandProcess from "../cli/CommandProcess.ts"
import { documentedMetrics, parsePage } from "../fakes/Scrape.ts"
import { listen, sendJson } from "../fakes/StubServer.ts"
import * as World from "./World.ts"

const host = "127.0.0.1"

/** Words that no line of the log may hold (observability.md section 9, row 6). */
const canary = "canary-7f3a"

/** The executor, a process of its own that logs everything, and the collector of its traces. */
class Subject extends Context.Service<
  Subject,
  {
    readonly url: string
    readonly metrics: Effect.Effect<string>
    readonly lines: () => ReadonlyArray<string>
    readonly nextSpans: Effect.Effect<ReadonlyArray<typeof Span.Type>>
  }
>()("test/e2e/Telemetry/Subject") {}

const Span = Schema.Struct({
  name: Schema.String,
  kind: Schema.Int,
  traceId: Schema.String,
  spanId: Schema.String,
  parentSpanId: Schema.optional(Schema.String)
})

const Export = Schema.Struct({
  resourceSpans: Schema.Array(Schema.Struct({ scopeSpans: Schema.Array(Schema.Struct({ spans: Schema.Array(Span) })) }))
})

const subject = Layer.effect(
  Subject,
  Effect.gen(function* () {
    const { url: apiServer } = yield* ApiServer
    const collector = yield* listen((_, response) => sendJson(response, {}))
    const [port, metricsPort] = [yield* CommandProcess.freePort, yield* CommandProcess.freePort]
    const executor = yield* CommandProcess.start(
      ["serve", "--executorPort", String(port), "--host", host, "--api-server", apiServer],
      {
        METRICS_ADDR: `${host}:${metricsPort}`,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: `authorization=${canary}`,
        OTEL_TRACES_SAMPLER: "parentbased_always_off",
        ENABLE_FUNCTION_SERVICES: "true",
        FINALIZER_ENABLED: "sure",
        DEBUG_ENV: "true"
      }
    )
    const url = `http://${host}:${port}`
    yield* World.isSo(
      World.http(`${url}/readyz`).pipe(
        Effect.map(({ status }) => status === 200),
        Effect.catchDefect(() => Effect.succeed(false))
      )
    )
    return Subject.of({
      url,
      metrics: Effect.map(World.http(`http://${host}:${metricsPort}/metrics`), ({ body }) => body),
      lines: () => executor.stdout().split("\n").slice(0, -1),
      nextSpans: Effect.map(collector.nextRequest, ({ body }) =>
        Schema.decodeUnknownSync(Export)(body).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans)
        )
      )
    })
  })
)

const cluster = Layer.unwrap(
  Effect.map(ApiServer, ({ url }) => KubernetesApiLive.layer(Credentials.fromServer(url), "test"))
).pipe(Layer.provideMerge(DevCluster.layer({ host, port: 0, namespaces: ["default"] })))

const ask = Effect.fnUntraced(function* (name: string, headers: { readonly [name: string]: string } = {}) {
  const fn = yield* KubernetesApi.use((api) => api.get(Functions, { namespace: "default", name }))
  const { url } = yield* Subject
  return yield* Effect.promise(async () => {
    const answer = await request(`${url}/v2/getServiceForFunction`, {
      method: "POST",
      headers,
      body: JSON.stringify(fn)
    })
    return { status: answer.statusCode, body: await answer.body.text() }
  })
})

/** Spans as they come in, until some satisfy the test. */
const spansUntil = Effect.fnUntraced(function* (isEnough: (spans: ReadonlyArray<typeof Span.Type>) => boolean) {
  const { nextSpans } = yield* Subject
  const spans: Array<typeof Span.Type> = []
  while (!isEnough(spans)) spans.push(...(yield* nextSpans))
  return spans
})

const has = (name: string) => (spans: ReadonlyArray<typeof Span.Type>) => spans.some((span) => span.name === name)

const Line = Schema.StructWithRest(
  Schema.Struct({
    level: Schema.Literals(["debug", "info", "warn", "error", "fatal"]),
    ts: Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u)),
    logger: Schema.String.check(Schema.isPattern(/^[a-z][a-z.]*$/u)),
    msg: Schema.String.check(Schema.isMinLength(1)),
    function: Schema.optionalKey(Schema.String),
    namespace: Schema.optionalKey(Schema.String),
    generation: Schema.optionalKey(Schema.Int),
    executor_type: Schema.optionalKey(Schema.Literals(["poolmgr", "newdeploy", "container"])),
    duration_ms: Schema.optionalKey(Schema.Int),
    request_id: Schema.optionalKey(Schema.String),
    verb: Schema.optionalKey(Schema.Literals(["get", "list", "watch", "create", "update", "patch", "delete"])),
    class: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[A-Z]\w+(\.\w+)?$/u))),
    elapsedMs: Schema.optionalKey(Schema.Finite),
    trace_id: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/u))),
    span_id: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^[0-9a-f]{16}$/u)))
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)
const decodeLine = Schema.decodeUnknownSync(Schema.fromJsonString(Line))

const traceId = "0af7651916cd43dd8448eb211c80319c"
const caller = "b7ad6b7169203331"

layer(subject.pipe(Layer.provideMerge(cluster)), { excludeTestServices: true })("telemetry of a process", (it) => {
  it.effect("a failed cold start is exported at ratio 0, in the trace of its caller (row 5)", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 2 })
      yield* World.warm(1)
      yield* World.createFunction("broken", `throw new Error("no luck")`)
      const { status } = yield* ask("broken", { traceparent: `00-${traceId}-${caller}-00` })
      assert.strictEqual(status, 500)
      const spans = yield* spansUntil(has("coldstart/specialize"))
      assert.isFalse(has("POST /v2/getServiceForFunction")(spans))
      assert.isTrue(spans.every((span) => span.traceId === traceId))
    })
  )

  it.effect("whatever was logged keeps the contract, and no secret is in it (rows 6, 7)", () =>
    Effect.gen(function* () {
      const faults = yield* Faults
      yield* World.createFunction("hello")
      yield* World.warm(1)
      assert.strictEqual((yield* ask("hello")).status, 200)
      yield* World.createFunction("deployed", World.answering("deployed"), {
        InvokeStrategy: {
          StrategyType: "execution",
          ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1, SpecializationTimeout: 120 }
        }
      })
      assert.strictEqual((yield* ask("deployed")).status, 200)
      const its = { resource: "environments", client: `fission-executor/${version}` }
      yield* faults.inject({ ...its, verb: "watch", action: { type: "expireWatch" } })
      yield* faults.inject({ ...its, verb: "list", action: { type: "error", preset: "etcdTimeout" } })
      const { lines } = yield* Subject
      yield* World.isSo(Effect.sync(() => lines().some((line) => line.includes(`"verb":"list"`))))
      yield* faults.liftAll
      yield* World.isSo(Effect.sync(() => lines().some((line) => line.includes("list and watch work again"))))
      const logged = lines().map((line) => decodeLine(line))
      assert.notInclude(lines().join("\n"), canary)
      const specialized = logged.filter(({ msg }) => msg === "function specialized")
      assert.deepStrictEqual(
        specialized.map((line) => [line.function, line.executor_type, typeof line.request_id]),
        [
          ["hello", "poolmgr", "string"],
          ["deployed", "newdeploy", "string"]
        ]
      )
      assert.includeMembers(Object.keys(specialized[0] ?? {}), ["choose_pod_ms", "fetch_specialize_ms", "generation"])
      assert.isTrue(logged.some((line) => line.verb === "list" && line.class === "TimeoutError.Etcd"))
    })
  )

  it.effect("every metric has the type, labels and buckets of its table, and no other is there (row 1)", () =>
    Effect.gen(function* () {
      const { metrics, url } = yield* Subject
      const hello = { namespace: "default", name: "hello" }
      yield* World.createFunction("narrow", World.answering("narrow"), { concurrency: 1, requestsPerPod: 1 })
      yield* World.warm(1)
      const answers = [yield* ask("narrow"), yield* ask("narrow")]
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [200, 429]
      )
      const { metadata } = yield* KubernetesApi.use((api) => api.get(Functions, hello))
      yield* KubernetesDeletion.use((door) => door.delete(Functions, hello, { uid: metadata.uid ?? "" }))
      yield* World.http(`${url}/nowhere`)
      const scraped = yield* World.eventually(
        Effect.map(metrics, (page) => {
          const found = parsePage(page)
          return found.has("fission_function_running_seconds") ? found : undefined
        })
      )
      const missing = documentedMetrics.filter(({ name, rare }) => rare === undefined && !scraped.has(name))
      assert.deepStrictEqual(
        missing.map(({ name }) => name),
        []
      )
      assert.deepStrictEqual(
        [...scraped].map(([name, { buckets, labels, type }]) => ({ name, type, labels: [...labels], buckets })),
        [...scraped.keys()].map((name) => {
          const row = documentedMetrics.find((metric) => metric.name === name)
          const labels = [...(row?.labels ?? [])].sort().join()
          return { name, type: row?.type ?? "undocumented", labels: [labels], buckets: [...(row?.buckets ?? [])] }
        })
      )
    })
  )

  it.effect("requests to the API server are counted (row 4, in part)", () =>
    Effect.gen(function* () {
      const page = yield* Subject.use(({ metrics }) => metrics)
      assert.match(page, /^rest_client_requests_total\{code="200",method="GET",host="127\.0\.0\.1:\d+"\} \d+$/mu)
      assert.match(page, /^fission_executor_config_invalid_total\{name="FINALIZER_ENABLED"\} 1$/mu)
    })
  )
})
