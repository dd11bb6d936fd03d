import { Data, Duration } from "effect"

/** An object that others belong to: a Function, an Environment. */
export interface OwnerReference {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/**
 * How it was proven that an owner is gone (failure-semantics.md section 9.2). Only `confirmAbsent` makes one; a
 * time-out, a 403 or a view that was never synced cannot become one.
 */
export interface AbsenceProof {
  readonly owner: OwnerReference
  readonly by: "DeletedEventAndLive404" | "TwoLive404s" | "AnotherUid"
}

/** Oldest view that `Idle` and `Superseded` may rest on (failure-semantics.md section 9.2). */
export const oldestUsableView = Duration.minutes(10)

/**
 * Why something may be deleted or scaled down, with the evidence (failure-semantics.md section 9.2). There are no
 * other reasons; unknown is not absent.
 */
export type Ground = Data.TaggedEnum<{
  /** The owner is proven gone. */
  OwnerAbsent: { readonly proof: AbsenceProof }
  /** The owner is being deleted and carries our finalizer. */
  OwnerDeleting: {
    readonly owner: OwnerReference
    readonly deletionTimestamp: string
    readonly finalizers: ReadonlyArray<string>
    readonly finalizer: string
  }
  /** Nobody used it for longer than the threshold; the last access was re-read just now. */
  Idle: {
    readonly idleFor: Duration.Duration
    readonly threshold: Duration.Duration
    readonly viewAge: Duration.Duration
  }
  /** Another generation, template or size is the live one. */
  Superseded: { readonly by: string; readonly viewAge: Duration.Duration }
  /** A pod of our own claim that may have received code and will never serve. */
  FailedClaim: { readonly reason: string }
}>
export const Ground = Data.taggedEnum<Ground>()

/** Undefined when the evidence carries the ground, else what is missing from it. */
export const objection = (ground: Ground): string | undefined => {
  switch (ground._tag) {
    case "OwnerAbsent":
    case "FailedClaim":
      return undefined
    case "OwnerDeleting":
      if (ground.deletionTimestamp === "") return "the owner has no deletionTimestamp"
      return ground.finalizers.includes(ground.finalizer) ? undefined : "the owner does not carry our finalizer"
    case "Idle":
      if (Duration.isLessThan(ground.idleFor, ground.threshold)) return "it was used within its idle time"
      return staleness(ground.viewAge)
    case "Superseded":
      return staleness(ground.viewAge)
  }
}

const staleness = (viewAge: Duration.Duration): string | undefined => {
  if (!Duration.isFinite(viewAge)) return "the view has never been synced"
  return Duration.isGreaterThan(viewAge, oldestUsableView)
    ? `the view is ${Duration.format(viewAge)} old, older than ${Duration.format(oldestUsableView)}`
    : undefined
}

/** The facts of a ground as plain values for a log line. */
export const evidenceOf = (ground: Ground): { readonly [fact: string]: unknown } => {
  switch (ground._tag) {
    case "OwnerAbsent":
      return { owner: ground.proof.owner, proof: ground.proof.by }
    case "OwnerDeleting":
      return { owner: ground.owner, deletionTimestamp: ground.deletionTimestamp }
    case "Idle":
      return {
        idleSeconds: Duration.toSeconds(ground.idleFor),
        thresholdSeconds: Duration.toSeconds(ground.threshold),
        viewAgeSeconds: Duration.toSeconds(ground.viewAge)
      }
    case "Superseded":
      return { by: ground.by, viewAgeSeconds: Duration.toSeconds(ground.viewAge) }
    case "FailedClaim":
      return { why: ground.reason }
  }
}
