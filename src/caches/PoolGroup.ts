import type { Deferred } from "effect"
import type { FissionError } from "../Errors.ts"
import { functionKey, type FunctionKey } from "../fission/Function.ts"
import type { Admission, Demand, FunctionGeneration, PooledPod } from "./Admission.ts"
import type { RememberedFailure } from "./FailureMemory.ts"

/** A pod in its group. Times are monotonic milliseconds. */
export interface PodEntry {
  readonly pod: PooledPod
  readonly group: PoolGroup
  readonly createdAt: number
  /** Last access (function-service-cache.md section 1.3). */
  usedAt: number
  /** Requests in progress. */
  active: number
  /** Millicores at the last sample. */
  cpuUsage: number
}

/** A parked request. */
export interface Waiter {
  readonly demand: Demand
  readonly answer: Deferred.Deferred<Admission, FissionError>
  /** Gives back what it holds at the moment: its place in the queue, a slot or a reservation. */
  giveBack: () => void
}

/**
 * What is known of one function generation (function-service-cache.md section 3). The spec's `w`, specializations in
 * flight plus parked requests, is `pending + queue.size`.
 */
export interface PoolGroup {
  readonly fn: FunctionGeneration
  /** By UID of the pod. */
  readonly pods: Map<string, PodEntry>
  /** Parked requests, oldest first. */
  readonly queue: Set<Waiter>
  /** Specializations in flight. */
  pending: number
  /** As last asked for. */
  requestsPerPod: number
  /** Pods to keep when idle, as last given with a pod. */
  retain: number
  /** The function is deleted: its pods drain. */
  deleted: boolean
  failure: RememberedFailure | undefined
  /** Last request for this generation. */
  usedAt: number
}

/** A group without pods. */
export const make = (fn: FunctionGeneration, deleted: boolean, now: number): PoolGroup => ({
  fn,
  pods: new Map(),
  queue: new Set(),
  pending: 0,
  requestsPerPod: 1,
  retain: 0,
  deleted,
  failure: undefined,
  usedAt: now
})

/** `<uid>_<generation>`, as messages name it. */
export const keyOf = (group: PoolGroup): FunctionKey => functionKey(group.fn)

/** Nothing runs, comes or waits. */
export const isEmpty = (group: PoolGroup): boolean =>
  group.pods.size === 0 && group.pending === 0 && group.queue.size === 0

/** Pods that are there or in preparation reach the given concurrency; 0 is unlimited. */
export const isFull = (group: PoolGroup, concurrency: number): boolean =>
  concurrency > 0 && group.pods.size + group.pending >= concurrency

/** Requests that the pods in preparation will serve besides their creators' own. */
const placesToCome = (group: PoolGroup): number => group.pending * (group.requestsPerPod - 1)

/** Whether a pod in preparation will have a place for one more parked request (function-service-cache.md C14). */
export const canPark = (group: PoolGroup): boolean => group.queue.size < placesToCome(group)

/** Parked requests that no pod in preparation will serve. */
export const stranded = (group: PoolGroup): number => Math.max(0, group.queue.size - placesToCome(group))

const isAdmissible = (entry: PodEntry): boolean =>
  entry.active < entry.group.requestsPerPod && (entry.pod.cpuLimit === 0 || entry.cpuUsage <= entry.pod.cpuLimit)

/** Fewest active; then the one used last, so that surplus pods age out; then by address. */
const isPreferred = (left: PodEntry, right: PodEntry): boolean => {
  if (left.active !== right.active) return left.active < right.active
  if (left.usedAt !== right.usedAt) return left.usedAt > right.usedAt
  return left.pod.address < right.pod.address
}

/** The pod that takes the next request (function-service-cache.md section 5); undefined when none may. */
export const select = (group: PoolGroup): PodEntry | undefined => {
  let selected: PodEntry | undefined
  for (const entry of group.pods.values()) {
    if (isAdmissible(entry) && (selected === undefined || isPreferred(entry, selected))) selected = entry
  }
  return selected
}

/**
 * Pods without a request beyond the number to keep, longest idle first: the most recently used ones stay
 * (function-service-cache.md C22).
 */
export const surplus = (group: PoolGroup, keep: number): ReadonlyArray<PodEntry> => {
  const quota = group.pods.size - keep
  if (quota <= 0) return []
  return [...group.pods.values()]
    .filter((entry) => entry.active === 0)
    .toSorted((left, right) => left.usedAt - right.usedAt)
    .slice(0, quota)
}

/**
 * Pods to keep although idle (function-service-cache.md section 4.10): the newest generation keeps what it asks for, an
 * older one at least one pod while an alias refers to it, a deleted one none.
 */
export const retention = (group: PoolGroup, isNewest: boolean, isReferred: () => boolean): number => {
  if (group.deleted) return 0
  if (isNewest) return group.retain
  return isReferred() ? Math.max(1, group.retain) : 0
}
