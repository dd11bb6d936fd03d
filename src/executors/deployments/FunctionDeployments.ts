import { isDeepStrictEqual } from "node:util"
import { Clock, Effect, RcMap, Result, type Scope, Semaphore } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { canonical, hash16 } from "../../fission/Canonical.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import {
  Deployments,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Services as ServiceKind
} from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { CallOptions, KubernetesApi, KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { isSameAutoscaler } from "../../podspec/Autoscaler.ts"
import type { DesiredObject, FunctionObjects } from "../../podspec/FunctionObjects.ts"
import { objectOf } from "../../podspec/Json.ts"
import { isTemplateCurrent } from "../../podspec/TemplateHash.ts"
import { tellIgnored } from "../IgnoredFields.ts"
import type { DecisionLog } from "../../safeguards/DecisionLog.ts"
import type { Deletion, DeletionRefused } from "../../safeguards/Deletion.ts"
import type { EventRecorder } from "../../safeguards/EventRecorder.ts"
import type { Ground } from "../../safeguards/Ground.ts"
import { functionNamedBy, isOwnedBy, type TakenNames } from "../TakenNames.ts"
import type { DeploymentKind, Unbuildable } from "./DeploymentKind.ts"
import { convergedDeployment, convergedService, deploymentOf, leadsTo, type Reference } from "./FunctionDeployment.ts"
import { referencedVersions } from "./References.ts"

/** Looks at a live object that somebody else keeps writing, before it is left to the next try. */
const attempts = { times: 4, while: (error: { readonly _tag: string }) => error._tag === "KubernetesConflict" }

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
}

/** The Service, Deployment and autoscaler behind each function of one executor type (newdeploy-and-container.md). */
export interface FunctionDeployments {
  /**
   * Creates what is missing and changes what is not as the Function wants it, by guarded updates of the live objects;
   * replicas are left alone. Writes nothing where everything fits. Repeatable; one at a time for each function. Nothing is
   * ever taken back: what was created before a failure is used by the next try (section 13.3). An object of somebody
   * else's under one of the names is left alone, and fails with `FatalError`.
   */
  readonly converge: (
    view: NamespaceView,
    fn: FissionFunction,
    options?: CallOptions
  ) => Effect.Effect<Converged, Unbuildable | KubernetesError>
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
    /** What each autoscaler was last seen or written to be: they are not watched. */
    const autoscalers = new Map<string, string>()
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

    /** What a request waits for is repeated here; background work is repeated by its queue. */
    const retried = <A>(options: CallOptions | undefined, call: Effect.Effect<A, KubernetesError>) =>
      options?.priority === "request" ? RetryPolicy.retry(RetryPolicy.critical)(call) : call

    const record = (action: "Created" | "Updated", what: ResourceKind, desired: DesiredObject, reason: string) => {
      const { name, namespace } = desired.metadata
      const fn = `${desired.metadata.labels[labels.functionNamespace]}/${desired.metadata.labels[labels.functionName]}`
      return decisions.record({ action, kind: what.kind, namespace, name, reason, evidence: { function: fn } })
    }

    /** Undefined: it was there already. */
    const create = Effect.fnUntraced(function* (what: ResourceKind, desired: DesiredObject, options?: CallOptions) {
      const made = yield* retried(options, api.create(what, desired, options)).pipe(
        Effect.catchTag("KubernetesAlreadyExists", () => Effect.succeed(undefined))
      )
      if (made !== undefined) yield* record("Created", what, desired, `${kind.name} function gets its objects`)
      return made
    })

    /** Changes the live object, unless it is as it should be. Whether it had to be changed, and what it is now. */
    const change = (
      what: ResourceKind,
      desired: DesiredObject,
      wantedOf: (live: KubernetesObject) => KubernetesObject,
      options?: CallOptions
    ) =>
      Effect.gen(function* () {
        const live = yield* retried(options, api.get(what, desired.metadata, options))
        const owner = functionNamedBy(desired.metadata.labels)
        if (!isOwnedBy(live, labels.functionUid, owner.uid)) return yield* takenNames.refuse(what, live, owner)
        const wanted = wantedOf(live)
        if (isDeepStrictEqual(wanted, live)) return { object: live, written: false }
        const object = yield* retried(options, api.update(what, wanted, options))
        yield* record("Updated", what, desired, `${kind.name} function's object brought to what the function says`)
        return { object, written: true }
      }).pipe(Effect.retry(attempts))

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

    const ensureDeployment = Effect.fnUntraced(function* (
      view: NamespaceView,
      fn: FissionFunction,
      objects: FunctionObjects,
      options?: CallOptions
    ) {
      const { deployment: desired, name } = objects
      const shown = newer(deploymentOf(view, objects, fn), (yield* recentOf(name))?.deployment)
      if (shown !== undefined && !isDeleting(shown.metadata) && isTemplateCurrent(desired, shown)) {
        return { deployment: shown, written: false }
      }
      const made = shown === undefined ? yield* create(Deployments, desired, options) : undefined
      const rolled = (live: KubernetesObject) => convergedDeployment(live, decoded(live), desired)
      const outcome =
        made === undefined ? yield* change(Deployments, desired, rolled, options) : { object: made, written: true }
      const deployment = decoded(outcome.object)
      yield* remember(name, deployment)
      return { deployment, written: outcome.written }
    })

    const ensureAutoscaler = Effect.fnUntraced(function* (
      { autoscaler, name }: FunctionObjects,
      isNew: boolean,
      options?: CallOptions
    ) {
      const hash = hash16(JSON.stringify(canonical(autoscaler.spec)))
      if (autoscalers.get(name) === hash) return
      const wantedOf = (live: KubernetesObject): KubernetesObject =>
        isSameAutoscaler(objectOf(live["spec"]), autoscaler.spec) ? live : { ...live, spec: autoscaler.spec }
      const created = create(HorizontalPodAutoscalers, autoscaler, options)
      const isMade = isNew && (yield* created) !== undefined
      if (!isMade) {
        yield* change(HorizontalPodAutoscalers, autoscaler, wantedOf, options).pipe(
          Effect.catchTag("KubernetesNotFound", () => created)
        )
      }
      autoscalers.set(name, hash)
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
        const { deployment, written } = yield* ensureDeployment(view, fn, objects, options)
        if (written) yield* tellIgnored(events, { kind: "Function", object: fn }, objects.ignored)
        yield* ensureAutoscaler(objects, isNewService, options)
        return { objects, deployment, written: written || isNewService }
      })
      return yield* alone(objects, ensured)
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
      return write(deployment).pipe(Effect.catchTag("KubernetesConflict", () => Effect.retry(fromLive, attempts)))
    }

    const doubt = (name: string) => {
      autoscalers.delete(name)
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
