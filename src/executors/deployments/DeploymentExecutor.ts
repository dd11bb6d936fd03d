import { Effect, type Scope } from "effect"
import * as FunctionServiceCache from "../../caches/FunctionServiceCache.ts"
import { type SettingsShape, Settings } from "../../Config.ts"
import { FissionError } from "../../Errors.ts"
import { executorTypeOf, type FissionFunction, minScale } from "../../fission/Function.ts"
import { leastUidLength } from "../../fission/FunctionObjectName.ts"
import { labels } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import type { Described } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import type { NamespaceView, ViewChange } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkKey } from "../../namespaces/WorkQueue.ts"
import { functionObjectsReference } from "../../podspec/FunctionObjects.ts"
import { Conditions } from "../../safeguards/Conditions.ts"
import { EventRecorder } from "../../safeguards/EventRecorder.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { DryRun } from "../../safeguards/DryRun.ts"
import { Leadership } from "../../safeguards/Leadership.ts"
import { notTheLeader } from "../CreationError.ts"
import { type Admission, ExecutorTypes, functionWork, type ServiceAddress } from "../ExecutorType.ts"
import { viewOf } from "../FunctionView.ts"
import { LeftoverAutoscalers } from "./LeftoverAutoscalers.ts"
import { PodSpecPolicies } from "../PodSpecPolicies.ts"
import { TakenNames } from "../TakenNames.ts"
import * as Availability from "./Availability.ts"
import * as Creations from "./Creations.ts"
import type { DeploymentKind } from "./DeploymentKind.ts"
import {
  availableReplicas,
  deploymentOf,
  isAnswering,
  isAsleep,
  isOf,
  isOfVersion,
  owners,
  publishedFunction
} from "./FunctionDeployment.ts"
import * as FunctionConditions from "./FunctionConditions.ts"
import * as FunctionDeployments from "./FunctionDeployments.ts"
import * as FunctionLifecycle from "./FunctionLifecycle.ts"
import * as IdleDeployments from "./IdleDeployments.ts"

/** What an executor type with Deployments is made over. */
export type Requirements =
  | Settings
  | KubernetesApi
  | Deletion
  | DecisionLog
  | Conditions
  | EventRecorder
  | DryRun
  | Leadership
  | Supervisor
  | ExecutorTypes
  | TakenNames
  | LeftoverAutoscalers
  | PodSpecPolicies
  | Scope.Scope

