import { Clock, Duration, Effect } from "effect"
import type { FunctionService, FunctionServiceCache } from "../../caches/FunctionServiceCache.ts"
import { executorTypeOf, type FissionFunction, minScale } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import type { Described } from "../../fission/ResourceKind.ts"
import type { Deployment } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import type { Change } from "../../kubernetes/Store.ts"
import type { Supervisor } from "../../namespaces/Supervisor.ts"
import type { WorkError } from "../../namespaces/WorkQueue.ts"
import type { Conditions, WantedCondition } from "../../safeguards/Conditions.ts"
import { Ground, type OwnerReference } from "../../safeguards/Ground.ts"
import { functionWork } from "../ExecutorType.ts"
import type { DeploymentKind, Unbuildable } from "./DeploymentKind.ts"
import { isAnswering, isOf, isOfVersion } from "./FunctionDeployment.ts"
import type { FunctionDeployments } from "./FunctionDeployments.ts"

/** How long the objects of a function outlive its change to another type: routers use an address for a minute. */
const leftAfter = Duration.seconds(90)

/** What a function has, from its creation to its end. Everything is level-triggered and repeatable. */
export interface FunctionLifecycle {
  /** As `ExecutorType.reconcileFunction`. */
  readonly reconcile: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, WorkError>
  /** As `ExecutorType.leaveFunction`. Versions stay: their type is that of their own spec. */
  readonly leave: (
    view: NamespaceView,
    fn: FissionFunction,
    isServedElsewhere: boolean
  ) => Effect.Effect<void, WorkError>
  /** As `ExecutorType.removeFunction`. Versions go too. */
  readonly remove: (view: NamespaceView, fn: OwnerReference, ground: Ground) => Effect.Effect<void, WorkError>
  /** As `ExecutorType.removeFunctionVersion`. */
  readonly removeVersion: (
    view: NamespaceView,
    version: OwnerReference,
    ground: Ground
  ) => Effect.Effect<void, WorkError>
  /** Remembers what a change asks for that the objects alone do not show. */
  readonly note: (change: Change<FissionFunction>) => void
  /** Says on the Function that it is served. */
  readonly announce: (fn: FissionFunction) => Effect.Effect<void>
}

