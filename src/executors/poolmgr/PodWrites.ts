import { Clock, Context, DateTime, Effect, Layer } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { Pods } from "../../fission/ResourceKind.ts"
import type { Pod } from "../../fission/Workloads.ts"
import { KubernetesApi, type PatchOptions } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { Json } from "../../podspec/Json.ts"
import { drainPatch, finalPatch, provisionedPatch, servedPatch } from "../../podspec/PodPatches.ts"
import { InstanceId } from "../InstanceId.ts"
import * as FunctionPod from "./FunctionPod.ts"
import type { Serving } from "./PodDuties.ts"

/**
 * What is written onto the pods of functions. Each is one patch guarded by UID, repeatable, and false when the pod is
 * gone, or another has its name: then it needs no patch any more.
 */
export class PodWrites extends Context.Service<
  PodWrites,
  {
    /**
     * That the pod serves the function; and for a pod from the reserve, which function that is (poolmgr.md section 22.2).
     * What is in the reserve of this process is written with or without the lease.
     */
    readonly recordServing: (pod: Pod, serving: Serving) => Effect.Effect<boolean, KubernetesError>
    /** That the pod is held warm for its function, or is no longer. */
    readonly recordProvisioned: (pod: Pod, isHeld: boolean) => Effect.Effect<boolean, KubernetesError>
    /** That the pod takes no new requests, from now on. */
    readonly recordDraining: (pod: Pod) => Effect.Effect<boolean, KubernetesError>
  }
>()("fission-executor/executors/poolmgr/PodWrites") {
  static readonly layer: Layer.Layer<PodWrites, never, KubernetesApi | Supervisor | InstanceId> = Layer.effect(
    PodWrites,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const supervisor = yield* Supervisor
      const instance = yield* InstanceId

      const isShown = (pod: Pod) => {
        const { name, namespace, uid } = FunctionPod.identity(pod)
        return supervisor.cellOfWorkloads(namespace)?.view.pods.get(namespace, name)?.metadata.uid === uid
      }

      /** A conflict while the view shows this very pod is one of versions, and fails: it is tried again. */
      const patch = (pod: Pod, body: Json, options?: PatchOptions): Effect.Effect<boolean, KubernetesError> =>
        api.patch(Pods, FunctionPod.identity(pod), { type: "strategic", body }, options).pipe(
          Effect.as(true),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false)),
          Effect.catchTag("KubernetesConflict", (error) => (isShown(pod) ? Effect.fail(error) : Effect.succeed(false)))
        )

      return PodWrites.of({
        recordServing: (pod, { fn, pod: { address }, references }) =>
          FunctionPod.isReserved(pod)
            ? patch(pod, finalPatch(pod, address, fn, references), {
                withoutLease: FunctionPod.isReservedBy(instance.value, pod)
              })
            : patch(pod, servedPatch(pod, address, fn.metadata.resourceVersion ?? "", references)),
        recordProvisioned: (pod, isHeld) => patch(pod, provisionedPatch(pod.metadata.uid ?? "", isHeld)),
        recordDraining: Effect.fnUntraced(function* (pod) {
          const since = DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis))
          return yield* patch(pod, drainPatch(pod.metadata.uid ?? "", since))
        })
      })
    })
  )
}
