import { Effect, Layer } from "effect"
import { type GroupSnapshot, PoolCache } from "../../caches/PoolCache.ts"
import { Settings } from "../../Config.ts"
import { executorTypeOf } from "../../fission/Function.ts"
import type { FunctionAlias } from "../../fission/FunctionVersion.ts"
import { labels } from "../../fission/Labels.ts"
import type { Pod } from "../../fission/Workloads.ts"
import type { NamespaceView, ViewChange } from "../../informers/NamespaceView.ts"
import type { Change } from "../../kubernetes/Store.ts"
import type { WorkKey } from "../../namespaces/WorkQueue.ts"
import type { Ground } from "../../safeguards/Ground.ts"
import { ExecutorTypes } from "../ExecutorType.ts"
import { ImageVolumes } from "../ImageVolumes.ts"
import { PackageImages } from "../PackageImages.ts"
import { CpuUsage } from "./CpuUsage.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { FunctionServices, functionServiceWork } from "./FunctionServices.ts"
import { IdlePods } from "./IdlePods.ts"
import { ImagePools } from "./ImagePools.ts"
import { finalPatchWork, PodLifecycle, podWork } from "./PodLifecycle.ts"
import { MeshServices } from "./MeshServices.ts"
import { PodStanding } from "./PodStanding.ts"
import { poolKeyIn } from "./Pool.ts"
import { PoolDeployments } from "./PoolDeployments.ts"
import { mayRefer } from "./References.ts"
import { Provisioner, provisionWork } from "./Provisioner.ts"
import { Requests } from "./Requests.ts"
import { Reserve, reserveWork } from "./Reserve.ts"
import { connectionWork, ReserveConnections } from "./ReserveConnections.ts"
import { SharedPods, sharedPodWork } from "./SharedPods.ts"
import { WarmPods } from "./WarmPods.ts"
import { WebSockets } from "./WebSockets.ts"

/** Name of the work that reads ahead where a Package has its code. */
const packageWork = "package"

