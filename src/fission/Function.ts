import { Schema } from "effect"
import { ObjectMeta, optional } from "./ObjectMeta.ts"

/** The finalizer that the stock executor puts on every Function (resources.md section 2.5). */
export const functionFinalizer = "fission.io/function-cleanup"

const Json = Schema.Record(Schema.String, Schema.Unknown)

/** A Secret or ConfigMap that a Function mounts; `mountPath` defaults to `<namespace>/<name>`. */
const MountReference = Schema.Struct({
  namespace: Schema.String,
  name: Schema.String,
  mountPath: optional(Schema.String)
})

/** One condition of a status, as Kubernetes defines it. */
export const Condition = Schema.Struct({
  type: Schema.String,
  status: Schema.String,
  reason: Schema.String,
  message: optional(Schema.String),
  lastTransitionTime: Schema.String,
  observedGeneration: optional(Schema.Int)
})
export type Condition = typeof Condition.Type

/** How a function is run and scaled. */
export const InvokeStrategy = Schema.Struct({
  ExecutionStrategy: optional(
    Schema.Struct({
      ExecutorType: optional(Schema.String),
      MinScale: optional(Schema.Int),
      MaxScale: optional(Schema.Int),
      TargetCPUPercent: optional(Schema.Int),
      hpaMetrics: optional(Schema.Array(Json)),
      hpaBehavior: optional(Json),
      SpecializationTimeout: optional(Schema.Int)
    })
  )
})

/**
 * A Fission Function (resources.md section 2) with the fields that the executor reads. What goes into pods or autoscalers
 * stays raw JSON: it is merged field by field and handed on whole.
 */
export const FissionFunction = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    environment: optional(Schema.Struct({ namespace: optional(Schema.String), name: optional(Schema.String) })),
    package: optional(
      Schema.Struct({
        packageref: optional(
          Schema.Struct({
            namespace: optional(Schema.String),
            name: optional(Schema.String),
            resourceversion: optional(Schema.String)
          })
        ),
        functionName: optional(Schema.String)
      })
    ),
    secrets: optional(Schema.Array(MountReference)),
    configmaps: optional(Schema.Array(MountReference)),
    env: optional(Schema.Array(Json)),
    envFrom: optional(Schema.Array(Json)),
    resources: optional(Json),
    podspec: optional(Json),
    InvokeStrategy: optional(InvokeStrategy),
    functionTimeout: optional(Schema.Int),
    idletimeout: optional(Schema.Int),
    concurrency: optional(Schema.Int),
    requestsPerPod: optional(Schema.Int),
    retainPods: optional(Schema.Int),
    /** As it came: what is wrong with one window must not keep the Function out of the view (ProvisionedConcurrency.ts). */
    provisionedConcurrency: optional(Schema.Unknown),
    onceOnly: optional(Schema.Boolean),
    state: optional(Schema.Struct({ keyspace: optional(Schema.String) }))
  }),
  status: optional(
    Schema.Struct({
      conditions: optional(Schema.Array(Condition)),
      provisionedReady: optional(Schema.Int),
      provisionedTarget: optional(Schema.Int),
      provisionedSpecTarget: optional(Schema.Int)
    })
  )
}).annotate({ identifier: "Function" })
export type FissionFunction = typeof FissionFunction.Type

/**
 * Identity of a function's code and spec: `<uid>_<generation>` (function-service-cache.md section 1.1). Status writes
 * do not change it, a spec change does, and so does a recreation under the same name.
 */
export type FunctionKey = string

/** The key of a Function; a missing generation counts as 0, as it does in Go. */
export const functionKey = (metadata: Pick<ObjectMeta, "uid" | "generation">): FunctionKey =>
  `${metadata.uid ?? ""}_${metadata.generation ?? 0}`

/** `poolmgr` where the type is empty, as the stock reconcilers read it (http-api.md H4). */
export const executorTypeOf = (fn: FissionFunction): string => {
  const type = fn.spec.InvokeStrategy?.ExecutionStrategy?.ExecutorType ?? ""
  return type === "" ? "poolmgr" : type
}

/**
 * Whether the router gives back the slots of this Function: it does so only where the type is written out as `poolmgr`
 * (http-api.md H4).
 */
export const routerUnTaps = (fn: FissionFunction): boolean =>
  (fn.spec.InvokeStrategy?.ExecutionStrategy?.ExecutorType ?? "") !== ""

/** Requests that one pod may serve at a time; anything below 1 counts as 1. */
export const requestsPerPod = (fn: FissionFunction): number => Math.max(1, fn.spec.requestsPerPod ?? 1)

/** Most pods of one function: 0 or unset is 500, negative is unlimited and given as 0. */
export const concurrency = (fn: FissionFunction): number => {
  const value = fn.spec.concurrency ?? 0
  return value === 0 ? 500 : Math.max(0, value)
}

/** Idle pods to keep in spite of the idle time; negative counts as 0. */
export const retainPods = (fn: FissionFunction): number => Math.max(0, fn.spec.retainPods ?? 0)

/** Seconds that one request may run; the router's default of 60 where unset. */
export const functionTimeoutSeconds = (fn: FissionFunction): number => {
  const value = fn.spec.functionTimeout ?? 0
  return value > 0 ? value : 60
}

/**
 * Seconds without a request after which a function counts as idle: where unset 60 for the type container and 120 for
 * every other one; an explicit 0 is honoured (lifecycle.md section 11.1).
 */
export const idleTimeoutSeconds = (fn: FissionFunction): number =>
  Math.max(0, fn.spec.idletimeout ?? (executorTypeOf(fn) === "container" ? 60 : 120))

/** Fewest replicas of a Deployment whose function is idle; negative counts as 0. */
export const minScale = (fn: FissionFunction): number =>
  Math.max(0, fn.spec.InvokeStrategy?.ExecutionStrategy?.MinScale ?? 0)

/** Seconds that a whole cold start may take: max(`SpecializationTimeout`, 120) + 10 (http-api.md section 6). */
export const specializationSeconds = (fn: FissionFunction): number =>
  Math.max(120, fn.spec.InvokeStrategy?.ExecutionStrategy?.SpecializationTimeout ?? 0) + 10
