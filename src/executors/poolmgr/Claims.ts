import { Context, Duration, Effect, Layer, type Scope } from "effect"
import { type KubernetesError, TimeoutError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { annotations, labels } from "../../fission/Labels.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import type { Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { claimPatch } from "../../podspec/PodPatches.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Leadership } from "../../safeguards/Leadership.ts"
import { inPhase } from "../ColdStartPhases.ts"
import { InstanceId } from "../InstanceId.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import type { Pool } from "./Pool.ts"
import { PoolSurge } from "./PoolSurge.ts"
import { Reserve } from "./Reserve.ts"
import { SharedPods } from "./SharedPods.ts"
import { type PoolSource, WarmPods } from "./WarmPods.ts"

/** Longest time that one pod's claim takes of a request, its repetitions included (failure-semantics.md section 3). */
const patchWithin = Duration.seconds(10)

/** For whom a pod is claimed, and out of which pool. */
export interface Claim extends Pool {
  readonly view: NamespaceView
  readonly fn: FissionFunction
  /** Takes a pod from the pool alone. */
  readonly sparesReserve?: boolean
}

/**
 * What a claim patch showed: the pod is ours, it can be tried with this version, or another one must be found. `lost` is
 * what became of the patch where its answer did not come.
 */
type Attempt =
  | { readonly _tag: "Ours" }
  | { readonly _tag: "Again"; readonly version: string; readonly lost: TimeoutError | undefined }
  | { readonly _tag: "Lost" }

/**
 * Takes pods for functions, each for one: out of the reserve, which needs no call to the API, else warm ones out of their
 * pool (poolmgr.md sections 7 and 22.2).
 */
export class Claims extends Context.Service<
  Claims,
  {
    /**
     * A Ready pod that is the function's alone; one from the reserve will carry its labels once it serves. Waits for one
     * without an end of its own; a replica that does not lead has its reserve alone, and does not wait (`NotLeader`).
     * When the scope closes before the pod serves, it is on its way out, for it may have received code (ground
     * `FailedClaim`). A claim that nobody confirmed leaves the pod to others: no code was sent to it, and their claims
     * carry the version from before, which a claim that was applied after all has outdated.
     */
    readonly claim: (claim: Claim) => Effect.Effect<Pod, KubernetesError, Scope.Scope>
  }
