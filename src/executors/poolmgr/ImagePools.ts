import { Context, Duration, Effect, Layer, Metric } from "effect"
import { Settings } from "../../Config.ts"
import { type Environment, isInfinite } from "../../fission/Environment.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import type { PoolImage } from "../../fission/ImageVolume.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting, isTerminated } from "../../fission/Workloads.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { DryRun } from "../../safeguards/DryRun.ts"
import { oldestUsableView } from "../../safeguards/Ground.ts"
import { ImageVolumes } from "../ImageVolumes.ts"
import { PackageImages } from "../PackageImages.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { identityOf, isForImage, poolKeyIn, poolKeyOf } from "./Pool.ts"
import { PoolDemands } from "./PoolDemands.ts"
import { PoolDeployments } from "./PoolDeployments.ts"

const reaped = Metric.counter("fission_executor_oci_pools_reaped_total", {
  description: "Pools of OCI images that were removed because nobody used them",
  incremental: true
})
const reapFailures = Metric.counter("fission_executor_oci_pool_reap_failures_total", {
  description: "Attempts to remove an idle pool of an OCI image that failed",
  incremental: true
})

/** Longest that a cold start waits to learn of an image: its fetcher, in a generic pod, finds it out by itself. */
const readWithin = Duration.seconds(3)

/** Pools whose pods have the code of one image mounted: which function needs one, and their end (poolmgr.md section 18). */
export class ImagePools extends Context.Service<
  ImagePools,
  {
    /**
     * The image that the pods for a Function have to mount; undefined where its pods come from the plain pool, and where
     * nobody knows: there the fetcher pulls an image. Without a call where the Package is known.
     */
    readonly imageFor: (
      view: NamespaceView,
      environment: Environment,
      fn: FissionFunction
    ) => Effect.Effect<PoolImage | undefined>
    /**
     * Removes the pools of a namespace that nobody has used for their idle time, at least a minute longer than a request
     * waits for a pod (section 14.2). One with a pod of some function stays. What fails is tried again in the next pass.
     */
    readonly reap: (view: NamespaceView) => Effect.Effect<void>
    /** The pools of a namespace count as used now. */
    readonly touchAll: (view: NamespaceView) => void
  }
>()("fission-executor/executors/poolmgr/ImagePools") {
  static readonly layer: Layer.Layer<
    ImagePools,
    never,
    Settings | ImageVolumes | PackageImages | PoolDemands | PoolDeployments | DecisionLog | DryRun
  > = Layer.effect(
    ImagePools,
    Effect.gen(function* () {
      const { ociPoolIdleReapTime, podReadyTimeout } = yield* Settings
      const volumes = yield* ImageVolumes
      const packages = yield* PackageImages
      const demands = yield* PoolDemands
      const deployments = yield* PoolDeployments
      const decisions = yield* DecisionLog
      const dryRun = yield* DryRun
      yield* Effect.all([Metric.update(reaped, 0), Metric.update(reapFailures, 0)])
      const threshold = Duration.max(ociPoolIdleReapTime, Duration.sum(podReadyTimeout, Duration.minutes(1)))

      const imageFor = (view: NamespaceView, environment: Environment, fn: FissionFunction) => {
        const { keeparchive, version } = environment.spec
        if (volumes.support() !== "On" || version < 2 || isInfinite(environment) || keeparchive === true) {
          return Effect.undefined
        }
        return packages.of(view, fn, { priority: "request" }).pipe(
          Effect.map((image): PoolImage | undefined => image && { ...image, hasFetcher: needsFetcher(fn) }),
          Effect.timeoutOrElse({ duration: readWithin, orElse: () => Effect.undefined }),
          Effect.catch((error) => Effect.as(Effect.logDebug("a package could not be read", error), undefined))
        )
      }

      const reapOne = Effect.fnUntraced(function* (view: NamespaceView, deployment: Deployment) {
        const idleFor = demands.unusedFor(poolKeyOf(deployment))
        if (idleFor === undefined) return demands.touch(poolKeyOf(deployment))
        if (Duration.isLessThan(idleFor, threshold) || isPinned(view, deployment)) return
        const subject = { kind: Deployments.kind, ...identityOf(deployment), ground: "Idle" as const }
        if (Duration.isGreaterThan(yield* viewAge(view), oldestUsableView)) {
          const reason = `nobody uses the pool, but the view is older than ${Duration.format(oldestUsableView)}`
          return yield* decisions.recordOnce({ action: "Kept", ...subject, reason })
        }
        if (dryRun.isOn) {
          return yield* dryRun.wouldDelete({ ...subject, reason: "pool would be removed, for nobody uses it" })
        }
        if (yield* deployments.retire(view, deployment, threshold)) yield* Metric.update(reaped, 1)
      })

      const reap = (view: NamespaceView) =>
        Effect.forEach(
          poolsForImages(view),
          (deployment) =>
            reapOne(view, deployment).pipe(
              Effect.catch((error) =>
                Effect.andThen(
                  Metric.update(reapFailures, 1),
                  Effect.logWarning("an idle pool could not be removed; it is tried again", error)
                )
              ),
              Effect.annotateLogs({ namespace: view.namespace, deployment: deployment.metadata.name })
            ),
          { discard: true }
        )

      return ImagePools.of({
        imageFor,
        reap,
        touchAll: (view) => {
          for (const deployment of poolsForImages(view)) demands.touch(poolKeyOf(deployment))
        }
      })
    })
  )
}

/** A fetcher brings Secrets and ConfigMaps, and the token of a function with state (W15). */
const needsFetcher = ({ spec }: FissionFunction): boolean =>
  (spec.secrets ?? []).length + (spec.configmaps ?? []).length > 0 || (spec.state ?? undefined) !== undefined

/** The pools for one image of a namespace's Environments, whoever made them (W27). */
const poolsForImages = (view: NamespaceView): ReadonlyArray<Deployment> =>
  [...view.deployments.values()].filter(
    (deployment) =>
      isForImage(deployment) &&
      deployment.metadata.labels?.[labels.environmentNamespace] === view.namespace &&
      !isDeleting(deployment.metadata)
  )

/** Whether a pod that the pool made is in use: it runs, and is out of the pool. */
const isPinned = (view: NamespaceView, deployment: Deployment): boolean =>
  view.pods
    .indexed("environmentUid", deployment.metadata.labels?.[labels.environmentUid] ?? "")
    .some(
      (pod) =>
        poolKeyIn(pod.metadata.labels) === poolKeyOf(deployment) && !isTerminated(pod) && !FunctionPod.isPooled(pod)
    )
