import { isDeepStrictEqual } from "node:util"
import { Clock, Context, Duration, Effect, Layer, RcMap, Result, type Scope, Semaphore } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import { type Environment, poolSize } from "../../fission/Environment.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting, type Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { type CallOptions, KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import {
  type DesiredDeployment,
  isDeploymentCurrent,
  type PoolDeployment,
  poolDeployment
} from "../../podspec/PoolDeployment.ts"
import type { PodSpecError } from "../../podspec/PodSpecError.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion, type DeletionRefused } from "../../safeguards/Deletion.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { updated } from "../DeploymentUpdate.ts"
import { environmentWork } from "../ExecutorType.ts"
import { InstanceId } from "../InstanceId.ts"
import { PodSpecPolicies } from "../PodSpecPolicies.ts"
import { isOwnedBy, TakenNames } from "../TakenNames.ts"
import { PoolSurge } from "./PoolSurge.ts"
import { make as makeTemplates } from "./PoolTemplates.ts"

/** How long a Deployment that we created is believed in before the view has to show it. */
const shownWithin = Duration.seconds(30)
/** How long a pool of size 0 outlives the last request that needed it: the next one may be near. */
const keptAfterDemand = Duration.minutes(1)
/** Time after which it is looked whether the ReplicaSet has let its last claimed pod go. */
const releasedWithin = Duration.seconds(10)

/**
 * The Deployment behind each Environment's pool (poolmgr.md section 4). Found by the label `environmentUid`, whatever
 * its name: the name embeds a version that moves (W26).
 */
export class PoolDeployments extends Context.Service<
  PoolDeployments,
  {
    /**
     * Creates the Deployment if none is there, of at least one pod for as long as the scope is open: an Environment of
     * pool size 0 gets one for the request that needs it (W07). Repeatable; concurrent calls for one Environment create
     * one. Does not wait for pods. `PodSpecError`: no pod can be made from this Environment;
     * `FatalError`: a Deployment of somebody else's has the name.
     */
    readonly demand: (
      view: NamespaceView,
      environment: Environment
    ) => Effect.Effect<void, KubernetesError | DeletionRefused | PodSpecError, Scope.Scope>
    /**
     * Brings size (see `PoolSurge`) and template to what the Environment says, by a guarded update of the live object, and undoes what
     * somebody else edited (W20). Size 0 removes the pool, a minute after the last request that needed it (W07).
     */
    readonly converge: (
      view: NamespaceView,
      environment: Environment
    ) => Effect.Effect<void, KubernetesError | DeletionRefused | PodSpecError>
    /** Removes every Deployment of this Environment UID. Repeatable. */
    readonly remove: (
      view: NamespaceView,
      environmentUid: string,
      ground: Ground
    ) => Effect.Effect<void, KubernetesError | DeletionRefused>
  }
