import { Context, Effect, Layer } from "effect"
import type { Pod } from "../../fission/Workloads.ts"

/** Where the pods come from that a function can have. `pods` is asked each time, so it is derived from the view and never kept. */
export interface PoolSource {
  /** Key of the pool. */
  readonly pool: string
  /** Pods that may be claimed now. */
  readonly pods: () => Iterable<Pod>
  /** Whether a pod goes before the others: one of the Environment's current template does (W06). */
  readonly prefers: (pod: Pod) => boolean
}

interface Waiter {
  readonly source: PoolSource
  readonly hand: (pod: Pod) => void
}

/**
 * Gives each warm pod to one request. Requests that find none wait in order; a pod that becomes Ready goes straight to
 * the oldest (poolmgr.md sections 7, W02, W03). Belongs to the process: a restarted cell finds its claims unchanged.
 */
export class WarmPods extends Context.Service<
  WarmPods,
  {
    /**
     * The next warm pod of the pool, taken for the caller alone. Waits for one, without an end of its own; interrupting
     * the wait takes nothing. The caller must `release` the pod if it does not turn it into a function's pod.
     */
    readonly take: (source: PoolSource) => Effect.Effect<Pod>
    /** The same without a wait: undefined when no pod is free, or somebody waits for one. */
    readonly takeFree: (source: PoolSource) => Pod | undefined
    /** Requests that wait for a pod of the pool with this key. */
    readonly waiting: (pool: string) => number
    /** Whether the pod was given to somebody who has not given it back. */
    readonly isTaken: (podUid: string) => boolean
    /** Gives a pod back, to whoever waits if it still may be claimed; it is forgotten otherwise. Idempotent. */
    readonly release: (podUid: string) => void
    /** A pod of the pool with this key may have become free: serve whoever waits. */
    readonly wake: (pool: string) => void
  }
>()("fission-executor/executors/poolmgr/WarmPods") {
  static readonly layer = Layer.sync(WarmPods, () => {
    /** Key of the pool, by UID of the pod. */
    const taken = new Map<string, string>()
    const waiters = new Map<string, Set<Waiter>>()

    const choose = (source: PoolSource): Pod | undefined => {
      let outgoing: Pod | undefined
      for (const pod of source.pods()) {
        if (taken.has(pod.metadata.uid ?? "")) continue
        if (source.prefers(pod)) return pod
        outgoing ??= pod
      }
      return outgoing
    }

    const leave = (waiter: Waiter) => {
      const queue = waiters.get(waiter.source.pool)
      queue?.delete(waiter)
      if (queue?.size === 0) waiters.delete(waiter.source.pool)
    }

    const wake = (pool: string) => {
      for (const waiter of waiters.get(pool) ?? []) {
        const pod = choose(waiter.source)
        if (pod === undefined) return
        taken.set(pod.metadata.uid ?? "", pool)
        leave(waiter)
        waiter.hand(pod)
      }
    }

    const release = (podUid: string) => {
      const pool = taken.get(podUid)
      if (pool === undefined) return
      taken.delete(podUid)
      wake(pool)
    }

    /** Whoever waits goes first, so a newcomer queues even if a pod is free at this instant. */
    const take = (source: PoolSource) =>
      Effect.callback<Pod>((resume) => {
        let handed: Pod | undefined
        const waiter: Waiter = {
          source,
          hand: (pod) => {
            handed = pod
            resume(Effect.succeed(pod))
          }
        }
        const queue = waiters.get(source.pool) ?? new Set()
        waiters.set(source.pool, queue.add(waiter))
        wake(source.pool)
        return Effect.sync(() => {
          leave(waiter)
          if (handed !== undefined) release(handed.metadata.uid ?? "")
        })
      })

    const takeFree = (source: PoolSource) => {
      const pod = waiters.has(source.pool) ? undefined : choose(source)
      if (pod !== undefined) taken.set(pod.metadata.uid ?? "", source.pool)
      return pod
    }

    return WarmPods.of({
      take,
      takeFree,
      waiting: (pool) => waiters.get(pool)?.size ?? 0,
      isTaken: (podUid) => taken.has(podUid),
      release,
      wake
    })
  })
}
