import { Clock, Context, Duration, Effect, Layer, RcMap, type Scope, Semaphore } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import { type Environment, poolSize } from "../../fission/Environment.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import type { Deployment, Pod } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { type CallOptions, type KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { isDeploymentCurrent } from "../../podspec/PoolDeployment.ts"
import type { PodSpecError } from "../../podspec/PodSpecError.ts"
import type { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion, type DeletionRefused } from "../../safeguards/Deletion.ts"
import type { EventRecorder } from "../../safeguards/EventRecorder.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { environmentWork } from "../ExecutorType.ts"
import type { InstanceId } from "../InstanceId.ts"
import type { PodSpecPolicies } from "../PodSpecPolicies.ts"
import type { TakenNames } from "../TakenNames.ts"
import {
  existing,
  identityOf,
  isForImage,
  type Pool,
  poolFrom,
  poolKey,
  poolKeyOf,
  poolsOf,
  smallestSize
} from "./Pool.ts"
import { PoolDemands } from "./PoolDemands.ts"
import { PoolSurge } from "./PoolSurge.ts"
import { make as makeTemplates } from "./PoolTemplates.ts"
import * as PoolWrites from "./PoolWrites.ts"

/** How long a Deployment that we created is believed in before the view has to show it. */
const shownWithin = Duration.seconds(30)
/** How long a pool of size 0 outlives the last request that needed it: the next one may be near. */
const keptAfterDemand = Duration.minutes(1)
/** Time after which it is looked whether the ReplicaSet has let its last claimed pod go. */
const releasedWithin = Duration.seconds(10)

/**
 * The Deployments behind each Environment's pools (poolmgr.md section 4): the plain one, and one for each image that
 * functions have their code in. Found by labels, whatever their names: a name embeds a version that moves (W26).
 */
