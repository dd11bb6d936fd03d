import type { Json } from "../../src/devcluster/Status.ts"

const base = { environment: { namespace: "custom" }, package: {} }

/** The spec of a Function. */
export const functionSpec = (strategy: Json = {}, more: Json = {}): Json => ({
  ...base,
  InvokeStrategy: { StrategyType: "execution", ExecutionStrategy: { ExecutorType: "poolmgr", ...strategy } },
  ...more
})

const container = { containers: [{ name: "a", image: "i", ports: [{ containerPort: 80 }] }] }
const scaled = { ExecutorType: "newdeploy", MinScale: 1, MaxScale: 2 }
const digest = `sha256:${"0".repeat(64)}`

/** A kind of custom resource. */
export interface Kind {
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
}

/** The custom resources by kind. */
export const kinds = {
  Function: { kind: "Function", plural: "functions", namespaced: true },
  Environment: { kind: "Environment", plural: "environments", namespaced: true },
  Package: { kind: "Package", plural: "packages", namespaced: true },
  FunctionVersion: { kind: "FunctionVersion", plural: "functionversions", namespaced: true },
  FunctionAlias: { kind: "FunctionAlias", plural: "functionaliases", namespaced: true },
  FissionTenant: { kind: "FissionTenant", plural: "fissiontenants", namespaced: false }
} as const satisfies { readonly [kind: string]: Kind }

/** What is said besides where the rules were not looked at. */
export const unchecked =
  "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"

/** Specs that are refused, and everything that is said about them. */
export const refused: ReadonlyArray<
  readonly [name: string, kind: Kind, spec: Json | undefined, ...problems: Array<string>]
