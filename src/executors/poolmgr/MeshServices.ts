import { Context, Effect, Layer, type Scope, Semaphore } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import { executorTypeOf, type FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import { meshHost } from "../../fission/MeshService.ts"
import { Services } from "../../fission/ResourceKind.ts"
import { isDeleting, type Service } from "../../fission/Workloads.ts"
import { type NamespaceView, type ViewChange, viewAge } from "../../informers/NamespaceView.ts"
import { KubernetesApi, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import type { WorkError, WorkKey } from "../../namespaces/WorkQueue.ts"
import { objectOf } from "../../podspec/Json.ts"
import { isMeshService, meshService } from "../../podspec/MeshService.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { Ground, type OwnerReference } from "../../safeguards/Ground.ts"
import { functionWork } from "../ExecutorType.ts"
import { InstanceId } from "../InstanceId.ts"
import { functionNamedBy, TakenNames } from "../TakenNames.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"

/**
 * With `ENABLE_ISTIO` each function has a Service, and its one pod is reached, and loaded, by that name alone (poolmgr.md
 * section 11). Without, nothing here does anything.
 */
export class MeshServices extends Context.Service<
  MeshServices,
  {
    /** The host of a function's pod; undefined without a mesh. */
    readonly hostOf: (view: NamespaceView, fn: FissionFunction) => string | undefined
    /**
     * Waits until no other cold start of the function runs, deletes its older pods (ground `Superseded`), and keeps others
     * waiting until the scope closes: the Service would else lead to any of them. Without a mesh nothing waits.
     */
    readonly alone: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, WorkError, Scope.Scope>
    /** What a change makes necessary. */
    readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkKey>
    /** Functions that Services in the view say they belong to; may repeat itself. */
    readonly owners: (view: NamespaceView) => Iterable<OwnerReference>
    /** Creates a Function's Service where it has none, or takes over the stock executor's. Repeatable. */
    readonly reconcile: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, WorkError>
    /** Removes the Service of a Function that another executor type serves, once its pods are gone. Repeatable. */
    readonly leave: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, WorkError>
    /** Removes the Service of a function that is gone. Repeatable. */
    readonly remove: (view: NamespaceView, functionUid: string, ground: Ground) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/MeshServices") {
  static readonly layer: Layer.Layer<
    MeshServices,
    never,
    KubernetesApi | Settings | Deletion | PodLifecycle | InstanceId | TakenNames
  > = Layer.effect(
    MeshServices,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const settings = yield* Settings
      const deletion = yield* Deletion
      const lifecycle = yield* PodLifecycle
      const instance = yield* InstanceId
      const taken = yield* TakenNames
      /** UIDs of functions whose Service was made or found, whether or not the view shows it. */
      const ensured = new Set<string>()
      const inOrder = new Map<string, Semaphore.Semaphore>()

      const servicesOf = (view: NamespaceView, functionUid: string) =>
        view.services.indexed("functionUid", functionUid).filter(isMeshService)

      /** What stands under the name: the stock executor's gets the labels that it lacks, anybody else's stays. */
      const adopt = Effect.fnUntraced(function* (live: KubernetesObject, desired: KubernetesObject) {
        const selector = objectOf(objectOf(live["spec"])["selector"])
        const wanted = desired.metadata.labels ?? {}
        if (selector[labels.functionUid] !== wanted[labels.functionUid]) {
          return yield* taken.refuse(Services, live, functionNamedBy(wanted))
        }
        const held = live.metadata.labels ?? {}
        if (Object.entries(wanted).every(([label, value]) => held[label] === value)) return
        yield* api.update(Services, { ...live, metadata: { ...live.metadata, labels: { ...held, ...wanted } } })
      })

      const create = (desired: KubernetesObject): Effect.Effect<void, KubernetesError> =>
        api.create(Services, desired).pipe(
          Effect.asVoid,
          Effect.catchTag("KubernetesAlreadyExists", () =>
            Effect.flatMap(
              api.get(Services, { namespace: desired.metadata.namespace ?? "", name: desired.metadata.name }),
              (live) => adopt(live, desired)
            )
          )
        )

      const removeAll = Effect.fnUntraced(function* (view: NamespaceView, functionUid: string, ground: Ground) {
        ensured.delete(functionUid)
        for (const { metadata } of servicesOf(view, functionUid)) {
          if (isDeleting(metadata)) continue
          const identity = { namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid ?? "" }
          yield* deletion.delete({ kind: Services, ...identity }, ground, { reason: "Service of a mesh deleted" })
        }
      })

      const makeWay = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction) {
        const older = view.pods
          .indexed("functionUid", fn.metadata.uid ?? "")
          .filter((pod) => FunctionPod.isSpecialized(view, pod) && !isDeleting(pod.metadata))
        if (older.length === 0) return
        const ground = Ground.Superseded({ by: "the next pod of the function", viewAge: yield* viewAge(view) })
        for (const pod of older) yield* lifecycle.remove(pod, ground, "a function has one pod in a mesh")
      })

      const lockOf = (functionUid: string) => {
        const lock = inOrder.get(functionUid) ?? Semaphore.makeUnsafe(1)
        inOrder.set(functionUid, lock)
        return lock
      }

      return MeshServices.of({
        hostOf: (view, { metadata }) => (settings.istio ? meshHost(metadata, view.workloadNamespace) : undefined),
        alone: (view, fn) => {
          if (!settings.istio) return Effect.void
          const lock = lockOf(fn.metadata.uid ?? "")
          const turn = Effect.acquireRelease(lock.take(1), () => lock.release(1), { interruptible: true })
          return Effect.andThen(turn, makeWay(view, fn))
        },
        onChange: (view, { change, kind }) => {
          if (!settings.istio || change.type !== "Delete") return []
          if (kind !== "pods" && !(kind === "services" && isMeshService(change.object))) return []
          const { functionName = "", functionNamespace, functionUid = "" } = change.object.metadata.labels ?? {}
          if (functionName === "" || functionNamespace !== view.namespace) return []
          if (kind === "services") ensured.delete(functionUid)
          return [{ handler: functionWork, name: functionName }]
        },
        owners: function* (view) {
          for (const service of view.services.values()) {
            const owner = isMeshService(service) ? ownerOf(service) : undefined
            if (owner?.namespace === view.namespace) yield owner
          }
        },
        reconcile: Effect.fnUntraced(function* (view, fn) {
          const uid = fn.metadata.uid ?? ""
          if (!settings.istio || ensured.has(uid)) return
          if (servicesOf(view, uid).length === 0) yield* create(meshService(fn, settings, instance.value))
          ensured.add(uid)
        }),
        leave: Effect.fnUntraced(function* (view, fn) {
          const uid = fn.metadata.uid ?? ""
          if (servicesOf(view, uid).length === 0 || view.pods.indexed("functionUid", uid).length > 0) return
          const by = `executor type ${executorTypeOf(fn)}`
          yield* removeAll(view, uid, Ground.Superseded({ by, viewAge: yield* viewAge(view) }))
        }),
        remove: (view, functionUid, ground) => {
          inOrder.delete(functionUid)
          return removeAll(view, functionUid, ground)
        }
      })
    })
  )
}

const ownerOf = ({ metadata }: Service): OwnerReference => functionNamedBy(metadata.labels ?? {})
