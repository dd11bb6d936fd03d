import { Clock, Context, Duration, Effect, Layer, RcMap, type Scope, Semaphore } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import { type Environment, poolSize } from "../../fission/Environment.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting, type Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { type CallOptions, KubernetesApi, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { type Json, objectOf } from "../../podspec/Json.ts"
import { type DesiredDeployment, isDeploymentCurrent, poolDeployment } from "../../podspec/PoolDeployment.ts"
import type { PodSpecError } from "../../podspec/PodSpecError.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion, type DeletionRefused } from "../../safeguards/Deletion.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { environmentWork } from "../ExecutorType.ts"
import { InstanceId } from "../InstanceId.ts"

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
     * one. Does not wait for pods. `PodSpecError`: no pod can be made from this Environment.
     */
    readonly demand: (
      view: NamespaceView,
      environment: Environment
    ) => Effect.Effect<void, KubernetesError | PodSpecError, Scope.Scope>
    /**
     * Brings size and template to what the Environment says, by a guarded update of the live object. Size 0 removes
     * the pool, a minute after the last request that needed it (W07).
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
    KubernetesApi | Deletion | DecisionLog | Settings | InstanceId | Supervisor
  > = Layer.effect(
    PoolDeployments,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* Deletion
      const decisions = yield* DecisionLog
      const settings = yield* Settings
      const instance = yield* InstanceId
      const supervisor = yield* Supervisor
      const locks = yield* RcMap.make({ lookup: (_environmentUid: string) => Semaphore.make(1) })
      /** When we created a Deployment that the view may not show yet, by Environment UID. */
      const created = new Map<string, bigint>()
      /** Requests that need a pool, and when the last one ended, by Environment UID. */
      const demands = new Map<string, { requests: number; endedAt: bigint }>()

      const oneAtATime = <A, E>(environment: Environment, self: Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(RcMap.get(locks, environment.metadata.uid ?? ""), (lock) => lock.withPermit(self)))

      const desiredFor = (environment: Environment): Effect.Effect<DesiredDeployment, PodSpecError> =>
        Effect.fromResult(poolDeployment(environment, settings, instance.value))

      const isExpected = Effect.fnUntraced(function* (environmentUid: string) {
        const at = created.get(environmentUid)
        if (at === undefined) return false
        const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - at)
        if (Duration.isLessThan(waited, shownWithin)) return true
        created.delete(environmentUid)
        return false
      })

      const create = Effect.fnUntraced(function* (environment: Environment, options?: CallOptions) {
        const wanted = yield* desiredFor(environment)
        const desired = { ...wanted, spec: { ...wanted.spec, replicas: Math.max(1, wanted.spec.replicas) } }
        const made = yield* api.create(Deployments, desired, options).pipe(
          // Background work is repeated by its queue.
          options?.priority === "request" ? RetryPolicy.retry(RetryPolicy.critical) : (once) => once,
          Effect.as(true),
          Effect.catchTag("KubernetesAlreadyExists", () => Effect.succeed(false))
        )
        created.set(environment.metadata.uid ?? "", yield* Clock.monotonicTimeNanos)
        if (!made) return
        yield* decisions.record({
          action: "Created",
          kind: "Deployment",
          namespace: desired.metadata.namespace,
          name: desired.metadata.name,
          reason: "pool created for an environment",
          evidence: { environment: environment.metadata.name, size: desired.spec.replicas }
        })
      })

      const ensure = Effect.fnUntraced(function* (
        view: NamespaceView,
        environment: Environment,
        options?: CallOptions
      ) {
        const uid = environment.metadata.uid ?? ""
        if (existing(view, uid) !== undefined) return
        const createUnlessThere = Effect.gen(function* () {
          if (existing(view, uid) !== undefined || (yield* isExpected(uid))) return
          yield* create(environment, options)
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

      const update = Effect.fnUntraced(function* (
        view: NamespaceView,
        environment: Environment,
        deployment: Deployment
      ) {
        const desired = yield* desiredFor(environment)
        const live = yield* api.get(Deployments, reference(deployment))
        const wanted = updated(live, desired, isDeploymentCurrent(environment, deployment))
        const write = api.update(Deployments, wanted)
        const shrinks = (deployment.spec.replicas ?? 1) > desired.spec.replicas
        yield* shrinks
          ? deletion.scaleDown(
              { kind: Deployments, ...identity(deployment) },
              Ground.Superseded({ by: `pool size ${desired.spec.replicas}`, viewAge: yield* viewAge(view) }),
              write
            )
          : write
        yield* decisions.record({
          action: "Updated",
          kind: "Deployment",
          ...identity(deployment),
          reason: "pool brought to what its environment says",
          evidence: { environment: environment.metadata.name, size: desired.spec.replicas }
        })
      })

      const remove = Effect.fn("PoolDeployments.remove")(function* (
        view: NamespaceView,
        environmentUid: string,
        ground: Ground
      ) {
        created.delete(environmentUid)
        for (const deployment of view.deployments.indexed("environmentUid", environmentUid)) {
          if (isDeleting(deployment.metadata)) continue
          yield* deletion.delete({ kind: Deployments, ...identity(deployment) }, ground, { reason: "pool removed" })
        }
      })

      const converge = Effect.fn("PoolDeployments.converge")(function* (view: NamespaceView, environment: Environment) {
        const uid = environment.metadata.uid ?? ""
        if (poolSize(environment) === 0) {
          const kept = yield* keptFor(view, uid)
          const key = { handler: environmentWork, name: environment.metadata.name }
          if (kept !== undefined) return yield* supervisor.cell(view.namespace)?.enqueueAfter(key, kept) ?? Effect.void
          return yield* remove(view, uid, Ground.Superseded({ by: "pool size 0", viewAge: yield* viewAge(view) }))
        }
        const deployment = existing(view, uid)
        if (deployment === undefined) return yield* ensure(view, environment)
        const fits = isDeploymentCurrent(environment, deployment) && deployment.spec.replicas === poolSize(environment)
        if (!fits) yield* oneAtATime(environment, update(view, environment, deployment))
      })

      return PoolDeployments.of({ demand, converge, remove })
    })
  )
}