> = [
  [
    "a Function of type container without a pod",
    kinds.Function,
    functionSpec({ ExecutorType: "container", MaxScale: 1 }),
    "spec: Invalid value: executor type container requires a pod spec (spec.podspec)"
  ],
  [
    "a Function with a negative scale",
    kinds.Function,
    functionSpec({ ...scaled, MinScale: -1 }),
    "spec: Invalid value: minimum scale must be greater than or equal to 0 for newdeploy/container executors"
  ],
  [
    "a Function without a greatest scale",
    kinds.Function,
    functionSpec({ ExecutorType: "container" }, { podspec: container }),
    "spec: Invalid value: maximum scale must be greater than 0 for newdeploy/container executors"
  ],
  [
    "a Function whose scales contradict each other",
    kinds.Function,
    functionSpec({ ...scaled, MinScale: 3 }),
    "spec: Invalid value: maximum scale must be greater than or equal to minimum scale for newdeploy/container executors"
  ],
  [
    "a Function with an impossible share of a CPU",
    kinds.Function,
    functionSpec({ ...scaled, TargetCPUPercent: 101 }),
    "spec: Invalid value: TargetCPUPercent must be a value between 0 and 100 for newdeploy/container executors"
  ],
  [
    "a Function with unknown strategies",
    kinds.Function,
    { ...base, InvokeStrategy: { StrategyType: "odd", ExecutionStrategy: { ExecutorType: "odd" } } },
    "spec: Invalid value: ExecutionStrategy.ExecutorType must be one of poolmgr, newdeploy, container",
    "spec: Invalid value: InvokeStrategy.StrategyType must be 'execution'"
  ],
  [
    "a Function whose pod reaches out of its bounds",
    kinds.Function,
    functionSpec(
      {},
      { podspec: { hostNetwork: true, hostPID: true, hostIPC: true, serviceAccountName: "a", serviceAccount: "a" } }
    ),
    "spec: Invalid value: spec.podspec.hostIPC is not allowed",
    "spec: Invalid value: spec.podspec.hostNetwork is not allowed",
    "spec: Invalid value: spec.podspec.hostPID is not allowed",
    "spec: Invalid value: spec.podspec.serviceAccount override is not allowed",
    "spec: Invalid value: spec.podspec.serviceAccountName override is not allowed"
  ],
  [
    "a Function with provisioned concurrency of a type that has none",
    kinds.Function,
    functionSpec(scaled, { provisionedConcurrency: { target: 1 } }),
    "spec: Invalid value: provisionedConcurrency is only supported with executortype poolmgr"
  ],
  [
    "a Function with windows that cannot be",
    kinds.Function,
    functionSpec(
      {},
      {
        provisionedConcurrency: {
          target: 0,
          windows: [
            { name: "a", start: "", duration: "1h30m", target: 1 },
            { name: "a", start: "@hourly", duration: "1h", target: 1 }
          ]
        }
      }
    ),
    "spec.provisionedConcurrency.target: Invalid value: 0: spec.provisionedConcurrency.target in body should be greater than or equal to 1",
    "spec.provisionedConcurrency.windows[0].duration: Invalid value: \"1h30m\": spec.provisionedConcurrency.windows[0].duration in body should match '^[0-9]+(ns|us|µs|ms|s|m|h)$'",
    'spec.provisionedConcurrency.windows[0].start: Invalid value: "": spec.provisionedConcurrency.windows[0].start in body should be at least 1 chars long',
    'spec.provisionedConcurrency.windows[1]: Duplicate value: {"name":"a"}'
  ],
  [
    "a Function without anything",
    kinds.Function,
    {},
    unchecked,
    "spec.InvokeStrategy: Required value",
    "spec.environment: Required value",
    "spec.package: Required value"
  ],
  ["an object without spec", kinds.Package, undefined, unchecked, "spec: Required value"],
  [
    "a Function with values of other types",
    kinds.Function,
    functionSpec({}, { concurrency: "4", onceOnly: "no", secrets: {}, env: [{ value: 1 }] }),
    unchecked,
    'spec.concurrency: Invalid value: "string": spec.concurrency in body must be of type integer: "string"',
    "spec.env[0].name: Required value",
    'spec.env[0].value: Invalid value: "integer": spec.env[0].value in body must be of type string: "integer"',
    'spec.onceOnly: Invalid value: "string": spec.onceOnly in body must be of type boolean: "string"',
    'spec.secrets: Invalid value: "object": spec.secrets in body must be of type array: "object"'
  ],
  [
    "a Function with texts out of bounds",
    kinds.Function,
    functionSpec({}, { state: { keyspace: "a".repeat(64), sticky: { source: "c", name: "d" } } }),
    unchecked,
    "spec.state.keyspace: Too long: may not be more than 63 bytes",
    'spec.state.sticky.source: Unsupported value: "c": supported values: "header", "queryparam"'
  ],
  [
    "an Environment out of bounds",
    kinds.Environment,
    { version: 4, poolsize: -1, runtime: { image: "i" } },
    "spec.poolsize: Invalid value: -1: spec.poolsize in body should be greater than or equal to 0",
    "spec.version: Invalid value: 4: spec.version in body should be less than or equal to 3"
  ],
  [
    "an Environment without an image",
    kinds.Environment,
    { version: 3, runtime: {}, allowedFunctionsPerContainer: "many" },
    unchecked,
    'spec.allowedFunctionsPerContainer: Unsupported value: "many": supported values: "", "single", "infinite"',
    "spec.runtime.image: Required value"
  ],
  [
    "an Environment whose pods reach out of their bounds",
    kinds.Environment,
    {
      version: 3,
      runtime: {
        image: "i",
        podspec: { hostNetwork: true, serviceAccountName: "a" },
        container: {
          securityContext: {
            privileged: true,
            allowPrivilegeEscalation: true,
            capabilities: { add: ["NET_BIND_SERVICE", "SYS_ADMIN"] }
          }
        }
      }
    },
    "spec.runtime.container.securityContext.capabilities.add: Invalid value: capabilities.add may only hold NET_BIND_SERVICE",
    "spec.runtime.container: Invalid value: securityContext.allowPrivilegeEscalation is not allowed",
    "spec.runtime.container: Invalid value: securityContext.privileged is not allowed",
    "spec.runtime.podspec: Invalid value: podspec.hostNetwork is not allowed",
    "spec.runtime.podspec: Invalid value: podspec.serviceAccountName override is not allowed"
  ],
  [
    "a Package of two archives in one",
    kinds.Package,
    { environment: { namespace: "custom" }, deployment: { literal: "YQ==", url: "http://a" } },
    "spec.deployment: Invalid value: at most one of literal, url, or oci may be set"
  ],
  [
    "a Package whose image cannot be",
    kinds.Package,
    { environment: { namespace: "custom" }, deployment: { type: "oci", oci: { image: "", digest: "sha256:1" } } },
    "spec.deployment.oci.digest: Invalid value: \"sha256:1\": spec.deployment.oci.digest in body should match '^sha256:[a-f0-9]{64}$'",
    'spec.deployment.oci.image: Invalid value: "": spec.deployment.oci.image in body should be at least 1 chars long'
  ],
  [
    "a FunctionVersion of a Function that would be refused",
    kinds.FunctionVersion,
    {
      functionName: "a",
      functionUID: "b",
      functionGeneration: 1,
      sequence: 0,
      packageDigest: "c",
      publishedAt: "2026-08-01T09:30:00Z",
      snapshot: functionSpec({ ExecutorType: "container", MaxScale: 1 })
    },
    "spec.sequence: Invalid value: 0: spec.sequence in body should be greater than or equal to 1",
    "spec.snapshot: Invalid value: executor type container requires a pod spec (spec.podspec)"
  ],
  [
    "a FunctionAlias of nothing",
    kinds.FunctionAlias,
    { functionName: "a", weight: 5 },
    "spec: Invalid value: exactly one of version and packageDigest must be set",
    "spec: Invalid value: weight requires secondaryVersion"
  ],
  [
    "a FunctionAlias of too much",
    kinds.FunctionAlias,
    { functionName: "a", version: "v1", secondaryVersion: "v1", packageDigest: digest, weight: 101 },
    "spec.weight: Invalid value: 101: spec.weight in body should be less than or equal to 100",
    "spec: Invalid value: exactly one of version and packageDigest must be set",
    "spec: Invalid value: secondaryVersion must differ from version"
  ],
  [
    "a FissionTenant of a namespace that cannot be",
    kinds.FissionTenant,
    { namespace: "Shop" },
    "spec.namespace: Invalid value: \"Shop\": spec.namespace in body should match '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'"
  ]
]

