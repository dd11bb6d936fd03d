import { Data, Duration } from "effect"
import type { KubernetesError } from "../Errors.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/** Objects of a page, at most (failure-semantics.md section 9.4). */
const pageObjects = 500
/** Bytes of a page, at most; the limit of the next page follows from the size per object seen so far. */
const pageBytes = 8 * 1024 * 1024
/** Failed resumes of a watch after which the whole collection is listed again. */
const resumesBeforeRelist = 5
/** Open streams without a single event or bookmark for this long watch a version that the server never reaches. */
export const suspiciousAfter = Duration.minutes(3)

/**
 * What a reflector waits for. Each state is named for that, and carries all that is needed to go on
 * (failure-semantics.md section 9.4).
 */
export type ReflectorState = Data.TaggedEnum<{
  /** The next page of a list. `watchFailures`: failed resumes that led to this list, which a list does not heal. */
  Listing: {
    readonly continue: string | undefined
    readonly limit: number
    readonly failures: number
    readonly watchFailures: number
  }
  /**
   * Events after a version. `failures`: failed resumes since the stream was last healthy; `quiet`: how long streams
   * have been open since the last event or bookmark.
   */
  Watching: {
    readonly resourceVersion: string
    readonly failures: number
    readonly shortStreams: number
    readonly quiet: Duration.Duration
  }
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

/** Where a stream got to. `lasted`: since it was opened; `heard`: an event or a bookmark came. */
export interface StreamProgress {
  readonly resourceVersion: string
  readonly lasted: Duration.Duration
  readonly heard: boolean
}

/** What came of the question that a state asked. */
export type Outcome = Data.TaggedEnum<{
  Page: {
    readonly continue: string | undefined
    readonly resourceVersion: string
    readonly objects: number
    readonly bytes: number
  }
  ListFailed: { readonly error: KubernetesError }
  /** The server ended the stream as it should. */
  StreamEnded: StreamProgress
  StreamFailed: StreamProgress & { readonly error: KubernetesError }
  /** The view is in doubt: it has been quiet for too long, or something contradicts it. */
  Doubted: {}
  /** A wait is over. */
  Waited: {}
}>
export const Outcome = Data.taggedEnum<Outcome>()

/** A list from its beginning. */
export const listing = (failures: number, watchFailures = 0): Ready =>
  ReflectorState.Listing({ continue: undefined, limit: pageObjects, failures, watchFailures })

/**
 * The next state. Pure; the only place where the loop of a reflector is decided. An outcome that the state did not ask
 * for changes nothing.
 *
 * @param random uniform in [0, 1), for jitter
 */
export const step = (state: ReflectorState, outcome: Outcome, random: number): ReflectorState => {
  switch (state._tag) {
    case "Waiting":
      return outcome._tag === "Waited" ? state.next : state
    case "Listing":
      if (outcome._tag === "Page") return afterPage(state, outcome)
      return outcome._tag === "ListFailed" ? afterListFailure(state, outcome.error, random) : state
    case "Watching":
      if (outcome._tag === "Doubted") return listing(0)
      if (outcome._tag === "StreamEnded") return afterStreamEnd(state, outcome, random)
      return outcome._tag === "StreamFailed" ? afterStreamFailure(state, outcome, random) : state
  }
}

type Listing = Extract<ReflectorState, { _tag: "Listing" }>
type Watching = Extract<ReflectorState, { _tag: "Watching" }>

const afterPage = (state: Listing, page: Extract<Outcome, { _tag: "Page" }>): ReflectorState =>
  page.continue === undefined
    ? ReflectorState.Watching({
        resourceVersion: page.resourceVersion,
        failures: state.watchFailures,
        shortStreams: 0,
        quiet: Duration.zero
      })
    : ReflectorState.Listing({ ...state, continue: page.continue, limit: nextLimit(page) })

const nextLimit = (page: { readonly objects: number; readonly bytes: number }): number => {
  if (page.objects === 0) return pageObjects
  return Math.max(1, Math.min(pageObjects, Math.floor(pageBytes / Math.max(1, page.bytes / page.objects))))
}

const afterListFailure = (state: Listing, error: KubernetesError, random: number): ReflectorState => {
  // An expired continue token is normal on a long list: begin again soon, with jitter, and not as a failure.
  if (error._tag === "KubernetesExpired" && state.continue !== undefined) {
    return ReflectorState.Waiting({
      delay: Duration.millis(Math.round(1000 * random)),
      error: undefined,
      failures: state.failures,
      next: listing(state.failures, state.watchFailures)
    })
  }
  const failures = state.failures + 1
  return backOff(error, failures, listing(failures, state.watchFailures), random)
}

/** A clean end resumes after a pause that grows while streams end within 5 s of being opened. */
const afterStreamEnd = (state: Watching, stream: StreamProgress, random: number): ReflectorState => {
  const isShort = Duration.isLessThan(stream.lasted, Duration.seconds(5))
  const shortStreams = isShort ? state.shortStreams + 1 : 0
  const spread = Math.min(30_000, 1000 * 2 ** Math.max(0, shortStreams - 1))
  const failures = isShort ? state.failures : 0
  const quiet = quietAfter(state, stream)
  return ReflectorState.Waiting({
    delay: Duration.millis(Math.round(100 + (spread - 100) * random)),
    error: undefined,
    failures,
    next: isSuspicious(quiet)
      ? listing(failures, failures)
      : ReflectorState.Watching({ resourceVersion: stream.resourceVersion, failures, shortStreams, quiet })
  })
}

/** A failure resumes from the last version; what resuming cannot heal, or has not healed, is listed again. */
const afterStreamFailure = (
  state: Watching,
  stream: Extract<Outcome, { _tag: "StreamFailed" }>,
  random: number
): ReflectorState => {
  const { error, resourceVersion } = stream
  const failures = (RetryPolicy.wasHealthy(RetryPolicy.watch, stream.lasted) ? 0 : state.failures) + 1
  const quiet = quietAfter(state, stream)
  const listAgain =
    error._tag === "KubernetesExpired" ||
    error._tag === "KubernetesFatalError" ||
    failures >= resumesBeforeRelist ||
    isSuspicious(quiet)
  const next = listAgain
    ? listing(failures, failures)
    : ReflectorState.Watching({ resourceVersion, failures, shortStreams: state.shortStreams, quiet })
  return backOff(error, failures, next, random)
}

const backOff = (error: KubernetesError, failures: number, next: Ready, random: number): ReflectorState =>
  ReflectorState.Waiting({
    delay: RetryPolicy.delayAfter(RetryPolicy.watch, error, failures, random),
    error,
    failures,
    next
  })

const quietAfter = (state: Watching, stream: StreamProgress): Duration.Duration =>
  stream.heard ? Duration.zero : Duration.sum(state.quiet, stream.lasted)

const isSuspicious = (quiet: Duration.Duration): boolean => Duration.isGreaterThanOrEqualTo(quiet, suspiciousAfter)
