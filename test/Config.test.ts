import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import { parseGoDuration, Settings, type SettingsShape, workloadNamespace } from "../src/Config.ts"

type Variables = { readonly [name: string]: string | undefined }

const read = (variables: Variables) => Effect.provide(Settings, Settings.layer(variables))
const refusal = (variables: Variables) => Effect.map(Effect.flip(read(variables)), ({ message }) => message)

/** Durations as milliseconds and secrets as text, so that settings compare by value. */
const plain = (settings: SettingsShape) => ({
  ...settings,
  podReadyTimeout: Duration.toMillis(settings.podReadyTimeout),
  ociPoolIdleReapTime: Duration.toMillis(settings.ociPoolIdleReapTime),
  reaperIntervals: {
    poolmgr: Duration.toMillis(settings.reaperIntervals.poolmgr),
    newdeploy: Duration.toMillis(settings.reaperIntervals.newdeploy),
    container: Duration.toMillis(settings.reaperIntervals.container)
  },
  provisioned: { ...settings.provisioned, interval: Duration.toMillis(settings.provisioned.interval) },
  gracefulShutdownTimeout: Duration.toMillis(settings.gracefulShutdownTimeout),
  leaseDuration: Duration.toMillis(settings.leaseDuration),
  internalAuth: {
    ...settings.internalAuth,
    secret: settings.internalAuth.secret && Redacted.value(settings.internalAuth.secret),
    previousSecret: settings.internalAuth.previousSecret && Redacted.value(settings.internalAuth.previousSecret)
  },
  telemetry: { ...settings.telemetry, headers: Redacted.value(settings.telemetry.headers) }
})

const defaults: ReturnType<typeof plain> = {
  namespaces: ["default"],
  functionNamespace: "",
  podReadyTimeout: 300_000,
  runtimeImagePullPolicy: "IfNotPresent",
  reaperIntervals: { poolmgr: 5000, newdeploy: 5000, container: 5000 },
  adoptExistingResources: true,
  deletionBrakePercent: 30,
  reaperDryRun: false,
  metricsAddress: { host: undefined, port: 8080 },
  operatorPage: true,
  leaderElection: false,
  leaseNamespace: "",
  leaseDuration: 15_000,
  disableOwnerReferences: false,
  finalizerEnabled: false,
  istio: false,
  functionServices: false,
  ociImageVolume: false,
  ociPoolIdleReapTime: 300_000,
  podSpecPatch: {},
  clusterDomain: "cluster.local",
  stateServiceUrl: "",
  gracefulShutdownTimeout: 30_000,
  bodyLimit: 33_554_432,
  specializationConcurrency: 0,
  warmReserve: 1,
  provisioned: { enabled: false, maxPerFunction: 20, maxInFlightPerFunction: 4, interval: 30_000 },
  poolSurge: 0,
  maxPendingSpecializations: 20,
  fetcher: {
    image: "ghcr.io/fission/fetcher",
    imagePullPolicy: "IfNotPresent",
    requests: {},
    limits: {},
    allowInsecureRegistries: ""
  },
  internalAuth: { secret: undefined, previousSecret: undefined, secretName: "fission-internal-auth" },
  telemetryVariables: [],
  telemetry: {
    endpoint: undefined,
    headers: {},
    sampler: { ratio: 1, parentBased: true },
    logs: false,
    metrics: false
  },
  debug: false,
  invalid: []
}

