import { Deferred, Effect, Metric } from "effect"
import { FissionError } from "../Errors.ts"
import type { Admission, Demand, FunctionGeneration, PooledPod, Reservation, Slot } from "./Admission.ts"
import * as FailureMemory from "./FailureMemory.ts"
import type { UpdateSeries } from "./FunctionSeries.ts"
import * as PoolGroup from "./PoolGroup.ts"
import type { PoolIndex } from "./PoolIndex.ts"

/** What the steps of a request rest on. */
interface Dependencies {
  /** Monotonic milliseconds. */
  readonly now: () => number
  readonly index: PoolIndex
  /** Forgets a pod whose address, or which itself, belongs to another one now. */
  readonly forget: (entry: PoolGroup.PodEntry) => void
  /** A pod without requests was given one back. */
  readonly onSurplusRelease: (pod: PooledPod) => void
  readonly countRejection: UpdateSeries
}

/**
 * The way of a request through the pool cache (function-service-cache.md sections 4.1 to 4.5). Each function leaves its
 * group such that nobody waits while a pod has a free place, and nobody waits for a pod that does not come.
 */
export interface PoolAdmission {
  /** See `PoolCache.admit`. */
  readonly admit: (demand: Demand) => Effect.Effect<Admission, FissionError>
  /** See `PoolCache.reserve`. */
  readonly reserve: (demand: Demand, maxPending: number) => Effect.Effect<Reservation, FissionError>
  /** The entry of a pod that serves; made where it is not known. The group's free places are the caller's to `give`. */
  readonly store: (group: PoolGroup.PoolGroup, pod: PooledPod, retain: number) => PoolGroup.PodEntry
  /** Hands free places of the group to its parked requests, oldest first. */
  readonly give: (group: PoolGroup.PoolGroup) => void
  /** Takes one request off the pod, which counts as an access (C1), and gives the place to whoever waits. */
  readonly giveBack: (entry: PoolGroup.PodEntry) => void
}

