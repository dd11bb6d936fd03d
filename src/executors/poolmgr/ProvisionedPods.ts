import type { Pod } from "../../fission/Workloads.ts"

/** A pod of a function, as the provisioner sees it. */
export interface Candidate {
  readonly pod: Pod
  /** Whether it is held warm, whatever its idle time. */
  readonly isHeld: boolean
  /** Whether it serves the function as it is now, and goes on doing so. */
  readonly isFit: boolean
}

/** What becomes of the pods of a function. */
export interface Division {
  /** Pods that are, or from now on should be, held warm; at most as many as wanted. */
  readonly kept: ReadonlyArray<Candidate>
  /** Pods to hold no longer. */
  readonly released: ReadonlyArray<Candidate>
  /** Pods that are wanted and not there. */
  readonly missing: number
}

/**
 * Keeps `target` pods: those that are held before others, the newest of them before the oldest. All others are released,
 * whatever they run, but only once the target is reached: an outdated pod is better than none (poolmgr.md section 17, W19).
 */
export const divide = (candidates: ReadonlyArray<Candidate>, target: number): Division => {
  const kept = candidates
    .filter(({ isFit }) => isFit)
    .toSorted(byWorth)
    .slice(0, target)
  const missing = target - kept.length
  const released = missing > 0 ? [] : candidates.filter((candidate) => candidate.isHeld && !kept.includes(candidate))
  return { kept, released, missing }
}

const byWorth = (left: Candidate, right: Candidate): number =>
  Number(right.isHeld) - Number(left.isHeld) ||
  (right.pod.metadata.creationTimestamp ?? "").localeCompare(left.pod.metadata.creationTimestamp ?? "") ||
  left.pod.metadata.name.localeCompare(right.pod.metadata.name)
