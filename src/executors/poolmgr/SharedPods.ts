import { createHash } from "node:crypto"
import { Context, Effect, Layer, type Scope } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { addressOf } from "../../fission/Address.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { labels, ports } from "../../fission/Labels.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import { isDeleting, type Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError } from "../../namespaces/WorkQueue.ts"
import { objectOf } from "../../podspec/Json.ts"
import { servedPatch } from "../../podspec/PodPatches.ts"
import { specializeRequest } from "../../podspec/SpecializeRequest.ts"
import { Conditions } from "../../safeguards/Conditions.ts"
import type { DeletionRefused } from "../../safeguards/Deletion.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { isRefusedByRuntime, leavesPodClean } from "../../specialization/FetcherClient.ts"
import type { SpecializeError } from "../../specialization/PodRequests.ts"
import { inPhase } from "../ColdStartPhases.ts"
import type { Claim } from "./Claims.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { WarmPods } from "./WarmPods.ts"

/** Name of the work that writes onto a shared pod what it holds, or removes one that nobody may share any more. */
export const sharedPodWork = "sharedPod"

/**
 * What lies under a function's path in a shared pod. `Refused`: the runtime answered that it cannot load it. `Unknown`:
 * a load was begun and its answer is missing.
 */
interface Occupant {
  readonly fn: FissionFunction
  readonly code: string
  readonly state: "Loaded" | "Refused" | "Unknown"
  /** The pod's annotation says it. */
  recorded: boolean
}

/** What this process put into one pod. */
interface Contents {
  /** Functions were loaded before this process first used it, some perhaps without a record. */
  readonly inherited: boolean
  /** By UID of the function. */
  readonly occupants: Map<string, Occupant>
}

/**
 * The one pod that all functions of an `infinite` Environment share (poolmgr.md section 19, W05). It stays in its pool
 * and available to the next function; loads of one pod follow one another.
 *
 * The fetcher keeps whatever lies under a function's path already (function-pod-protocol.md P01), and a runtime may
 * refuse a second load. So each function is loaded into a pod once, and an annotation of the pod says what it holds:
 * after a restart nothing is loaded again. Code that another one stands in the way of, and a load that is refused where
 * an earlier one may have happened, need a pod without it: the pool makes one in place of the pod, whose requests end
 * within its grace. A load that fails for any other reason leaves the pod to the functions in it.
 */
