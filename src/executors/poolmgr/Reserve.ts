import { Cause, Context, Duration, Effect, Exit, Layer, Option } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { Settings } from "../../Config.ts"
import { type Environment, reserveSize } from "../../fission/Environment.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import { isDeleting, isReady, type Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError } from "../../namespaces/WorkQueue.ts"
import { releasePatch, reservePatch } from "../../podspec/PodPatches.ts"
import { isCurrent } from "../../podspec/PoolDeployment.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { InstanceId } from "../InstanceId.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { SharedPods } from "./SharedPods.ts"
import { WarmPods } from "./WarmPods.ts"

/** Name of the work that brings the reserve of one Environment to its size. */
export const reserveWork = "reserve"

/** Longest that an orderly shutdown waits for the API to take the reserve back. */
const givenBackWithin = Duration.seconds(3)

/**
 * Pods claimed in advance, without a function (poolmgr.md section 22.2): a cold start that finds one needs no call to
 * the API before its answer. What is in the reserve is what the view shows there and nothing was begun with, so there is
 * nothing to restore after a restart, and no pod can be handed out twice.
 */
export class Reserve extends Context.Service<
  Reserve,
  {
    /** The Ready pods of an Environment's reserve that nobody has been given yet, of whichever template. */
    readonly pods: (view: NamespaceView, environment: Environment) => ReadonlyArray<Pod>
    /** Whether the pod is being claimed for a reserve and the view has yet to show that. */
    readonly isClaiming: (pod: Pod) => boolean
    /** The pod is gone. */
    readonly forget: (podUid: string) => void
    /**
     * Handles one Environment by name: claims pods until its reserve is full, those that an earlier executor gave back
     * before warm ones that nobody waits for; then lets go what is too much, one at a time. Repeatable.
     */
    readonly reconcile: (view: NamespaceView, environmentName: string) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/Reserve") {
  /** When the layer closes, what was never handed out is given back to the executor that comes next. */
  static readonly layer: Layer.Layer<
    Reserve,
    never,
    KubernetesApi | Settings | WarmPods | SharedPods | PodLifecycle | DecisionLog | InstanceId | Supervisor
  > = Layer.effect(
    Reserve,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const { warmReserve } = yield* Settings
      const warmPods = yield* WarmPods
      const sharedPods = yield* SharedPods
      const lifecycle = yield* PodLifecycle
      const decisions = yield* DecisionLog
      const instance = yield* InstanceId
      const supervisor = yield* Supervisor
      /** UIDs of pods whose claim was sent; the view shows which of them came to be ours. */
      const claims = new Set<string>()
      /** UIDs of pods whose claim may have been applied: repeated before another is sent, until the view shows it. */
      const lost = new Set<string>()

      const isClaiming = (pod: Pod) =>
        claims.has(pod.metadata.uid ?? "") && (FunctionPod.isReleased(pod) || FunctionPod.isPooled(pod))

      const isUntouched = (view: NamespaceView, pod: Pod) =>
        FunctionPod.isDetached(view, pod) &&
        !isDeleting(pod.metadata) &&
        !warmPods.isTaken(pod.metadata.uid ?? "") &&
        lifecycle.isFree(pod)

      const isHeld = (view: NamespaceView, pod: Pod) =>
        FunctionPod.isReservedBy(instance.value, pod) && isUntouched(view, pod)

      const isGivenBack = (view: NamespaceView, pod: Pod) => FunctionPod.isReleased(pod) && isUntouched(view, pod)

      const podsOf = (view: NamespaceView, { metadata }: Environment) =>
        view.pods.indexed("environmentUid", metadata.uid ?? "")

      const isFit = (environment: Environment, pod: Pod) => isReady(pod) && isCurrent(environment, pod.metadata)

      function* fitWarmPods(view: NamespaceView, environment: Environment) {
        for (const pod of FunctionPod.warmPods(view, { environment })) {
          if (isFit(environment, pod) && !sharedPods.holdsCode(pod)) yield pod
        }
      }

      /** A pod to claim next: one that was given back, else a warm one that nobody waits for. */
      const nextPod = (view: NamespaceView, environment: Environment): Pod | undefined => {
        const source = FunctionPod.sourceOf({ environment }, () => fitWarmPods(view, environment))
        return (
          podsOf(view, environment).find(
            (pod) => isGivenBack(view, pod) && isFit(environment, pod) && !isClaiming(pod)
          ) ?? warmPods.takeFree({ ...source, prefers: (pod) => lost.has(pod.metadata.uid ?? "") })
        )
      }

      /** A claim that failed, or whose answer was lost, is given up here: the view shows whether it was applied. */
      const claim = Effect.fnUntraced(function* (environment: Environment, pod: Pod) {
        const uid = pod.metadata.uid ?? ""
        claims.add(uid)
        const body = reservePatch({ pod, environment, instanceId: instance.value })
        yield* api.patch(Pods, FunctionPod.identity(pod), { type: "strategic", body }).pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => {
              if (Exit.isSuccess(exit)) return void lost.delete(uid)
              if (isOutcomeUnknown(exit.cause)) lost.add(uid)
              claims.delete(uid)
              warmPods.release(uid)
            })
          )
        )
        yield* decisions.record({
          action: "Reserved",
          kind: "Pod",
          ...FunctionPod.identity(pod),
          reason: "pod claimed in advance, for the next cold start",
          evidence: { environment: environment.metadata.name }
        })
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, environmentName: string) {
        const environment = view.environments.get(view.namespace, environmentName)
        if (environment === undefined || isDeleting(environment.metadata)) return
        const size = reserveSize(environment, warmReserve)
        const pods = podsOf(view, environment)
        const held = pods.filter((pod) => isHeld(view, pod))
        const fit = held.filter((pod) => isFit(environment, pod))

        for (let missing = size - fit.length - pods.filter(isClaiming).length; missing > 0; missing--) {
          const pod = nextPod(view, environment)
          // The next pod that becomes warm brings the next look.
          if (pod === undefined) return
          yield* claim(environment, pod)
        }
        // Only once the reserve is full without them, so that an outgoing pod is better than none.
        if (fit.length < size) return
        const [leaving] = [
          ...held.filter((pod) => !isFit(environment, pod)),
          ...fit.slice(size),
          ...pods.filter((pod) => isGivenBack(view, pod))
        ]
        if (leaving === undefined) return
        lifecycle.dismiss(leaving, isCurrent(environment, leaving.metadata) ? undefined : "the environment's template")
      })

      const giveBack = (pod: Pod) =>
        api
          .patch(Pods, FunctionPod.identity(pod), { type: "strategic", body: releasePatch(pod) })
          .pipe(Effect.ignore({ log: true }))

      const giveBackAll = Effect.suspend(() => {
        const held = supervisor.cells.flatMap(({ view }) => [...view.pods.values()].filter((pod) => isHeld(view, pod)))
        if (held.length === 0) return Effect.void
        const all = Effect.forEach(held, giveBack, { concurrency: "unbounded", discard: true })
        return Effect.andThen(all, Effect.logInfo("the reserve was given back", { pods: held.length }))
      })

      yield* Effect.addFinalizer(() => Effect.timeoutOption(giveBackAll, givenBackWithin))

      return Reserve.of({
        pods: (view, environment) => podsOf(view, environment).filter((pod) => isHeld(view, pod) && isReady(pod)),
        isClaiming,
        forget: (podUid) => {
          claims.delete(podUid)
          lost.delete(podUid)
        },
        reconcile
      })
    })
  )
}

const isOutcomeUnknown = (cause: Cause.Cause<KubernetesError>): boolean => {
  if (Cause.hasInterrupts(cause)) return true
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return error?._tag === "KubernetesTimeoutError" && error.outcomeUnknown
}
