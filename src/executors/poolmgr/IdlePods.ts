import { Context, Duration, Effect, Layer } from "effect"
import { PoolCache, type PooledPod } from "../../caches/PoolCache.ts"
import { type FissionFunction, functionTimeoutSeconds, idleTimeoutSeconds } from "../../fission/Function.ts"
import { type NamespaceView, viewAge } from "../../informers/NamespaceView.ts"
import { retention } from "../../informers/VersionRetention.ts"
import { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { DryRun } from "../../safeguards/DryRun.ts"
import { oldestUsableView } from "../../safeguards/Ground.ts"
import * as FunctionPod from "./FunctionPod.ts"
import { PodLifecycle } from "./PodLifecycle.ts"
import { WebSockets } from "./WebSockets.ts"

/** A pod whose requests were never given back is pinned no longer than this, or its own times (C12). */
const leakCeiling = Duration.hours(1)

/** Finds pods that nobody uses and takes them away (poolmgr.md section 14.1, lifecycle.md section 11.4). */
export class IdlePods extends Context.Service<
  IdlePods,
  {
    /**
     * One pass over the cached pods of a namespace. Reads only the cache and the view; with a view older than 10 min, or
     * one that never synced, every pod is kept. Repeatable.
     */
    readonly reap: (view: NamespaceView) => Effect.Effect<void>
  }
>()("fission-executor/executors/poolmgr/IdlePods") {
  static readonly layer: Layer.Layer<IdlePods, never, PoolCache | PodLifecycle | DecisionLog | DryRun | WebSockets> =
    Layer.effect(
      IdlePods,
      Effect.gen(function* () {
        const cache = yield* PoolCache
        const lifecycle = yield* PodLifecycle
        const decisions = yield* DecisionLog
        const dryRun = yield* DryRun
        const webSockets = yield* WebSockets

        const isExempt = (view: NamespaceView, { name, namespace }: PooledPod, idleFor: Duration.Duration) => {
          const pod = view.pods.get(namespace, name)
          return pod !== undefined && (FunctionPod.isHeldWarm(pod) || webSockets.isOpen(view, pod, idleFor))
        }

        /** What a dry run says of an idle pod, which stays in the cache. */
        const wouldDelete = (pod: PooledPod) => {
          const { name, namespace, uid } = pod
          const reason = `pod of function ${pod.fn.namespace}/${pod.fn.name} would be deleted, for nobody uses it`
          return dryRun.wouldDelete({ kind: "Pod", namespace, name, uid, ground: "Idle", reason })
        }

        const keep = ({ name, namespace, uid }: PooledPod) =>
          decisions.recordOnce({
            action: "Kept",
            kind: "Pod",
            namespace,
            name,
            uid,
            ground: "Idle",
            reason: `nobody uses the pod, but the view is older than ${Duration.format(oldestUsableView)}`
          })

        const reap = Effect.fnUntraced(function* (view: NamespaceView) {
          const isBlind = Duration.isGreaterThan(yield* viewAge(view), oldestUsableView)

          for (const pod of cache.resetLeaked((pod) =>
            Duration.max(leakCeiling, idleThreshold(FunctionPod.functionServed(view, pod)))
          )) {
            yield* Effect.logWarning(
              "requests of this pod were never given back; it counts as unused from now on"
            ).pipe(Effect.annotateLogs({ namespace: view.namespace, pod: pod.name, function: pod.fn.name }))
          }
          for (const { deleted, idleFor, pod } of cache.idle(view.namespace, retention(view))) {
            if (isExempt(view, pod, idleFor)) continue
            const fn = FunctionPod.functionServed(view, pod)
            const isOver = deleted || webSockets.hasEnded(pod.uid, idleFor)
            const threshold = isOver ? Duration.zero : idleThreshold(fn)
            if (Duration.isLessThan(idleFor, threshold)) continue
            if (isBlind) {
              yield* keep(pod)
              continue
            }
            if (dryRun.isOn) {
              if (!pod.shared) yield* wouldDelete(pod)
              continue
            }
            const idleNow = cache.removeIfIdle(pod, threshold)
            // A shared pod stays, whoever uses it, and so does the function's code in it (poolmgr.md section 19).
            if (idleNow === undefined || pod.shared) continue
            lifecycle.drain(pod, { idleFor: idleNow, threshold, grace: FunctionPod.drainGrace(fn) })
          }
        })

        return IdlePods.of({ reap })
      })
    )
}

/**
 * A request that the router admits by itself is tapped when its response begins and never given back, so a pod may look
 * idle for as long as a request may run (poolmgr.md section 14.1).
 */
const idleThreshold = (fn: FissionFunction | undefined): Duration.Duration =>
  Duration.seconds(fn === undefined ? 120 : Math.max(idleTimeoutSeconds(fn), functionTimeoutSeconds(fn)))
