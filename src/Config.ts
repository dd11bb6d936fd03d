import { Context, Duration, Effect, Layer, Redacted, Result } from "effect"
import { ConfigurationError } from "./Errors.ts"
import { readTelemetrySettings, type TelemetrySettings } from "./TelemetrySettings.ts"
import { type PodSpecPatch, readPodSpecPatch } from "./PodSpecPatch.ts"

/** What the executor puts into the fetcher sidecar (configuration-and-deployment.md section 4.3). */
export interface FetcherSettings {
  readonly image: string
  readonly imagePullPolicy: PullPolicy
  /** Kubernetes quantities by resource name; empty when nothing is requested. */
  readonly requests: { readonly [resource: string]: string }
  readonly limits: { readonly [resource: string]: string }
  readonly allowInsecureRegistries: string
}

/** Provisioned concurrency (configuration-and-deployment.md section 4.1). */
export interface ProvisionedSettings {
  /** Off: nothing is held warm, and what was is so no longer. */
  readonly enabled: boolean
  /** Most pods that are held warm for one function, whatever it asks for. */
  readonly maxPerFunction: number
  /** Pods that are specialized ahead for one function at a time. */
  readonly maxInFlightPerFunction: number
  /** Longest time between two looks at a function. */
  readonly interval: Duration.Duration
}

export type PullPolicy = "Always" | "Never" | "IfNotPresent"

/** Keys that sign requests between Fission's components (http-api.md section 8). */
export interface InternalAuthSettings {
  /** Undefined: nothing is signed or verified. */
  readonly secret: Redacted.Redacted | undefined
  /** Accepted besides `secret` while it is being rotated. */
  readonly previousSecret: Redacted.Redacted | undefined
  /** Name of the Secret that pod specs refer to. */
  readonly secretName: string
}

/** Every setting of the process, read once (configuration-and-deployment.md section 4). */
export interface SettingsShape {
  /** Namespaces that hold Fission's resources: trimmed, without duplicates, never empty. */
  readonly namespaces: ReadonlyArray<string>
  /** Where workloads of resources in namespace `default` live; empty: in `default` itself. */
  readonly functionNamespace: string
  /** Longest wait for a warm pod. */
  readonly podReadyTimeout: Duration.Duration
  readonly runtimeImagePullPolicy: PullPolicy
  /** Time between two idle passes of a namespace, before jitter, by executor type. */
  readonly reaperIntervals: {
    readonly poolmgr: Duration.Duration
    readonly newdeploy: Duration.Duration
    readonly container: Duration.Duration
  }
  /** Share of a namespace's objects above which deletions for absent owners stop (failure-semantics.md section 9.2). */
  readonly deletionBrakePercent: number
  /** Whether idle and orphaned objects are only named, and not deleted. */
  readonly reaperDryRun: boolean
  /** Where metrics and the debug pages are served. */
  readonly metricsAddress: ListenAddress
  /** Whether replicas elect a leader; without, each one leads. */
  readonly leaderElection: boolean
  /** Namespace of the Lease; empty: that of the pod. */
  readonly leaseNamespace: string
  /** How long the others wait for a leader that has stopped to renew; it gives up itself after two thirds of it. */
  readonly leaseDuration: Duration.Duration
  readonly disableOwnerReferences: boolean
  /** False asks for what we never do: to delete at the start what an earlier process made (lifecycle.md section 6.2). */
  readonly adoptExistingResources: boolean
  /** Whether Functions get our finalizer; where not, one that is there is taken off (resources.md section 2.5). */
  readonly finalizerEnabled: boolean
  /** Whether a service mesh is there, out of which pods with access to the external network are kept. */
  readonly istio: boolean
  /** Whether functions get headless Services, through which routers find their pods without asking; not in a mesh. */
  readonly functionServices: boolean
  /** Whether pods mount the images of OCI packages, where the API server knows such volumes (poolmgr.md section 18). */
  readonly ociImageVolume: boolean
  /** Time without use after which the pool of one image goes; see `ImagePools`. */
  readonly ociPoolIdleReapTime: Duration.Duration
  /** Laid over the pod spec of every pool; empty where the operator has none, or none that can be used. */
  readonly podSpecPatch: PodSpecPatch
  /** What the names of Services end with. */
  readonly clusterDomain: string
  /** Empty: functions get no state service variables. */
  readonly stateServiceUrl: string
  readonly gracefulShutdownTimeout: Duration.Duration
  /** Largest request body that is read, in bytes. */
  readonly bodyLimit: number
  /** Creations that may run at the same time, of all executor types together; 0 is no bound. */
  readonly specializationConcurrency: number
  /** Pods to hold ready outside each pool, for cold starts without the Kubernetes API; 0: none. See `reserveSize`. */
  readonly warmReserve: number
  /** What is held warm for functions that ask for it (poolmgr.md section 17). */
  readonly provisioned: ProvisionedSettings
  /** Pods that a pool may have beyond its size while requests wait for one; 0: none. */
  readonly poolSurge: number
  /** Creations of one function in flight above which `ensureCapacity` refuses; 0 is no bound. */
  readonly maxPendingSpecializations: number
  readonly fetcher: FetcherSettings
  readonly internalAuth: InternalAuthSettings
  /** `OTEL_*` variables that are forwarded into fetcher containers, in the order of the environment. */
  readonly telemetryVariables: ReadonlyArray<readonly [name: string, value: string]>
  readonly telemetry: TelemetrySettings
  /** Whether log lines for debugging are written too. */
  readonly debug: boolean
  /** Settings whose value was not usable; each fell back to its default. */
  readonly invalid: ReadonlyArray<{ readonly setting: string; readonly value: string; readonly used: string }>
}

