import { Clock, Effect, RcMap, Result, type Scope, Semaphore } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import {
  Deployments,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Services as ServiceKind
} from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import type { CallOptions, KubernetesApi, KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import type { FunctionObjects } from "../../podspec/FunctionObjects.ts"
import { templateState } from "../../podspec/TemplateHash.ts"
import type { DecisionLog } from "../../safeguards/DecisionLog.ts"
import type { Deletion, DeletionRefused } from "../../safeguards/Deletion.ts"
import type { EventRecorder } from "../../safeguards/EventRecorder.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { tellIgnored } from "../IgnoredFields.ts"
import type { TakenNames } from "../TakenNames.ts"
import * as Autoscalers from "./Autoscalers.ts"
import type { DeploymentKind, Unbuildable } from "./DeploymentKind.ts"
import {
  convergedDeployment,
  convergedService,
  deploymentOf,
  leadsTo,
  type Reference,
  selectsFunction
} from "./FunctionDeployment.ts"
import * as DriftRepairs from "./DriftRepairs.ts"
import * as ObjectWrites from "./ObjectWrites.ts"
import { referencedVersions } from "./References.ts"

/** How long what we wrote is believed in before the view has to show it; nanoseconds. */
const shownWithin = 30n * 1_000_000_000n

/** What was written for a function, and when (monotonic nanoseconds). The Service was written if this is there at all. */
interface Recent {
  readonly deployment: Deployment | undefined
  readonly at: bigint
}

/** What a function has after it was looked after. */
export interface Converged {
  readonly objects: FunctionObjects
  /** As it is stored, or as the view shows it where nothing was written. */
  readonly deployment: Deployment
  /** Whether anything was created or changed. */
  readonly written: boolean
  /** Whether the Deployment is being deleted, its pods left, because its selector does not name the function. */
  readonly isReplaced: boolean
}

/** The Service, Deployment and autoscaler behind each function of one executor type (newdeploy-and-container.md). */
export interface FunctionDeployments {
  /**
   * Creates what is missing and changes what is not as the Function wants it, by guarded updates of the live objects;
   * replicas are left alone. Writes nothing where everything fits. Repeatable; one at a time for each function. Nothing is
   * ever taken back: what was created before a failure is used by the next try (section 13.3). An object of somebody
   * else's under one of the names is left alone, and fails with `FatalError`. A template that somebody edited is set right.
   * A Deployment whose selector does not name the function is deleted without its pods; the next try creates another. For a
   * request the autoscaler is left out: the address can be used without it (failure-semantics.md N16).
   */
  readonly converge: (
    view: NamespaceView,
    fn: FissionFunction,
    options?: CallOptions
  ) => Effect.Effect<Converged, Unbuildable | KubernetesError | DeletionRefused>
  /** Has the autoscaler there of a Deployment that is there; does nothing without one. */
  readonly autoscale: (view: NamespaceView, fn: FissionFunction) => Effect.Effect<void, Unbuildable | KubernetesError>
  /**
   * Sets the replicas to what `wanted` says of the Deployment; undefined leaves them. Guarded by the version that it looked
   * at, and looked at again live where that is not the newest. Gives the Deployment as it is then.
   */
  readonly scale: (
    deployment: Deployment,
    wanted: (deployment: Deployment) => number | undefined,
    options?: CallOptions
  ) => Effect.Effect<Deployment, KubernetesError>
  /** Runs something with the objects of that name while nobody else here writes them. */
  readonly alone: <A, E>(
    reference: Pick<Reference, "namespace" | "name">,
    self: Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** Removes the objects of that name if they are the function's: the Service first, the Deployment last. Repeatable. */
  readonly remove: (
    reference: Pick<Reference, "namespace" | "name">,
    functionUid: string,
    ground: Ground
  ) => Effect.Effect<void, KubernetesError | DeletionRefused>
  /** Nothing of that name is believed in that a view does not show: somebody removed an object of the function. */
  readonly doubt: (name: string) => void
}

/** Makes the writer of the objects of one executor type. */
export const make = (
  kind: DeploymentKind,
  {
    api,
    decisions,
    deletion,
    events,
    takenNames
  }: {
    readonly api: KubernetesApi["Service"]
    readonly deletion: Deletion["Service"]
    readonly decisions: DecisionLog["Service"]
    readonly events: EventRecorder["Service"]
    readonly takenNames: TakenNames["Service"]
  }
): Effect.Effect<FunctionDeployments, never, Scope.Scope> =>
  Effect.gen(function* () {
    const locks = yield* RcMap.make({ lookup: (_key: string) => Semaphore.make(1) })
    const writes = ObjectWrites.make(kind.name, { api, decisions, takenNames })
    const { change, create, retried } = writes
    const autoscalers = Autoscalers.make(writes)
    const repairs = DriftRepairs.make()
    /** UIDs of Deployments that were deleted for their selector, and that a view may show a while longer. */
    const leaving = new Set<string>()
    /** What we created or changed and the view may not show yet, by name. */
    const recent = new Map<string, Recent>()

    const recentOf = (name: string) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => {
        const found = recent.get(name)
        if (found !== undefined && now - found.at > shownWithin) recent.delete(name)
        return recent.get(name)
      })
    const remember = (name: string, deployment: Deployment | undefined) =>
      Effect.map(Clock.monotonicTimeNanos, (at) => void recent.set(name, { deployment, at }))

    const alone: FunctionDeployments["alone"] = ({ name, namespace }, self) =>
      Effect.scoped(Effect.flatMap(RcMap.get(locks, `${namespace}/${name}`), (lock) => lock.withPermit(self)))

    const ensureService = Effect.fnUntraced(function* (
      view: NamespaceView,
      fn: FissionFunction,
      objects: FunctionObjects,
      options?: CallOptions
    ) {
      const { deployment: wanted, service } = objects
      const deployment = view.deployments.get(wanted.metadata.namespace, wanted.metadata.name)
      const repaired = (live: KubernetesObject) => convergedService(live, service, deployment)
      const shown = view.services.get(objects.namespace, objects.name)
      const isOurs = shown?.metadata.labels?.[labels.functionUid] === fn.metadata.uid
      if (shown !== undefined && isOurs && leadsTo(shown, service, deployment)) return false
      if (shown === undefined && (yield* recentOf(objects.name)) !== undefined) return false
      const changed = change(ServiceKind, service, repaired, options)
      const created = Effect.flatMap(create(ServiceKind, service, options), (made) =>
        made === undefined ? changed : Effect.succeed({ object: made, written: true })
      )
      // A view that could not be listed shows nothing; what is there is not created for that.
      const lacks = shown === undefined && view.services.isSynced()
      const { written } = yield* lacks ? created : Effect.catchTag(changed, "KubernetesNotFound", () => created)
      yield* remember(objects.name, (yield* recentOf(objects.name))?.deployment)
      return written
    })

    /** Makes room for a Deployment whose selector names the function: that of one cannot change, and its pods stay. */
    const replaced = Effect.fnUntraced(function* (view: NamespaceView, deployment: Deployment) {
      const { name, namespace, uid } = deployment.metadata
      const subject = { kind: Deployments, namespace: namespace ?? "", name, uid: uid ?? "" }
      const ground = Ground.Superseded({ by: "a selector with the function's UID", viewAge: yield* viewAge(view) })
      if (!leaving.has(subject.uid)) {
        yield* deletion.delete(subject, ground, { leavesPods: true, reason: "its selector does not name the function" })
        leaving.add(subject.uid)
      }
      return { deployment, written: true, isReplaced: true }
    })

    const isLeft = (deployment: Deployment, state: string | undefined, templateHash: string) =>
      state === "Drifted" ? repairs.isLeft(deployment, templateHash) : Effect.succeed(false)

    const ensureDeployment = Effect.fnUntraced(function* (
      view: NamespaceView,
      fn: FissionFunction,
      objects: FunctionObjects,
      options?: CallOptions
    ) {
      const { deployment: desired, name, templateHash } = objects
      const shown = newer(deploymentOf(view, objects, fn), (yield* recentOf(name))?.deployment)
      const alive = shown !== undefined && !isDeleting(shown.metadata) ? shown : undefined
      if (alive !== undefined && !selectsFunction(alive)) return yield* replaced(view, alive)
      const state = alive === undefined ? undefined : templateState(desired, alive)
      if (alive !== undefined && (state === "Current" || (yield* isLeft(alive, state, templateHash)))) {
        return { deployment: alive, written: false, isReplaced: false }
      }
      const made = shown === undefined ? yield* create(Deployments, desired, options) : undefined
      const rolled = (live: KubernetesObject) => convergedDeployment(live, decoded(live), desired)
      const outcome =
        made === undefined ? yield* change(Deployments, desired, rolled, options) : { object: made, written: true }
      const deployment = decoded(outcome.object)
      yield* remember(name, deployment)
      if (state === "Drifted") yield* repairs.note(deployment, templateHash)
      return { deployment, written: outcome.written, isReplaced: false }
    })

    const converge = Effect.fn("FunctionDeployments.converge")(function* (
      view: NamespaceView,
      fn: FissionFunction,
      options?: CallOptions
    ) {
      const objects = yield* kind.objects(view, fn, yield* referencedVersions(api, view, fn, options))
      // The Service comes first, so that a mesh learns of it while pods start.
      const ensured = Effect.gen(function* () {
        const isNewService = yield* ensureService(view, fn, objects, options)
        const { deployment, isReplaced, written } = yield* ensureDeployment(view, fn, objects, options)
        if (written) yield* tellIgnored(events, { kind: "Function", object: fn }, objects.ignored)
        if (written || isNewService) autoscalers.doubt(objects.name)
        if (options?.priority !== "request") yield* autoscalers.ensure(fn, objects, isNewService)
        return { objects, deployment, written: written || isNewService, isReplaced }
      })
      return yield* alone(objects, ensured)
    })

    const autoscale = Effect.fn("FunctionDeployments.autoscale")(function* (view: NamespaceView, fn: FissionFunction) {
      const objects = yield* kind.objects(view, fn, yield* referencedVersions(api, view, fn))
      const known = Effect.map(recentOf(objects.name), (made) => deploymentOf(view, objects, fn) ?? made?.deployment)
      const ensured = Effect.flatMap(known, (deployment) =>
        deployment === undefined ? Effect.void : autoscalers.ensure(fn, objects, false)
      )
      yield* alone(objects, ensured)
    })

    const scale: FunctionDeployments["scale"] = (deployment, wanted, options) => {
      const reference = { namespace: deployment.metadata.namespace ?? "", name: deployment.metadata.name }
      const write = Effect.fnUntraced(function* (known: Deployment) {
        const replicas = wanted(known)
        if (replicas === undefined) return known
        const { resourceVersion } = known.metadata
        const body = { metadata: { resourceVersion }, spec: { replicas } }
        yield* retried(
          options,
          api.patch(Deployments, reference, { type: "merge", subresource: "scale", body }, options)
        )
        return { ...known, spec: { ...known.spec, replicas } }
      })
      const fromLive = Effect.flatMap(retried(options, api.get(Deployments, reference, options)), (live) =>
        write(decoded(live))
      )
      return write(deployment).pipe(
        Effect.catchTag("KubernetesConflict", () => Effect.retry(fromLive, ObjectWrites.attempts))
      )
    }

    const doubt = (name: string) => {
      autoscalers.doubt(name)
      repairs.forget(name)
      recent.delete(name)
    }

    const removeOne = Effect.fnUntraced(function* (
      what: ResourceKind,
      { name, namespace }: Pick<Reference, "namespace" | "name">,
      functionUid: string,
      ground: Ground
    ) {
      const live = yield* api
        .get(what, { namespace, name })
        .pipe(Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined)))
      const { labels: held, uid } = live?.metadata ?? {}
      if (held?.[labels.functionUid] !== functionUid) return
      const subject = { kind: what, namespace, name, uid: uid ?? "" }
      yield* deletion.delete(subject, ground, { reason: `of a function that ${kind.name} serves no more` })
    })

    return {
      converge,
      autoscale,
      scale,
      alone,
      remove: Effect.fn("FunctionDeployments.remove")(function* (reference, functionUid, ground) {
        doubt(reference.name)
        const removal = Effect.forEach(
          [ServiceKind, HorizontalPodAutoscalers, Deployments],
          (what) => removeOne(what, reference, functionUid, ground),
          { discard: true }
        )
        yield* alone(reference, removal)
      }),
      doubt
    }
  })

/** The Deployment of an answer. One that cannot be read is a server that makes no sense: metadata are enough then. */
const decoded = (live: KubernetesObject): Deployment =>
  Result.getOrElse(Deployments.decode(live), () => ({ metadata: live.metadata, spec: {} }))

/** The Deployment that a view shows, or the one that we wrote later. */
const newer = (shown: Deployment | undefined, written: Deployment | undefined): Deployment | undefined => {
  if (shown === undefined || written === undefined) return shown ?? written
  const isLater = (written.metadata.generation ?? 0) > (shown.metadata.generation ?? 0)
  return isLater && written.metadata.uid === shown.metadata.uid ? written : shown
}
