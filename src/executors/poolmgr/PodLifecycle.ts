import { Clock, Context, Data, DateTime, Duration, Effect, Layer, Semaphore } from "effect"
import { PoolCache, type PooledPod } from "../../caches/PoolCache.ts"
import type { KubernetesError } from "../../Errors.ts"
import { labels } from "../../fission/Labels.ts"
import { keyOf, type ObjectMeta } from "../../fission/ObjectMeta.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import { isDeleting, isTerminated, type Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError } from "../../namespaces/WorkQueue.ts"
import { drainPatch, servedPatch } from "../../podspec/PodPatches.ts"
import { Conditions } from "../../safeguards/Conditions.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { Ground } from "../../safeguards/Ground.ts"
import * as FunctionPod from "./FunctionPod.ts"

/** Name of the work that brings one pod to where it belongs. */
export const podWork = "pod"

/** Final patches that may be outstanding before cold starts wait (poolmgr.md section 22.2). */
const unfinishedPatches = 500
/** Time between two looks at a superseded pod whose turn has not come. */
const betweenBatches = Duration.seconds(10)
/** A claim that nobody of this process made and nobody finished is given up after this (W04). */
const claimAbandonedAfter = Duration.seconds(2 * 130)

/** Why a pod is taken out of service, and how long its last requests may take. */
export interface DrainOrder {
  /** Time since the last access at the moment of the order. */
  readonly idleFor: Duration.Duration
  /** How long a pod must be idle for this. */
  readonly threshold: Duration.Duration
  /** What took its place, where that is the reason and not idleness. */
  readonly supersededBy?: string
  /** Time between the end of new requests and the delete. */
  readonly grace: Duration.Duration
}

/** What was begun with a pod and has to be brought to an end, whatever the API answers meanwhile. */
type Duty = Data.TaggedEnum<{
  /** A request is loading code into it. */
  Claimed: {}
  /** It serves; labels and annotations have yet to say so. */
  Serving: { readonly pod: PooledPod; readonly functionResourceVersion: string }
  /** It may have received code and will never serve. */
  Discarded: { readonly reason: string }
  /** No new requests; deleted once the grace is over. `drainingSince`: when the API accepted that, monotonic. */
  Draining: { readonly order: DrainOrder; readonly orderedAt: bigint; readonly drainingSince: bigint | undefined }
  /** The API accepted its delete; the view has yet to show that. */
  Deleted: {}
}>
const Duty = Data.taggedEnum<Duty>()

/**
 * Everything that happens to a pod between its claim and its end, except loading code into it. What was begun belongs to
 * the process, so a restarted cell goes on with it; each step is an item of the namespace's queue until it is done.
 */
