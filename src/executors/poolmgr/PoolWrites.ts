import { isDeepStrictEqual } from "node:util"
import { Effect, Result } from "effect"
import { Settings } from "../../Config.ts"
import type { KubernetesError } from "../../Errors.ts"
import type { Environment } from "../../fission/Environment.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import type { Deployment } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { type CallOptions, KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import { objectOf } from "../../podspec/Json.ts"
import {
  type DesiredDeployment,
  isDeploymentCurrent,
  type PoolDeployment,
  poolDeployment
} from "../../podspec/PoolDeployment.ts"
import type { PodSpecError } from "../../podspec/PodSpecError.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { Deletion, type DeletionRefused } from "../../safeguards/Deletion.ts"
import { EventRecorder } from "../../safeguards/EventRecorder.ts"
import { Ground } from "../../safeguards/Ground.ts"
import { updated } from "../DeploymentUpdate.ts"
import { tellIgnored } from "../IgnoredFields.ts"
import { InstanceId } from "../InstanceId.ts"
import { PodSpecPolicies } from "../PodSpecPolicies.ts"
import { isOwnedBy, TakenNames } from "../TakenNames.ts"
import { identityOf, type Pool, poolKey, smallestSize } from "./Pool.ts"
import type { PoolTemplates } from "./PoolTemplates.ts"

/** The writes of pool Deployments but their deletion. Each is repeatable; one at a time for each pool is the caller's duty. */
export interface PoolWrites {
  /** Creates a pool of at least one pod. One that is there already is taken as it is; `FatalError`: it is somebody else's. */
  readonly create: (
    view: NamespaceView,
    pool: Pool,
    options?: CallOptions
  ) => Effect.Effect<void, KubernetesError | PodSpecError>
  /** Brings a pool to this size, of at least one pod, and its template from whatever it is by now to what it should be. */
  readonly update: (
    view: NamespaceView,
    pool: Pool,
    deployment: Deployment,
    size: number,
    options?: CallOptions
  ) => Effect.Effect<void, KubernetesError | DeletionRefused | PodSpecError>
}

/** Makes the writer; it tells `templates` what it wrote. */
export const make = Effect.fnUntraced(function* (templates: PoolTemplates) {
  const api = yield* KubernetesApi
  const deletion = yield* Deletion
  const decisions = yield* DecisionLog
  const settings = yield* Settings
  const instance = yield* InstanceId
  const takenNames = yield* TakenNames
  const policies = yield* PodSpecPolicies
  const events = yield* EventRecorder

  const desiredFor = ({ environment, image }: Pool): Effect.Effect<PoolDeployment, PodSpecError> =>
    Effect.tap(Effect.fromResult(poolDeployment(environment, settings, instance.value, image)), ({ deployment }) =>
      policies.check("poolmgr", { kind: "Environment", metadata: environment.metadata }, deployment)
    )

  /** What a request waits for is repeated here; background work is repeated by its queue. */
  const retried = <A>(options: CallOptions | undefined, call: Effect.Effect<A, KubernetesError>) =>
    options?.priority === "request" ? RetryPolicy.retry(RetryPolicy.critical)(call) : call

  /** Fails when the Deployment of that name is not the pool's; one that lost its labels gets them back. */
  const takeBack = Effect.fnUntraced(function* (
    view: NamespaceView,
    { metadata }: Environment,
    desired: DesiredDeployment,
    options?: CallOptions
  ) {
    const live = yield* retried(options, api.get(Deployments, desired.metadata, options))
    const selected = objectOf(objectOf(objectOf(live["spec"])["selector"])["matchLabels"])
    const isOfImage = selected[labels.ociImageHash] === desired.metadata.labels[labels.ociImageHash]
    if (isOfImage && isOwnedBy(live, labels.environmentUid, metadata.uid)) {
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

  const create = Effect.fnUntraced(function* (view: NamespaceView, pool: Pool, options?: CallOptions) {
    const key = poolKey(pool)
    const { deployment: wanted, ignored } = yield* desiredFor(pool)
    const desired = { ...wanted, spec: { ...wanted.spec, replicas: smallestSize(pool) } }
    const made = yield* retried(options, api.create(Deployments, desired, options)).pipe(
      Effect.map((written) => {
        templates.remember(key, written)
        return true
      }),
      Effect.catchTag("KubernetesAlreadyExists", () =>
        Effect.as(takeBack(view, pool.environment, desired, options), false)
      )
    )
    if (!made) return
    yield* decisions.record({
      action: "Created",
      kind: "Deployment",
      namespace: desired.metadata.namespace,
      name: desired.metadata.name,
      reason: pool.image === undefined ? "pool created for an environment" : "pool created for an OCI image",
      evidence: evidenceOf(pool, desired.spec.replicas, ignored)
    })
    yield* tellIgnored(events, { kind: "Environment", object: pool.environment }, ignored)
  })

  const update = Effect.fnUntraced(function* (
    view: NamespaceView,
    pool: Pool,
    deployment: Deployment,
    size: number,
    options?: CallOptions
  ) {
    const { environment, image } = pool
    const key = poolKey(pool)
    const { deployment: desired, ignored } = yield* desiredFor(pool)
    const live = yield* retried(options, api.get(Deployments, identityOf(deployment), options))
    const { metadata, spec } = Result.getOrElse(Deployments.decode(live), () => deployment)
    if (metadata.uid !== deployment.metadata.uid) return
    const isCurrent = isDeploymentCurrent(environment, settings, { metadata, spec }, image)
    const template = spec.template ?? {}
    const kept = isCurrent ? (templates.editedFrom(key, metadata, template) ?? template) : undefined
    const wanted = updated(live, desired, size, kept)
    if (isDeepStrictEqual(wanted, live)) return
    const write = Effect.tap(retried(options, api.update(Deployments, wanted, options)), (written) =>
      Effect.sync(() => templates.remember(key, written))
    )
    const shrinks = (spec.replicas ?? 1) > size
    yield* shrinks
      ? deletion.scaleDown(
          { kind: Deployments, ...identityOf(deployment) },
          Ground.Superseded({ by: `pool size ${size}`, viewAge: yield* viewAge(view) }),
          write
        )
      : write
    yield* decisions.record({
      action: "Updated",
      kind: "Deployment",
      ...identityOf(deployment),
      reason:
        size > smallestSize(pool)
          ? "pool enlarged while requests wait for its pods"
          : "pool brought to what its environment says",
      evidence: evidenceOf(pool, size, ignored)
    })
    yield* tellIgnored(events, { kind: "Environment", object: pool.environment }, ignored)
  })

  const writes: PoolWrites = { create, update }
  return writes
})

/** What a decision about a pool rests on; with fields of the Environment that its pods do not have, where there are any. */
const evidenceOf = ({ environment, image }: Pool, size: number, ignored: ReadonlyArray<string>) => ({
  environment: environment.metadata.name,
  size,
  ...(image === undefined ? {} : { image: image.reference }),
  ...(ignored.length === 0 ? {} : { ignored })
})
