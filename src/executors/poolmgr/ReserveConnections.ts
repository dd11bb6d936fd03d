import { Clock, Context, Duration, Effect, FiberSet, Layer } from "effect"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { Supervisor } from "../../namespaces/Supervisor.ts"
import { FetcherClient } from "../../specialization/FetcherClient.ts"
import { Reserve } from "./Reserve.ts"

/** Name of the work that keeps connections to the reserve of one Environment open. */
export const connectionWork = "connection"

/** After this a connection is used again, so that neither side closes it: both wait longer. */
const usedEvery = Duration.seconds(60)

/**
 * Connections to the fetchers of the reserve, opened ahead so that a cold start need not (poolmgr.md section 22.2). With
 * or without the lease: a replica hands out its own reserve either way.
 */
export class ReserveConnections extends Context.Service<
  ReserveConnections,
  {
    /** Opens what is missing for one Environment by name, without waiting for it, and looks again in time. Repeatable. */
    readonly reconcile: (view: NamespaceView, environmentName: string) => Effect.Effect<void>
    /** The pod is gone, or handed out. */
    readonly forget: (podUid: string) => void
  }
>()("fission-executor/executors/poolmgr/ReserveConnections") {
  static readonly layer: Layer.Layer<ReserveConnections, never, FetcherClient | Reserve | Supervisor> = Layer.effect(
    ReserveConnections,
    Effect.gen(function* () {
      const fetcher = yield* FetcherClient
      const reserve = yield* Reserve
      const supervisor = yield* Supervisor
      const fork = yield* FiberSet.makeRuntime()
      /** Monotonic nanoseconds of the last use, by UID of the pod. */
      const usedAt = new Map<string, bigint>()

      const reconcile = Effect.fnUntraced(function* (view: NamespaceView, environmentName: string) {
        const environment = view.environments.get(view.namespace, environmentName)
        const pods = environment === undefined ? [] : reserve.pods(view, environment)
        if (pods.length === 0) return
        const now = yield* Clock.monotonicTimeNanos
        let next: Duration.Duration = usedEvery
        for (const { metadata, status } of pods) {
          const uid = metadata.uid ?? ""
          const last = usedAt.get(uid)
          const left = last === undefined ? Duration.zero : Duration.subtract(usedEvery, Duration.nanos(now - last))
          if (Duration.isPositive(left)) {
            next = Duration.min(next, left)
          } else {
            usedAt.set(uid, now)
            fork(fetcher.openAhead(status?.podIP ?? ""))
          }
        }
        const cell = supervisor.cellOfWorkloads(view.workloadNamespace)
        yield* cell?.enqueueAfter({ handler: connectionWork, name: environmentName }, next) ?? Effect.void
      })

      return ReserveConnections.of({ reconcile, forget: (podUid) => void usedAt.delete(podUid) })
    })
  )
}