describe("the settings", () => {
  it.effect("have a default each", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(plain(yield* read({})), defaults)
    })
  )

  it.effect("take an empty variable for a missing one", () =>
    Effect.gen(function* () {
      const empty = {
        FISSION_DEFAULT_NAMESPACE: "",
        FISSION_RESOURCE_NAMESPACES: "",
        POD_READY_TIMEOUT: "",
        RUNTIME_IMAGE_PULL_POLICY: "",
        OBJECT_REAPER_INTERVAL: "",
        DISABLE_OWNER_REFERENCES: "",
        FETCHER_IMAGE: "",
        FETCHER_MINCPU: "",
        FISSION_INTERNAL_AUTH_SECRET_NAME: ""
      }
      assert.deepStrictEqual(plain(yield* read(empty)), defaults)
    })
  )

  it.effect("are read from the variables of the chart", () =>
    Effect.gen(function* () {
      const settings = yield* read({
        FISSION_DEFAULT_NAMESPACE: "default",
        FISSION_RESOURCE_NAMESPACES: "team-a, team-b ,,default,team-a",
        FISSION_FUNCTION_NAMESPACE: " functions ",
        POD_READY_TIMEOUT: "1m30s",
        RUNTIME_IMAGE_PULL_POLICY: "Always",
        OBJECT_REAPER_INTERVAL: "9",
        POOLMGR_OBJECT_REAPER_INTERVAL: "7",
        CONTAINER_OBJECT_REAPER_INTERVAL: "8",
        ADOPT_EXISTING_RESOURCES: "false",
        EXECUTOR_DELETION_BRAKE_PERCENT: "100",
        EXECUTOR_REAPER: "dry-run",
        METRICS_ADDR: "[::1]:9090",
        EXECUTOR_OPERATOR_PAGE_ENABLED: "false",
        DISABLE_OWNER_REFERENCES: "T",
        FINALIZER_ENABLED: "true",
        ENABLE_ISTIO: "0",
        ENABLE_FUNCTION_SERVICES: "true",
        ENABLE_OCI_IMAGE_VOLUME: "true",
        OCI_POOL_IDLE_REAP_TIME: "7m",
        STATESVC_URL: "http://statesvc",
        GRACEFUL_SHUTDOWN_TIMEOUT: "45s",
        EXECUTOR_BODY_LIMIT_BYTES: "1024",
        EXECUTOR_SPECIALIZATION_CONCURRENCY: "8",
        EXECUTOR_WARM_RESERVE: "10",
        EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "true",
        EXECUTOR_PROVISIONED_MAX_PER_FUNCTION: "5",
        EXECUTOR_PROVISIONED_MAX_INFLIGHT_PER_FUNCTION: "2",
        EXECUTOR_PROVISIONED_RECONCILE_INTERVAL: "1m",
        EXECUTOR_POOL_SURGE: "6",
        EXECUTOR_MAX_PENDING_SPECIALIZATIONS_PER_FUNCTION: "0",
        FETCHER_IMAGE: "fetcher:1",
        FETCHER_IMAGE_PULL_POLICY: "Never",
        FETCHER_MINCPU: "10m",
        FETCHER_MINMEM: "16Mi",
        FETCHER_MAXCPU: "1",
        FETCHER_MAXMEM: "1.5Gi",
        FETCHER_ALLOW_INSECURE_REGISTRIES: "registry.local",
        FISSION_INTERNAL_AUTH_SECRET: " raw bytes ",
        FISSION_INTERNAL_AUTH_SECRET_OLD: "before",
        FISSION_INTERNAL_AUTH_SECRET_NAME: "auth",
        LEADER_ELECTION_ENABLED: "true",
        FISSION_LEASE_NAMESPACE: "fission",
        EXECUTOR_LEASE_DURATION: "30s",
        OTEL_EXPORTER_OTLP_ENDPOINT: "collector.observability:4317",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic YTpi==, x-tenant=a",
        OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG: "0.1",
        OTEL_LOGS_ENABLED: "true",
        OTEL_METRICS_EXPORTER: "prometheus,otlp",
        DEBUG_ENV: "true",
        PATH: "/bin"
      })
      assert.deepStrictEqual(plain(settings), {
        namespaces: ["default", "team-a", "team-b"],
        functionNamespace: "functions",
        podReadyTimeout: 90_000,
        runtimeImagePullPolicy: "Always",
        reaperIntervals: { poolmgr: 7000, newdeploy: 9000, container: 8000 },
        adoptExistingResources: false,
        deletionBrakePercent: 100,
        reaperDryRun: true,
        metricsAddress: { host: "::1", port: 9090 },
        operatorPage: false,
        leaderElection: true,
        leaseNamespace: "fission",
        leaseDuration: 30_000,
        disableOwnerReferences: true,
        finalizerEnabled: true,
        istio: false,
        functionServices: true,
        ociImageVolume: true,
        ociPoolIdleReapTime: 420_000,
        podSpecPatch: {},
        clusterDomain: "cluster.local",
        stateServiceUrl: "http://statesvc",
        gracefulShutdownTimeout: 45_000,
        bodyLimit: 1024,
        specializationConcurrency: 8,
        warmReserve: 10,
        provisioned: { enabled: true, maxPerFunction: 5, maxInFlightPerFunction: 2, interval: 60_000 },
        poolSurge: 6,
        maxPendingSpecializations: 0,
        fetcher: {
          image: "fetcher:1",
          imagePullPolicy: "Never",
          requests: { cpu: "10m", memory: "16Mi" },
          limits: { cpu: "1", memory: "1.5Gi" },
          allowInsecureRegistries: "registry.local"
        },
        internalAuth: { secret: " raw bytes ", previousSecret: "before", secretName: "auth" },
        telemetryVariables: [
          ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector.observability:4317"],
          ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic YTpi==, x-tenant=a"],
          ["OTEL_TRACES_SAMPLER", "parentbased_traceidratio"],
          ["OTEL_TRACES_SAMPLER_ARG", "0.1"],
          ["OTEL_LOGS_ENABLED", "true"],
          ["OTEL_METRICS_EXPORTER", "prometheus,otlp"]
        ],
        telemetry: {
          endpoint: "http://collector.observability:4318",
          headers: { authorization: "Basic YTpi==", "x-tenant": "a" },
          sampler: { ratio: 0.1, parentBased: true },
          logs: true,
          metrics: true
        },
        debug: true,
        invalid: []
      })
    })
  )

  it.effect("take the reaper's interval of every type where poolmgr has none of its own", () =>
    Effect.gen(function* () {
      const settings = yield* read({ OBJECT_REAPER_INTERVAL: "9" })
      assert.strictEqual(Duration.toSeconds(settings.reaperIntervals.poolmgr), 9)
    })
  )

  it.effect("have no headless Services, reserve or provisioned pods in a mesh, where a function has one pod", () =>
    Effect.gen(function* () {
      const { functionServices, istio, provisioned, warmReserve } = yield* read({
        ENABLE_ISTIO: "1",
        ENABLE_FUNCTION_SERVICES: "true",
        EXECUTOR_WARM_RESERVE: "2",
        EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "true"
      })
      assert.deepStrictEqual([istio, functionServices, warmReserve, provisioned.enabled], [true, false, 0, false])
    })
  )

  it.effect("print no secret", () =>
    Effect.gen(function* () {
      const settings = yield* read({
        FISSION_INTERNAL_AUTH_SECRET: "hush",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=hush,hush"
      })
      // Pods get the variables as they are.
      assert.notInclude(JSON.stringify({ ...settings, telemetryVariables: [] }), "hush")
    })
  )
})

