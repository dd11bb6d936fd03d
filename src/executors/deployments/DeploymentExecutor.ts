import { Clock, Duration, Effect, type Scope } from "effect"
import * as FunctionServiceCache from "../../caches/FunctionServiceCache.ts"
import { type SettingsShape, Settings } from "../../Config.ts"
import { FissionError } from "../../Errors.ts"
import { executorTypeOf, type FissionFunction, minScale } from "../../fission/Function.ts"
import { leastUidLength } from "../../fission/FunctionObjectName.ts"
import { labels } from "../../fission/Labels.ts"
import { keyOf } from "../../fission/ObjectMeta.ts"
import type { Described } from "../../fission/ResourceKind.ts"
import type { Deployment } from "../../fission/Workloads.ts"
import { type NamespaceView, type ViewChange, viewAge } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import type { Change } from "../../kubernetes/Store.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkKey } from "../../namespaces/WorkQueue.ts"
import { functionObjectsReference } from "../../podspec/FunctionObjects.ts"
import { Conditions, type WantedCondition } from "../../safeguards/Conditions.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion } from "../../safeguards/Deletion.ts"
import { DryRun } from "../../safeguards/DryRun.ts"
import { Ground, type OwnerReference } from "../../safeguards/Ground.ts"
import { type Admission, ExecutorTypes, functionWork, type ServiceAddress } from "../ExecutorType.ts"
import * as Availability from "./Availability.ts"
import * as Creations from "./Creations.ts"
import type { DeploymentKind } from "./DeploymentKind.ts"
import { availableReplicas, deploymentOf, isAnswering, isOf, isOfVersion, owners } from "./FunctionDeployment.ts"
import * as FunctionDeployments from "./FunctionDeployments.ts"
import * as IdleDeployments from "./IdleDeployments.ts"

/** How long the objects of a function outlive its change to another type: routers use an address for a minute. */
const leftAfter = Duration.seconds(90)

/** What an executor type with Deployments is made over. */
export type Requirements =
  | Settings
  | KubernetesApi
  | Deletion
  | DecisionLog
  | Conditions
  | DryRun
  | Supervisor
  | ExecutorTypes
  | Scope.Scope