/** The executor type `poolmgr`: registers itself while the process is built. */
export const layer: Layer.Layer<
  never,
  never,
  | Settings
  | ExecutorTypes
  | PoolCache
  | Requests
  | PodLifecycle
  | PodStanding
  | PoolDeployments
  | FunctionServices
  | IdlePods
  | ImagePools
  | ImageVolumes
  | PackageImages
  | CpuUsage
  | MeshServices
  | WebSockets
  | SharedPods
  | WarmPods
  | Reserve
  | ReserveConnections
  | Provisioner
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { adoptExistingResources, reaperIntervals } = yield* Settings
    const types = yield* ExecutorTypes
    const cache = yield* PoolCache
    const requests = yield* Requests
    const lifecycle = yield* PodLifecycle
    const standing = yield* PodStanding
    const deployments = yield* PoolDeployments
    const functionServices = yield* FunctionServices
    const idlePods = yield* IdlePods
    const imagePools = yield* ImagePools
    const imageVolumes = yield* ImageVolumes
    const packageImages = yield* PackageImages
    const cpuUsage = yield* CpuUsage
    const meshServices = yield* MeshServices
    const webSockets = yield* WebSockets
    const sharedPods = yield* SharedPods
    const warmPods = yield* WarmPods
    const reserve = yield* Reserve
    const connections = yield* ReserveConnections
    const provisioner = yield* Provisioner

    const onPodChange = (view: NamespaceView, type: "Upsert" | "Delete", pod: Pod): ReadonlyArray<WorkKey> => {
      const { name } = pod.metadata
      const uid = pod.metadata.uid ?? ""
      if (type === "Delete") {
        cache.remove(uid)
        sharedPods.forget(uid)
        standing.forget(uid)
        webSockets.forget(uid)
      }
      const isClaiming = type === "Upsert" && reserve.isClaiming(pod)
      if (!isClaiming) reserve.forget(uid)
      if (!isClaiming && (type === "Delete" || !lifecycle.isClaimed(pod))) warmPods.release(uid)
      warmPods.wake(poolKeyIn(pod.metadata.labels))
      if (type === "Delete" || !FunctionPod.isReserved(pod)) connections.forget(uid)
      if (type === "Upsert" && FunctionPod.isSpecialized(view, pod)) webSockets.watch(view)
      const ofReserve = reserveKeys(pod.metadata.labels?.[labels.environmentName] ?? "")
      if (type === "Delete" || FunctionPod.isDetached(view, pod)) return [{ handler: podWork, name }, ...ofReserve]
      return FunctionPod.isWarm(view, pod) ? [...sharedWork([pod]), ...ofReserve] : []
    }

    /** What a change means for pods. */
    const workOnPods = (view: NamespaceView, { change, kind }: ViewChange): ReadonlyArray<WorkKey> => {
      const { name, uid } = change.object.metadata
      if (kind === "pods") return onPodChange(view, change.type, change.object)
      if (kind === "webSocketsEnded" && change.type === "Upsert") webSockets.ended(view, change.object)
      if (kind === "webSocketsOpened" || kind === "webSocketsEnded") return []
      if (kind === "functionVersions") return podsWork(view, podsOfFunctions(view, [change.object.spec.functionUID]))
      if (kind === "functionAliases") return podsWork(view, podsOfFunctions(view, functionsOf(view, change)))
      if (change.type === "Delete") return []
      if (kind === "functions") {
        if (executorTypeOf(change.object) === "poolmgr" && mayRefer(change.object)) view.wantReferences()
        if (change.previous?.metadata.generation === change.object.metadata.generation) return []
        return podsWork(view, podsOfFunctions(view, [uid ?? ""]))
      }
      if (kind === "secrets") return podsWork(view, podsWith(view, "secret", name))
      if (kind === "configMaps") return podsWork(view, podsWith(view, "configMap", name))
      if (kind === "environments") {
        const pods = view.pods.indexed("environmentUid", uid ?? "")
        return pods.length === 0 ? [] : [...sharedWork(pods), ...reserveKeys(name)]
      }
      const { [labels.executorType]: executorType, [labels.environmentUid]: environmentUid = "" } =
        change.object.metadata.labels ?? {}
      if (kind === "deployments" && executorType === "poolmgr") {
        return podsWork(view, view.pods.indexed("environmentUid", environmentUid))
      }
      return []
    }

    /** Packages of this type's functions are read before the first cold start asks for them (section 22.2). */
    const workOnPackages = (view: NamespaceView, { change, kind }: ViewChange): ReadonlyArray<WorkKey> => {
      if (imageVolumes.support() === "Off") return []
      const { name } = change.object.metadata
      if (kind === "packages" && change.type === "Delete") packageImages.forget(view, name)
      if (kind === "packages" && change.type === "Upsert" && isWanted(view, name))
        return [{ handler: packageWork, name }]
      if (kind !== "functions" || change.type === "Delete") return []
      const wanted = change.object.spec.package?.packageref?.name ?? ""
      return wanted !== "" && isWanted(view, wanted) ? [{ handler: packageWork, name: wanted }] : []
    }

    const sharedWork = (pods: ReadonlyArray<Pod>): ReadonlyArray<WorkKey> =>
      pods.filter(sharedPods.holdsCode).map(({ metadata }) => ({ handler: sharedPodWork, name: metadata.name }))

    const removePods = Effect.fnUntraced(function* (pods: ReadonlyArray<Pod>, ground: Ground, reason: string) {
      for (const pod of pods) yield* lifecycle.remove(pod, ground, reason)
    })

    if (!adoptExistingResources) {
      yield* Effect.logWarning(
        "ADOPT_EXISTING_RESOURCES is false, yet what an earlier executor made is used: nothing is deleted at a start"
      )
    }

    types.register({
      name: "poolmgr",
      admit: requests.admit,
      ensureCapacity: requests.ensureCapacity,
      debugInfo: () => cache.snapshot().map(debugLines).join(""),
      tap: cache.touch,
      tapAll: (view) => {
        cache.touchAll(view.namespace)
        imagePools.touchAll(view)
      },
      unTap: requests.unTap,
      onChange: (view, change) => [
        ...workOnPods(view, change),
        ...workOnPackages(view, change),
        ...functionServices.onChange(view, change),
        ...meshServices.onChange(view, change),
        ...provisioner.onChange(view, change)
      ],
      work: {
        [podWork]: lifecycle.reconcile,
        [sharedPodWork]: sharedPods.reconcile,
        [reserveWork]: reserve.reconcile,
        [functionServiceWork]: functionServices.reconcile,
        [packageWork]: packageImages.refresh,
        [provisionWork]: provisioner.reconcile
      },
      workWithoutLease: { [finalPatchWork]: lifecycle.recordHandOver, [connectionWork]: connections.reconcile },
      owners: (view) => [...FunctionPod.owners(view), ...functionServices.owners(view), ...meshServices.owners(view)],
      reconcileFunction: meshServices.reconcile,
      leaveFunction: (view, fn, isServedElsewhere) => (isServedElsewhere ? meshServices.leave(view, fn) : Effect.void),
      reconcileEnvironment: (view, environment) =>
        deployments
          .converge(view, environment)
          .pipe(
            Effect.catchTag("PodSpecError", (error) =>
              Effect.logWarning(
                "no pool can be made from this environment; it is looked at again when it changes"
              ).pipe(Effect.annotateLogs({ namespace: view.namespace, problem: error.message }))
            )
          ),
      removeEnvironment: Effect.fnUntraced(function* (view, environment, ground) {
        yield* deployments.remove(view, environment.uid, ground)
        const detached = view.pods
          .indexed("environmentUid", environment.uid)
          .filter((pod) => FunctionPod.isDetached(view, pod))
        yield* removePods(detached, ground, "pod of an environment that is gone deleted")
      }),
      removeFunction: Effect.fnUntraced(function* (view, fn, ground) {
        cache.markFunctionDeleted(fn.uid)
        requests.forget(fn.uid)
        yield* provisioner.forget(fn)
        yield* functionServices.remove(view, fn.uid, ground)
        yield* meshServices.remove(view, fn.uid, ground)
        yield* removePods(view.pods.indexed("functionUid", fn.uid), ground, "pod of a function that is gone deleted")
      }),
      removeFunctionVersion: functionServices.removeVersion,
      loops: [cpuUsage.keep],
      reapEvery: reaperIntervals.poolmgr,
      reapIdle: (view) => Effect.andThen(idlePods.reap(view), imagePools.reap(view))
    })
  })
)