/** Makes the steps over the given index. */
export const make = ({ countRejection, forget, index, now, onSurplusRelease }: Dependencies): PoolAdmission => {
  const tooMany = (fn: FunctionGeneration, text: string): Effect.Effect<never, FissionError> =>
    Effect.suspend(() => {
      countRejection(fn, 1)
      return Effect.fail(new FissionError({ kind: "TooManyRequests", text, retryAfterSeconds: 1 }))
    })

  // --- Places in pods ---

  const take = (entry: PoolGroup.PodEntry): Slot => {
    entry.active++
    entry.usedAt = now()
    let held = true
    const release = () => {
      if (!held) return
      held = false
      giveBack(entry)
    }
    return { pod: entry.pod, release }
  }

  const giveBack = (entry: PoolGroup.PodEntry) => {
    if (entry.active === 0) return onSurplusRelease(entry.pod)
    entry.active--
    entry.usedAt = now()
    give(entry.group)
  }

  const give = (group: PoolGroup.PoolGroup) => {
    for (const waiter of group.queue) {
      const entry = PoolGroup.select(group)
      if (entry === undefined) return
      const slot = take(entry)
      dismiss(group, waiter, Effect.succeed({ _tag: "Hit", slot }), slot.release)
    }
  }

  const store = (group: PoolGroup.PoolGroup, pod: PooledPod, retain: number) => {
    group.retain = retain
    group.failure = undefined
    const known = group.pods.get(pod.uid)
    if (known !== undefined) return known
    const others = new Set([...index.byUid(pod.uid), ...index.byAddress(pod.address)])
    const entry = index.insert(group, pod)
    for (const other of others) if (!areOneSharedPod(other.pod, pod)) forget(other)
    return entry
  }

  // --- Pods in preparation ---

  const start = (group: PoolGroup.PoolGroup, demand: Demand): Reservation => {
    let settled = false
    const settle = () => {
      if (settled) return false
      settled = true
      group.pending--
      return true
    }
    const reservation: Reservation = {
      fulfil: (pod) => {
        if (!settle()) return { pod, release: () => {} }
        const slot = take(store(group, pod, demand.retainPods))
        serve(group)
        return slot
      },
      abandon: (answer) => {
        if (!settle()) return
        group.failure =
          answer === undefined
            ? FailureMemory.afterInconclusive(group.failure, reservation)
            : FailureMemory.afterAnswer(group.failure, reservation, answer, demand.inputs, now())
        serve(group)
        index.collect(group)
      }
    }
    group.pending++
    group.failure = FailureMemory.afterStart(group.failure, demand.inputs, reservation)
    return reservation
  }

  /**
   * What a settled reservation means to the parked requests: they get the free places, and if some are left without a
   * pod to wait for, the oldest one creates it or they are refused (C9).
   */
  const serve = (group: PoolGroup.PoolGroup) => {
    give(group)
    const stranded = PoolGroup.stranded(group)
    const [oldest] = group.queue
    if (stranded === 0 || oldest === undefined) return
    const refusal = refusalOf(group, oldest.demand)
    if (refusal === undefined) {
      const reservation = start(group, oldest.demand)
      return dismiss(group, oldest, Effect.succeed({ _tag: "Miss", reservation }), () => reservation.abandon())
    }
    for (const waiter of [...group.queue].slice(-stranded)) dismiss(group, waiter, refusal, () => {})
  }

  // --- Parked requests ---

  /** Answers a parked request. It resumes one turn later, so that no foreign code runs within a step. */
  const dismiss = (
    group: PoolGroup.PoolGroup,
    waiter: PoolGroup.Waiter,
    answer: Effect.Effect<Admission, FissionError>,
    giveBack: () => void
  ) => {
    group.queue.delete(waiter)
    waiter.giveBack = giveBack
    Deferred.doneUnsafe(waiter.answer, Effect.andThen(Effect.yieldNow, answer))
  }

  const park = (group: PoolGroup.PoolGroup, demand: Demand): Effect.Effect<Admission, FissionError> => {
    const waiter: PoolGroup.Waiter = {
      demand,
      answer: Deferred.makeUnsafe(),
      giveBack: () => void group.queue.delete(waiter)
    }
    group.queue.add(waiter)
    return Deferred.await(waiter.answer).pipe(
      Effect.interruptible,
      Effect.onInterrupt(() => Effect.sync(() => waiter.giveBack()))
    )
  }

  // --- Refusals ---

  const full = (group: PoolGroup.PoolGroup, demand: Demand) =>
    PoolGroup.isFull(group, demand.concurrency)
      ? tooMany(group.fn, `function '${PoolGroup.keyOf(group)}' concurrency '${demand.concurrency}' limit reached.`)
      : undefined

  const failing = (group: PoolGroup.PoolGroup, demand: Demand) => {
    const answer = FailureMemory.answerFor(group.failure, demand.inputs, now())
    return answer && Effect.fail(answer)
  }

  /** Why no pod may be prepared for the request; undefined when one may. */
  const refusalOf = (group: PoolGroup.PoolGroup, demand: Demand) =>
    group.deleted ? gone(demand.fn) : (full(group, demand) ?? failing(group, demand))

  const groupOf = (demand: Demand) => {
    const group = index.obtain(demand.fn)
    group.requestsPerPod = demand.requestsPerPod
    group.usedAt = now()
    return group
  }

  // --- Requests ---

  /** Uninterruptible but for the wait, so that what was decided reaches the caller or is given back. */
  const admit = (demand: Demand) =>
    Effect.uninterruptible(
      Effect.suspend((): Effect.Effect<Admission, FissionError> => {
        if (index.isBuried(demand.fn.uid)) return gone(demand.fn)
        const group = groupOf(demand)
        const entry = PoolGroup.select(group)
        if (entry !== undefined) return Effect.succeed({ _tag: "Hit", slot: take(entry) })
        if (PoolGroup.canPark(group)) return park(group, demand)
        return refusalOf(group, demand) ?? Effect.succeed({ _tag: "Miss", reservation: start(group, demand) })
      })
    )

  const reserve = (demand: Demand, maxPending: number) =>
    Effect.suspend((): Effect.Effect<Reservation, FissionError> => {
      if (index.isBuried(demand.fn.uid)) return gone(demand.fn)
      const group = groupOf(demand)
      const refusal = failing(group, demand) ?? refusalOf(group, demand)
      if (refusal !== undefined) return refusal
      if (maxPending > 0 && group.pending >= maxPending) {
        const inFlight = `already has ${group.pending} specializations in flight (cap ${maxPending}).`
        return tooMany(group.fn, `function '${PoolGroup.keyOf(group)}' ${inFlight}`)
      }
      return Effect.succeed(start(group, demand))
    })

  return { admit, reserve, store, give, giveBack }
}

const areOneSharedPod = (left: PooledPod, right: PooledPod): boolean =>
  left.shared && right.shared && left.uid === right.uid && left.address === right.address

/** Counted for the function concerned. */
export const rejections = Metric.counter("fission_executor_specializations_rejected_total", {
  description: "Requests refused because a function has as many pods, or pods in preparation, as it may have",
  incremental: true
})

/** The text of http-api.md H9. */
const gone = (fn: FunctionGeneration): Effect.Effect<never, FissionError> =>
  Effect.fail(
    new FissionError({ kind: "NotFound", text: `function ${fn.namespace}/${fn.name} is gone, not creating service` })
  )