/** Registers an executor type that gives each function a Deployment, a Service and an autoscaler of its own. */
export const register = (kind: DeploymentKind): Effect.Effect<void, never, Requirements> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const settings = yield* Settings
    const deletion = yield* Deletion
    const decisions = yield* DecisionLog
    const conditions = yield* Conditions
    const dryRun = yield* DryRun
    const supervisor = yield* Supervisor
    const types = yield* ExecutorTypes
    const cache = yield* FunctionServiceCache.make
    const deployments = yield* FunctionDeployments.make(kind, { api, deletion, decisions })
    const availability = Availability.make(api)
    /** UIDs of functions whose MinScale rose, or whose objects were written, and what is to be done about it. */
    const toRaise = new Set<string>()
    const toAnnounce = new Set<string>()
    /** When functions were first seen to be of another type, by UID; monotonic nanoseconds. */
    const leftSince = new Map<string, bigint>()

    const referenceOf = (fn: Pick<FissionFunction, "metadata">) => functionObjectsReference(kind.name, fn, settings)
    const serviceOf = (fn: FissionFunction, deploymentUid: string) => functionService(kind, fn, deploymentUid, settings)

    const announce = (fn: FissionFunction) => conditions.set(fn, readyCondition(kind))

    /** A function that can be built again says so, if it said before that it could not. */
    const retract = (fn: FissionFunction) => {
      const said = fn.status?.conditions?.find(({ reason, type }) => type === degraded && unbuildable.includes(reason))
      if (said?.status !== "True") return Effect.void
      return conditions.set(fn, {
        type: degraded,
        status: "False",
        reason: said.reason,
        message: "its pods can be made"
      })
    }

    const creations = yield* Creations.make(kind.name, {
      api,
      settings,
      deployments,
      availability,
      serviceOf,
      onServed: (view, fn, service) =>
        Effect.suspend(() => {
          cache.add(service)
          const live = view.functions.get(view.namespace, fn.metadata.name)
          const isLive = service.fn.version === "" && live?.metadata.generation === fn.metadata.generation
          return isLive ? announce(live ?? fn) : Effect.void
        })
    })

    // --- Requests ---

    const addressOf = (service: FunctionServiceCache.FunctionService): ServiceAddress => ({
      address: service.address,
      release: Effect.void
    })

    /** The service of a function that the cache knows, or that an earlier process made and the view shows to answer. */
    const known = (view: NamespaceView, fn: FissionFunction) => {
      const found = cache.find(identityOf(fn))
      if (found !== undefined) return found
      const reference = referenceOf(fn)
      const deployment = deploymentOf(view, reference, fn)
      if (deployment === undefined || !isAnswering(view, reference, fn)) return undefined
      const service = serviceOf(fn, deployment.metadata.uid ?? "")
      cache.add(service)
      return service
    }

    const admit = Effect.fnUntraced(function* (fn: FissionFunction) {
      const { namespace, uid } = fn.metadata
      const view = supervisor.cell(namespace ?? "")?.view
      if (view === undefined) {
        const text = `namespace "${namespace ?? ""}" is not among the namespaces that this executor serves`
        return yield* new FissionError({ kind: "Internal", text })
      }
      if ((uid ?? "").length < leastUidLength) {
        const text = `function ${keyOf(fn.metadata)}: "${uid ?? ""}" is no UID`
        return yield* new FissionError({ kind: "InvalidArgument", text })
      }
      const service = known(view, fn)
      const admission: Admission =
        service === undefined
          ? {
              _tag: "Miss",
              create: () => Effect.map(creations.run(view, fn), addressOf),
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

    // --- Objects ---

    /** Replicas are raised where somebody asked for more than there are; never because we have just started. */
    const raise = Effect.fnUntraced(function* (fn: FissionFunction, deployment: Deployment) {
      const uid = fn.metadata.uid ?? ""
      if (!toRaise.has(uid)) return
      const least = minScale(fn)
      yield* deployments.scale(deployment, ({ spec }) => ((spec.replicas ?? 1) < least ? least : undefined))
      toRaise.delete(uid)
    })

    const reconcileFunction = Effect.fnUntraced(
      function* (view: NamespaceView, fn: FissionFunction) {
        const uid = fn.metadata.uid ?? ""
        leftSince.delete(uid)
        const { deployment, objects, written } = yield* deployments.converge(view, fn)
        if (written) toAnnounce.add(uid)
        yield* retract(fn)
        yield* raise(fn, deployment)
        const service = serviceOf(fn, deployment.metadata.uid ?? "")
        if (cache.idleFor(service) === undefined) cache.add(service)
        if (!toAnnounce.has(uid) || !isAnswering(view, objects, fn)) return
        toAnnounce.delete(uid)
        yield* announce(fn)
      },
      (effect, view, fn) =>
        Effect.catchTag(effect, ["PodSpecError", "EnvironmentMissing"], (error) =>
          Effect.andThen(
            Effect.logWarning(
              "no pods can be made for this function; it is looked at again when something changes"
            ).pipe(
              Effect.annotateLogs({ namespace: view.namespace, function: fn.metadata.name, problem: error.message })
            ),
            conditions.set(fn, {
              type: degraded,
              status: "True",
              reason: error._tag === "PodSpecError" ? unbuildable[0] : unbuildable[1],
              message: error.message.slice(0, 1024)
            })
          )
        )
    )

    /** Names of what there is of a function: in the views, in the cache, and what it is called by rule. */
    const namesOf = (view: NamespaceView, uid: string, isMeant: (object: Described) => boolean) => {
      const shown = [...view.deployments.indexed("functionUid", uid), ...view.services.indexed("functionUid", uid)]
      return new Set(
        shown.filter((object) => isOf(kind.name, view, object) && isMeant(object)).map(({ metadata }) => metadata.name)
      )
    }

    const removeAll = (view: NamespaceView, names: Iterable<string>, functionUid: string, ground: Ground) =>
      Effect.forEach(
        names,
        (name) => deployments.remove({ namespace: view.workloadNamespace, name }, functionUid, ground),
        { discard: true }
      )

    const removeFunction = Effect.fnUntraced(function* (view: NamespaceView, fn: OwnerReference, ground: Ground) {
      const cached = cache.ofFunction(fn.uid)
      for (const service of cached) cache.remove(service)
      const names = namesOf(view, fn.uid, () => true)
      for (const { name } of cached) names.add(name)
      for (const memory of [toRaise, toAnnounce, leftSince]) memory.delete(fn.uid)
      yield* removeAll(view, names, fn.uid, ground)
    })

    const leaveFunction = Effect.fnUntraced(function* (
      view: NamespaceView,
      fn: FissionFunction,
      isServedElsewhere: boolean
    ) {
      const uid = fn.metadata.uid ?? ""
      const names = namesOf(view, uid, (object) => !isOfVersion(object))
      if (names.size === 0) return void leftSince.delete(uid)
      if (!isServedElsewhere) return
      const now = yield* Clock.monotonicTimeNanos
      const since = leftSince.get(uid) ?? now
      leftSince.set(uid, since)
      const left = Duration.subtract(leftAfter, Duration.nanos(now - since))
      if (Duration.isPositive(left)) {
        const key = { handler: functionWork, name: fn.metadata.name }
        return yield* supervisor.cell(view.namespace)?.enqueueAfter(key, left) ?? Effect.void
      }
      for (const service of cache.ofFunction(uid)) if (service.fn.version === "") cache.remove(service)
      const by = `executor type ${executorTypeOf(fn)}`
      yield* removeAll(view, names, uid, Ground.Superseded({ by, viewAge: yield* viewAge(view) }))
    })

    // --- Changes ---

    const keysOf = (functions: Iterable<FissionFunction>): ReadonlyArray<WorkKey> =>
      [...functions]
        .filter((fn) => executorTypeOf(fn) === kind.name)
        .map(({ metadata }) => ({ handler: functionWork, name: metadata.name }))

    const onFunction = (change: Change<FissionFunction>) => {
      if (change.type === "Delete" || change.previous === undefined) return
      if (minScale(change.previous) < minScale(change.object)) toRaise.add(change.object.metadata.uid ?? "")
    }

    /** What became of an object of a function; the function is looked at where that may need something. */
    const onObject = (view: NamespaceView, object: Described, needsLook: boolean): ReadonlyArray<WorkKey> => {
      if (!isOf(kind.name, view, object)) return []
      const { labels: held, name, namespace } = object.metadata
      availability.wake({ namespace: namespace ?? "", name })
      return needsLook ? [{ handler: functionWork, name: held?.[labels.functionName] ?? "" }] : []
    }

    const onChange = (view: NamespaceView, { change, kind: changed }: ViewChange): ReadonlyArray<WorkKey> => {
      const { name } = change.object.metadata
      switch (changed) {
        case "functions":
          onFunction(change)
          return []
        case "environments":
          return keysOf(view.functions.indexed("environment", name))
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
          return onObject(view, object, change.type === "Delete" || isTurning || isEdited)
        }
        default:
          return []
      }
    }

    types.register({
      name: kind.name,
      admit,
      tap: cache.touch,
      unTap: () => {},
      onChange,
      work: {},
      owners: (view) => owners(kind.name, view),
      reconcileFunction,
      isServing: (view, fn) => isAnswering(view, referenceOf(fn), fn),
      leaveFunction,
      removeFunction,
      reconcileEnvironment: () => Effect.void,
      removeEnvironment: () => Effect.void,
      reapIdle: IdleDeployments.make({ type: kind.name, cache, deployments, deletion, dryRun })
    })
  })

/** What a Function says of itself while no pods can be made for it, and why (failure-semantics.md section 5.6). */
const degraded = "ExecutorDegraded"
const unbuildable: readonly [string, string] = ["InvalidSpec", "EnvironmentMissing"]

/** What a Function says of itself once it is served (resources.md section 3.2). */
const readyCondition = ({ name }: DeploymentKind): WantedCondition => ({
  type: "Ready",
  status: "True",
  reason: "Available",
  message: `${name} deployment is ready`
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
