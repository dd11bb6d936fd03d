import { Effect, Layer } from "effect"
import {
  type Demand,
  type GroupSnapshot,
  PoolCache,
  type PooledPod,
  type Reservation,
  type Slot
} from "../../caches/PoolCache.ts"
import { Settings } from "../../Config.ts"
import { FissionError } from "../../Errors.ts"
import { concurrency, type FissionFunction, requestsPerPod, retainPods } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import type { Pod } from "../../fission/Workloads.ts"
import type { NamespaceView, ViewChange } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkKey } from "../../namespaces/WorkQueue.ts"
import type { Ground } from "../../safeguards/Ground.ts"
import { type Admission, ExecutorTypes, type Miss, type ServiceAddress } from "../ExecutorType.ts"
import { ColdStart } from "./ColdStart.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { IdlePods } from "./IdlePods.ts"
import { PodLifecycle, podWork } from "./PodLifecycle.ts"
import { PoolDeployments } from "./PoolDeployments.ts"
import { WarmPods } from "./WarmPods.ts"

/** The executor type `poolmgr`: registers itself while the process is built. */
export const layer: Layer.Layer<
  never,
  never,
  ExecutorTypes | PoolCache | ColdStart | PodLifecycle | PoolDeployments | IdlePods | WarmPods | Supervisor | Settings
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const types = yield* ExecutorTypes
    const cache = yield* PoolCache
    const coldStart = yield* ColdStart
    const lifecycle = yield* PodLifecycle
    const deployments = yield* PoolDeployments
    const idlePods = yield* IdlePods
    const warmPods = yield* WarmPods
    const supervisor = yield* Supervisor
    const settings = yield* Settings
    /** UIDs of functions whose pods in the view have been offered to the cache before their first request. */
    const offered = new Set<string>()

    const viewOf = (fn: FissionFunction): Effect.Effect<NamespaceView, FissionError> => {
      const view = supervisor.cell(fn.metadata.namespace ?? "")?.view
      if (view !== undefined) return Effect.succeed(view)
      const text = `namespace "${fn.metadata.namespace ?? ""}" is not among the namespaces that this executor serves`
      return Effect.fail(new FissionError({ kind: "Internal", text }))
    }

    /** A first request must find the pods of an earlier process even before the queue has come to them. */
    const offerPods = (view: NamespaceView, functionUid: string) => {
      if (offered.has(functionUid) || !view.pods.isSynced() || !view.environments.isSynced()) return
      offered.add(functionUid)
      for (const pod of view.pods.indexed("functionUid", functionUid)) lifecycle.adopt(view, pod)
    }

    const demandOf = (view: NamespaceView, fn: FissionFunction): Demand => ({
      fn: identityOf(fn),
      requestsPerPod: requestsPerPod(fn),
      concurrency: concurrency(fn),
      retainPods: retainPods(fn),
      inputs: inputsOf(view, fn)
    })

    const addressOf = (slot: Slot): ServiceAddress => ({
      address: slot.pod.address,
      release: Effect.sync(slot.release)
    })

    /** The duty of a miss. Whatever becomes of the caller, reservation and slot are settled by `abandon`. */
    const missOf = (view: NamespaceView, fn: FissionFunction, reservation: Reservation): Miss => {
      let slot: Slot | undefined
      const kept: Reservation = {
        fulfil: (pod) => (slot = reservation.fulfil(pod)),
        abandon: (answer) => reservation.abandon(answer)
      }
      return {
        _tag: "Miss",
        create: (correlationId: string) =>
          Effect.map(coldStart.run({ view, fn, reservation: kept, correlationId }), addressOf),
        abandon: () => {
          reservation.abandon()
          slot?.release()
        }
      }
    }

    const hitOf = (view: NamespaceView, slot: Slot): Admission => ({
      _tag: "Hit",
      service: addressOf(slot),
      isValid: () => FunctionPod.isServing(view, slot.pod),
      evict: () => void cache.remove(slot.pod.uid)
    })

    const admit = Effect.fnUntraced(function* (fn: FissionFunction) {
      const view = yield* viewOf(fn)
      offerPods(view, fn.metadata.uid ?? "")
      const admission = yield* cache.admit(demandOf(view, fn))
      if (admission._tag === "Miss") return missOf(view, fn, admission.reservation)
      return hitOf(view, admission.slot)
    })

    const onPodChange = (view: NamespaceView, type: "Upsert" | "Delete", pod: Pod): ReadonlyArray<WorkKey> => {
      const { name, uid = "" } = pod.metadata
      if (type === "Delete") cache.remove(uid ?? "")
      if (type === "Delete" || !lifecycle.isClaimed(pod)) warmPods.release(uid ?? "")
      if (type === "Upsert" && FunctionPod.isWarm(view, pod)) {
        warmPods.wake(pod.metadata.labels?.[labels.environmentUid] ?? "")
        return []
      }
      return type === "Delete" || FunctionPod.isSpecialized(view, pod) ? [{ handler: podWork, name }] : []
    }

    const removePods = Effect.fnUntraced(function* (pods: ReadonlyArray<Pod>, ground: Ground, reason: string) {
      for (const pod of pods) yield* lifecycle.remove(pod, ground, reason)
    })

    types.register({
      name: "poolmgr",
      admit,
      ensureCapacity: Effect.fnUntraced(function* (fn) {
        const view = yield* viewOf(fn)
        offerPods(view, fn.metadata.uid ?? "")
        const reservation = yield* cache.reserve(demandOf(view, fn), settings.maxPendingSpecializations)
        return missOf(view, fn, reservation)
      }),
      debugInfo: () => cache.snapshot().map(debugLines).join(""),
      tap: cache.touch,
      unTap: ({ address, metadata }) =>
        cache.unTap({ uid: metadata.uid ?? "", generation: metadata.generation ?? 0 }, address),
      onChange: (view: NamespaceView, { change, kind }: ViewChange) => {
        const { uid } = change.object.metadata
        if (kind === "pods") return onPodChange(view, change.type, change.object)
        if (change.type === "Delete") return []
        if (kind === "functions" && change.previous?.metadata.generation !== change.object.metadata.generation) {
          return podsWork(view, view.pods.indexed("functionUid", uid ?? ""))
        }
        if (kind === "deployments") {
          const environmentUid = change.object.metadata.labels?.[labels.environmentUid] ?? ""
          return podsWork(view, view.pods.indexed("environmentUid", environmentUid))
        }
        return []
      },
      work: { [podWork]: lifecycle.reconcile },
      owners: FunctionPod.owners,
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
        const specialized = view.pods
          .indexed("environmentUid", environment.uid)
          .filter((pod) => FunctionPod.isSpecialized(view, pod))
        yield* removePods(specialized, ground, "pod of an environment that is gone deleted")
      }),
      removeFunction: Effect.fnUntraced(function* (view, fn, ground) {
        cache.markFunctionDeleted(fn.uid)
        offered.delete(fn.uid)
        yield* removePods(view.pods.indexed("functionUid", fn.uid), ground, "pod of a function that is gone deleted")
      }),
      reapIdle: idlePods.reap
    })
  })
)

const identityOf = (fn: FissionFunction): PooledPod["fn"] => ({
  uid: fn.metadata.uid ?? "",
  generation: fn.metadata.generation ?? 0,
  name: fn.metadata.name,
  namespace: fn.metadata.namespace ?? ""
})

/** Work on those of the pods that are some function's. */
const podsWork = (view: NamespaceView, pods: ReadonlyArray<Pod>): ReadonlyArray<WorkKey> =>
  pods
    .filter((pod) => FunctionPod.isSpecialized(view, pod))
    .map(({ metadata }) => ({ handler: podWork, name: metadata.name }))

/** Versions of everything that decides whether a function loads: a change of any makes it worth another try. */
const inputsOf = (view: NamespaceView, fn: FissionFunction): string => {
  const pkg = view.packages.get(view.namespace, fn.spec.package?.packageref?.name ?? "")
  const environment = view.environments.get(view.namespace, fn.spec.environment?.name ?? "")
  return `${pkg?.metadata.resourceVersion ?? ""}/${environment?.metadata.resourceVersion ?? ""}`
}

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