>()("fission-executor/executors/poolmgr/Claims") {
  static readonly layer: Layer.Layer<
    Claims,
    never,
    KubernetesApi | WarmPods | Reserve | PoolSurge | SharedPods | PodLifecycle | DecisionLog | InstanceId | Leadership
  > = Layer.effect(
    Claims,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const warmPods = yield* WarmPods
      const reserve = yield* Reserve
      const surge = yield* PoolSurge
      const sharedPods = yield* SharedPods
      const lifecycle = yield* PodLifecycle
      const decisions = yield* DecisionLog
      const instance = yield* InstanceId
      const leadership = yield* Leadership

      const isOurs = (live: KubernetesObject, fn: FissionFunction) =>
        live.metadata.annotations?.[annotations.instanceId] === instance.value &&
        live.metadata.labels?.[labels.functionUid] === fn.metadata.uid

      /** What the pod looks like after a patch that was refused, or whose answer was lost. */
      const look = (
        pod: Pod,
        fn: FissionFunction,
        lost: TimeoutError | undefined
      ): Effect.Effect<Attempt, KubernetesError> =>
        api.get(Pods, FunctionPod.identity(pod), { priority: "request" }).pipe(
          RetryPolicy.retry(RetryPolicy.critical),
          Effect.map((live): Attempt => {
            if (live.metadata.uid !== pod.metadata.uid) return { _tag: "Lost" }
            if (isOurs(live, fn)) return { _tag: "Ours" }
            return live.metadata.labels?.[labels.managed] === "true"
              ? { _tag: "Again", version: live.metadata.resourceVersion ?? "", lost }
              : { _tag: "Lost" }
          }),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed<Attempt>({ _tag: "Lost" }))
        )

      /** One patch with its repetitions. A failure after which the pod may be ours has `outcomeUnknown`. */
      const send = ({ environment, fn }: Claim, pod: Pod) => {
        const body = claimPatch({ pod, environment, fn, instanceId: instance.value })
        let lost: TimeoutError | undefined
        const lookAgain = Effect.suspend(() => Effect.mapError(look(pod, fn, lost), (error) => lost ?? error))
        return api.patch(Pods, FunctionPod.identity(pod), { type: "strategic", body }, { priority: "request" }).pipe(
          Effect.tapError((error) =>
            Effect.sync(() => {
              if (isOutcomeUnknown(error)) lost = error
            })
          ),
          RetryPolicy.retry(RetryPolicy.critical),
          Effect.as<Attempt>({ _tag: "Ours" }),
          Effect.catchTag("KubernetesConflict", () => lookAgain),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed<Attempt>({ _tag: "Lost" })),
          Effect.catchTag("KubernetesTimeoutError", (error) => (lost === undefined ? Effect.fail(error) : lookAgain))
        )
      }

      /** Whether the pod became ours; tried once more with its newest version if only its status was written. */
      const patch = (claim: Claim, pod: Pod) =>
        Effect.gen(function* () {
          const first = yield* send(claim, pod)
          if (first._tag !== "Again") return first._tag === "Ours"
          const metadata = { ...pod.metadata, resourceVersion: first.version }
          const second = yield* send(claim, { ...pod, metadata })
          // Nobody has taken it: it is given back, and not left to a view that shows it unchanged.
          if (second._tag === "Again" && second.lost !== undefined) return yield* second.lost
          return second._tag === "Ours"
        }).pipe(Effect.timeoutOrElse({ duration: patchWithin, orElse: () => Effect.fail(silentDuring(pod)) }))

      /** The reserve is of plain pools. */
      const podsFor = (claim: Claim): ReadonlyArray<Pod> => {
        const isReserveOpen = claim.image === undefined && claim.sparesReserve !== true
        const reserved = isReserveOpen ? reserve.pods(claim.view, claim.environment) : []
        if (leadership.role() !== "Leader") return reserved
        return [...reserved, ...FunctionPod.warmPods(claim.view, claim).filter((pod) => !sharedPods.holdsCode(pod))]
      }

      /** A pod that becomes free, for as long as this replica leads. A wait that ends without one takes none. */
      const awaitFree = (claim: Claim, source: PoolSource) =>
        Effect.uninterruptibleMask((restore) => {
          let handed: Pod | undefined
          const free = Effect.tap(warmPods.take(source), (pod) => Effect.sync(() => void (handed = pod)))
          const wait = Effect.andThen(surge.onWait(claim.view, claim), free)
          return restore(Effect.raceFirst(wait, leadership.whileFollowing(Effect.fail(notLeading)))).pipe(
            Effect.onError(() => Effect.sync(() => warmPods.release(handed?.metadata.uid ?? "")))
          )
        })

      const giveBack = (pod: Pod) => {
        lifecycle.unclaimed(pod)
        warmPods.release(pod.metadata.uid ?? "")
      }

      const attempt = Effect.fnUntraced(function* (claim: Claim) {
        let touched = false
        const pod = yield* Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const source = FunctionPod.sourceOf(claim, () => podsFor(claim))
            const taken = warmPods.takeFree(source) ?? (yield* restore(awaitFree(claim, source)))
            lifecycle.claimed(taken)
            yield* Effect.addFinalizer(() =>
              Effect.sync(() => {
                if (!lifecycle.isClaimed(taken)) return
                if (touched) lifecycle.discarded(taken, "it was claimed and its specialization did not succeed")
                else giveBack(taken)
              })
            )
            return taken
          })
        ).pipe(inPhase("choose_pod"))
        touched = FunctionPod.isReserved(pod) || (yield* inPhase("relabel")(patch(claim, pod)))
        if (touched) return pod
        // Somebody else's: it stays taken here until the view shows it as it is, which it may do already.
        lifecycle.unclaimed(pod)
        const shown = claim.view.pods.get(pod.metadata.namespace ?? "", pod.metadata.name)
        if (shown?.metadata.resourceVersion !== pod.metadata.resourceVersion) warmPods.release(pod.metadata.uid ?? "")
        return undefined
      })

      const claim = Effect.fnUntraced(function* (claim: Claim) {
        let claimed = yield* attempt(claim)
        while (claimed === undefined) claimed = yield* attempt(claim)
        const { fn, view } = claim
        yield* decisions.record({
          action: "Claimed",
          kind: "Pod",
          ...FunctionPod.identity(claimed),
          reason: FunctionPod.isReserved(claimed)
            ? "pod of the reserve handed to a function"
            : "warm pod claimed for a function",
          evidence: { function: `${view.namespace}/${fn.metadata.name}`, generation: fn.metadata.generation }
        })
        return claimed
      })

      return Claims.of({ claim })
    })
  )
}

const isOutcomeUnknown = (error: KubernetesError): error is TimeoutError =>
  error._tag === "KubernetesTimeoutError" && error.outcomeUnknown

/** No pod can be claimed without the lease. */
const notLeading = new TimeoutError({
  verb: "patch",
  resource: Pods.plural,
  kind: "NotLeader",
  detail: "not sent: this executor does not lead",
  outcomeUnknown: false
})

/** The API has not answered for a pod's claim in all the time that there is. */
const silentDuring = (pod: Pod): TimeoutError =>
  new TimeoutError({
    verb: "patch",
    resource: Pods.plural,
    ...FunctionPod.identity(pod),
    kind: "Deadline",
    detail: `no answer within ${Duration.format(patchWithin)}`,
    outcomeUnknown: true
  })
