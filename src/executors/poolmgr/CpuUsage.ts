import { Context, Duration, Effect, Layer, Random, Result } from "effect"
import { PoolCache } from "../../caches/PoolCache.ts"
import { labels } from "../../fission/Labels.ts"
import { PodMetrics } from "../../fission/ResourceKind.ts"
import type { Pod } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { cpuLimit, cpuUsage } from "../../podspec/CpuLimit.ts"
import * as FunctionPod from "./FunctionPod.ts"

/** Time between two samples, before jitter; the longer one after none could be had, as where nobody measures. */
const sampledEvery = { present: Duration.seconds(30), absent: Duration.seconds(180) }

/**
 * How much CPU the pods of functions use, so that one above its limit takes no further request (poolmgr.md section 16).
 * Metrics cannot be watched: one list a namespace and half a minute, and only where a pod has a CPU limit (W13, W14).
 */
export class CpuUsage extends Context.Service<
  CpuUsage,
  {
    /** Samples a namespace for ever. What could not be measured counts as unused, for the cache may not refuse by guess. */
    readonly keep: (view: NamespaceView) => Effect.Effect<never>
  }
>()("fission-executor/executors/poolmgr/CpuUsage") {
  static readonly layer: Layer.Layer<CpuUsage, never, KubernetesApi | PoolCache> = Layer.effect(
    CpuUsage,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const cache = yield* PoolCache

      /** Millicores by name of the pod; undefined when nobody could say. */
      const measure = (namespace: string) =>
        api.list(PodMetrics, { namespace, labelSelector: `${labels.managed}=false` }).pipe(
          Effect.map(
            ({ items }) =>
              new Map(
                items
                  .flatMap((item) => Result.getOrElse(Result.map(PodMetrics.decode(item), Array.of), () => []))
                  .map((metrics) => [metrics.metadata.name, cpuUsage(metrics)] as const)
              )
          ),
          Effect.tapError((error) =>
            Effect.logDebug("CPU usage is not known; no pod is refused for it", error.message).pipe(
              Effect.annotateLogs({ namespace })
            )
          ),
          Effect.orElseSucceed(() => undefined)
        )

      const sample = Effect.fnUntraced(function* (view: NamespaceView) {
        const limited = limitedPods(view)
        if (limited.length === 0) return sampledEvery.present
        const usage = yield* measure(view.workloadNamespace)
        for (const pod of limited) {
          cache.setCpuUsage(FunctionPod.servingAddress(pod), usage?.get(pod.metadata.name) ?? 0)
        }
        return usage === undefined ? sampledEvery.absent : sampledEvery.present
      })

      return CpuUsage.of({
        keep: (view) =>
          Effect.forever(
            Effect.flatMap(Effect.all([sample(view), Random.next]), ([interval, random]) =>
              Effect.sleep(Duration.times(interval, 0.9 + 0.2 * random))
            )
          )
      })
    })
  )
}

/** Those whose use makes a difference. */
const limitedPods = (view: NamespaceView): ReadonlyArray<Pod> =>
  [...view.pods.values()].filter((pod) => FunctionPod.isSpecialized(view, pod) && cpuLimit(pod) > 0)
