import { Clock, Context, DateTime, Duration, Effect, Layer } from "effect"
import { Settings } from "../../Config.ts"
import { poolSize } from "../../fission/Environment.ts"
import { concurrency, executorTypeOf, type FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import { planAt, provisionedConcurrency } from "../../fission/ProvisionedConcurrency.ts"
import { isDeleting, isReady, isTerminated, type Pod } from "../../fission/Workloads.ts"
import type { NamespaceView, ViewChange } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError, WorkKey } from "../../namespaces/WorkQueue.ts"
import { isCurrent } from "../../podspec/PoolDeployment.ts"
import { Conditions } from "../../safeguards/Conditions.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import type { OwnerReference } from "../../safeguards/Ground.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { ImagePools } from "./ImagePools.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { PodStanding } from "./PodStanding.ts"
import { PodWrites } from "./PodWrites.ts"
import { existing, type Pool } from "./Pool.ts"
import { divide } from "./ProvisionedPods.ts"
import * as ProvisionedReport from "./ProvisionedReport.ts"
import { conditionType, type Effective, effectiveTarget, statusOf } from "./ProvisionedStatus.ts"
import { podsOf } from "./ServedPods.ts"
import { WarmPods } from "./WarmPods.ts"
import { WarmUps } from "./WarmUps.ts"

/** Name of the work that holds as many pods of one function warm as it asks for. */
export const provisionWork = "provision"

/** Shortest time to the look at a window's edge (poolmgr.md section 17). */
const soonestEdge = Duration.seconds(10)

/**
 * Provisioned concurrency: holds pods warm for the functions that ask for it, more or fewer of them in windows of time
 * (poolmgr.md section 17). What is held is what the labels of the pods say, so a restart finds it as it was. Pods that serve
 * already are held before new ones are made; new ones are made only of pods that are free in the pool, so no request waits
 * for them, and the reserve is left to requests.
 */
export class Provisioner extends Context.Service<
  Provisioner,
  {
    /** The work that a change makes necessary. */
    readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkKey>
    /**
     * Handles one Function by name, and looks at it again at the latest after the interval of the settings, or at the next
     * edge of a window. Returns before what it began is warm. Repeatable.
     */
    readonly reconcile: (view: NamespaceView, name: string) => Effect.Effect<void, WorkError>
    /** Forgets a Function that is gone; its pods are not ours to remove. Repeatable. */
    readonly forget: (fn: OwnerReference) => Effect.Effect<void>
  }
