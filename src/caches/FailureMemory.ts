import { Duration } from "effect"
import type { FissionError } from "../Errors.ts"

const firstDelay = Duration.seconds(1)
const longestDelay = Duration.seconds(60)

/**
 * Why no pod of a function generation can be specialized just now (function-service-cache.md section 4.11). Without it
 * every retry of a function that cannot load takes a warm pod from its neighbours.
 */
export interface RememberedFailure {
  /** The final HTTP answer of the pod. */
  readonly answer: FissionError
  /** Versions of what the failed attempt was made from. */
  readonly inputs: string
  /** How long it holds. */
  readonly delay: Duration.Duration
  /** Monotonic milliseconds at which one further attempt may start. */
  readonly validUntil: number
  /** The attempt that is under way to find out whether it still fails; meanwhile the answer holds. */
  readonly retriedBy: Attempt | undefined
}

/** An attempt to specialize a pod, told apart by its identity. */
export type Attempt = object

/** The answer for a request that would start another attempt; undefined when it may start one. */
export const answerFor = (
  failure: RememberedFailure | undefined,
  inputs: string,
  now: number
): FissionError | undefined => {
  if (failure === undefined || failure.inputs !== inputs) return undefined
  return failure.retriedBy !== undefined || now < failure.validUntil ? failure.answer : undefined
}

/** The memory after an attempt started: a failure of other inputs is forgotten, an old one is being retried. */
export const afterStart = (
  failure: RememberedFailure | undefined,
  inputs: string,
  attempt: Attempt
): RememberedFailure | undefined =>
  failure === undefined || failure.inputs !== inputs ? undefined : { ...failure, retriedBy: attempt }

/** The memory after an attempt ended without an answer that says anything about the function. */
export const afterInconclusive = (
  failure: RememberedFailure | undefined,
  attempt: Attempt
): RememberedFailure | undefined => (failure?.retriedBy === attempt ? { ...failure, retriedBy: undefined } : failure)

/**
 * The memory after an attempt ended with a final answer: it holds for 1 s, doubled with each failed retry up to 60 s.
 * Attempts that were under way together count as one failure, since none of them knew of the others'.
 */
export const afterAnswer = (
  failure: RememberedFailure | undefined,
  attempt: Attempt,
  answer: FissionError,
  inputs: string,
  now: number
): RememberedFailure => {
  const delay = delayAfter(failure?.inputs === inputs ? failure : undefined, attempt)
  const retriedBy = failure?.retriedBy === attempt ? undefined : failure?.retriedBy
  return { answer, inputs, delay, validUntil: now + Duration.toMillis(delay), retriedBy }
}

const delayAfter = (failure: RememberedFailure | undefined, attempt: Attempt): Duration.Duration => {
  if (failure === undefined) return firstDelay
  return failure.retriedBy === attempt ? Duration.min(Duration.times(failure.delay, 2), longestDelay) : failure.delay
}
