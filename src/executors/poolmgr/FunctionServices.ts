import { Clock, Context, Duration, Effect, Layer, Metric } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import { executorTypeOf, type FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import { type Described, Services } from "../../fission/ResourceKind.ts"
import { isDeleting, type Service } from "../../fission/Workloads.ts"
import { type NamespaceView, type ViewChange, viewAge } from "../../informers/NamespaceView.ts"
import { retention } from "../../informers/VersionRetention.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError, WorkKey } from "../../namespaces/WorkQueue.ts"
import {
  type FunctionService,
  functionService,
  isFunctionService,
  type ServedGeneration,
  servedBy,
  updatedService
} from "../../podspec/FunctionService.ts"
import { type Decision, DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { DryRun } from "../../safeguards/DryRun.ts"
import { Ground, type OwnerReference } from "../../safeguards/Ground.ts"
import { InstanceId } from "../InstanceId.ts"
import { functionNamedBy, isOwnedBy, TakenNames } from "../TakenNames.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { podsOf, servedGenerations, versionOf } from "./ServedPods.ts"

/** Name of the work that brings the Services of one function to where they belong. */
export const functionServiceWork = "functionService"

/** How long a Service that we created is believed in before the view has to show it. */
const shownWithin = Duration.seconds(30)
/** Time between two looks whether the Services have been listed, which cost the API nothing. */
const untilListed = Duration.seconds(5)
/**
 * How long a Service outlives the last pod of its function (W25). A function that is called now and then would else have
 * its Service and slices made anew each time.
 */
const keptWithoutPods = Duration.minutes(10)

/**
 * The headless Services by whose EndpointSlices routers find a function's pods without asking (poolmgr.md section 10). A
 * Service leads to the pods that carry the label `served` and the newest generation; one of each published version that
 * has pods of its own stands beside it. What Kubernetes refuses here costs no request: the router asks us then.
 */
export class FunctionServices extends Context.Service<
  FunctionServices,
  {
    /** What a change makes necessary. */
    readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkKey>
    /** Functions that Services in the view say they belong to; may repeat itself. */
    readonly owners: (view: NamespaceView) => Iterable<OwnerReference>
    /**
     * Handles one function by name: creates the Services of the pods that serve it, brings edited ones back, and removes
     * those without a pod after a while (ground `Idle`). A Service of somebody else's under the name is left alone, and
     * fails with `FatalError`. Writes nothing where nothing differs.
     */
    readonly reconcile: (view: NamespaceView, functionName: string) => Effect.Effect<void, WorkError>
    /** Removes every Service of a function that is gone. Repeatable. */
    readonly remove: (view: NamespaceView, functionUid: string, ground: Ground) => Effect.Effect<void, WorkError>
    /** Removes the Services of a FunctionVersion that is gone, unless another one has its name. Repeatable. */
    readonly removeVersion: (
      view: NamespaceView,
      version: OwnerReference,
      ground: Ground
    ) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/executors/poolmgr/FunctionServices") {
  static readonly layer: Layer.Layer<
    FunctionServices,
    never,
    KubernetesApi | Deletion | DecisionLog | DryRun | Settings | InstanceId | Supervisor | TakenNames
  > = Layer.effect(
    FunctionServices,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* Deletion
      const decisions = yield* DecisionLog
      const dryRun = yield* DryRun
      const settings = yield* Settings
      const instance = yield* InstanceId
      const supervisor = yield* Supervisor
      const takenNames = yield* TakenNames
      /** When we created a Service that the view may not show yet, by namespace and name. */
      const created = new Map<string, bigint>()
      /** Since when a Service has been seen without a pod of its function, by UID. */
      const withoutPods = new Map<string, bigint>()

      const lookAgain = (view: NamespaceView, functionName: string, delay: Duration.Duration) =>
        supervisor.cell(view.namespace)?.enqueueAfter(keyOfWork(functionName), delay) ?? Effect.void

      const record = (action: Decision["action"], { metadata, spec }: FunctionService, reason: string) =>
        decisions.record({
          action,
          kind: Services.kind,
          namespace: metadata.namespace,
          name: metadata.name,
          reason,
          evidence: { function: metadata.labels[labels.functionName], selector: spec.selector }
        })

      /** Brings the live Service to what it should be, guarded by its version. */
      const update = Effect.fnUntraced(function* (desired: FunctionService) {
        const { name, namespace } = desired.metadata
        const live = yield* api.get(Services, { namespace, name })
        const owner = functionNamedBy(desired.metadata.labels)
        if (!isOwnedBy(live, labels.functionUid, owner.uid)) return yield* takenNames.refuse(Services, live, owner)
        const wanted = updatedService(live, desired)
        if (isDeleting(live.metadata) || wanted === live) return "exists" as const
        yield* api.update(Services, wanted)
        yield* record("Updated", desired, "Service brought to what its function says")
        return "updated" as const
      })

      /** Whether we created it a moment ago and the view has yet to show it. */
      const isExpected = Effect.fnUntraced(function* (desired: FunctionService) {
        const at = created.get(keyOf(desired.metadata))
        if (at === undefined) return false
        return Duration.isLessThan(Duration.nanos((yield* Clock.monotonicTimeNanos) - at), shownWithin)
      })

      const create = Effect.fnUntraced(function* (desired: FunctionService) {
        const made = yield* api.create(Services, desired).pipe(
          Effect.as("created" as const),
          Effect.catchTag("KubernetesAlreadyExists", () => update(desired))
        )
        if (made !== "created") return made
        created.set(keyOf(desired.metadata), yield* Clock.monotonicTimeNanos)
        yield* record("Created", desired, "Service created for a function that has pods")
        return made
      })

      const ensure = Effect.fnUntraced(function* (
        view: NamespaceView,
        fn: FissionFunction,
        served: ServedGeneration
      ): Effect.fn.Return<void, KubernetesError> {
        const desired = functionService(fn, served, settings, instance.value)
        const shown = view.services.get(desired.metadata.namespace, desired.metadata.name)
        if (shown === undefined) {
          if (yield* isExpected(desired)) return yield* lookAgain(view, fn.metadata.name, shownWithin)
          return yield* counted(create(desired))
        }
        if (isDeleting(shown.metadata) || updatedService(shown, desired) === shown) return
        yield* counted(update(desired))
      })

      const remove = (service: Service, ground: Ground, reason: string) =>
        isDeleting(service.metadata)
          ? Effect.void
          : deletion.delete({ kind: Services, ...identity(service) }, ground, { reason })

      /** Removes a Service that no pod of its function has needed for a while, nor will for a version that is retained. */
      const retire = Effect.fnUntraced(function* (view: NamespaceView, fn: FissionFunction, service: Service) {
        const { generation, version } = servedBy(service)
        const type = executorTypeOf(fn)
        const age = yield* viewAge(view)
        if (version === "" && type !== "poolmgr") {
          const ground = Ground.Superseded({ by: `executor type ${type}`, viewAge: age })
          return yield* remove(service, ground, "Service of a function that another executor type serves deleted")
        }
        const uid = service.metadata.uid ?? ""
        const now = yield* Clock.monotonicTimeNanos
        const since = withoutPods.get(uid) ?? now
        withoutPods.set(uid, since)
        const idleFor = Duration.nanos(now - since)
        const left = Duration.subtract(keptWithoutPods, idleFor)
        if (Duration.isPositive(left)) return yield* lookAgain(view, fn.metadata.name, left)
        if (version !== "" && retention(view)(fn.metadata.uid ?? "", generation)) {
          return yield* lookAgain(view, fn.metadata.name, keptWithoutPods)
        }
        const ground = Ground.Idle({ idleFor, threshold: keptWithoutPods, viewAge: age })
        if (dryRun.isOn) {
          const reason = `Service of function ${fn.metadata.name} would be deleted, for the function has no pods`
          return yield* dryRun.wouldDelete({ kind: Services.kind, ...identity(service), ground: ground._tag, reason })
        }
        yield* remove(service, ground, "Service of a function without pods deleted")
      })

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, functionName: string) {
        const fn = view.functions.get(view.namespace, functionName)
        if (fn === undefined || isDeleting(fn.metadata)) return
        if (!view.services.isSynced()) return yield* lookAgain(view, functionName, untilListed)
        const pods = podsOf(view, fn)
        if (settings.functionServices) {
          for (const served of servedGenerations(view, fn, pods)) yield* ensure(view, fn, served)
        }
        const inUse = new Set(pods.map(versionOf))
        for (const service of servicesOf(view, fn.metadata.uid ?? "")) {
          if (inUse.has(servedBy(service).version)) withoutPods.delete(service.metadata.uid ?? "")
          else yield* retire(view, fn, service)
        }
      })

      return FunctionServices.of({
        onChange: (view, { change, kind }) => {
          switch (kind) {
            case "services":
              created.delete(keyOf(change.object.metadata))
              if (change.type === "Delete") withoutPods.delete(change.object.metadata.uid ?? "")
              return isFunctionService(change.object) ? workOfOwner(view, change.object) : []
            case "pods":
              return FunctionPod.isSpecialized(view, change.object) ? workOfOwner(view, change.object) : []
            case "functions": {
              const { name, uid } = change.object.metadata
              const pods = view.pods.indexed("functionUid", uid ?? "")
              const isServed = pods.length > 0 || servicesOf(view, uid ?? "").length > 0
              return change.type === "Upsert" && isServed ? [keyOfWork(name)] : []
            }
            case "functionVersions":
              return workOf(change.object.spec.functionName)
            default:
              return []
          }
        },
        owners: function* (view) {
          for (const service of view.services.values()) {
            const { [labels.functionName]: name, [labels.functionNamespace]: namespace } = service.metadata.labels ?? {}
            const { [labels.functionUid]: uid } = service.metadata.labels ?? {}
            if (!isFunctionService(service) || namespace !== view.namespace) continue
            if (name && uid) yield { kind: "Function", namespace, name, uid }
          }
        },
        reconcile,
        remove: Effect.fnUntraced(function* (view, functionUid, ground) {
          for (const service of servicesOf(view, functionUid)) {
            yield* remove(service, ground, "Service of a function that is gone deleted")
          }
        }),
        removeVersion: Effect.fnUntraced(function* (view, version, ground) {
          if (view.functionVersions.get(view.namespace, version.name) !== undefined) return
          for (const service of view.services.values()) {
            if (!isFunctionService(service) || servedBy(service).version !== version.name) continue
            if (service.metadata.labels?.[labels.functionNamespace] !== version.namespace) continue
            yield* remove(service, ground, "Service of a function version that is gone deleted")
          }
        })
      })
    })
  )
}