/** Makes the life cycle of one executor type's functions. */
export const make = (
  kind: DeploymentKind,
  given: {
    readonly cache: FunctionServiceCache
    readonly deployments: FunctionDeployments
    readonly conditions: Conditions["Service"]
    readonly supervisor: Supervisor["Service"]
    readonly serviceOf: (fn: FissionFunction, deploymentUid: string) => FunctionService
  }
): FunctionLifecycle => {
  const { cache, conditions, deployments, serviceOf, supervisor } = given
  /** UIDs of functions whose MinScale rose, and of those whose objects were written. */
  const toRaise = new Set<string>()
  const toAnnounce = new Set<string>()
  /** When functions were first seen to be served by another type, by UID; monotonic nanoseconds. */
  const leftSince = new Map<string, bigint>()

  const announce = (fn: FissionFunction) => conditions.set(fn, readyCondition(kind))

  const complain = (view: NamespaceView, fn: FissionFunction, error: Unbuildable) =>
    Effect.andThen(
      Effect.logWarning("no pods can be made for this function; it is looked at again when something changes").pipe(
        Effect.annotateLogs({ namespace: view.namespace, function: fn.metadata.name, problem: error.message })
      ),
      conditions.set(fn, {
        type: degraded,
        status: "True",
        reason: reasons[error._tag],
        message: error.message.slice(0, 1024)
      })
    )

  /** A function that can be built again says so, if it said before that it could not. */
  const retract = (fn: FissionFunction) => {
    const isMeant = (reason: string) => Object.values(reasons).includes(reason)
    const said = fn.status?.conditions?.find(({ reason, type }) => type === degraded && isMeant(reason))
    if (said?.status !== "True") return Effect.void
    return conditions.set(fn, { type: degraded, status: "False", reason: said.reason, message: "its pods can be made" })
  }

  /** Replicas are raised where somebody asked for more than there are; never because we have just started. */
  const raise = Effect.fnUntraced(function* (fn: FissionFunction, deployment: Deployment) {
    const uid = fn.metadata.uid ?? ""
    if (!toRaise.has(uid)) return
    const least = minScale(fn)
    yield* deployments.scale(deployment, ({ spec }) => ((spec.replicas ?? 1) < least ? least : undefined))
    toRaise.delete(uid)
  })

  /** Names of what the views show of a function, or of the part of it that is meant. */
  const namesOf = (view: NamespaceView, uid: string, isMeant: (object: Described) => boolean = () => true) => {
    const shown = [...view.deployments.indexed("functionUid", uid), ...view.services.indexed("functionUid", uid)]
    const own = shown.filter((object) => isOf(kind.name, view, object) && isMeant(object))
    return new Set(own.map(({ metadata }) => metadata.name))
  }

  const removeAll = (view: NamespaceView, names: Iterable<string>, functionUid: string, ground: Ground) =>
    Effect.forEach(
      names,
      (name) => deployments.remove({ namespace: view.workloadNamespace, name }, functionUid, ground),
      { discard: true }
    )

  /** Stops handing out addresses before anything behind them goes. */
  const forget = (services: ReadonlyArray<FunctionService>) => {
    for (const service of services) cache.remove(service)
  }

  return {
    announce,
    note: (change) => {
      if (change.type === "Delete" || change.previous === undefined) return
      if (minScale(change.previous) < minScale(change.object)) toRaise.add(change.object.metadata.uid ?? "")
    },
    reconcile: Effect.fnUntraced(
      function* (view, fn) {
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
        Effect.catchTag(effect, ["PodSpecError", "EnvironmentMissing"], (error) => complain(view, fn, error))
    ),
    leave: Effect.fnUntraced(function* (view, fn, isServedElsewhere) {
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
      forget(cache.ofFunction(uid).filter((service) => service.fn.version === ""))
      const by = `executor type ${executorTypeOf(fn)}`
      yield* removeAll(view, names, uid, Ground.Superseded({ by, viewAge: yield* viewAge(view) }))
    }),
    remove: Effect.fnUntraced(function* (view, fn, ground) {
      const cached = cache.ofFunction(fn.uid)
      forget(cached)
      for (const memory of [toRaise, toAnnounce, leftSince]) memory.delete(fn.uid)
      const names = [...namesOf(view, fn.uid), ...cached.map(({ name }) => name)]
      yield* removeAll(view, new Set(names), fn.uid, ground)
    }),
    removeVersion: Effect.fnUntraced(function* (view, version, ground) {
      const cached = cache.ofVersion(view.namespace, version.name)
      forget(cached)
      const uids = new Set(cached.map(({ fn }) => fn.uid))
      for (const object of [...view.deployments.values(), ...view.services.values()]) {
        const { [labels.functionUid]: uid = "", [labels.functionVersion]: of } = object.metadata.labels ?? {}
        if (of === version.name && isOf(kind.name, view, object)) uids.add(uid)
      }
      for (const uid of uids) {
        const shown = namesOf(view, uid, ({ metadata }) => metadata.labels?.[labels.functionVersion] === version.name)
        const known = cached.filter(({ fn }) => fn.uid === uid).map(({ name }) => name)
        yield* removeAll(view, new Set([...shown, ...known]), uid, ground)
      }
    })
  }
}

/** What a Function says of itself while no pods can be made for it, and why (failure-semantics.md section 5.6). */
const degraded = "ExecutorDegraded"
const reasons: { readonly [tag in Unbuildable["_tag"]]: string } = {
  PodSpecError: "InvalidSpec",
  EnvironmentMissing: "EnvironmentMissing"
}

/** What a Function says of itself once it is served (resources.md section 3.2). */
const readyCondition = ({ name }: DeploymentKind): WantedCondition => ({
  type: "Ready",
  status: "True",
  reason: "Available",
  message: `${name} deployment is ready`
})
