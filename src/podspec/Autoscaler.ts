import { isDeepStrictEqual } from "node:util"
import { canonical } from "../fission/Canonical.ts"
import { type FissionFunction, minScale } from "../fission/Function.ts"
import { isObject, isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { quantityOf } from "../fission/Quantity.ts"

/** The spec of the HorizontalPodAutoscaler over a function's Deployment (newdeploy-and-container.md section 14). */
export const autoscalerSpec = (fn: FissionFunction, deployment: string, mainContainer: string): Json => {
  const { MaxScale, hpaBehavior } = fn.spec.InvokeStrategy?.ExecutionStrategy ?? {}
  const minReplicas = Math.max(1, minScale(fn))
  return {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: deployment },
    minReplicas,
    maxReplicas: (MaxScale ?? 0) > 0 ? MaxScale : minReplicas,
    metrics: metricsOf(fn, mainContainer),
    ...(isUnset(hpaBehavior) ? {} : { behavior: hpaBehavior })
  }
}

/** A target of 100 percent is admitted and means none (newdeploy-and-container.md section 14). */
export const ignoredTarget = ({ spec }: FissionFunction): ReadonlyArray<string> =>
  spec.InvokeStrategy?.ExecutionStrategy?.TargetCPUPercent === 100
    ? ["spec.InvokeStrategy.ExecutionStrategy.TargetCPUPercent of 100"]
    : []

/**
 * CPU and memory are measured on the main container alone: a sidecar without requests would break a metric of the whole
 * pod.
 */
const metricsOf = (fn: FissionFunction, container: string): ReadonlyArray<Json> => {
  const { TargetCPUPercent, hpaMetrics } = fn.spec.InvokeStrategy?.ExecutionStrategy ?? {}
  const target = TargetCPUPercent ?? 0
  const metrics = [
    ...(target > 0 && target < 100 ? [cpuUtilization(target)] : []),
    ...listOf(hpaMetrics).map((metric): Json => {
      const resource = objectOf(metric["resource"])
      const isOfPod = metric["type"] === "Resource" && ["cpu", "memory"].includes(String(resource["name"]))
      return isOfPod ? { type: "ContainerResource", containerResource: resource } : metric
    })
  ]
  return (metrics.length === 0 ? [cpuUtilization(80)] : metrics).map((metric) =>
    metric["type"] === "ContainerResource" ? ofContainer(metric, container) : metric
  )
}

const cpuUtilization = (averageUtilization: number): Json => ({
  type: "ContainerResource",
  containerResource: { name: "cpu", target: { type: "Utilization", averageUtilization } }
})

/** A metric of the user may name a container of its own. */
const ofContainer = (metric: Json, container: string): Json => ({
  ...metric,
  containerResource: { container, ...objectOf(metric["containerResource"]) }
})

/** What an API server fills into a behaviour of which only a part is given. */
const behaviorDefaults = {
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 }
    ]
  },
  scaleDown: { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] }
}

/** Whether two autoscalers do the same: with what a server fills in, and quantities by what they stand for. */
export const isSameAutoscaler = (one: Json, other: Json): boolean =>
  isDeepStrictEqual(canonical(comparable(one)), canonical(comparable(other)))

const comparable = (spec: Json): Json => {
  const { behavior, metrics, ...others } = spec
  const filled = isUnset(behavior)
    ? undefined
    : Object.fromEntries(
        Object.entries(behaviorDefaults).map(([direction, defaults]) => [
          direction,
          { ...defaults, ...objectOf(objectOf(behavior)[direction]) }
        ])
      )
  return { ...others, behavior: filled, metrics: listOf(metrics).map(withNumbers) }
}

/** A server rewrites quantities. */
const withNumbers = (metric: Json): Json =>
  Object.fromEntries(
    Object.entries(metric).map(([field, value]) => {
      if (field === "value" || field === "averageValue") return [field, quantityOf(value)]
      return [field, isObject(value) ? withNumbers(value) : value]
    })
  )