const ensures = Metric.counter("fission_executor_function_service_ensures_total", {
  description: "Looks after a function's Service that led to the API, by what came of them",
  incremental: true
})

const counted = <E>(ensured: Effect.Effect<"created" | "updated" | "exists", E>): Effect.Effect<void, E> => {
  const count = (result: string) => Metric.update(Metric.withAttributes(ensures, { result }), 1)
  return ensured.pipe(
    Effect.tapError(() => count("error")),
    Effect.flatMap(count)
  )
}

const keyOfWork = (functionName: string): WorkKey => ({ handler: functionServiceWork, name: functionName })

const workOf = (functionName: string | null | undefined): ReadonlyArray<WorkKey> =>
  functionName ? [keyOfWork(functionName)] : []

/** Work on the function that the object's labels name, if it is of this namespace: two may share one for workloads. */
const workOfOwner = (view: NamespaceView, { metadata }: Described): ReadonlyArray<WorkKey> =>
  metadata.labels?.[labels.functionNamespace] === view.namespace ? workOf(metadata.labels[labels.functionName]) : []

const identity = ({ metadata }: Service) => ({
  namespace: metadata.namespace ?? "",
  name: metadata.name,
  uid: metadata.uid ?? ""
})

const servicesOf = (view: NamespaceView, functionUid: string): ReadonlyArray<Service> =>
  view.services.indexed("functionUid", functionUid).filter(isFunctionService)
