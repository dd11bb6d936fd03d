import { Duration } from "effect"
import type { Note } from "../safeguards/EventRecorder.ts"

/**
 * How a namespace fares (failure-semantics.md section 9.5).
 *
 * - `Starting`: the first lists have not been answered yet
 * - `Healthy`: every required view is synced and fresh
 * - `Stale`: no event or bookmark for 150 s, or calls fail; cached answers and work from the view go on
 * - `BackingOff`: never synced because calls fail, or the view is older than 10 min; nothing is deleted
 * - `Blocked`: rights or a CRD are missing; tried every 5 min
 */
export type HealthState = "Starting" | "Healthy" | "Stale" | "BackingOff" | "Blocked"

/** A namespace's state, since when (monotonic milliseconds), and why. */
export interface NamespaceHealth {
  readonly state: HealthState
  readonly since: number
  /** Empty while starting or healthy. */
  readonly reason: string
}

/** What is known about a namespace's required views at one moment. */
export interface Signs {
  /** Every required view has been listed completely once. */
  readonly synced: boolean
  /** Age of the oldest required view. */
  readonly viewAge: Duration.Duration
  /** The latest trouble of each required view that has any. */
  readonly troubles: ReadonlyArray<{ readonly blocked: boolean; readonly detail: string }>
  readonly circuitOpen: boolean
}

/** Without an event or bookmark for this long a view is stale. */
const staleAfter = Duration.seconds(150)
/** A view older than this is no ground for deleting anything. */
const backingOffAfter = Duration.minutes(10)

/** Judges the signs. Pure: the same signs give the same verdict. */
export const judge = (signs: Signs): Pick<NamespaceHealth, "state" | "reason"> => {
  const blocked = signs.troubles.find((trouble) => trouble.blocked)
  if (blocked !== undefined) return { state: "Blocked", reason: blocked.detail }

  const trouble = signs.troubles[0]?.detail
  if (!signs.synced) return trouble === undefined ? healthy("Starting") : { state: "BackingOff", reason: trouble }

  const age = `no event or bookmark for ${Duration.format(signs.viewAge)}`
  if (Duration.isGreaterThan(signs.viewAge, backingOffAfter)) return { state: "BackingOff", reason: trouble ?? age }
  if (Duration.isGreaterThan(signs.viewAge, staleAfter)) return { state: "Stale", reason: trouble ?? age }
  if (signs.circuitOpen) return { state: "Stale", reason: trouble ?? "calls keep timing out" }
  return healthy("Healthy")
}

const healthy = (state: "Starting" | "Healthy") => ({ state, reason: "" })

/** What an Event says of a transition; undefined for a start that went well. */
export const noteOf = (before: NamespaceHealth, after: NamespaceHealth): Note | undefined => {
  const reason = `Namespace${after.state}`
  if (after.state !== "Healthy" && after.state !== "Starting") return { type: "Warning", reason, message: after.reason }
  if (before.state === "Starting" || after.state === "Starting") return undefined
  const lasted = Duration.format(Duration.millis(after.since - before.since))
  return { type: "Normal", reason, message: `healthy again after ${lasted} in state ${before.state}` }
}
