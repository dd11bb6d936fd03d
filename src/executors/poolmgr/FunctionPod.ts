import { Duration } from "effect"
import type { PooledPod } from "../../caches/PoolCache.ts"
import { addressOf, hostOf, normalizeAddress } from "../../fission/Address.ts"
import { type Environment, isInfinite } from "../../fission/Environment.ts"
import { type FissionFunction, functionTimeoutSeconds, requestsPerPod, retainPods } from "../../fission/Function.ts"
import { annotations, labels, ports } from "../../fission/Labels.ts"
import { meshHost } from "../../fission/MeshService.ts"
import { isReady, type Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { WantedCondition } from "../../safeguards/Conditions.ts"
import type { OwnerReference } from "../../safeguards/Ground.ts"
import { cpuLimit } from "../../podspec/CpuLimit.ts"
import { isCurrent } from "../../podspec/PoolDeployment.ts"
import { existing, type Pool, poolKey, poolKeyIn } from "./Pool.ts"
import type { PoolSource } from "./WarmPods.ts"

/** Who a pod is, as deletes and log lines name it. */
export const identity = ({ metadata }: Pod) => ({
  namespace: metadata.namespace ?? "",
  name: metadata.name,
  uid: metadata.uid ?? ""
})

/** Whether the pod belongs to a pool of this namespace's Environments: two namespaces may share one for workloads. */
const isOf = (view: NamespaceView, pod: Pod): boolean =>
  pod.metadata.labels?.[labels.environmentNamespace] === view.namespace

/** A pod out of its pool, for one function or in the reserve of an executor. */
export const isDetached = (view: NamespaceView, pod: Pod): boolean =>
  pod.metadata.labels?.[labels.managed] === "false" && isOf(view, pod)

/** Whether an executor took the pod out of its pool without saying for which function (poolmgr.md section 22.2). */
export const isReserved = (pod: Pod): boolean => pod.metadata.labels?.[labels.claimed] !== undefined

/** Whether it was given back untouched, to whoever claims it. */
export const isReleased = (pod: Pod): boolean => pod.metadata.labels?.[labels.claimed] === "released"

/** Whether that executor alone may hand it out, or has. */
export const isReservedBy = (instanceId: string, pod: Pod): boolean =>
  pod.metadata.labels?.[labels.claimed] === "true" && pod.metadata.annotations?.[annotations.instanceId] === instanceId

/** A pod that some request took out of its pool, and its labels say so. */
export const isSpecialized = (view: NamespaceView, pod: Pod): boolean => isDetached(view, pod) && !isReserved(pod)

/** Whether the pod still belongs to its pool. */
export const isPooled = (pod: Pod): boolean => pod.metadata.labels?.[labels.managed] === "true"

/** A Ready pod that still belongs to its pool. */
export const isWarm = (view: NamespaceView, pod: Pod): boolean => isPooled(pod) && isOf(view, pod) && isReady(pod)

/** Where requests for the function of the pod go, as its final patch says, or will. */
export const servingAddress = ({ metadata, status }: Pod): string =>
  normalizeAddress(metadata.annotations?.[annotations.serviceHost] || addressOf(status?.podIP ?? "", ports.runtime))

/** Whether the final patch was written: the pod has an address, so it finished specialization once. */
export const isClaimFinished = (pod: Pod): boolean => (pod.metadata.annotations?.[annotations.serviceHost] ?? "") !== ""

/** Whether the pod says all that a final patch writes: that it serves, and where. */
export const isRecordedAt = (address: string, { metadata }: Pod): boolean =>
  metadata.labels?.[labels.served] === "true" && metadata.annotations?.[annotations.serviceHost] === address

/** The Function that the pod's labels name, if the view holds exactly that one. */
export const functionOf = (view: NamespaceView, pod: Pod): FissionFunction | undefined => {
  const podLabels = pod.metadata.labels
  const fn = view.functions.get(podLabels?.[labels.functionNamespace] ?? "", podLabels?.[labels.functionName] ?? "")
  return fn?.metadata.uid === podLabels?.[labels.functionUid] ? fn : undefined
}

/** The Function as it is now, whichever generation the pod runs; undefined when another one has its name. */
export const functionServed = (view: NamespaceView, { fn }: PooledPod): FissionFunction | undefined => {
  const known = view.functions.get(fn.namespace, fn.name)
  return known?.metadata.uid === fn.uid ? known : undefined
}

/** Whether the pod is held warm for its function, whatever its idle time (poolmgr.md section 17). */
export const isHeldWarm = ({ metadata }: Pod): boolean => metadata.labels?.[labels.provisioned] === "true"

/** The Environment that the pod's labels name, if the view holds exactly that one. */
export const environmentOf = (view: NamespaceView, pod: Pod): Environment | undefined => {
  const environment = view.environments.get(view.namespace, pod.metadata.labels?.[labels.environmentName] ?? "")
  return environment?.metadata.uid === pod.metadata.labels?.[labels.environmentUid] ? environment : undefined
}

/** The Functions and Environments that pods and pool Deployments of the view say they belong to. */
export function* owners(view: NamespaceView): Generator<OwnerReference> {
  for (const { metadata } of [...view.deployments.values(), ...view.pods.values()]) {
    const { [labels.environmentName]: environmentName, [labels.environmentUid]: environmentUid } = metadata.labels ?? {}
    if (metadata.labels?.[labels.executorType] !== "poolmgr") continue
    if (metadata.labels[labels.environmentNamespace] !== view.namespace) continue
    if (environmentName && environmentUid) {
      yield { kind: "Environment", namespace: view.namespace, name: environmentName, uid: environmentUid }
    }
    const { [labels.functionName]: functionName, [labels.functionUid]: functionUid } = metadata.labels
    if (functionName && functionUid && metadata.labels[labels.functionNamespace] === view.namespace) {
      yield { kind: "Function", namespace: view.namespace, name: functionName, uid: functionUid }
    }
  }
}

/** Time that the last requests of a pod get: the function's time-out, at least 30 s (poolmgr.md section 14.1). */
export const drainGrace = (fn: FissionFunction | undefined): Duration.Duration =>
  Duration.seconds(Math.max(30, fn === undefined ? 60 : functionTimeoutSeconds(fn)))

/**
 * Whether one pod holds all functions of the Environment. Not with version 1, where the code of every function lies
 * under the same path (function-pod-protocol.md section 4.1): there each has a pod of its own.
 */
export const isShared = (environment: Environment): boolean => isInfinite(environment) && environment.spec.version >= 2

/** Whether two pods were made by one pool. */
export const isSibling = (one: Pod, other: Pod): boolean =>
  poolKeyIn(one.metadata.labels) === poolKeyIn(other.metadata.labels)

/** The pods that a pool made, of whichever template, whatever became of them. */
export const podsOfPool = (view: NamespaceView, pool: Pool): ReadonlyArray<Pod> => {
  const key = poolKey(pool)
  return view.pods
    .indexed("environmentUid", pool.environment.metadata.uid ?? "")
    .filter((pod) => poolKeyIn(pod.metadata.labels) === key)
}

/** The Ready pods of a pool, of whichever template. */
export const warmPods = (view: NamespaceView, pool: Pool): ReadonlyArray<Pod> =>
  podsOfPool(view, pool).filter((pod) => isWarm(view, pod))

/** Pods of a pool to take one from, those of the Environment's current template before outgoing ones (W06). */
export const sourceOf = (pool: Pool, pods: () => Iterable<Pod>): PoolSource => ({
  pool: poolKey(pool),
  pods,
  prefers: (pod) => isCurrent(pool.environment, pod.metadata)
})

/** What a Function says of itself once a pod serves it (poolmgr.md section 20). */
export const readyVia = (pod: Pod): WantedCondition => ({
  type: "Ready",
  status: "True",
  reason: "Available",
  message: `function is serving via specialized pod ${pod.metadata.name}`
})

/**
 * Why no pod of a pool is Ready, in the words of the pods themselves, or of the pool where it cannot make any; undefined
 * when they give no reason.
 */
export const troubleOf = (view: NamespaceView, pool: Pool): string | undefined => {
  for (const pod of podsOfPool(view, pool)) {
    const trouble = isDetached(view, pod) ? undefined : troubleOfPod(pod)
    if (trouble !== undefined) return trouble
  }
  const { metadata, status } = existing(view, pool) ?? {}
  const failure = status?.conditions?.find((condition) => condition.type === "ReplicaFailure")
  return failure?.status === "True" ? `deployment ${metadata?.name ?? ""}: ${failure.message ?? ""}` : undefined
}

const troubleOfPod = (pod: Pod): string | undefined => {
  for (const { name, state } of pod.status?.containerStatuses ?? []) {
    const reason = state?.waiting?.reason ?? ""
    if (reason === "" || reason === "ContainerCreating" || reason === "PodInitializing") continue
    return `pod ${pod.metadata.name}, container ${name}: ${reason} ${state?.waiting?.message ?? ""}`.trim()
  }
  const scheduling = pod.status?.conditions?.find(({ status, type }) => type === "PodScheduled" && status === "False")
  const message = scheduling?.message ?? pod.status?.message ?? ""
  return message === "" ? undefined : `pod ${pod.metadata.name}: ${message}`
}

/**
 * Whether a cached pod can still be handed out: the view shows that very pod, Ready, under the address that the cache
 * remembers, or that of its function in a mesh; hosts are compared whole (http-api.md section 4.1, H8).
 */
export const isServing = (view: NamespaceView, pooled: PooledPod): boolean => {
  const pod = view.pods.get(pooled.namespace, pooled.name)
  return (
    pod !== undefined &&
    pod.metadata.uid === pooled.uid &&
    isReady(pod) &&
    [pod.status?.podIP ?? "", meshHost(pooled.fn, pod.metadata.namespace ?? "")].includes(hostOf(pooled.address))
  )
}

/**
 * What the cache needs to know about a pod that an earlier process specialized, or undefined when it does not fit:
 * labels are missing or its Environment is unknown. One of an outdated template serves until it is superseded
 * (poolmgr.md sections 13, 15).
 */
export const adoptable = (
  view: NamespaceView,
  pod: Pod
): { readonly pod: PooledPod; readonly requestsPerPod: number; readonly retainPods: number } | undefined => {
  const podLabels = pod.metadata.labels ?? {}
  const environment = environmentOf(view, pod)
  const fn = functionOf(view, pod)
  const uid = podLabels[labels.functionUid] ?? ""
  const name = podLabels[labels.functionName] ?? ""
  const namespace = podLabels[labels.functionNamespace] ?? ""
  const address = normalizeAddress(pod.metadata.annotations?.[annotations.serviceHost] ?? "")
  const generation = Number(podLabels[labels.functionGeneration] ?? fn?.metadata.generation ?? Number.NaN)
  if (environment === undefined) return undefined
  if (uid === "" || name === "" || namespace === "" || address === "" || !Number.isInteger(generation)) return undefined
  return {
    pod: {
      address,
      ...identity(pod),
      fn: { uid, generation, name, namespace },
      environmentUid: environment.metadata.uid ?? "",
      shared: false,
      cpuLimit: cpuLimit(pod)
    },
    requestsPerPod: fn === undefined ? 1 : requestsPerPod(fn),
    retainPods: fn === undefined ? 0 : retainPods(fn)
  }
}