describe("18.11: a value that cannot be used", () => {
  it.effect.each<readonly [setting: string, value: string, used: string]>([
    ["POD_READY_TIMEOUT", "five minutes", "300s"],
    ["POD_READY_TIMEOUT", "0", "300s"],
    ["POD_READY_TIMEOUT", "-5s", "300s"],
    ["RUNTIME_IMAGE_PULL_POLICY", "always", "IfNotPresent"],
    ["OBJECT_REAPER_INTERVAL", "0", "5 s"],
    ["OBJECT_REAPER_INTERVAL", "5s", "5 s"],
    ["POOLMGR_OBJECT_REAPER_INTERVAL", "-1", "OBJECT_REAPER_INTERVAL"],
    ["EXECUTOR_DELETION_BRAKE_PERCENT", "0", "30"],
    ["EXECUTOR_DELETION_BRAKE_PERCENT", "101", "30"],
    ["EXECUTOR_DELETION_BRAKE_PERCENT", "30%", "30"],
    ["EXECUTOR_REAPER", "off", "on"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "not a host", "no export"],
    ["OTEL_TRACES_SAMPLER", "sometimes", "parentbased_always_on"],
    ["METRICS_ADDR", "8080", ":8080"],
    ["METRICS_ADDR", ":99999", ":8080"],
    ["METRICS_ADDR", "::1:8080", ":8080"],
    ["DISABLE_OWNER_REFERENCES", "yes", "false"],
    ["FINALIZER_ENABLED", "on", "false"],
    ["ENABLE_ISTIO", "enabled", "false"],
    ["ENABLE_FUNCTION_SERVICES", "yes", "false"],
    ["GRACEFUL_SHUTDOWN_TIMEOUT", "30", "30s"],
    ["EXECUTOR_BODY_LIMIT_BYTES", "0", "33554432"],
    ["EXECUTOR_SPECIALIZATION_CONCURRENCY", "many", "0"],
    ["EXECUTOR_WARM_RESERVE", "-1", "1"],
    ["EXECUTOR_WARM_RESERVE", "two", "1"],
    ["EXECUTOR_WARM_RESERVE", "1.5", "1"],
    ["EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED", "on", "false"],
    ["EXECUTOR_PROVISIONED_MAX_PER_FUNCTION", "0", "20"],
    ["EXECUTOR_PROVISIONED_MAX_INFLIGHT_PER_FUNCTION", "-4", "4"],
    ["EXECUTOR_PROVISIONED_RECONCILE_INTERVAL", "0s", "30s"],
    ["EXECUTOR_PROVISIONED_RECONCILE_INTERVAL", "30", "30s"],
    ["EXECUTOR_POOL_SURGE", "-1", "0"],
    ["EXECUTOR_POOL_SURGE", "some", "0"],
    ["EXECUTOR_MAX_PENDING_SPECIALIZATIONS_PER_FUNCTION", "-1", "20"],
    ["FETCHER_IMAGE_PULL_POLICY", "sometimes", "IfNotPresent"]
  ])("falls back to the default and is named: %s=%s", ([setting, value, used]) =>
    Effect.gen(function* () {
      const settings = plain(yield* read({ [setting]: value }))
      const { telemetryVariables } = settings
      assert.deepStrictEqual(settings, { ...defaults, telemetryVariables, invalid: [{ setting, value, used }] })
    })
  )
})