/** The pool of an Environment that the view shows, unless it is going away. */
const existing = (view: NamespaceView, environmentUid: string): Deployment | undefined =>
  view.deployments.indexed("environmentUid", environmentUid).find((deployment) => !isDeleting(deployment.metadata))

const isClaimedAndOwned = ({ metadata }: Pod): boolean =>
  metadata.labels?.[labels.managed] === "false" && (metadata.ownerReferences ?? []).length > 0

const reference = ({ metadata }: Deployment) => ({ namespace: metadata.namespace ?? "", name: metadata.name })

const identity = (deployment: Deployment) => ({ ...reference(deployment), uid: deployment.metadata.uid ?? "" })

/**
 * The live object with our size, and with our template unless the one it has is current. The selector stays as it is
 * stored, and its labels are forced into the template (W08); fields unknown to us survive.
 */
const updated = (live: KubernetesObject, desired: DesiredDeployment, templateIsCurrent: boolean): KubernetesObject => {
  const spec = objectOf(live["spec"])
  const metadata = {
    ...live.metadata,
    labels: { ...live.metadata.labels, ...desired.metadata.labels },
    annotations: { ...live.metadata.annotations, ...desired.metadata.annotations }
  }
  if (templateIsCurrent) return { ...live, metadata, spec: { ...spec, replicas: desired.spec.replicas } }
  const selector = objectOf(objectOf(spec["selector"])["matchLabels"])
  return {
    ...live,
    metadata,
    spec: { ...spec, replicas: desired.spec.replicas, template: withLabels(desired.spec.template, selector) }
  }
}

const withLabels = (template: Json, labels: Json): Json => {
  const metadata = objectOf(template["metadata"])
  return { ...template, metadata: { ...metadata, labels: { ...objectOf(metadata["labels"]), ...labels } } }
}
