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
import { Ground, type OwnerReference } from "../../safeguards/Ground.ts"
import { functionWork } from "../ExecutorType.ts"
import type { LeftoverAutoscalers } from "./LeftoverAutoscalers.ts"
import type { DeploymentKind } from "./DeploymentKind.ts"
import type { FunctionConditions } from "./FunctionConditions.ts"
import { isAnswering, isOf, isOfVersion, objectsOf } from "./FunctionDeployment.ts"
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
}

/** Makes the life cycle of one executor type's functions. */
export const make = (
  kind: DeploymentKind,
  given: {
    readonly cache: FunctionServiceCache
    readonly deployments: FunctionDeployments
    readonly leftovers: LeftoverAutoscalers["Service"]
    readonly conditions: FunctionConditions
    readonly supervisor: Supervisor["Service"]
    readonly serviceOf: (fn: FissionFunction, deploymentUid: string) => FunctionService
  }
): FunctionLifecycle => {
  const { cache, conditions, deployments, leftovers, serviceOf, supervisor } = given
  /** UIDs of functions whose MinScale rose, and of those whose objects were written. */
  const toRaise = new Set<string>()
  const toAnnounce = new Set<string>()
  /** UIDs of functions that were looked after in this process. */
  const seen = new Set<string>()
  /** When functions were first seen to be served by another type, by UID; monotonic nanoseconds. */
  const leftSince = new Map<string, bigint>()

  /** Replicas are raised where somebody asked for more than there were; never because we have just started. */
  const raise = Effect.fnUntraced(function* (fn: FissionFunction, deployment: Deployment) {
    const uid = fn.metadata.uid ?? ""
    if (!toRaise.has(uid)) return
    const least = minScale(fn)
    yield* deployments.scale(deployment, ({ spec }) => ((spec.replicas ?? 1) < least ? least : undefined))
    toRaise.delete(uid)
    toAnnounce.add(uid)
  })

  /** Names of what there is of a function, or of the part of it that is meant. */
  const namesOf = (view: NamespaceView, uid: string, isMeant: (object: Described) => boolean = () => true) => {
    const stores = [view.deployments, view.services]
    const shown = stores.flatMap((store): ReadonlyArray<Described> => store.indexed("functionUid", uid))
    const left = leftovers.of(view).filter(({ metadata }) => metadata.labels?.[labels.functionUid] === uid)
    const own = [...shown, ...left].filter((object) => isOf(kind.name, view, object) && isMeant(object))
    return new Set(own.map(({ metadata }) => metadata.name))
  }

  const removeAll = (view: NamespaceView, names: Iterable<string>, functionUid: string, ground: Ground) =>
    Effect.forEach(
      names,
      (name) =>
        Effect.tap(deployments.remove({ namespace: view.workloadNamespace, name }, functionUid, ground), () =>
          Effect.sync(() => leftovers.forget(view, name))
        ),
      { discard: true }
    )

  /** Stops handing out addresses before anything behind them goes. */
  const forget = (services: ReadonlyArray<FunctionService>) => {
    for (const service of services) cache.remove(service)
  }

  return {
    note: (change) => {
      if (change.type === "Delete" || change.previous === undefined) return
      if (minScale(change.previous) < minScale(change.object)) toRaise.add(change.object.metadata.uid ?? "")
    },
    reconcile: Effect.fnUntraced(
      function* (view, fn) {
        const uid = fn.metadata.uid ?? ""
        leftSince.delete(uid)
        const { deployment, isReplaced, objects, written } = yield* deployments.converge(view, fn)
        const answers = isAnswering(view, objects, fn)
        if (written) toAnnounce.add(uid)
        yield* conditions.settle(fn, { ignored: objects.ignored, isReplaced, isAnswering: answers })
        // The next Deployment is made when this one is gone.
        if (isReplaced) return
        if (isRaisedUnseen(fn, deployment) && !seen.has(uid)) toRaise.add(uid)
        seen.add(uid)
        yield* raise(fn, deployment)
        const service = serviceOf(fn, deployment.metadata.uid ?? "")
        if (cache.idleFor(service) === undefined) cache.add(service)
        if (!toAnnounce.has(uid) || !answers) return
        toAnnounce.delete(uid)
        yield* conditions.announce(fn)
      },
      (effect, view, fn) =>
        Effect.catchTag(effect, ["PodSpecError", "EnvironmentMissing", "ReferenceMissing"], (error) =>
          conditions.complain(view, fn, error)
        )
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
      for (const memory of [toRaise, toAnnounce, seen, leftSince]) memory.delete(fn.uid)
      const names = [...namesOf(view, fn.uid), ...cached.map(({ name }) => name)]
      yield* removeAll(view, new Set(names), fn.uid, ground)
    }),
    removeVersion: Effect.fnUntraced(function* (view, version, ground) {
      const cached = cache.ofVersion(view.namespace, version.name)
      forget(cached)
      const uids = new Set(cached.map(({ fn }) => fn.uid))
      for (const object of objectsOf(kind.name, view, leftovers.of(view))) {
        const { [labels.functionUid]: uid = "", [labels.functionVersion]: of } = object.metadata.labels ?? {}
        if (of === version.name) uids.add(uid)
      }
      for (const uid of uids) {
        const shown = namesOf(view, uid, ({ metadata }) => metadata.labels?.[labels.functionVersion] === version.name)
        const known = cached.filter(({ fn }) => fn.uid === uid).map(({ name }) => name)
        yield* removeAll(view, new Set([...shown, ...known]), uid, ground)
      }
    })
  }
}

/**
 * Whether somebody raised MinScale while no executor ran: there are fewer replicas than it says, and the Function says of
 * itself that it was last made ready as of an older spec. Replicas alone are no sign: a person may have scaled it down.
 */
const isRaisedUnseen = (fn: FissionFunction, { spec }: Deployment): boolean => {
  const ready = fn.status?.conditions?.find(({ type }) => type === "Ready")
  return (spec.replicas ?? 1) < minScale(fn) && (ready?.observedGeneration ?? 0) < (fn.metadata.generation ?? 0)
}