>()("fission-executor/executors/poolmgr/PoolDeployments") {
  static readonly layer: Layer.Layer<
    PoolDeployments,
    never,
    | KubernetesApi
    | Deletion
    | DecisionLog
    | Settings
    | InstanceId
    | Supervisor
    | TakenNames
    | PoolSurge
    | PodSpecPolicies
  > = Layer.effect(
    PoolDeployments,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* Deletion
      const decisions = yield* DecisionLog
      const settings = yield* Settings
      const instance = yield* InstanceId
      const supervisor = yield* Supervisor
      const takenNames = yield* TakenNames
      const surge = yield* PoolSurge
      const policies = yield* PodSpecPolicies
      const locks = yield* RcMap.make({ lookup: (_environmentUid: string) => Semaphore.make(1) })
      /** When we created a Deployment that the view may not show yet, by Environment UID. */
      const created = new Map<string, bigint>()
      const templates = makeTemplates()
      /** Requests that need a pool, and when the last one ended, by Environment UID. */
      const demands = new Map<string, { requests: number; endedAt: bigint }>()

      const oneAtATime = <A, E>(environment: Environment, self: Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(RcMap.get(locks, environment.metadata.uid ?? ""), (lock) => lock.withPermit(self)))

      const desiredFor = (environment: Environment): Effect.Effect<PoolDeployment, PodSpecError> =>
        Effect.tap(Effect.fromResult(poolDeployment(environment, settings, instance.value)), ({ deployment }) =>
          policies.check("poolmgr", { kind: "Environment", metadata: environment.metadata }, deployment)
        )

      const lookAgain = (view: NamespaceView, environment: Environment, delay: Duration.Duration) =>
        supervisor
          .cell(view.namespace)
          ?.enqueueAfter({ handler: environmentWork, name: environment.metadata.name }, delay) ?? Effect.void

      const isExpected = Effect.fnUntraced(function* (environmentUid: string) {
        const at = created.get(environmentUid)
        if (at === undefined) return false
        const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - at)
        if (Duration.isLessThan(waited, shownWithin)) return true
        created.delete(environmentUid)
        return false
      })

      /** What a request waits for is repeated here; background work is repeated by its queue. */
      const retried = <A>(options: CallOptions | undefined, call: Effect.Effect<A, KubernetesError>) =>
        options?.priority === "request" ? RetryPolicy.retry(RetryPolicy.critical)(call) : call

      /** Fails when the Deployment of that name is not the Environment's; one that lost its labels gets them back. */
      const takeBack = Effect.fnUntraced(function* (
        view: NamespaceView,
        { metadata }: Environment,
        desired: DesiredDeployment,
        options?: CallOptions
      ) {
        const live = yield* retried(options, api.get(Deployments, desired.metadata, options))
        if (isOwnedBy(live, labels.environmentUid, metadata.uid)) {
          const labelled = {
            ...live,
            metadata: { ...live.metadata, labels: { ...live.metadata.labels, ...desired.metadata.labels } }
          }
          if (isDeepStrictEqual(labelled, live)) return
          return void (yield* retried(options, api.update(Deployments, labelled, options)))
        }
        const owner = { namespace: view.namespace, name: metadata.name, uid: metadata.uid ?? "" }
        yield* takenNames.refuse(Deployments, live, { kind: "Environment", ...owner })
      })

      const create = Effect.fnUntraced(function* (
        view: NamespaceView,
        environment: Environment,
        options?: CallOptions
      ) {
        const { deployment: wanted, ignored } = yield* desiredFor(environment)
        const desired = { ...wanted, spec: { ...wanted.spec, replicas: Math.max(1, wanted.spec.replicas) } }
        const made = yield* retried(options, api.create(Deployments, desired, options)).pipe(
          Effect.map((written) => {
            templates.remember(environment, written)
            return true
          }),
          Effect.catchTag("KubernetesAlreadyExists", () =>
            Effect.as(takeBack(view, environment, desired, options), false)
          )
        )
        created.set(environment.metadata.uid ?? "", yield* Clock.monotonicTimeNanos)
        if (!made) return
        yield* decisions.record({
          action: "Created",
          kind: "Deployment",
          namespace: desired.metadata.namespace,
          name: desired.metadata.name,
          reason: "pool created for an environment",
          evidence: { environment: environment.metadata.name, size: desired.spec.replicas, ...ignoredFields(ignored) }
        })
      })

      const ensure = Effect.fnUntraced(function* (
        view: NamespaceView,
        environment: Environment,
        options?: CallOptions
      ) {
        const uid = environment.metadata.uid ?? ""
        const pool = existing(view, uid)
        if (pool !== undefined && (pool.spec.replicas ?? 1) > 0) return
        const createUnlessThere = Effect.gen(function* () {
          const pool = existing(view, uid)
          // The stock executor keeps a Deployment of no pods for a pool of size 0.
          if (pool !== undefined)
            return yield* update(view, environment, pool, Math.max(1, poolSize(environment)), options)
          if (yield* isExpected(uid)) return yield* lookAgain(view, environment, shownWithin)
          yield* create(view, environment, options)
        })
        yield* oneAtATime(environment, createUnlessThere)
      })

      const demand = Effect.fn("PoolDeployments.demand")(function* (view: NamespaceView, environment: Environment) {
        const uid = environment.metadata.uid ?? ""
        yield* Effect.acquireRelease(
          Effect.sync(() => demands.set(uid, { requests: (demands.get(uid)?.requests ?? 0) + 1, endedAt: 0n })),
          () =>
            Effect.map(Clock.monotonicTimeNanos, (endedAt) => {
              demands.set(uid, { requests: (demands.get(uid)?.requests ?? 1) - 1, endedAt })
            })
        )
        yield* ensure(view, environment, { priority: "request" })
      })

      /** How long the pool of an Environment of size 0 still has to stay; undefined when it can go. */
      const keptFor = Effect.fnUntraced(function* (view: NamespaceView, environmentUid: string) {
        const { endedAt = 0n, requests = 0 } = demands.get(environmentUid) ?? {}
        if (requests > 0) return keptAfterDemand
        const now = yield* Clock.monotonicTimeNanos
        const left = Duration.subtract(keptAfterDemand, Duration.nanos(now - endedAt))
        if (demands.has(environmentUid) && Duration.isPositive(left)) return left
        demands.delete(environmentUid)
        // A claimed pod that its ReplicaSet still owns would be collected together with it.
        const isOwned = view.pods.indexed("environmentUid", environmentUid).some(isClaimedAndOwned)
        return isOwned ? releasedWithin : undefined
      })

      /** Brings a pool to this size, of at least one pod, and its template from whatever it is by now to what it should be. */
      const update = Effect.fnUntraced(function* (
        view: NamespaceView,
        environment: Environment,
        deployment: Deployment,
        size: number,
        options?: CallOptions
      ) {
        const { deployment: desired, ignored } = yield* desiredFor(environment)
        const live = yield* retried(options, api.get(Deployments, reference(deployment), options))
        const { metadata, spec } = Result.getOrElse(Deployments.decode(live), () => deployment)
        if (metadata.uid !== deployment.metadata.uid) return
        const isCurrent = isDeploymentCurrent(environment, settings, { metadata, spec })
        const template = spec.template ?? {}
        const wanted = updated(
          live,
          desired,
          size,
          isCurrent ? (templates.editedFrom(environment, metadata, template) ?? template) : undefined
        )
        if (isDeepStrictEqual(wanted, live)) return
        const write = Effect.tap(retried(options, api.update(Deployments, wanted, options)), (written) =>
          Effect.sync(() => templates.remember(environment, written))
        )
        const shrinks = (spec.replicas ?? 1) > size
        yield* shrinks
          ? deletion.scaleDown(
              { kind: Deployments, ...identity(deployment) },
              Ground.Superseded({ by: `pool size ${size}`, viewAge: yield* viewAge(view) }),
              write
            )
          : write
        yield* decisions.record({
          action: "Updated",
          kind: "Deployment",
          ...identity(deployment),
          reason:
            size > Math.max(1, poolSize(environment))
              ? "pool enlarged while requests wait for its pods"
              : "pool brought to what its environment says",
          evidence: { environment: environment.metadata.name, size, ...ignoredFields(ignored) }
        })
      })

      const remove = Effect.fn("PoolDeployments.remove")(function* (
        view: NamespaceView,
        environmentUid: string,
        ground: Ground
      ) {
        created.delete(environmentUid)
        demands.delete(environmentUid)
        templates.forget(environmentUid)
        surge.forget(environmentUid)
        for (const deployment of view.deployments.indexed("environmentUid", environmentUid)) {
          if (isDeleting(deployment.metadata)) continue
          yield* deletion.delete({ kind: Deployments, ...identity(deployment) }, ground, { reason: "pool removed" })
        }
      })

      const converge = Effect.fn("PoolDeployments.converge")(function* (view: NamespaceView, environment: Environment) {
        const uid = environment.metadata.uid ?? ""
        if (poolSize(environment) === 0) {
          const kept = yield* keptFor(view, uid)
          if (kept !== undefined) return yield* lookAgain(view, environment, kept)
          return yield* remove(view, uid, Ground.Superseded({ by: "pool size 0", viewAge: yield* viewAge(view) }))
        }
        const deployment = existing(view, uid)
        if (deployment === undefined) return yield* ensure(view, environment)
        created.delete(uid)
        const { lookAgainIn, size } = yield* surge.sizing(environment, deployment.spec.replicas ?? 1)
        if (lookAgainIn !== undefined) yield* lookAgain(view, environment, lookAgainIn)
        const fits =
          isDeploymentCurrent(environment, settings, deployment) &&
          deployment.spec.replicas === size &&
          templates.editedFrom(environment, deployment.metadata, deployment.spec.template ?? {}) === undefined
        if (!fits) yield* oneAtATime(environment, update(view, environment, deployment, size))
      })

      return PoolDeployments.of({ demand, converge, remove })
    })
  )
}

/** Fields of the Environment that its pods do not have, where there are any. */
const ignoredFields = (ignored: ReadonlyArray<string>) => (ignored.length === 0 ? {} : { ignored })

/** The pool of an Environment that the view shows, unless it is going away. */
const existing = (view: NamespaceView, environmentUid: string): Deployment | undefined =>
  view.deployments.indexed("environmentUid", environmentUid).find((deployment) => !isDeleting(deployment.metadata))

const isClaimedAndOwned = ({ metadata }: Pod): boolean =>
  metadata.labels?.[labels.managed] === "false" && (metadata.ownerReferences ?? []).length > 0

const reference = ({ metadata }: Deployment) => ({ namespace: metadata.namespace ?? "", name: metadata.name })

const identity = (deployment: Deployment) => ({ ...reference(deployment), uid: deployment.metadata.uid ?? "" })