export class PoolDeployments extends Context.Service<
  PoolDeployments,
  {
    /**
     * Creates the Deployment if none is there, of at least one pod for as long as the scope is open: an Environment of
     * pool size 0 gets one for the request that needs it (W07), and so does an image. Repeatable; concurrent calls for one
     * pool create one. Does not wait for pods. `PodSpecError`: no pod can be made from this Environment;
     * `FatalError`: a Deployment of somebody else's has the name.
     */
    readonly demand: (
      view: NamespaceView,
      pool: Pool
    ) => Effect.Effect<void, KubernetesError | DeletionRefused | PodSpecError, Scope.Scope>
    /**
     * Brings size (see `PoolSurge`) and template of an Environment's pools to what it says, by a guarded update of the live
     * object, and undoes what somebody else edited (W20). Size 0 removes the plain pool, a minute after the last request
     * that needed it (W07). Pools of images, whoever made them, are brought up to date and never created here, but for
     * requests that wait for one.
     */
    readonly converge: (
      view: NamespaceView,
      environment: Environment
    ) => Effect.Effect<void, KubernetesError | DeletionRefused | PodSpecError>
    /** Removes a pool, unless somebody has come to need it within the threshold; whether it did. */
    readonly retire: (
      view: NamespaceView,
      deployment: Deployment,
      threshold: Duration.Duration
    ) => Effect.Effect<boolean, KubernetesError | DeletionRefused>
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
    | PoolDemands
    | PoolSurge
    | PodSpecPolicies
    | EventRecorder
  > = Layer.effect(
    PoolDeployments,
    Effect.gen(function* () {
      const deletion = yield* Deletion
      const settings = yield* Settings
      const supervisor = yield* Supervisor
      const demands = yield* PoolDemands
      const surge = yield* PoolSurge
      const locks = yield* RcMap.make({ lookup: (_pool: string) => Semaphore.make(1) })
      const templates = makeTemplates()
      const writes = yield* PoolWrites.make(templates)
      /** When we created a Deployment that the view may not show yet, by key of the pool. */
      const created = new Map<string, bigint>()
      /** UIDs of Deployments that we deleted and the view may still show, by key of the pool. */
      const retired = new Map<string, string>()

      const oneAtATime = <A, E>(key: string, self: Effect.Effect<A, E>) =>
        Effect.scoped(Effect.flatMap(RcMap.get(locks, key), (lock) => lock.withPermit(self)))

      /** The Deployment of a pool that the view shows, unless it is going away. */
      const shown = (view: NamespaceView, pool: Pool) => {
        const deployment = existing(view, pool)
        return deployment?.metadata.uid === retired.get(poolKey(pool)) ? undefined : deployment
      }

      const lookAgain = (view: NamespaceView, { metadata }: Environment, delay: Duration.Duration) =>
        supervisor.cell(view.namespace)?.enqueueAfter({ handler: environmentWork, name: metadata.name }, delay) ??
        Effect.void

      const isExpected = Effect.fnUntraced(function* (key: string) {
        const at = created.get(key)
        if (at === undefined) return false
        const waited = Duration.nanos((yield* Clock.monotonicTimeNanos) - at)
        if (Duration.isLessThan(waited, shownWithin)) return true
        created.delete(key)
        return false
      })

      const ensure = Effect.fnUntraced(function* (view: NamespaceView, pool: Pool, options?: CallOptions) {
        const found = shown(view, pool)
        if (found !== undefined && (found.spec.replicas ?? 1) > 0) return
        const createUnlessThere = Effect.gen(function* () {
          const found = shown(view, pool)
          // The stock executor keeps a Deployment of no pods for a pool of size 0.
          if (found !== undefined) return yield* writes.update(view, pool, found, smallestSize(pool), options)
          if (yield* isExpected(poolKey(pool))) return yield* lookAgain(view, pool.environment, shownWithin)
          yield* writes.create(view, pool, options)
          created.set(poolKey(pool), yield* Clock.monotonicTimeNanos)
        })
        yield* oneAtATime(poolKey(pool), createUnlessThere)
      })

      const demand = Effect.fn("PoolDeployments.demand")(function* (view: NamespaceView, pool: Pool) {
        yield* demands.hold(pool)
        yield* ensure(view, pool, { priority: "request" })
      })

      /** How long the pool of an Environment of size 0 still has to stay; undefined when it can go. */
      const keptFor = Effect.fnUntraced(function* (view: NamespaceView, environmentUid: string) {
        const unused = demands.unusedFor(environmentUid) ?? keptAfterDemand
        const left = Duration.subtract(keptAfterDemand, unused)
        if (Duration.isPositive(left)) return left
        demands.forget(environmentUid)
        // A claimed pod that its ReplicaSet still owns would be collected together with it.
        const isOwned = view.pods.indexed("environmentUid", environmentUid).some(isClaimedAndOwned)
        return isOwned ? releasedWithin : undefined
      })

      const forget = (key: string) => {
        created.delete(key)
        demands.forget(key)
        surge.forget(key)
        templates.forget(key)
      }

      const remove = Effect.fn("PoolDeployments.remove")(function* (
        view: NamespaceView,
        environmentUid: string,
        ground: Ground
      ) {
        forget(environmentUid)
        for (const deployment of poolsOf(view, environmentUid)) {
          forget(poolKeyOf(deployment))
          yield* deletion.delete({ kind: Deployments, ...identityOf(deployment) }, ground, { reason: "pool removed" })
        }
      })

      const retire = Effect.fn("PoolDeployments.retire")(function* (
        view: NamespaceView,
        deployment: Deployment,
        threshold: Duration.Duration
      ) {
        const key = poolKeyOf(deployment)
        const retireUnlessNeeded = Effect.gen(function* () {
          const idleFor = demands.unusedFor(key)
          if (idleFor === undefined || Duration.isLessThan(idleFor, threshold)) return false
          const ground = Ground.Idle({ idleFor, threshold, viewAge: yield* viewAge(view) })
          yield* deletion.delete({ kind: Deployments, ...identityOf(deployment) }, ground, {
            reason: "idle pool removed"
          })
          forget(key)
          retired.set(key, deployment.metadata.uid ?? "")
          return true
        })
        return yield* oneAtATime(key, retireUnlessNeeded)
      })

      const convergeOne = Effect.fnUntraced(function* (
        view: NamespaceView,
        pool: Pool,
        deployment: Deployment,
        size: number
      ) {
        const { environment, image } = pool
        const key = poolKey(pool)
        created.delete(key)
        const fits =
          isDeploymentCurrent(environment, settings, deployment, image) &&
          deployment.spec.replicas === size &&
          templates.editedFrom(key, deployment.metadata, deployment.spec.template ?? {}) === undefined
        if (!fits) yield* oneAtATime(key, writes.update(view, pool, deployment, size))
      })

      const convergePlain = Effect.fnUntraced(function* (view: NamespaceView, environment: Environment) {
        const uid = environment.metadata.uid ?? ""
        const deployment = shown(view, { environment })
        if (poolSize(environment) > 0) {
          if (deployment === undefined) return yield* ensure(view, { environment })
          const { lookAgainIn, size } = yield* surge.sizing(environment, deployment.spec.replicas ?? 1)
          if (lookAgainIn !== undefined) yield* lookAgain(view, environment, lookAgainIn)
          return yield* convergeOne(view, { environment }, deployment, size)
        }
        const kept = yield* keptFor(view, uid)
        if (kept !== undefined) return yield* lookAgain(view, environment, kept)
        if (deployment === undefined) return
        forget(uid)
        const ground = Ground.Superseded({ by: "pool size 0", viewAge: yield* viewAge(view) })
        yield* deletion.delete({ kind: Deployments, ...identityOf(deployment) }, ground, { reason: "pool removed" })
      })

      const converge = Effect.fn("PoolDeployments.converge")(function* (view: NamespaceView, environment: Environment) {
        const uid = environment.metadata.uid ?? ""
        yield* convergePlain(view, environment)
        for (const deployment of poolsOf(view, uid).filter(isForImage)) {
          const before = templates.editedFrom(
            poolKeyOf(deployment),
            deployment.metadata,
            deployment.spec.template ?? {}
          )
          const pool = poolFrom(environment, deployment, before)
          if (pool !== undefined && shown(view, pool) === deployment)
            yield* convergeOne(view, pool, deployment, smallestSize(pool))
        }
        // What a request waits for and somebody removed comes back.
        for (const pool of demands.held(uid)) yield* ensure(view, pool)
      })

      return PoolDeployments.of({ demand, converge, retire, remove })
    })
  )
}

const isClaimedAndOwned = ({ metadata }: Pod): boolean =>
  metadata.labels?.[labels.managed] === "false" && (metadata.ownerReferences ?? []).length > 0