/** Work on the reserve of an Environment. */
const reserveKeys = (name: string): ReadonlyArray<WorkKey> => [
  { handler: reserveWork, name },
  { handler: connectionWork, name }
]

const podsOfFunctions = (view: NamespaceView, functionUids: ReadonlyArray<string>): ReadonlyArray<Pod> =>
  functionUids.flatMap((uid) => view.pods.indexed("functionUid", uid))

/** UIDs of the functions of an alias: the one that it is for now, and the one that it was for until now. */
const functionsOf = (view: NamespaceView, change: Change<FunctionAlias>): ReadonlyArray<string> => {
  const before = change.type === "Upsert" ? change.previous : undefined
  const names = new Set([change.object.spec.functionName ?? "", before?.spec.functionName ?? ""])
  return [...names].flatMap((name) => view.functions.get(view.namespace, name)?.metadata.uid ?? [])
}

/** Pods that were given a Secret or ConfigMap, and those of functions that refer to it: a pod may not say it. */
const podsWith = (view: NamespaceView, kind: "secret" | "configMap", name: string): ReadonlyArray<Pod> => [
  ...view.pods.indexed("reference", `${kind.toLowerCase()}/${name}`),
  ...podsOfFunctions(
    view,
    view.functions.indexed(kind, name).map(({ metadata }) => metadata.uid ?? "")
  )
]

/** Whether a function of this type has its code in that Package. */
const isWanted = (view: NamespaceView, packageName: string): boolean =>
  view.functions.indexed("package", packageName).some((fn) => executorTypeOf(fn) === "poolmgr")

/** Work on those of the pods that are some function's. */
const podsWork = (view: NamespaceView, pods: ReadonlyArray<Pod>): ReadonlyArray<WorkKey> =>
  pods
    .filter((pod) => FunctionPod.isSpecialized(view, pod))
    .map(({ metadata }) => ({ handler: podWork, name: metadata.name }))

/**
 * A group in the form of the stock executor's dump, with what it lacks at the end of the line (http-api.md section 4.5,
 * H14): key, whether the function is deleted, idle pods to keep, and a failure that is still remembered.
 */
const debugLines = (group: GroupSnapshot): string => {
  const { deleted, failure, fn, key, pods, q, retain, w } = group
  const head = `svc_waiting:${w}\tqueue_len:${q}`
  const more = `\tkey:${key}\tdeleted:${deleted}\tretain:${retain}${failure === undefined ? "" : `\tfailure:${failure.status}`}`
  if (pods.length === 0) return `${head}${more}\n`
  return pods
    .map(
      ({ active, address, cpuLimit, cpuUsage }) =>
        `${head}\tfunction_name:${fn.name}\tfn_svc_address:${address}\tactive_req:${active}` +
        `\tcurrent_cpu_usage:${cpuUsage}m\tcpu_limit:${cpuLimit}m${more}\n`
    )
    .join("")
}