/** Specs that are taken, and what is stored. */
export const stored: ReadonlyArray<readonly [name: string, kind: Kind, spec: Json, stored: Json]> = [
  ["a Function as it is", kinds.Function, functionSpec(), functionSpec()],
  [
    "a Function without an executor type",
    kinds.Function,
    { ...base, InvokeStrategy: {} },
    { ...base, InvokeStrategy: {} }
  ],
  [
    "a Function without its unknown fields",
    kinds.Function,
    { ...functionSpec({ odd: 1 }), odd: 2, resources: { limits: { odd: "3" } } },
    { ...functionSpec(), resources: { limits: { odd: "3" } } }
  ],
  [
    "a Function with null where it may be",
    kinds.Function,
    { ...functionSpec(), secrets: null, env: null, functionTimeout: null },
    { ...functionSpec(), secrets: null, env: null }
  ],
  [
    "a Function with explicit zeros",
    kinds.Function,
    { ...functionSpec(), idletimeout: 0 },
    { ...functionSpec(), idletimeout: 0 }
  ],
  [
    "a Function with defaults",
    kinds.Function,
    { ...functionSpec(), streaming: {}, versioning: { retain: 3 } },
    { ...functionSpec(), streaming: { protocol: "auto" }, versioning: { mode: "auto", retain: 3 } }
  ],
  [
    "a Function with a whole pod",
    kinds.Function,
    functionSpec({ ExecutorType: "container", MinScale: 0, MaxScale: 3 }, { podspec: container }),
    functionSpec({ ExecutorType: "container", MinScale: 0, MaxScale: 3 }, { podspec: container })
  ],
  [
    "an Environment with its grace period",
    kinds.Environment,
    { version: 3, runtime: { image: "i" } },
    { version: 3, runtime: { image: "i" }, terminationGracePeriod: 90 }
  ],
  [
    "an Environment without a grace period",
    kinds.Environment,
    { version: 1, runtime: { image: "i" }, terminationGracePeriod: 0 },
    { version: 1, runtime: { image: "i" }, terminationGracePeriod: 0 }
  ],
  [
    "a Package with unnamed pull secrets",
    kinds.Package,
    { environment: { namespace: "custom" }, deployment: { oci: { image: "i", imagePullSecrets: [{}] } } },
    { environment: { namespace: "custom" }, deployment: { oci: { image: "i", imagePullSecrets: [{ name: "" }] } } }
  ],
  [
    "a FunctionAlias with a weight of 0",
    kinds.FunctionAlias,
    { functionName: "a", packageDigest: digest, secondaryVersion: "v1", weight: 0 },
    { functionName: "a", packageDigest: digest, secondaryVersion: "v1", weight: 0 }
  ]
]
