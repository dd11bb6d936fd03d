import { Duration, Effect } from "effect"
import type { FunctionService, FunctionServiceCache, IdleService } from "../../caches/FunctionServiceCache.ts"
import {
  executorTypeOf,
  type FissionFunction,
  functionTimeoutSeconds,
  idleTimeoutSeconds,
  minScale
} from "../../fission/Function.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import type { Deletion } from "../../safeguards/Deletion.ts"
import type { DryRun } from "../../safeguards/DryRun.ts"
import { Ground, oldestUsableView } from "../../safeguards/Ground.ts"
import type { FunctionDeployments } from "./FunctionDeployments.ts"

/** Entries used more recently than this are not even looked at (lifecycle.md section 11.1). */
const leastIdle = Duration.seconds(5)
/** Scale-downs of a namespace at a time. */
const atOnce = 10

/**
 * Time without a request after which a function is idle: one that is still running may be silent for as long as it may
 * run (lifecycle.md section 11.4 item 11).
 */
export const idleThreshold = (fn: FissionFunction): Duration.Duration =>
  Duration.seconds(Math.max(idleTimeoutSeconds(fn), functionTimeoutSeconds(fn)))

/**
 * Scales the functions of a namespace that nobody uses down to their MinScale (lifecycle.md section 11). Reads only the
 * cache and the view; a view older than 10 min ends the pass before it begins. Removes nothing. Never fails.
 */
export const make =
  (given: {
    readonly type: string
    readonly cache: FunctionServiceCache
    readonly deployments: FunctionDeployments
    readonly deletion: Deletion["Service"]
    readonly dryRun: DryRun["Service"]
  }) =>
  (view: NamespaceView): Effect.Effect<void> => {
    const { cache, deletion, deployments, dryRun, type } = given

    const scaleDown = Effect.fnUntraced(function* (service: FunctionService, deployment: Deployment) {
      const { least, threshold } = limitsOf(type, view, service)
      const { name, namespace, uid } = deployment.metadata
      const subject = { kind: Deployments, namespace: namespace ?? "", name, uid: uid ?? "" }
      if (dryRun.isOn) {
        const reason = `function ${service.fn.namespace}/${service.fn.name} would be scaled to ${least}, for nobody uses it`
        const { kind, ...identity } = subject
        return yield* dryRun.wouldDelete({ kind: kind.kind, ...identity, ground: "Idle", reason })
      }
      const idleFor = cache.idleFor(service) ?? Duration.zero
      const replicas = deployment.spec.replicas ?? 1
      const isBusy = () => Duration.isLessThan(cache.idleFor(service) ?? Duration.infinity, threshold)
      const down = deployments.scale(deployment, (found) =>
        (found.spec.replicas ?? 1) > least && !isBusy() ? least : undefined
      )
      const scaled = yield* deletion.scaleDown(
        subject,
        Ground.Idle({ idleFor, threshold, viewAge: yield* viewAge(view) }),
        down
      )
      // Somebody came while it was being scaled down.
      if (isBusy()) yield* deployments.scale(scaled, () => replicas)
    })

    const reapOne = ({ service }: IdleService) =>
      Effect.gen(function* () {
        const { least, threshold } = limitsOf(type, view, service)
        const deployment = view.deployments.get(service.namespace, service.name)
        const isThere = deployment?.metadata.uid === service.deploymentUid && !isDeleting(deployment.metadata)
        if (!isThere || (deployment.spec.replicas ?? 1) <= least) return
        const idleFor = cache.idleFor(service)
        if (idleFor === undefined || Duration.isLessThan(idleFor, threshold)) return
        yield* scaleDown(service, deployment)
      }).pipe(
        (self) => deployments.alone(service, self),
        Effect.catch((error) =>
          Effect.logWarning("an idle function was not scaled down; the next pass looks again", error.message).pipe(
            Effect.annotateLogs({ namespace: view.namespace, function: service.fn.name })
          )
        )
      )

    return Effect.gen(function* () {
      if (Duration.isGreaterThan(yield* viewAge(view), oldestUsableView)) return
      yield* Effect.forEach(cache.idle(leastIdle, view.namespace), reapOne, { concurrency: atOnce, discard: true })
    })
  }

/** What the live Function says now; of a version, or after a change of the type, what it said when it was asked for. */
const limitsOf = (type: string, view: NamespaceView, service: FunctionService) => {
  const { fn, idleThreshold: known, minScale: knownLeast } = service
  const live = fn.version === "" ? view.functions.get(fn.namespace, fn.name) : undefined
  if (live?.metadata.uid !== fn.uid || executorTypeOf(live) !== type) return { least: knownLeast, threshold: known }
  return { least: minScale(live), threshold: idleThreshold(live) }
}
