import { Clock, Context, Duration, Effect, Layer, Metric, Semaphore } from "effect"
import { PoolCache, type PooledPod } from "../../caches/PoolCache.ts"
import { annotations, labels } from "../../fission/Labels.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import { isDeleting, isTerminated, type Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError } from "../../namespaces/WorkQueue.ts"
import { Conditions } from "../../safeguards/Conditions.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { evidenceOf, Ground } from "../../safeguards/Ground.ts"
import { InstanceId } from "../InstanceId.ts"
import * as FunctionPod from "./FunctionPod.ts"
import {
  atOnce,
  type DrainOrder,
  Duty,
  isUnrecorded,
  make as makeDuties,
  type PodReference,
  type Serving
} from "./PodDuties.ts"
import { PodStanding } from "./PodStanding.ts"
import { PodWrites } from "./PodWrites.ts"

/** Name of the work that brings one pod to where it belongs. */
export const podWork = "pod"

/** Name of the work that writes the final patch of a pod out of the reserve, with or without the lease. */
export const finalPatchWork = "finalPatch"

/** Final patches that may be outstanding before cold starts wait (poolmgr.md section 22.2). */
const unfinishedPatches = 500
/** Time between two looks at a pod that is superseded and whose turn has not come, or that may be superseded. */
const betweenLooks = Duration.seconds(10)
/** A claim that nobody of this process made and nobody finished is given up after this (W04). */
const claimAbandonedAfter = Duration.seconds(2 * 130)

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
    /** Whether nothing was begun with the pod, or all of it has ended and the view shows that. */
    readonly isFree: (pod: Pod) => boolean
    /** Whether the pod takes no new requests and is going, although the view may not show it yet. */
    readonly isLeaving: (pod: Pod) => boolean
    /** The claim did not happen, or nobody knows: the pod is as warm as it was, unless it turns out to be claimed. */
    readonly unclaimed: (pod: Pod) => void
    /** The pod serves: its labels follow until they are written. Takes over one permit of `finalPatches`. */
    readonly serving: (serving: Serving) => void
    /** A claimed pod that may hold code and will never serve: it is deleted (ground `FailedClaim`). */
    readonly discarded: (pod: Pod, reason: string) => void
    /**
     * Takes a pod, already out of the cache, out of service and deletes it after the grace (ground `Idle`, or
     * `Superseded` where the order says by what).
     */
    readonly drain: (pod: PooledPod, order: DrainOrder) => void
    /** Deletes a pod, already out of the cache, whose only request has ended (ground `Idle`). */
    readonly retire: (pod: PooledPod) => void
    /** Deletes a pod that never received code and is not wanted (ground `Superseded` where `by` is given, else `Idle`). */
    readonly dismiss: (pod: Pod, by?: string) => void
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
    /** Handles one pod that was handed out of the reserve, by name: its labels follow (lifecycle.md section 4). */
    readonly recordHandOver: (view: NamespaceView, podName: string) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/PodLifecycle") {
  static readonly layer: Layer.Layer<
    PodLifecycle,
    never,
    PoolCache | PodWrites | PodStanding | Deletion | DecisionLog | Conditions | Supervisor | InstanceId
  > = Layer.effect(
    PodLifecycle,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const services = yield* Effect.context<never>()
      const cache = yield* PoolCache
      const writes = yield* PodWrites
      const standing = yield* PodStanding
      const deletion = yield* Deletion
      const decisions = yield* DecisionLog
      const conditions = yield* Conditions
      const supervisor = yield* Supervisor
      const instance = yield* InstanceId
      const duties = makeDuties()
      const finalPatches = yield* Semaphore.make(unfinishedPatches)

      const look = (pod: PodReference, handler = podWork) =>
        supervisor.cellOfWorkloads(pod.namespace ?? "")?.enqueue({ handler, name: pod.name })
      const begin = (pod: PodReference, duty: Duty) => {
        duties.set(pod, duty)
        look(pod)
      }
      const lookAgain = (pod: Pod, delay: Duration.Duration) =>
        supervisor
          .cellOfWorkloads(pod.metadata.namespace ?? "")
          ?.enqueueAfter({ handler: podWork, name: pod.metadata.name }, delay) ?? Effect.void

      const drain = (pod: PodReference, order: DrainOrder) => {
        const orderedAt = clock.monotonicTimeNanosUnsafe()
        const isRecorded = !isUnrecorded(duties.of(pod))
        begin(pod, Duty.Draining({ order, orderedAt, drainingSince: undefined, isRecorded }))
      }

      const isOfOwnReserve = (pod: Pod) => FunctionPod.isReservedBy(instance.value, pod)

      /** Whether it is for the reserve to say what becomes of the pod. */
      const isOfReserve = (pod: Pod) => isOfOwnReserve(pod) || FunctionPod.isReleased(pod)

      /** Whether the view shows what a duty was waiting for. */
      const hasEnded = ({ _tag }: Duty, pod: Pod) =>
        (_tag === "Recorded" && FunctionPod.isClaimFinished(pod)) ||
        (_tag === "Foreign" && (FunctionPod.isClaimFinished(pod) || isOfReserve(pod)))

      const isFree = (pod: Pod) => {
        const duty = duties.of(pod.metadata)
        return duty === undefined || hasEnded(duty, pod)
      }

      const isLeaving = ({ metadata }: Pod) => ["Draining", "Deleted"].includes(duties.of(metadata)?._tag ?? "")

      const giveBackPermit = (duty: Duty | undefined) =>
        isUnrecorded(duty) ? Effect.asVoid(finalPatches.release(1)) : Effect.void

      const shown = (pod: PodReference): Pod | undefined => {
        const found = supervisor.cellOfWorkloads(pod.namespace ?? "")?.view.pods.get(pod.namespace ?? "", pod.name)
        return found?.metadata.uid === pod.uid ? found : undefined
      }

      /** Ends a duty. `accepted`: the duty until the view shows what the API accepted. */
      const settle = (pod: PodReference, accepted?: Duty) =>
        Effect.suspend(() => {
          const duty = duties.end(pod)
          const now = shown(pod)
          if (accepted !== undefined && now !== undefined && !isDeleting(now.metadata)) duties.set(pod, accepted)
          return giveBackPermit(duty)
        })

      const remove = Effect.fnUntraced(function* (pod: Pod, ground: Ground, reason: string) {
        cache.remove(pod.metadata.uid ?? "")
        yield* deletion.delete({ kind: Pods, ...FunctionPod.identity(pod) }, ground, { reason })
        yield* settle(pod.metadata, Duty.Deleted())
      })

      const serve = Effect.fnUntraced(function* (
        view: NamespaceView,
        pod: Pod,
        duty: Extract<Duty, { _tag: "Serving" }>
      ) {
        const isThere = FunctionPod.isRecordedAt(duty.pod.address, pod) || (yield* writes.recordServing(pod, duty))
        yield* settle(pod.metadata, isThere ? Duty.Recorded() : Duty.Deleted())
        if (!isThere) return void cache.remove(pod.metadata.uid ?? "")
        const fn = FunctionPod.functionServed(view, duty.pod)
        if (fn !== undefined) yield* conditions.set(fn, FunctionPod.readyVia(pod))
      })

      const goOnDraining = Effect.fnUntraced(function* (
        view: NamespaceView,
        pod: Pod,
        duty: Extract<Duty, { _tag: "Draining" }>
      ) {
        const now = yield* Clock.monotonicTimeNanos
        if (duty.drainingSince === undefined) {
          if (!(yield* writes.recordDraining(pod))) return yield* settle(pod.metadata, Duty.Deleted())
          duties.set(pod.metadata, Duty.Draining({ ...duty, drainingSince: now }))
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
        yield* remove(
          pod,
          ground,
          FunctionPod.isReserved(pod) ? "pod of the reserve deleted" : "pod deleted after its drain"
        )
      })

      const goOn = (view: NamespaceView, pod: Pod, duty: Duty): Effect.Effect<void, WorkError> => {
        switch (duty._tag) {
          case "Claimed":
          case "Recorded":
          case "Deleted":
            return Effect.void
          case "Foreign":
            return awaitOthers(pod, duty.since)
          case "Serving":
            return isOfOwnReserve(pod) ? Effect.void : serve(view, pod, duty)
          case "Discarded":
            return remove(pod, Ground.FailedClaim({ reason: duty.reason }), "claimed pod that will never serve deleted")
          case "Draining":
            return goOnDraining(view, pod, duty)
        }
      }

      const adopt = (view: NamespaceView, pod: Pod): boolean => {
        const uid = pod.metadata.uid ?? ""
        if (cache.holds(uid) || isDeleting(pod.metadata) || isTerminated(pod)) return false
        if (pod.metadata.labels?.[labels.served] !== "true" || duties.of(pod.metadata) !== undefined) return false
        const adopted = FunctionPod.adoptable(view, pod)
        if (adopted === undefined) return false
        cache.adopt(adopted.pod, adopted)
        adoptions.updateUnsafe(1, services)
        return true
      }

      /** Deletes a pod that gets no new requests any more, once its last ones had their time. */
      const letGo = (pod: Pod, order: DrainOrder) => {
        const now = clock.monotonicTimeNanosUnsafe()
        begin(pod.metadata, Duty.Draining({ order, orderedAt: now, drainingSince: now, isRecorded: true }))
      }

      /** The drain of an earlier process goes on with a whole grace: nobody knows when it began (W01). */
      const resumeDrain = (view: NamespaceView, pod: Pod) => {
        cache.remove(pod.metadata.uid ?? "")
        const grace = FunctionPod.drainGrace(FunctionPod.functionOf(view, pod))
        letGo(pod, { idleFor: Duration.zero, threshold: grace, grace })
      }

      /** Takes a superseded pod out of the cache and drains it, in its turn. */
      const supersede = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod, by: string) {
        const waitsFor = standing.waitsFor(view, pod, isLeaving)
        if (waitsFor !== undefined) {
          const ground = Ground.Superseded({ by, viewAge: yield* viewAge(view) })
          yield* decisions.recordOnce({
            action: "Kept",
            kind: "Pod",
            ...FunctionPod.identity(pod),
            ground: ground._tag,
            reason: `superseded, but ${waitsFor}`,
            evidence: evidenceOf(ground)
          })
          return yield* lookAgain(pod, betweenLooks)
        }
        cache.remove(pod.metadata.uid ?? "")
        const grace = FunctionPod.drainGrace(FunctionPod.functionOf(view, pod))
        drain(pod.metadata, { idleFor: Duration.zero, threshold: grace, grace, supersededBy: by })
      })

      /** A claim of another process: whoever made it may still finish it, for as long as a cold start may take. */
      const awaitOthers = Effect.fnUntraced(function* (pod: Pod, since: bigint) {
        const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - since)
        const left = Duration.subtract(claimAbandonedAfter, waited)
        if (Duration.isPositive(left)) return yield* lookAgain(pod, left)
        begin(pod.metadata, Duty.Discarded({ reason: "its claim was never finished by any executor" }))
      })

      const beginAwaiting = Effect.fnUntraced(function* (pod: Pod) {
        if (pod.metadata.annotations?.[annotations.instanceId] === instance.value) {
          return begin(pod.metadata, Duty.Discarded({ reason: "it was claimed here by a write whose answer was lost" }))
        }
        const since = yield* Clock.monotonicTimeNanos
        duties.set(pod.metadata, Duty.Foreign({ since }))
        yield* awaitOthers(pod, since)
      })

      /** The pod of a name, when the duties to those that had it before are ended. */
      const podNamed = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const name = { namespace: view.workloadNamespace, name: podName }
        const pod = view.pods.get(name.namespace, name.name)
        for (const duty of duties.endFormer(pod?.metadata ?? name)) yield* giveBackPermit(duty)
        return pod
      })

      const recordHandOver = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const pod = yield* podNamed(view, podName)
        const duty = pod === undefined ? undefined : duties.of(pod.metadata)
        if (pod !== undefined && duty?._tag === "Serving") yield* serve(view, pod, duty)
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const pod = yield* podNamed(view, podName)
        if (pod === undefined || !FunctionPod.isDetached(view, pod)) return
        const uid = pod.metadata.uid ?? ""
        if (isDeleting(pod.metadata)) {
          cache.remove(uid)
          return yield* settle(pod.metadata)
        }
        const duty = duties.of(pod.metadata)
        if (duty !== undefined && hasEnded(duty, pod)) duties.end(pod.metadata)
        else if (duty !== undefined) return yield* goOn(view, pod, duty)
        if (isOfReserve(pod)) return
        if (!FunctionPod.isClaimFinished(pod)) return cache.holds(uid) ? undefined : yield* beginAwaiting(pod)
        if (pod.metadata.labels?.[labels.served] !== "true") return resumeDrain(view, pod)
        const found = standing.of(view, pod)
        if (found._tag === "Superseded") return yield* supersede(view, pod, found.by)
        if (found._tag === "Unsure") yield* lookAgain(pod, betweenLooks)
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
        claimed: (pod) => duties.set(pod.metadata, Duty.Claimed()),
        isClaimed: (pod) => duties.of(pod.metadata)?._tag === "Claimed",
        isFree,
        isLeaving,
        unclaimed: (pod) => {
          duties.end(pod.metadata)
          look(pod.metadata)
        },
        serving: (serving) => {
          const { pod } = serving
          const found = shown(pod)
          duties.set(pod, Duty.Serving(serving))
          look(pod, found !== undefined && isOfOwnReserve(found) ? finalPatchWork : podWork)
        },
        discarded: (pod, reason) => begin(pod.metadata, Duty.Discarded({ reason })),
        drain,
        retire: (pod) => drain(pod, atOnce),
        dismiss: (pod, by) => letGo(pod, by === undefined ? atOnce : { ...atOnce, supersededBy: by }),
        remove,
        adopt,
        reconcile,
        recordHandOver
      })
    })
  )
}

/** Adoption is no cold start, and a restart must not look like a burst of them (observability.md O5). */
const adoptions = Metric.withAttributes(
  Metric.counter("fission_executor_adopted_total", {
    description: "Objects of an earlier process that are used on",
    incremental: true
  }),
  { executor_type: "poolmgr", kind: "Pod" }
)
