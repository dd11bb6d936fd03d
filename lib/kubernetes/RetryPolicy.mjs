import { retries } from "./CallMetrics.mjs";
import { Duration, Effect, Metric, Random, Schedule } from "effect";
// src/kubernetes/RetryPolicy.ts
/** CRIT: a request of a user waits for the answer. */
const critical = {
	base: Duration.millis(100),
	cap: Duration.seconds(1),
	attempts: 5,
	budget: Duration.seconds(10),
	longestRetryAfter: Duration.seconds(2),
	endsWithoutLease: true
};
/** BG: one item of a namespace's work queue. */
const background = {
	base: Duration.seconds(1),
	cap: Duration.seconds(60)
};
/** BEST: conditions, annotations, events. */
const bestEffort = {
	...background,
	attempts: 10,
	budget: Duration.minutes(10)
};
/** SWEEP: lists of a namespace and live looks at owners. */
const sweep = {
	base: Duration.seconds(1),
	cap: Duration.seconds(300)
};
/** WATCH, and BOOT: list and watch of one kind in one scope. */
const watch = {
	base: Duration.millis(800),
	cap: Duration.seconds(30),
	healthyAfter: Duration.minutes(2)
};
/** LEASE: renewing the leader's lease; its deadline is the caller's. */
const lease = {
	base: Duration.seconds(2),
	cap: Duration.seconds(2),
	aroundDelay: true
};
/** How long a `FatalError` parks what it concerns, before ±20 % of jitter. */
const parkedFor = Duration.minutes(5);
/** Bounds of the wait while a server warms up. */
const warmUpWait = {
	least: Duration.millis(200),
	most: Duration.seconds(2)
};
/** Whole milliseconds, which is all that a person or a timer wants to know. */
const share = (delay, factor) => Duration.millis(Math.round(Duration.toMillis(delay) * factor));
const around = (delay, random) => share(delay, .8 + .4 * random);
/**
* The wait before the next attempt. Pure.
*
* @param failures failures in a row so far, at least 1
* @param random uniform in [0, 1)
*/
const delayAfter = (policy, error, failures, random) => {
	if (error._tag === "KubernetesFatalError") return around(parkedFor, random);
	const timeout = isTimeout(error) ? error : void 0;
	if (timeout?.kind === "Warmup") return Duration.sum(warmUpWait.least, share(Duration.subtract(warmUpWait.most, warmUpWait.least), random));
	const ceiling = Duration.min(Duration.times(policy.base, 2 ** Math.min(Math.max(0, failures - 1), 30)), policy.cap);
	const delay = policy.aroundDelay === true ? around(ceiling, random) : share(ceiling, random);
	return Duration.max(delay, timeout?.retryAfter ?? Duration.zero);
};
/** Whether a success that lasted this long makes the next failure the first of a series. */
const wasHealthy = (policy, lasted) => policy.healthyAfter !== void 0 && Duration.isGreaterThanOrEqualTo(lasted, policy.healthyAfter);
const isTimeout = (error) => error._tag === "KubernetesTimeoutError";
/** The policy as a Schedule: each step is one delay after one failure. Ends when attempts or budget are used up. */
const schedule = (policy) => Schedule.forever.pipe(Schedule.setInputType(), Schedule.while(({ input }) => input._tag === "KubernetesTimeoutError" && !(input.kind === "NotLeader" && policy.endsWithoutLease === true) && (policy.longestRetryAfter === void 0 || input.retryAfter === void 0 || Duration.isLessThanOrEqualTo(input.retryAfter, policy.longestRetryAfter))), Schedule.modifyDelay(({ input, attempt }) => Effect.map(Random.next, (random) => delayAfter(policy, input, attempt, random))), Schedule.while(({ attempt, duration, elapsed }) => attempt < (policy.attempts ?? Number.POSITIVE_INFINITY) && elapsed + Duration.toMillis(duration) <= Duration.toMillis(policy.budget ?? Duration.infinity)), Schedule.map(({ duration }) => Effect.as(Metric.update(retries, 1), duration)));
/** Repeats a call by its policy while it fails with `TimeoutError`; every other error passes at once. */
const retry = (policy) => (self) => Effect.retry(self, schedule(policy));
export { background, bestEffort, critical, delayAfter, lease, retry, sweep, wasHealthy, watch };