export class PodLifecycle extends Context.Service<
  PodLifecycle,
  {
    /**
     * One permit a cold start, 500 in all: `serving` takes it over and gives it back when the final patch is written.
     * So an outage cannot pile up pods that nobody has recorded (poolmgr.md section 22.2, backpressure).
     */
    readonly finalPatches: Semaphore.Semaphore
    /** A request is about to claim this pod: nothing else may touch it until one of the next three is called. */
    readonly claimed: (pod: Pod) => void
    /** Whether `claimed` was the last that was said about it. */
    readonly isClaimed: (pod: Pod) => boolean
    /** The claim did not happen: the pod is as warm as it was. */
    readonly unclaimed: (pod: Pod) => void
    /** The pod serves: its labels follow until they are written. Takes over one permit of `finalPatches`. */
    readonly serving: (pod: PooledPod, functionResourceVersion: string) => void
    /** A claimed pod that may hold code and will never serve: it is deleted (ground `FailedClaim`). */
    readonly discarded: (pod: Pod, reason: string) => void
    /**
     * Takes a pod, already out of the cache, out of service and deletes it after the grace (ground `Idle`, or
     * `Superseded` where the order says by what).
     */
    readonly drain: (pod: PooledPod, order: DrainOrder) => void
    /** Deletes a pod, already out of the cache, whose only request has ended (ground `Idle`). */
    readonly retire: (pod: PooledPod) => void
    /** Deletes a function's pod at once, on a ground of its owner. Repeatable. */
    readonly remove: (pod: Pod, ground: Ground, reason: string) => Effect.Effect<void, WorkError>
    /**
     * Puts a pod that an earlier process specialized into the cache, if it fits. Writes nothing (poolmgr.md section
     * 15). Does nothing for pods that are held or that something was begun with.
     */
    readonly adopt: (view: NamespaceView, pod: Pod) => boolean
    /**
     * Handles one pod by name: goes on with what was begun, adopts it, finds out that nobody will finish it, or forgets
     * it when it is gone.
     */
    readonly reconcile: (view: NamespaceView, podName: string) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/PodLifecycle") {
  static readonly layer: Layer.Layer<
    PodLifecycle,
    never,
    PoolCache | KubernetesApi | Deletion | DecisionLog | Conditions | Supervisor
  > = Layer.effect(
    PodLifecycle,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const cache = yield* PoolCache
      const api = yield* KubernetesApi
      const deletion = yield* Deletion
      const decisions = yield* DecisionLog
      const conditions = yield* Conditions
      const supervisor = yield* Supervisor
      /** By `namespace/name`. */
      const duties = new Map<string, Duty>()
      /** When a claim that is not ours was first seen unfinished, by `namespace/name`. */
      const unfinishedSince = new Map<string, bigint>()
      const finalPatches = yield* Semaphore.make(unfinishedPatches)

      const begin = ({ name, namespace }: PodReference, duty: Duty) => {
        duties.set(keyOf({ name, namespace }), duty)
        supervisor.cellOfWorkloads(namespace ?? "")?.enqueue({ handler: podWork, name })
      }
      const lookAgain = (pod: Pod, delay: Duration.Duration) =>
        supervisor
          .cellOfWorkloads(pod.metadata.namespace ?? "")
          ?.enqueueAfter({ handler: podWork, name: pod.metadata.name }, delay) ?? Effect.void

      const drain = (pod: PodReference, order: DrainOrder) =>
        begin(pod, Duty.Draining({ order, orderedAt: clock.monotonicTimeNanosUnsafe(), drainingSince: undefined }))

      const settle = (pod: PodReference) => {
        const duty = duties.get(keyOf(pod))
        duties.delete(keyOf(pod))
        unfinishedSince.delete(keyOf(pod))
        return duty?._tag === "Serving" ? Effect.asVoid(finalPatches.release(1)) : Effect.void
      }

      const remove = Effect.fnUntraced(function* (pod: Pod, ground: Ground, reason: string) {
        cache.remove(pod.metadata.uid ?? "")
        const { name, namespace, uid } = FunctionPod.identity(pod)
        yield* deletion.delete({ kind: Pods, name, namespace, uid }, ground, { reason })
        yield* settle(pod.metadata)
        const shown = supervisor.cellOfWorkloads(namespace)?.view.pods.get(namespace, name)
        if (shown?.metadata.uid === uid && !isDeleting(shown.metadata)) duties.set(keyOf(pod.metadata), Duty.Deleted())
      })

      /** A patch guarded by UID; a pod that is gone, or another of its name, needs no patch any more. */
      const patch = (pod: Pod, body: { readonly [field: string]: unknown }): Effect.Effect<boolean, KubernetesError> =>
        api.patch(Pods, FunctionPod.identity(pod), { type: "strategic", body }).pipe(
          Effect.as(true),
          Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.succeed(false))
        )

      const serve = Effect.fnUntraced(function* (
        view: NamespaceView,
        pod: Pod,
        duty: Extract<Duty, { _tag: "Serving" }>
      ) {
        const written = yield* patch(pod, servedPatch(pod, duty.pod.address, duty.functionResourceVersion))
        yield* settle(pod.metadata)
        if (!written) return void cache.remove(pod.metadata.uid ?? "")
        const fn = FunctionPod.functionOf(view, pod)
        if (fn !== undefined) yield* conditions.set(fn, FunctionPod.readyVia(pod))
      })

      const goOnDraining = Effect.fnUntraced(function* (
        view: NamespaceView,
        pod: Pod,
        duty: Extract<Duty, { _tag: "Draining" }>
      ) {
        const now = yield* Clock.monotonicTimeNanos
        if (duty.drainingSince === undefined) {
          const since = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
          if (!(yield* patch(pod, drainPatch(pod.metadata.uid ?? "", since)))) return yield* settle(pod.metadata)
          duties.set(keyOf(pod.metadata), Duty.Draining({ ...duty, drainingSince: now }))
          yield* decisions.record({
            action: "Draining",
            kind: "Pod",
            ...FunctionPod.identity(pod),
            reason: "pod takes no new requests and is deleted after its grace",
            evidence: { graceSeconds: Duration.toSeconds(duty.order.grace) }
          })
          return yield* lookAgain(pod, duty.order.grace)
        }
        const left = Duration.subtract(duty.order.grace, Duration.nanos(now - duty.drainingSince))
        if (Duration.isPositive(left)) return yield* lookAgain(pod, left)
        const { supersededBy: by, threshold } = duty.order
        const age = yield* viewAge(view)
        const idleFor = Duration.sum(duty.order.idleFor, Duration.nanos(now - duty.orderedAt))
        const ground =
          by === undefined ? Ground.Idle({ idleFor, threshold, viewAge: age }) : Ground.Superseded({ by, viewAge: age })
        yield* remove(pod, ground, "pod deleted after its drain")
      })

      const goOn = (view: NamespaceView, pod: Pod, duty: Duty): Effect.Effect<void, WorkError> => {
        switch (duty._tag) {
          case "Claimed":
          case "Deleted":
            return Effect.void
          case "Serving":
            return serve(view, pod, duty)
          case "Discarded":
            return remove(pod, Ground.FailedClaim({ reason: duty.reason }), "claimed pod that will never serve deleted")
          case "Draining":
            return goOnDraining(view, pod, duty)
        }
      }

      const adopt = (view: NamespaceView, pod: Pod): boolean => {
        const uid = pod.metadata.uid ?? ""
        if (cache.holds(uid) || duties.has(keyOf(pod.metadata)) || isDeleting(pod.metadata) || isTerminated(pod))
          return false
        if (pod.metadata.labels?.[labels.served] !== "true") return false
        const adopted = FunctionPod.adoptable(view, pod)
        if (adopted === undefined) return false
        cache.adopt(adopted.pod, adopted)
        return true
      }

      /** The drain of an earlier process goes on with a whole grace: nobody knows when it began (W01). */
      const resumeDrain = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod) {
        const grace = FunctionPod.drainGrace(FunctionPod.functionOf(view, pod))
        const now = yield* Clock.monotonicTimeNanos
        const order = { idleFor: Duration.zero, threshold: grace, grace }
        duties.set(keyOf(pod.metadata), Duty.Draining({ order, orderedAt: now, drainingSince: now }))
        yield* lookAgain(pod, grace)
      })

      /**
       * Takes a superseded pod out of the cache and drains it, in its turn: at most a quarter of a function's pods at a
       * time, and the last one only when another can take over at once (failure-semantics.md section 9.2).
       */
      const supersede = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod, by: string) {
        const siblings = view.pods
          .indexed("functionUid", pod.metadata.labels?.[labels.functionUid] ?? "")
          .filter((sibling) => FunctionPod.isSpecialized(view, sibling) && !isDeleting(sibling.metadata))
        const leaving = siblings.filter(({ metadata }) =>
          ["Draining", "Deleted"].includes(duties.get(keyOf(metadata))?._tag ?? "")
        ).length
        if (leaving > 0 && leaving >= Math.ceil(siblings.length / 4)) return yield* lookAgain(pod, betweenBatches)
        if (siblings.length - leaving === 1 && !FunctionPod.hasSuccessor(view, pod)) {
          return yield* lookAgain(pod, betweenBatches)
        }
        cache.remove(pod.metadata.uid ?? "")
        const grace = FunctionPod.drainGrace(FunctionPod.functionOf(view, pod))
        drain(pod.metadata, { idleFor: Duration.zero, threshold: grace, grace, supersededBy: by })
      })

      /** A claim of another process: whoever made it may still finish it, for as long as a cold start may take. */
      const watchUnfinished = Effect.fnUntraced(function* (pod: Pod) {
        const key = keyOf(pod.metadata)
        const now = yield* Clock.monotonicTimeNanos
        const since = unfinishedSince.get(key) ?? now
        unfinishedSince.set(key, since)
        const left = Duration.subtract(claimAbandonedAfter, Duration.nanos(now - since))
        if (Duration.isPositive(left)) return yield* lookAgain(pod, left)
        begin(pod.metadata, Duty.Discarded({ reason: "its claim was never finished by any executor" }))
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const pod = view.pods.get(view.workloadNamespace, podName)
        if (pod === undefined) return yield* settle({ namespace: view.workloadNamespace, name: podName })
        if (!FunctionPod.isSpecialized(view, pod)) return
        const uid = pod.metadata.uid ?? ""
        if (isDeleting(pod.metadata)) {
          cache.remove(uid)
          return yield* settle(pod.metadata)
        }
        const duty = duties.get(keyOf(pod.metadata))
        if (duty !== undefined) return yield* goOn(view, pod, duty)
        if (!FunctionPod.isClaimFinished(pod)) return cache.holds(uid) ? undefined : yield* watchUnfinished(pod)
        if (pod.metadata.labels?.[labels.served] !== "true") return yield* resumeDrain(view, pod)
        const by = FunctionPod.supersededBy(view, pod)
        if (by !== undefined) return yield* supersede(view, pod, by)
        if (!adopt(view, pod)) return
        yield* decisions.record({
          action: "Adopted",
          kind: "Pod",
          ...FunctionPod.identity(pod),
          reason: "specialized pod of an earlier executor is handed out again",
          evidence: { function: pod.metadata.labels[labels.functionName] }
        })
      })

      return PodLifecycle.of({
        finalPatches,
        claimed: (pod) => void duties.set(keyOf(pod.metadata), Duty.Claimed()),
        isClaimed: (pod) => duties.get(keyOf(pod.metadata))?._tag === "Claimed",
        unclaimed: (pod) => void duties.delete(keyOf(pod.metadata)),
        serving: (pod, functionResourceVersion) => begin(pod, Duty.Serving({ pod, functionResourceVersion })),
        discarded: (pod, reason) => begin(pod.metadata, Duty.Discarded({ reason })),
        drain,
        retire: (pod) => drain(pod, { idleFor: Duration.zero, threshold: Duration.zero, grace: Duration.zero }),
        remove,
        adopt,
        reconcile
      })
    })
  )
}

type PodReference = Pick<ObjectMeta, "name" | "namespace">
