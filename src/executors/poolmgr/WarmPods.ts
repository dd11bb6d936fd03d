import { Context, Effect, Layer } from "effect"
import type { Pod } from "../../fission/Workloads.ts"

/**
 * Where the warm pods of one pool come from. `candidates` is asked each time, so it is derived from the view and never
 * kept: pods that may be claimed now, best first.
 */
export interface PoolSource {
  /** UID of the Environment. */
  readonly environmentUid: string
  readonly candidates: () => Iterable<Pod>
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
    /** Gives a pod back: it may be taken again if it still is a candidate, and is forgotten otherwise. Idempotent. */
    readonly release: (podUid: string) => void
    /** Whether the pod is taken by a request of this process. */
    readonly isTaken: (podUid: string) => boolean
    /** A pod of this Environment may have become a candidate: serve whoever waits. */
    readonly wake: (environmentUid: string) => void
    /** Requests that wait for a pod of this Environment. */
    readonly waiting: (environmentUid: string) => number
  }
>()("fission-executor/executors/poolmgr/WarmPods") {
  static readonly layer = Layer.sync(WarmPods, () => {
    const taken = new Set<string>()
    const waiters = new Map<string, Set<Waiter>>()

    const pick = (source: PoolSource): Pod | undefined => {
      for (const pod of source.candidates()) {
        const uid = pod.metadata.uid ?? ""
        if (taken.has(uid)) continue
        taken.add(uid)
        return pod
      }
      return undefined
    }

    const leave = (waiter: Waiter) => {
      const queue = waiters.get(waiter.source.environmentUid)
      queue?.delete(waiter)
      if (queue?.size === 0) waiters.delete(waiter.source.environmentUid)
    }

    const wake = (environmentUid: string) => {
      for (const waiter of waiters.get(environmentUid) ?? []) {
        const pod = pick(waiter.source)
        if (pod === undefined) return
        leave(waiter)
        waiter.hand(pod)
      }
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
        const queue = waiters.get(source.environmentUid) ?? new Set()
        waiters.set(source.environmentUid, queue.add(waiter))
        wake(source.environmentUid)
        return Effect.sync(() => {
          leave(waiter)
          if (handed !== undefined) release(handed.metadata.uid ?? "", source.environmentUid)
        })
      })

    const release = (podUid: string, environmentUid?: string) => {
      if (taken.delete(podUid) && environmentUid !== undefined) wake(environmentUid)
    }

    return WarmPods.of({
      take,
      release: (podUid) => release(podUid),
      isTaken: (podUid) => taken.has(podUid),
      wake,
      waiting: (environmentUid) => waiters.get(environmentUid)?.size ?? 0
    })
  })
}