/** Where to listen, in the form of Go: `:8080`, `127.0.0.1:8080`, `[::1]:8080`. */
export interface ListenAddress {
  /** Undefined: every address of this machine. */
  readonly host: string | undefined
  readonly port: number
}

type EnvironmentVariables = { readonly [name: string]: string | undefined }

const goDurationUnits: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000
}

/** Go's duration syntax: `1h30m`, `300s`, a bare `0`. Undefined when it is none. */
export const parseGoDuration = (text: string): Duration.Duration | undefined => {
  if (text === "0") return Duration.zero
  if (!/^\+?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/u.test(text)) return undefined
  let millis = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gu)) {
    millis += Number(number) * (goDurationUnits[unit ?? ""] ?? 0)
  }
  return Duration.millis(millis)
}

const parseBoolean = (text: string): boolean | undefined => {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true
  return ["0", "f", "F", "FALSE", "false", "False"].includes(text) ? false : undefined
}

const parsePullPolicy = (text: string): PullPolicy | undefined =>
  text === "Always" || text === "Never" || text === "IfNotPresent" ? text : undefined

const parseSeconds = (text: string): Duration.Duration | undefined =>
  /^\d+$/u.test(text) && Number(text) >= 1 ? Duration.seconds(Number(text)) : undefined

const parseBytes = (text: string): number | undefined =>
  /^\d+$/u.test(text) && Number(text) > 0 ? Number(text) : undefined

const parseInteger = (text: string): number | undefined => (/^[+-]?\d{1,15}$/u.test(text) ? Number(text) : undefined)

/** 0 and anything below mean that there is no bound (http-api.md section 6). */
const parseBound = (text: string): number | undefined => {
  const value = parseInteger(text)
  return value === undefined ? undefined : Math.max(0, value)
}

const parsePercent = (text: string): number | undefined =>
  /^\d{1,3}$/u.test(text) && Number(text) >= 1 && Number(text) <= 100 ? Number(text) : undefined

const parseListenAddress = (text: string): ListenAddress | undefined => {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/u.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) return undefined
  const host = bracketed ?? plain ?? ""
  return { host: host === "" ? undefined : host, port: Number(port) }
}

const parseReaper = (text: string): "on" | "dry-run" | undefined =>
  text === "on" || text === "dry-run" ? text : undefined

const parseCount = (text: string): number | undefined => {
  const value = parseInteger(text)
  return value !== undefined && value >= 0 ? value : undefined
}

const parsePositiveCount = (text: string): number | undefined => {
  const value = parseInteger(text)
  return value !== undefined && value >= 1 ? value : undefined
}

const positive = (parse: (text: string) => Duration.Duration | undefined) => (text: string) => {
  const duration = parse(text)
  return duration !== undefined && Duration.toMillis(duration) > 0 ? duration : undefined
}

const atLeast =
  (least: Duration.Duration, parse: (text: string) => Duration.Duration | undefined) => (text: string) => {
    const duration = parse(text)
    return duration !== undefined && Duration.isGreaterThanOrEqualTo(duration, least) ? duration : undefined
  }

/** A Kubernetes quantity: a decimal with an optional binary, decimal or exponent suffix. */
const isQuantity = (text: string): boolean =>
  /^[+-]?(\d+(\.\d*)?|\.\d+)(([KMGTPE]i)|[numkMGTPE]|([eE][+-]?\d+))?$/u.test(text)