describe("a start is refused", () => {
  it.effect.each<readonly [name: string, variables: Variables, message: string]>([
    [
      "a blank secret",
      { FISSION_INTERNAL_AUTH_SECRET: "  " },
      "FISSION_INTERNAL_AUTH_SECRET: is set but blank; unset it to turn internal auth off"
    ],
    [
      "an empty secret",
      { FISSION_INTERNAL_AUTH_SECRET: "" },
      "FISSION_INTERNAL_AUTH_SECRET: is set but blank; unset it to turn internal auth off"
    ],
    [
      "a blank previous secret",
      { FISSION_INTERNAL_AUTH_SECRET: "now", FISSION_INTERNAL_AUTH_SECRET_OLD: "\n" },
      "FISSION_INTERNAL_AUTH_SECRET_OLD: is set but blank; unset it to turn internal auth off"
    ],
    [
      "a previous secret without a current one",
      { FISSION_INTERNAL_AUTH_SECRET_OLD: "before" },
      "FISSION_INTERNAL_AUTH_SECRET_OLD: is set without FISSION_INTERNAL_AUTH_SECRET, which would leave every request unsigned"
    ],
    [
      "a quantity that is none",
      { FETCHER_MINCPU: "ten" },
      'FETCHER_MINCPU: "ten" is not a Kubernetes quantity such as 100m'
    ],
    [
      "a quantity of an unknown unit",
      { FETCHER_MAXMEM: "1GB" },
      'FETCHER_MAXMEM: "1GB" is not a Kubernetes quantity such as 100m'
    ]
  ])("because of %s", ([, variables, message]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* refusal(variables), message)
    })
  )
})

it.each<readonly [text: string, millis: number | undefined]>([
  ["300s", 300_000],
  ["1h30m", 5_400_000],
  ["1.5s", 1500],
  ["100ms", 100],
  ["0", 0],
  ["+2s", 2000],
  ["2500us", 2.5],
  ["30", undefined],
  ["-5s", undefined],
  ["1d", undefined],
  ["", undefined]
])("Go's duration %s", (text, millis) => {
  const duration = parseGoDuration(text)
  assert.strictEqual(duration && Duration.toMillis(duration), millis)
})

it.effect("workloads of the default namespace live in the function namespace, where one is set", () =>
  Effect.gen(function* () {
    const settings = yield* read({ FISSION_FUNCTION_NAMESPACE: "functions" })
    assert.strictEqual(workloadNamespace(settings, "default"), "functions")
    assert.strictEqual(workloadNamespace(settings, "team-a"), "team-a")
    assert.strictEqual(workloadNamespace(yield* read({}), "default"), "default")
  })
)