>()("fission-executor/executors/poolmgr/Provisioner") {
  static readonly layer: Layer.Layer<
    Provisioner,
    never,
    | Settings
    | WarmUps
    | WarmPods
    | ImagePools
    | PodLifecycle
    | PodStanding
    | PodWrites
    | Conditions
    | DecisionLog
    | Supervisor
  > = Layer.effect(
    Provisioner,
    Effect.gen(function* () {
      const settings = (yield* Settings).provisioned
      const warmUps = yield* WarmUps
      const warmPods = yield* WarmPods
      const imagePools = yield* ImagePools
      const lifecycle = yield* PodLifecycle
      const standing = yield* PodStanding
      const writes = yield* PodWrites
      const conditions = yield* Conditions
      const decisions = yield* DecisionLog
      const supervisor = yield* Supervisor
      const zone = DateTime.zoneMakeLocal()
      const report = ProvisionedReport.make()
      /** Functions that lack a pod, by their Environment: the next that becomes warm may be for them. */
      const short = new Map<string, Set<string>>()
      /** What was last written onto a pod, by its UID, and which version of it: the view may go on showing that. */
      const written = new Map<string, { readonly isHeld: boolean; readonly version: string }>()

      const key = (name: string): WorkKey => ({ handler: provisionWork, name })
      const environmentKey = (view: NamespaceView, name: string) => `${view.namespace}/${name}`

      // --- Changes ---

      const concerns = (fn: FissionFunction | undefined) =>
        settings.enabled &&
        fn !== undefined &&
        ((fn.spec.provisionedConcurrency ?? undefined) !== undefined || isToldOf(fn))

      const isShort = (view: NamespaceView, environmentName: string, name: string) => {
        const waiting = short.get(environmentKey(view, environmentName)) ?? new Set()
        short.set(environmentKey(view, environmentName), waiting.add(name))
      }

      const isShortNoMore = (namespace: string, name: string) => {
        for (const [environment, waiting] of short) {
          if (environment.startsWith(`${namespace}/`)) waiting.delete(name)
          if (waiting.size === 0) short.delete(environment)
        }
      }

      const shortOf = (view: NamespaceView, environmentName: string) =>
        [...(short.get(environmentKey(view, environmentName)) ?? [])].map(key)

      const onPodChange = (
        view: NamespaceView,
        { type, object: pod }: Extract<ViewChange, { kind: "pods" }>["change"]
      ) => {
        if (type === "Delete") written.delete(pod.metadata.uid ?? "")
        if (FunctionPod.isWarm(view, pod)) return shortOf(view, pod.metadata.labels?.[labels.environmentName] ?? "")
        const name = pod.metadata.labels?.[labels.functionName] ?? ""
        const isOurs = FunctionPod.isDetached(view, pod) && name !== ""
        return isOurs && (isLabelled(pod) || concerns(FunctionPod.functionOf(view, pod))) ? [key(name)] : []
      }

      const onChange = (view: NamespaceView, { change, kind }: ViewChange): ReadonlyArray<WorkKey> => {
        if (kind === "pods") return onPodChange(view, change)
        if (change.type === "Delete") return []
        if (kind === "environments") return shortOf(view, change.object.metadata.name)
        if (kind === "secrets" || kind === "configMaps") return referringTo(view, kind, change.object.metadata.name)
        if (kind !== "functions") return []
        return [change.object, change.previous].some(concerns) ? [key(change.object.metadata.name)] : []
      }

      /** A changed Secret or ConfigMap supersedes the pods that are held: others are to take their place. */
      const referringTo = (view: NamespaceView, kind: "secrets" | "configMaps", name: string) =>
        view.functions
          .indexed(kind === "secrets" ? "secret" : "configMap", name)
          .filter(concerns)
          .map(({ metadata }) => key(metadata.name))

      // --- Pods ---

      const isHeld = (pod: Pod) => {
        const last = written.get(pod.metadata.uid ?? "")
        return last?.version === pod.metadata.resourceVersion ? last?.isHeld === true : isLabelled(pod)
      }

      const candidateOf = (view: NamespaceView, fn: FissionFunction, pod: Pod) => ({
        pod,
        isHeld: isHeld(pod),
        isFit:
          pod.metadata.labels?.[labels.functionGeneration] === String(fn.metadata.generation) &&
          pod.metadata.labels[labels.served] === "true" &&
          isReady(pod) &&
          !isTerminated(pod) &&
          standing.of(view, pod)._tag !== "Superseded" &&
          !lifecycle.isLeaving(pod)
      })

      const mark = Effect.fnUntraced(function* (fn: FissionFunction, pod: Pod, isHeld: boolean) {
        if (!(yield* writes.recordProvisioned(pod, isHeld))) return
        written.set(pod.metadata.uid ?? "", { isHeld, version: pod.metadata.resourceVersion ?? "" })
        yield* decisions.record({
          action: isHeld ? "Provisioned" : "Released",
          kind: "Pod",
          ...FunctionPod.identity(pod),
          reason: isHeld ? "pod held warm for its function" : "pod held warm no longer; it goes when nobody uses it",
          evidence: { function: `${fn.metadata.namespace}/${fn.metadata.name}` }
        })
      })

      /**
       * Pods that a warm-up can have without keeping a request waiting. A pool that is made on demand, and is not there, is
       * made by the first.
       */
      const freePods = (view: NamespaceView, pool: Pool, loading: number) => {
        const { environment, image } = pool
        const free = FunctionPod.warmPods(view, pool).filter(
          ({ metadata }) => isCurrent(environment, metadata) && !warmPods.isTaken(metadata.uid ?? "")
        ).length
        const isToBeMade = image === undefined ? poolSize(environment) === 0 : existing(view, pool) === undefined
        return isToBeMade && loading === 0 ? Math.max(1, free) : free
      }

      const freePodsFor = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction, loading: number) {
        const environment = view.environments.get(view.namespace, fn.spec.environment?.name ?? "")
        if (environment === undefined) return 0
        return freePods(view, { environment, image: yield* imagePools.imageFor(view, environment, fn) }, loading)
      })

      /** Makes what is missing, within the bounds; what is left over is made when a pod becomes warm. */
      const warmUp = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction, missing: number) {
        const { name, uid = "" } = fn.metadata
        const environmentName = fn.spec.environment?.name ?? ""
        const loading = warmUps.loading(uid ?? "")
        const lacking = missing - warmUps.expected(view, fn)
        if (lacking <= 0) return
        const free = yield* freePodsFor(view, fn, loading)
        const again = Effect.sync(() => supervisor.cell(view.namespace)?.enqueue(key(name)))
        if (lacking > free) isShort(view, environmentName, name)
        for (let left = Math.min(lacking, free, settings.maxInFlightPerFunction - loading); left > 0; left--) {
          if (!(yield* warmUps.begin(view, fn, again))) return
        }
      })

      // --- One function ---

      const holdNone = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction) {
        for (const pod of podsOf(view, fn)) if (isHeld(pod)) yield* mark(fn, pod, false)
        const wasAsked = report.unasked(fn)
        if (!settings.enabled || !(wasAsked || isToldOf(fn))) return
        yield* conditions.set(fn, ...statusOf({ effective: noTarget, ready: 0, base: 0 }))
        yield* report.measured(fn, 0, 0)
      })

      const hold = Effect.fnUntraced(function* (
        view: NamespaceView,
        fn: FissionFunction,
        effective: Effective,
        base: number
      ) {
        const candidates = podsOf(view, fn)
          .filter(({ metadata }) => !isDeleting(metadata))
          .map((pod) => candidateOf(view, fn, pod))
        const { kept, missing, released } = divide(candidates, effective.target)
        yield* report.measured(fn, effective.target, kept.length)
        yield* conditions.set(fn, ...statusOf({ effective, ready: kept.length, base }))
        yield* warmUp(view, fn, missing)
        for (const { isHeld, pod } of kept) if (!isHeld) yield* mark(fn, pod, true)
        for (const { pod } of released) yield* mark(fn, pod, false)
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, name: string) {
        isShortNoMore(view.namespace, name)
        const fn = view.functions.get(view.namespace, name)
        if (fn === undefined || isDeleting(fn.metadata)) return
        const wanted = settings.enabled && isHoldable(view, fn) ? provisionedConcurrency(fn, zone) : undefined
        if (wanted === undefined) return yield* holdNone(view, fn)
        const now = yield* Clock.currentTimeMillis
        const plan = planAt(wanted, now)
        yield* report.looked(fn, wanted, plan)
        const edge = plan.changesAt === undefined ? Duration.infinity : Duration.millis(plan.changesAt - now)
        yield* (
          supervisor
            .cell(view.namespace)
            ?.enqueueAfter(key(name), Duration.min(settings.interval, Duration.max(soonestEdge, edge))) ?? Effect.void
        )
        yield* hold(view, fn, effectiveTarget(plan.target, settings.maxPerFunction, concurrency(fn)), wanted.target)
      })

      return Provisioner.of({
        onChange,
        reconcile,
        forget: Effect.fnUntraced(function* (fn) {
          isShortNoMore(fn.namespace, fn.name)
          yield* warmUps.forget(fn)
          yield* report.forget(fn)
        })
      })
    })
  )
}

const noTarget: Effective = { target: 0 }

const isLabelled = (pod: Pod): boolean => pod.metadata.labels?.[labels.provisioned] === "true"

/** Whether the Function says that pods are held warm for it, or are to be. */
const isToldOf = ({ status }: FissionFunction): boolean =>
  status?.conditions?.some(({ reason, type }) => type === conditionType && reason !== "ProvisionedDisabled") ?? false

/** Whether a pod can be held for the function alone, and be used by more than one request (poolmgr.md section 19). */
const isHoldable = (view: NamespaceView, fn: FissionFunction): boolean => {
  const environment = view.environments.get(view.namespace, fn.spec.environment?.name ?? "")
  const isShared = environment !== undefined && FunctionPod.isShared(environment)
  return executorTypeOf(fn) === "poolmgr" && fn.spec.onceOnly !== true && !isShared
}
