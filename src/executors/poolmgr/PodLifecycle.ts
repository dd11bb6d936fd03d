import { Clock, Context, DateTime, Duration, Effect, Layer, Semaphore } from "effect"
import { PoolCache, type PooledPod } from "../../caches/PoolCache.ts"
import type { KubernetesError } from "../../Errors.ts"
import { annotations, labels } from "../../fission/Labels.ts"
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
import { evidenceOf, Ground } from "../../safeguards/Ground.ts"
import { InstanceId } from "../InstanceId.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { type DrainOrder, Duty, make as makeDuties, type PodReference } from "./PodDuties.ts"

/** Name of the work that brings one pod to where it belongs. */
export const podWork = "pod"

/** Final patches that may be outstanding before cold starts wait (poolmgr.md section 22.2). */
const unfinishedPatches = 500
/** Time between two looks at a superseded pod whose turn has not come. */
const betweenBatches = Duration.seconds(10)
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
    /** The claim did not happen, or nobody knows: the pod is as warm as it was, unless it turns out to be claimed. */
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
    PoolCache | KubernetesApi | Deletion | DecisionLog | Conditions | Supervisor | InstanceId
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
      const instance = yield* InstanceId
      const duties = makeDuties()
      const finalPatches = yield* Semaphore.make(unfinishedPatches)

      const look = (pod: PodReference) =>
        supervisor.cellOfWorkloads(pod.namespace ?? "")?.enqueue({ handler: podWork, name: pod.name })
      const begin = (pod: PodReference, duty: Duty) => {
        duties.set(pod, duty)
        look(pod)
      }
      const lookAgain = (pod: Pod, delay: Duration.Duration) =>
        supervisor
          .cellOfWorkloads(pod.metadata.namespace ?? "")
          ?.enqueueAfter({ handler: podWork, name: pod.metadata.name }, delay) ?? Effect.void

      const drain = (pod: PodReference, order: DrainOrder) =>
        begin(pod, Duty.Draining({ order, orderedAt: clock.monotonicTimeNanosUnsafe(), drainingSince: undefined }))

      const giveBackPermit = (duty: Duty | undefined) =>
        duty?._tag === "Serving" ? Effect.asVoid(finalPatches.release(1)) : Effect.void

      const settle = (pod: PodReference) => Effect.suspend(() => giveBackPermit(duties.end(pod)))

      const remove = Effect.fnUntraced(function* (pod: Pod, ground: Ground, reason: string) {
        cache.remove(pod.metadata.uid ?? "")
        const { name, namespace, uid } = FunctionPod.identity(pod)
        yield* deletion.delete({ kind: Pods, name, namespace, uid }, ground, { reason })
        yield* settle(pod.metadata)
        const shown = supervisor.cellOfWorkloads(namespace)?.view.pods.get(namespace, name)
        if (shown?.metadata.uid === uid && !isDeleting(shown.metadata)) duties.set(pod.metadata, Duty.Deleted())
      })

      /**
       * A patch guarded by UID; a pod that is gone, or another of its name, needs no patch any more. A conflict while the
       * view shows this very pod is one of versions, and is tried again.
       */
      const patch = (
        pod: Pod,
        body: { readonly [field: string]: unknown }
      ): Effect.Effect<boolean, KubernetesError> => {
        const { name, namespace, uid } = FunctionPod.identity(pod)
        const isShown = () =>
          supervisor.cellOfWorkloads(namespace)?.view.pods.get(namespace, name)?.metadata.uid === uid
        return api.patch(Pods, { namespace, name }, { type: "strategic", body }).pipe(
          Effect.as(true),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false)),
          Effect.catchTag("KubernetesConflict", (error) => (isShown() ? Effect.fail(error) : Effect.succeed(false)))
        )
      }

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
        yield* remove(pod, ground, "pod deleted after its drain")
      })

      const goOn = (view: NamespaceView, pod: Pod, duty: Duty): Effect.Effect<void, WorkError> => {
        switch (duty._tag) {
          case "Claimed":
          case "Deleted":
            return Effect.void
          case "Foreign":
            return awaitOthers(pod, duty.since)
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
        if (cache.holds(uid) || isDeleting(pod.metadata) || isTerminated(pod)) return false
        if (pod.metadata.labels?.[labels.served] !== "true" || duties.of(pod.metadata) !== undefined) return false
        const adopted = FunctionPod.adoptable(view, pod)
        if (adopted === undefined) return false
        cache.adopt(adopted.pod, adopted)
        return true
      }

      /** The drain of an earlier process goes on with a whole grace: nobody knows when it began (W01). */
      const resumeDrain = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod) {
        cache.remove(pod.metadata.uid ?? "")
        const grace = FunctionPod.drainGrace(FunctionPod.functionOf(view, pod))
        const now = yield* Clock.monotonicTimeNanos
        const order = { idleFor: Duration.zero, threshold: grace, grace }
        duties.set(pod.metadata, Duty.Draining({ order, orderedAt: now, drainingSince: now }))
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
          ["Draining", "Deleted"].includes(duties.of(metadata)?._tag ?? "")
        ).length
        const waitsFor = yieldsTo(siblings.length, leaving, FunctionPod.hasSuccessor(view, pod))
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
          return yield* lookAgain(pod, betweenBatches)
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

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const name = { namespace: view.workloadNamespace, name: podName }
        const pod = view.pods.get(name.namespace, name.name)
        for (const duty of duties.endFormer(pod?.metadata ?? name)) yield* giveBackPermit(duty)
        if (pod === undefined || !FunctionPod.isSpecialized(view, pod)) return
        const uid = pod.metadata.uid ?? ""
        if (isDeleting(pod.metadata)) {
          cache.remove(uid)
          return yield* settle(pod.metadata)
        }
        const isFinished = FunctionPod.isClaimFinished(pod)
        const duty = duties.of(pod.metadata)
        if (duty?._tag === "Foreign" && isFinished) duties.end(pod.metadata)
        else if (duty !== undefined) return yield* goOn(view, pod, duty)
        if (!isFinished) return cache.holds(uid) ? undefined : yield* beginAwaiting(pod)
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
        claimed: (pod) => duties.set(pod.metadata, Duty.Claimed()),
        isClaimed: (pod) => duties.of(pod.metadata)?._tag === "Claimed",
        unclaimed: (pod) => {
          duties.end(pod.metadata)
          look(pod.metadata)
        },
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

/** What a superseded pod waits for before it goes, undefined when it is its turn (failure-semantics.md section 9.2). */
const yieldsTo = (siblings: number, leaving: number, hasSuccessor: boolean): string | undefined => {
  if (leaving > 0 && leaving >= Math.ceil(siblings / 4)) return "a quarter of the function's pods goes at a time"
  return siblings - leaving === 1 && !hasSuccessor ? "no other pod can take over yet" : undefined
}