/**
 * Reads the settings from environment variables, and the one file that they name. Throws a `ConfigurationError` where a
 * start must be refused.
 */
const fromVariables = (variables: EnvironmentVariables): SettingsShape => {
  const invalid: Array<{ readonly setting: string; readonly value: string; readonly used: string }> = []

  const read = <A>(name: string, parse: (text: string) => A | undefined, fallback: A, shown = String(fallback)): A => {
    const text = variables[name] ?? ""
    if (text === "") return fallback
    const value = parse(text)
    if (value !== undefined) return value
    invalid.push({ setting: name, value: text, used: shown })
    return fallback
  }
  const text = (name: string, fallback = ""): string => read(name, (value) => value, fallback)

  const secret = (name: string): Redacted.Redacted | undefined => {
    const value = variables[name]
    if (value === undefined) return undefined
    if (value.trim() === "") {
      throw new ConfigurationError({ setting: name, detail: "is set but blank; unset it to turn internal auth off" })
    }
    return Redacted.make(value)
  }
  const currentSecret = secret("FISSION_INTERNAL_AUTH_SECRET")
  const previousSecret = secret("FISSION_INTERNAL_AUTH_SECRET_OLD")
  if (currentSecret === undefined && previousSecret !== undefined) {
    throw new ConfigurationError({
      setting: "FISSION_INTERNAL_AUTH_SECRET_OLD",
      detail: "is set without FISSION_INTERNAL_AUTH_SECRET, which would leave every request unsigned"
    })
  }

  const quantities = (cpu: string, memory: string): { readonly [resource: string]: string } => {
    const found: { [resource: string]: string } = {}
    for (const [resource, name] of [
      ["cpu", cpu],
      ["memory", memory]
    ] as const) {
      const value = variables[name] ?? ""
      if (value === "") continue
      if (!isQuantity(value)) {
        throw new ConfigurationError({ setting: name, detail: `"${value}" is not a Kubernetes quantity such as 100m` })
      }
      found[resource] = value
    }
    return found
  }

  /** The file is named by a variable so that an executor outside a container can have one. */
  const podSpecPatch = (): PodSpecPatch => {
    const setting = "EXECUTOR_PODSPEC_PATCH_FILE"
    const file = text(setting, "/etc/fission/runtime-podspec-patch.yaml")
    return Result.getOrElse(readPodSpecPatch(file), (problem) => {
      invalid.push({ setting, value: `${file}: ${problem}`, used: "no patch" })
      return {}
    })
  }

  const names = [variables["FISSION_DEFAULT_NAMESPACE"] ?? "", ...text("FISSION_RESOURCE_NAMESPACES").split(",")]
  const namespaces = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ""))]
  const istio = read("ENABLE_ISTIO", parseBoolean, false)
  const functionServices = read("ENABLE_FUNCTION_SERVICES", parseBoolean, false)
  const reaperInterval = read("OBJECT_REAPER_INTERVAL", parseSeconds, Duration.seconds(5), "5 s")
  const reaperIntervalOf = (type: string) =>
    read(`${type}_OBJECT_REAPER_INTERVAL`, parseSeconds, reaperInterval, "OBJECT_REAPER_INTERVAL")

  return {
    namespaces: namespaces.length === 0 ? ["default"] : namespaces,
    functionNamespace: text("FISSION_FUNCTION_NAMESPACE").trim(),
    podReadyTimeout: read("POD_READY_TIMEOUT", positive(parseGoDuration), Duration.seconds(300), "300s"),
    runtimeImagePullPolicy: read("RUNTIME_IMAGE_PULL_POLICY", parsePullPolicy, "IfNotPresent"),
    reaperIntervals: {
      poolmgr: reaperIntervalOf("POOLMGR"),
      newdeploy: reaperIntervalOf("NEWDEPLOY"),
      container: reaperIntervalOf("CONTAINER")
    },
    adoptExistingResources: read("ADOPT_EXISTING_RESOURCES", parseBoolean, true),
    deletionBrakePercent: read("EXECUTOR_DELETION_BRAKE_PERCENT", parsePercent, 30),
    reaperDryRun: read("EXECUTOR_REAPER", parseReaper, "on") === "dry-run",
    metricsAddress: read("METRICS_ADDR", parseListenAddress, { host: undefined, port: 8080 }, ":8080"),
    leaderElection: read("LEADER_ELECTION_ENABLED", parseBoolean, false),
    leaseNamespace: text("FISSION_LEASE_NAMESPACE", text("POD_NAMESPACE")).trim(),
    leaseDuration: read(
      "EXECUTOR_LEASE_DURATION",
      atLeast(Duration.seconds(6), parseGoDuration),
      Duration.seconds(15),
      "15s"
    ),
    disableOwnerReferences: read("DISABLE_OWNER_REFERENCES", parseBoolean, false),
    finalizerEnabled: read("FINALIZER_ENABLED", parseBoolean, false),
    istio,
    functionServices: functionServices && !istio,
    ociImageVolume: read("ENABLE_OCI_IMAGE_VOLUME", parseBoolean, false),
    ociPoolIdleReapTime: read("OCI_POOL_IDLE_REAP_TIME", positive(parseGoDuration), Duration.minutes(5), "5m"),
    podSpecPatch: podSpecPatch(),
    clusterDomain: text("CLUSTER_DOMAIN", "cluster.local"),
    stateServiceUrl: text("STATESVC_URL"),
    gracefulShutdownTimeout: read("GRACEFUL_SHUTDOWN_TIMEOUT", positive(parseGoDuration), Duration.seconds(30), "30s"),
    bodyLimit: read("EXECUTOR_BODY_LIMIT_BYTES", parseBytes, 32 * 1024 * 1024),
    specializationConcurrency: read("EXECUTOR_SPECIALIZATION_CONCURRENCY", parseBound, 0),
    // A pod of the reserve has no labels by which a mesh could find it, and a function has one pod there.
    warmReserve: istio ? 0 : read("EXECUTOR_WARM_RESERVE", parseCount, 1),
    provisioned: {
      enabled: read("EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED", parseBoolean, false) && !istio,
      maxPerFunction: read("EXECUTOR_PROVISIONED_MAX_PER_FUNCTION", parsePositiveCount, 20),
      maxInFlightPerFunction: read("EXECUTOR_PROVISIONED_MAX_INFLIGHT_PER_FUNCTION", parsePositiveCount, 4),
      interval: read("EXECUTOR_PROVISIONED_RECONCILE_INTERVAL", positive(parseGoDuration), Duration.seconds(30), "30s")
    },
    poolSurge: read("EXECUTOR_POOL_SURGE", parseCount, 0),
    maxPendingSpecializations: read("EXECUTOR_MAX_PENDING_SPECIALIZATIONS_PER_FUNCTION", parseCount, 20),
    fetcher: {
      image: text("FETCHER_IMAGE", "ghcr.io/fission/fetcher"),
      imagePullPolicy: read("FETCHER_IMAGE_PULL_POLICY", parsePullPolicy, "IfNotPresent"),
      requests: quantities("FETCHER_MINCPU", "FETCHER_MINMEM"),
      limits: quantities("FETCHER_MAXCPU", "FETCHER_MAXMEM"),
      allowInsecureRegistries: text("FETCHER_ALLOW_INSECURE_REGISTRIES")
    },
    internalAuth: {
      secret: currentSecret,
      previousSecret,
      secretName: text("FISSION_INTERNAL_AUTH_SECRET_NAME", "fission-internal-auth")
    },
    telemetryVariables: Object.entries(variables).flatMap(([name, value]) =>
      name.startsWith("OTEL_") && value !== undefined ? [[name, value] as const] : []
    ),
    telemetry: readTelemetrySettings(read, parseBoolean),
    debug: read("DEBUG_ENV", parseBoolean, false),
    invalid
  }
}

/**
 * The settings of the process as one frozen value. A value that cannot be used falls back to its default and is named
 * in `invalid`, except where starting would be unsafe: those fail with `ConfigurationError`.
 */
export class Settings extends Context.Service<Settings, SettingsShape>()("fission-executor/Settings") {
  /** Reads the given environment variables, usually `process.env`. */
  static readonly layer = (variables: EnvironmentVariables): Layer.Layer<Settings, ConfigurationError> =>
    Layer.effect(
      Settings,
      Effect.try({
        try: () => Settings.of(fromVariables(variables)),
        catch: (cause) =>
          cause instanceof ConfigurationError
            ? cause
            : new ConfigurationError({ setting: "environment", detail: String(cause), cause })
      })
    )
}

/**
 * Where the workloads of resources in `namespace` live: the function namespace for `default` where one is set, else
 * the same namespace (configuration-and-deployment.md section 4.2).
 */
export const workloadNamespace = (settings: SettingsShape, namespace: string): string =>
  settings.functionNamespace !== "" && namespace === "default" ? settings.functionNamespace : namespace