/** Registers an executor type that gives each function a Deployment, a Service and an autoscaler of its own. */
export const register = (made: DeploymentKind): Effect.Effect<void, never, Requirements> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const settings = yield* Settings
    const deletion = yield* Deletion
    const decisions = yield* DecisionLog
    const events = yield* EventRecorder
    const dryRun = yield* DryRun
    const leadership = yield* Leadership
    const supervisor = yield* Supervisor
    const types = yield* ExecutorTypes
    const takenNames = yield* TakenNames
    const leftovers = yield* LeftoverAutoscalers
    const policies = yield* PodSpecPolicies
    const kind: DeploymentKind = {
      ...made,
      objects: (view, fn, references) =>
        Effect.tap(made.objects(view, fn, references), ({ deployment }) =>
          policies.check(made.name, { kind: "Function", metadata: fn.metadata }, deployment)
        )
    }
    const conditions = FunctionConditions.make(kind, yield* Conditions)
    const cache = yield* FunctionServiceCache.make
    const deployments = yield* FunctionDeployments.make(kind, { api, deletion, decisions, events, takenNames })
    const availability = Availability.make(api)

    const referenceOf = (fn: Pick<FissionFunction, "metadata">) => functionObjectsReference(kind.name, fn, settings)
    const serviceOf = (fn: FissionFunction, deploymentUid: string) => functionService(kind, fn, deploymentUid, settings)
    const lifecycle = FunctionLifecycle.make(kind, { cache, deployments, leftovers, conditions, supervisor, serviceOf })

    /** Versions that requests brought up, and whose autoscalers are due; by the name of their objects. */
    const unscaled = new Map<string, FissionFunction>()
    const autoscalerWork = `${kind.name}Autoscaler`

    /** No request waits for an autoscaler. That of a live function is made when the function is looked at. */
    const askForAutoscaler = (view: NamespaceView, fn: FissionFunction, name: string) => {
      const isVersion = identityOf(fn).version !== ""
      if (isVersion) unscaled.set(name, fn)
      const key = isVersion ? { handler: autoscalerWork, name } : { handler: functionWork, name: fn.metadata.name }
      supervisor.cell(view.namespace)?.enqueue(key)
    }

    const makeAutoscaler = Effect.fnUntraced(function* (view: NamespaceView, name: string) {
      const fn = unscaled.get(name)
      if (fn === undefined) return
      yield* deployments.autoscale(view, fn).pipe(
        // It was built for the request a moment ago; the next request says what is wrong with it now.
        Effect.catchTag(["PodSpecError", "EnvironmentMissing", "ReferenceMissing"], () => Effect.void)
      )
      unscaled.delete(name)
    })

    const creations = yield* Creations.make(kind.name, {
      api,
      settings,
      deployments,
      availability,
      serviceOf,
      onServed: (view, fn, service) =>
        Effect.suspend(() => {
          cache.add(service)
          askForAutoscaler(view, fn, service.name)
          const live = view.functions.get(view.namespace, fn.metadata.name)
          if (live === undefined || service.fn.version !== "") return Effect.void
          return live.metadata.generation === fn.metadata.generation ? conditions.announce(live) : Effect.void
        })
    })

    // --- Requests ---

    const addressOf = (service: FunctionServiceCache.FunctionService): ServiceAddress => ({
      address: service.address,
      release: Effect.void
    })

    /** The service of a function that the view shows to answer, whoever made it. */
    const shown = (view: NamespaceView, fn: FissionFunction) => {
      const reference = referenceOf(fn)
      const deployment = deploymentOf(view, reference, fn)
      const live = view.functions.get(view.namespace, fn.metadata.name)
      const isAlive = live?.metadata.uid === fn.metadata.uid && !isDeleting(live?.metadata ?? fn.metadata)
      if (deployment === undefined || !isAlive || !isAnswering(view, reference, fn)) return undefined
      return serviceOf(fn, deployment.metadata.uid ?? "")
    }

    /** The service of a function that the cache knows, or that an earlier process made and the view shows to answer. */
    const known = (view: NamespaceView, fn: FissionFunction) => {
      const found = cache.find(identityOf(fn))
      if (found !== undefined) return found
      const service = shown(view, fn)
      if (service !== undefined) cache.add(service)
      return service
    }

    /** The view that a request for a function is answered from. */
    const viewFor = Effect.fnUntraced(function* (fn: FissionFunction) {
      const { uid } = fn.metadata
      const view = yield* viewOf(supervisor, fn)
      if ((uid ?? "").length < leastUidLength) {
        const text = `function ${keyOf(fn.metadata)}: "${uid ?? ""}" is no UID`
        return yield* new FissionError({ kind: "InvalidArgument", text })
      }
      if (identityOf(fn).version !== "") view.wantVersions()
      return view
    })

    const admit = Effect.fnUntraced(function* (fn: FissionFunction) {
      const view = yield* viewFor(fn)
      const service = known(view, fn)
      const admission: Admission =
        service === undefined
          ? {
              _tag: "Miss",
              create: () =>
                leadership.role() === "Leader" ? Effect.map(creations.run(view, fn), addressOf) : notTheLeader(),
              abandon: () => {}
            }
          : {
              _tag: "Hit",
              service: addressOf(service),
              isValid: () => isAnswering(view, service, fn),
              evict: () => void cache.remove(service)
            }
      return admission
    })

    // --- Changes ---

    const keysOf = (functions: Iterable<FissionFunction>): ReadonlyArray<WorkKey> =>
      [...functions]
        .filter((fn) => executorTypeOf(fn) === kind.name)
        .map(({ metadata }) => ({ handler: functionWork, name: metadata.name }))

    /** A version that an earlier process brought up is idle from now on, unless somebody asks for it. */
    const know = (view: NamespaceView, deployment: Deployment) => {
      const fn = publishedFunction(view, deployment)
      const service = fn && serviceOf(fn, deployment.metadata.uid ?? "")
      if (service !== undefined && cache.idleFor(service) === undefined) cache.add(service)
    }

    /** What became of an object of a function; the function is looked at where that may need something. */
    const onObject = (view: NamespaceView, object: Described, needsLook: boolean): ReadonlyArray<WorkKey> => {
      if (!isOf(kind.name, view, object)) return []
      const { labels: held, name, namespace } = object.metadata
      availability.wake({ namespace: namespace ?? "", name })
      if (isOfVersion(object)) view.wantVersions()
      return needsLook ? [{ handler: functionWork, name: held?.[labels.functionName] ?? "" }] : []
    }

    const onChange = (view: NamespaceView, { change, kind: changed }: ViewChange): ReadonlyArray<WorkKey> => {
      const { name } = change.object.metadata
      switch (changed) {
        case "functions":
          lifecycle.note(change)
          return []
        case "environments":
          return keysOf(view.functions.indexed("environment", name))
        case "functionVersions": {
          if (change.type === "Delete") return []
          for (const deployment of view.deployments.indexed("functionUid", change.object.spec.functionUID)) {
            if (isOf(kind.name, view, deployment)) know(view, deployment)
          }
          return []
        }
        case "secrets":
          return keysOf(view.functions.indexed("secret", name))
        case "configMaps":
          return keysOf(view.functions.indexed("configMap", name))
        case "services":
          if (change.type === "Delete") deployments.doubt(name)
          return onObject(view, change.object, true)
        case "deployments": {
          if (change.type === "Delete") deployments.doubt(name)
          const { object } = change
          const previous = change.type === "Delete" ? undefined : change.previous
          const isTurning = availableReplicas(previous) >= 1 !== availableReplicas(object) >= 1
          const isEdited = previous?.metadata.generation !== object.metadata.generation
          if (change.type === "Upsert" && isOf(kind.name, view, object)) know(view, object)
          return onObject(view, object, change.type === "Delete" || isTurning || isEdited)
        }
        default:
          return []
      }
    }

    types.register({
      name: kind.name,
      admit,
      addressInView: (fn) => Effect.map(viewFor(fn), (view) => shown(view, fn)?.address),
      tap: cache.touch,
      tapAll: (view) => cache.touchAll(view.namespace),
      unTap: () => {},
      onChange,
      work: { [autoscalerWork]: makeAutoscaler },
      owners: (view) => owners(kind.name, view, leftovers.of(view)),
      reconcileFunction: lifecycle.reconcile,
      isServing: (view, fn) => isAnswering(view, referenceOf(fn), fn) || isAsleep(view, referenceOf(fn), fn),
      leaveFunction: lifecycle.leave,
      removeFunction: lifecycle.remove,
      removeFunctionVersion: lifecycle.removeVersion,
      reconcileEnvironment: () => Effect.void,
      removeEnvironment: () => Effect.void,
      reapEvery: settings.reaperIntervals[kind.name],
      reapIdle: IdleDeployments.make({ type: kind.name, cache, deployments, deletion, dryRun })
    })
  })

const identityOf = ({ metadata }: FissionFunction): FunctionServiceCache.FunctionIdentity => ({
  uid: metadata.uid ?? "",
  generation: metadata.generation ?? 0,
  name: metadata.name,
  namespace: metadata.namespace ?? "",
  version: metadata.labels?.[labels.functionVersion] ?? ""
})

const functionService = (
  kind: DeploymentKind,
  fn: FissionFunction,
  deploymentUid: string,
  settings: SettingsShape
): FunctionServiceCache.FunctionService => ({
  fn: identityOf(fn),
  ...functionObjectsReference(kind.name, fn, settings),
  deploymentUid,
  minScale: minScale(fn),
  idleThreshold: IdleDeployments.idleThreshold(fn)
})
