import { Duration, Effect, Metric, Random, Schedule } from "effect"
import type { KubernetesError, TimeoutError } from "../Errors.ts"
import { callFields, retries } from "./CallMetrics.ts"

/**
 * How one class of calls is repeated (failure-semantics.md section 3): full jitter below `base · 2ⁿ`, never above
 * `cap`, never sooner than the server asked.
 */
export interface RetryPolicy {
  readonly base: Duration.Duration
  readonly cap: Duration.Duration
  /** Attempts in all, the first included; undefined: without end. */
  readonly attempts?: number
  /** Time from the first failure within which the last attempt begins; undefined: without end. */
  readonly budget?: Duration.Duration
  /** A longer `Retry-After` than this ends the series at once; undefined: any is waited for. */
  readonly longestRetryAfter?: Duration.Duration
  /** A write that was not sent for want of the lease ends the series at once; undefined: the lease may come back. */
  readonly endsWithoutLease?: boolean
  /** Jitter of ±20 % around the delay instead of full jitter below it. */
  readonly aroundDelay?: boolean
  /** A success that lasted this long makes the next failure the first of a series. */
  readonly healthyAfter?: Duration.Duration
}

/** CRIT: a request of a user waits for the answer. */
export const critical: RetryPolicy = {
  base: Duration.millis(100),
  cap: Duration.seconds(1),
  attempts: 5,
  budget: Duration.seconds(10),
  longestRetryAfter: Duration.seconds(2),
  endsWithoutLease: true
}

/** BG: one item of a namespace's work queue. */
export const background: RetryPolicy = { base: Duration.seconds(1), cap: Duration.seconds(60) }

/** BEST: conditions, annotations, events. */
export const bestEffort: RetryPolicy = { ...background, attempts: 10, budget: Duration.minutes(10) }

/** SWEEP: lists of a namespace and live looks at owners. */
export const sweep: RetryPolicy = { base: Duration.seconds(1), cap: Duration.seconds(300) }

/** WATCH, and BOOT: list and watch of one kind in one scope. */
export const watch: RetryPolicy = {
  base: Duration.millis(800),
  cap: Duration.seconds(30),
  healthyAfter: Duration.minutes(2)
}

/** LEASE: renewing the leader's lease; its deadline is the caller's. */
export const lease: RetryPolicy = { base: Duration.seconds(2), cap: Duration.seconds(2), aroundDelay: true }

/** How long a `FatalError` parks what it concerns, before ±20 % of jitter. */
const parkedFor = Duration.minutes(5)
/** Bounds of the wait while a server warms up. */
const warmUpWait = { least: Duration.millis(200), most: Duration.seconds(2) }

/** Whole milliseconds, which is all that a person or a timer wants to know. */
const share = (delay: Duration.Duration, factor: number) =>
  Duration.millis(Math.round(Duration.toMillis(delay) * factor))

const around = (delay: Duration.Duration, random: number) => share(delay, 0.8 + 0.4 * random)

/**
 * The wait before the next attempt. Pure.
 *
 * @param failures failures in a row so far, at least 1
 * @param random uniform in [0, 1)
 */
export const delayAfter = (
  policy: RetryPolicy,
  error: { readonly _tag: string },
  failures: number,
  random: number
): Duration.Duration => {
  if (error._tag === "KubernetesFatalError") return around(parkedFor, random)
  const timeout = isTimeout(error) ? error : undefined
  if (timeout?.kind === "Warmup") {
    return Duration.sum(warmUpWait.least, share(Duration.subtract(warmUpWait.most, warmUpWait.least), random))
  }
  const ceiling = Duration.min(Duration.times(policy.base, 2 ** Math.min(Math.max(0, failures - 1), 30)), policy.cap)
  const delay = policy.aroundDelay === true ? around(ceiling, random) : share(ceiling, random)
  return Duration.max(delay, timeout?.retryAfter ?? Duration.zero)
}

/** Whether a success that lasted this long makes the next failure the first of a series. */
export const wasHealthy = (policy: RetryPolicy, lasted: Duration.Duration): boolean =>
  policy.healthyAfter !== undefined && Duration.isGreaterThanOrEqualTo(lasted, policy.healthyAfter)

const isTimeout = (error: { readonly _tag: string }): error is TimeoutError => error._tag === "KubernetesTimeoutError"

/** The policy as a Schedule: each step is one delay after one failure. Ends when attempts or budget are used up. */
const schedule = (policy: RetryPolicy): Schedule.Schedule<Duration.Duration, KubernetesError> =>
  Schedule.forever.pipe(
    Schedule.setInputType<KubernetesError>(),
    Schedule.while(
      ({ input }) =>
        input._tag === "KubernetesTimeoutError" &&
        !(input.kind === "NotLeader" && policy.endsWithoutLease === true) &&
        (policy.longestRetryAfter === undefined ||
          input.retryAfter === undefined ||
          Duration.isLessThanOrEqualTo(input.retryAfter, policy.longestRetryAfter))
    ),
    Schedule.modifyDelay(({ input, attempt }) =>
      Effect.map(Random.next, (random) => delayAfter(policy, input, attempt, random))
    ),
    Schedule.while(
      ({ attempt, duration, elapsed }) =>
        attempt < (policy.attempts ?? Number.POSITIVE_INFINITY) &&
        elapsed + Duration.toMillis(duration) <= Duration.toMillis(policy.budget ?? Duration.infinity)
    ),
    Schedule.map(({ attempt, duration, input }) =>
      Effect.logDebug("a call to the Kubernetes API is tried again").pipe(
        Effect.annotateLogs({ ...callFields(input), attempt, nextAttemptIn: Duration.format(duration) }),
        Effect.andThen(Metric.update(retries, 1)),
        Effect.as(duration)
      )
    )
  )

/** Repeats a call by its policy while it fails with `TimeoutError`; every other error passes at once. */
export const retry =
  (policy: RetryPolicy) =>
  <A, R>(self: Effect.Effect<A, KubernetesError, R>): Effect.Effect<A, KubernetesError, R> =>
    Effect.retry(self, schedule(policy))