export class SharedPods extends Context.Service<
  SharedPods,
  {
    /** A Ready pod that holds the function's code; `load` puts it there. Waits for one without an end of its own. */
    readonly obtain: (
      claim: Claim,
      load: (pod: Pod) => Effect.Effect<void, SpecializeError>
    ) => Effect.Effect<Pod, KubernetesError | DeletionRefused | SpecializeError>
    /** Whether a pod of a pool may hold the code of some function, so that no function can have it alone. */
    readonly holdsCode: (pod: Pod) => boolean
    /** The pod is gone. */
    readonly forget: (podUid: string) => void
    /** Handles one pod by name; see `sharedPodWork`. */
    readonly reconcile: (view: NamespaceView, podName: string) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/SharedPods") {
  static readonly layer: Layer.Layer<
    SharedPods,
    never,
    KubernetesApi | WarmPods | PodLifecycle | Conditions | Supervisor
  > = Layer.effect(
    SharedPods,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const warmPods = yield* WarmPods
      const lifecycle = yield* PodLifecycle
      const conditions = yield* Conditions
      const supervisor = yield* Supervisor
      /** By UID of the pod. */
      const known = new Map<string, Contents>()

      const contentsOf = (pod: Pod): Contents => {
        const uid = pod.metadata.uid ?? ""
        const contents = known.get(uid) ?? { inherited: isServed(pod), occupants: new Map() }
        known.set(uid, contents)
        return contents
      }

      const holds = (pod: Pod, fn: FissionFunction, code: string) => {
        const occupant = known.get(pod.metadata.uid ?? "")?.occupants.get(fn.metadata.uid ?? "")
        return occupant === undefined
          ? recordedCode(pod, fn) === code
          : occupant.state === "Loaded" && occupant.code === code
      }

      /** Takes the pod for one load. */
      const take = ({ environment, view }: Claim): Effect.Effect<Pod, never, Scope.Scope> =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const source = FunctionPod.sourceOf({ environment }, () => FunctionPod.warmPods(view, { environment }))
            const pod = yield* restore(warmPods.take(source))
            lifecycle.claimed(pod)
            yield* Effect.addFinalizer(() =>
              Effect.sync(() => {
                // One that was replaced stays taken until the view shows that it goes.
                if (!lifecycle.isClaimed(pod)) return
                lifecycle.unclaimed(pod)
                warmPods.release(pod.metadata.uid ?? "")
              })
            )
            return pod
          })
        )

      const replace = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod, by: string) {
        const ground = Ground.Superseded({ by, viewAge: yield* viewAge(view) })
        yield* lifecycle.remove(pod, ground, "shared pod replaced by a new one of its pool")
      })

      const begin = (pod: Pod, fn: FissionFunction, code: string) => {
        const { occupants } = contentsOf(pod)
        const uid = fn.metadata.uid ?? ""
        const before = occupants.get(uid)
        const become = (state: Occupant["state"]) => void occupants.set(uid, { fn, code, state, recorded: false })
        become("Unknown")
        return {
          loaded: () => {
            become("Loaded")
            const { name, namespace } = pod.metadata
            supervisor.cellOfWorkloads(namespace ?? "")?.enqueue({ handler: sharedPodWork, name })
          },
          failed: (error: SpecializeError) => {
            if (error.reason === "AnswerLost") return
            if (error.reason === "Answered" && !leavesPathFree(error)) return become("Refused")
            if (before === undefined) occupants.delete(uid)
            else occupants.set(uid, before)
          }
        }
      }

      /** Loads the function into a pod that is there; undefined when that pod had to be replaced. */
      const attempt = Effect.fnUntraced(function* (
        claim: Claim,
        code: string,
        load: (pod: Pod) => Effect.Effect<void, SpecializeError>
      ) {
        const { fn, view } = claim
        const pod = yield* inPhase("choose_pod")(take(claim))
        if (holds(pod, fn, code)) return pod
        const { inherited, occupants } = contentsOf(pod)
        const occupant = occupants.get(fn.metadata.uid ?? "")
        if ((occupant?.code ?? recordedCode(pod, fn) ?? code) !== code) {
          return yield* replace(view, pod, `the code of function ${fn.metadata.name}`)
        }
        const mayBeThere = occupant === undefined ? inherited : occupant.state === "Unknown"
        const loading = begin(pod, fn, code)
        return yield* load(pod).pipe(
          Effect.tapError((error) => Effect.sync(() => loading.failed(error))),
          Effect.map((): Pod | undefined => {
            loading.loaded()
            return pod
          }),
          Effect.catchIf(
            (error) => mayBeThere && isRefusedByRuntime(error),
            () => replace(view, pod, `a first load of function ${fn.metadata.name}`)
          )
        )
      }, Effect.scoped)

      const obtain = Effect.fnUntraced(function* (
        claim: Claim,
        load: (pod: Pod) => Effect.Effect<void, SpecializeError>
      ) {
        const { environment, fn, view } = claim
        const code = codeOf(claim)
        let obtained = FunctionPod.warmPods(view, { environment }).find((pod) => holds(pod, fn, code))
        while (obtained === undefined) obtained = (yield* attempt(claim, code, load)) ?? undefined
        return obtained
      })

      const holdsCode = (pod: Pod) => isServed(pod) || (known.get(pod.metadata.uid ?? "")?.occupants.size ?? 0) > 0

      /** Writes what the pod holds onto it, and what the stock executor writes: the last function wins. */
      const record = Effect.fnUntraced(function* (view: NamespaceView, pod: Pod) {
        const loaded = [...(known.get(pod.metadata.uid ?? "")?.occupants.values() ?? [])].filter(
          ({ recorded, state }) => state === "Loaded" && !recorded
        )
        const last = loaded.at(-1)
        if (last === undefined) return
        const address = addressOf(pod.status?.podIP ?? "", ports.runtime)
        const served = objectOf(servedPatch(pod, address, last.fn.metadata.resourceVersion ?? "")["metadata"])
        const records = Object.fromEntries(loaded.map(({ code, fn }) => [loadedAnnotation(fn), code]))
        const body = { metadata: { ...served, annotations: { ...objectOf(served["annotations"]), ...records } } }
        yield* api
          .patch(Pods, FunctionPod.identity(pod), { type: "strategic", body })
          .pipe(Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.void))
        for (const occupant of loaded) {
          occupant.recorded = true
          const { name, uid } = occupant.fn.metadata
          const fn = view.functions.get(view.namespace, name)
          if (fn !== undefined && fn.metadata.uid === uid) yield* conditions.set(fn, FunctionPod.readyVia(pod))
        }
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, podName: string) {
        const pod = view.pods.get(view.workloadNamespace, podName)
        if (pod === undefined || isDeleting(pod.metadata) || !holdsCode(pod)) return
        const environment = FunctionPod.environmentOf(view, pod)
        if (environment === undefined || FunctionPod.isSpecialized(view, pod)) return
        if (FunctionPod.isShared(environment)) return yield* record(view, pod)
        yield* replace(view, pod, "an Environment whose functions have pods of their own")
      })

      return SharedPods.of({ obtain, holdsCode, forget: (podUid) => void known.delete(podUid), reconcile })
    })
  )
}

const isServed = (pod: Pod): boolean => pod.metadata.labels?.[labels.served] === "true"

/** Names the code of one function that a pod holds. */
const loadedAnnotation = (fn: FissionFunction): string => `fission.io/loaded-${fn.metadata.uid ?? ""}`

const recordedCode = (pod: Pod, fn: FissionFunction): string | undefined =>
  pod.metadata.annotations?.[loadedAnnotation(fn)]

/** Sixteen hex digits over everything of a load that decides what runs, which the Function's metadata does not. */
const codeOf = ({ environment, fn }: Claim): string => {
  const { FetchReq: fetch, LoadReq: load } = specializeRequest(environment, fn)
  const { FunctionMetadata: _, ...code } = objectOf(load)
  return createHash("sha256")
    .update(JSON.stringify([fetch, code]))
    .digest("hex")
    .slice(0, 16)
}

/** Answers given before anything was put under the path (function-pod-protocol.md sections 5 and 12). */
const leavesPathFree = (error: SpecializeError): boolean => error.status === 401 || leavesPodClean(error)
