import { Data, Duration } from "effect"
import type { KubernetesError } from "../Errors.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/** Objects of a page, at most (failure-semantics.md section 9.4). */
export const pageObjects = 500
/** Bytes of a page, at most; the limit of the next page follows from the size per object seen so far. */
const pageBytes = 8 * 1024 * 1024
/** Failed resumes of a watch after which the whole collection is listed again. */
const resumesBeforeRelist = 5

/**
 * What a reflector waits for. Each state is named for that, and carries all that is needed to go on
 * (failure-semantics.md section 9.4).
 */
export type ReflectorState = Data.TaggedEnum<{
  /** The next page of a list. */
  Listing: { readonly continue: string | undefined; readonly limit: number; readonly failures: number }
  /** Events after a version. `failures`: failed resumes since the stream was last healthy. */
  Watching: { readonly resourceVersion: string; readonly failures: number; readonly shortStreams: number }
  /** The end of a wait, after which it goes on with `next`. */
  Waiting: {
    readonly delay: Duration.Duration
    readonly error: KubernetesError | undefined
    readonly failures: number
    readonly next: Ready
  }
}>
export const ReflectorState = Data.taggedEnum<ReflectorState>()

/** A state that is about to ask the API something. */
export type Ready = Extract<ReflectorState, { _tag: "Listing" | "Watching" }>

/** What came of the question that a state asked. */
export type Outcome = Data.TaggedEnum<{
  Page: {
    readonly continue: string | undefined
    readonly resourceVersion: string
    readonly objects: number
    readonly bytes: number
  }
  /** The server ended the stream as it should. `lasted`: since it was opened. */
  StreamEnded: { readonly resourceVersion: string; readonly lasted: Duration.Duration }
  /** No event and no bookmark for too long on an open stream: the version may be from the future. */
  StreamSilent: {}
  Failed: { readonly error: KubernetesError; readonly resourceVersion: string; readonly lasted: Duration.Duration }
  /** A wait is over. */
  Waited: {}
}>
export const Outcome = Data.taggedEnum<Outcome>()

/** A list from its beginning. */
export const listing = (failures: number): Ready =>
  ReflectorState.Listing({ continue: undefined, limit: pageObjects, failures })

/**
 * The next state. Pure; the only place where the loop of a reflector is decided.
 *
 * @param random uniform in [0, 1), for jitter
 */
export const step = (state: ReflectorState, outcome: Outcome, random: number): ReflectorState => {
  switch (outcome._tag) {
    case "Waited":
      return state._tag === "Waiting" ? state.next : state
    case "Page": {
      if (outcome.continue !== undefined) {
        const failures = state._tag === "Listing" ? state.failures : 0
        return ReflectorState.Listing({ continue: outcome.continue, limit: nextLimit(outcome), failures })
      }
      return ReflectorState.Watching({ resourceVersion: outcome.resourceVersion, failures: 0, shortStreams: 0 })
    }
    case "StreamEnded": {
      const short = Duration.isLessThan(outcome.lasted, Duration.seconds(5))
      const shortStreams = short && state._tag === "Watching" ? state.shortStreams + 1 : 0
      const spread = Math.min(30_000, 1000 * 2 ** Math.max(0, shortStreams - 1))
      return ReflectorState.Waiting({
        delay: Duration.millis(100 + (spread - 100) * random),
        error: undefined,
        failures: 0,
        next: ReflectorState.Watching({ resourceVersion: outcome.resourceVersion, failures: 0, shortStreams })
      })
    }
    case "StreamSilent":
      return listing(0)
    case "Failed":
      return afterFailure(state, outcome, random)
  }
}

const afterFailure = (
  state: ReflectorState,
  outcome: Extract<Outcome, { _tag: "Failed" }>,
  random: number
): ReflectorState => {
  const { error } = outcome
  const wasHealthy =
    state._tag === "Watching" &&
    Duration.isGreaterThanOrEqualTo(outcome.lasted, RetryPolicy.watch.healthyAfter ?? Duration.infinity)
  const failures = (wasHealthy || state._tag === "Waiting" ? 0 : state.failures) + 1
  const delay = RetryPolicy.delayAfter(RetryPolicy.watch, error, failures, random)
  const waiting = (next: Ready) => ReflectorState.Waiting({ delay, error, failures, next })

  if (state._tag !== "Watching") {
    // An expired continue token is normal on a long list: begin again at once, with jitter, and not as a failure.
    return error._tag === "KubernetesExpired"
      ? ReflectorState.Waiting({
          delay: Duration.millis(1000 * random),
          error: undefined,
          failures: 0,
          next: listing(0)
        })
      : waiting(listing(failures))
  }
  if (error._tag === "KubernetesExpired" || error._tag === "KubernetesFatalError" || failures >= resumesBeforeRelist) {
    return waiting(listing(failures))
  }
  return waiting(
    ReflectorState.Watching({ resourceVersion: outcome.resourceVersion, failures, shortStreams: state.shortStreams })
  )
}

const nextLimit = (page: { readonly objects: number; readonly bytes: number }): number => {
  if (page.objects === 0) return pageObjects
  return Math.max(1, Math.min(pageObjects, Math.floor(pageBytes / Math.max(1, page.bytes / page.objects))))
}
