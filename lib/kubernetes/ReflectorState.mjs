import { delayAfter, wasHealthy, watch } from "./RetryPolicy.mjs";
import { Data, Duration } from "effect";
// src/kubernetes/ReflectorState.ts
/** Objects of a page, at most (failure-semantics.md section 9.4). */
const pageObjects = 500;
/** Bytes of a page, at most; the limit of the next page follows from the size per object seen so far. */
const pageBytes = 8388608;
/** Failed resumes of a watch after which the whole collection is listed again. */
const resumesBeforeRelist = 5;
/** Open streams without a single event or bookmark for this long watch a version that the server never reaches. */
const suspiciousAfter = Duration.minutes(3);
const ReflectorState = Data.taggedEnum();
const Outcome = Data.taggedEnum();
/** A list from its beginning. */
const listing = (failures, watchFailures = 0) => ReflectorState.Listing({
	continue: void 0,
	limit: pageObjects,
	failures,
	watchFailures
});
/**
* The next state. Pure; the only place where the loop of a reflector is decided. An outcome that the state did not ask
* for changes nothing.
*
* @param random uniform in [0, 1), for jitter
*/
const step = (state, outcome, random) => {
	switch (state._tag) {
		case "Waiting": return outcome._tag === "Waited" ? state.next : state;
		case "Listing":
			if (outcome._tag === "Page") return afterPage(state, outcome);
			return outcome._tag === "ListFailed" ? afterListFailure(state, outcome.error, random) : state;
		case "Watching":
			if (outcome._tag === "Doubted") return listing(0);
			if (outcome._tag === "StreamEnded") return afterStreamEnd(state, outcome, random);
			return outcome._tag === "StreamFailed" ? afterStreamFailure(state, outcome, random) : state;
	}
};
const afterPage = (state, page) => page.continue === void 0 ? ReflectorState.Watching({
	resourceVersion: page.resourceVersion,
	failures: state.watchFailures,
	shortStreams: 0,
	quiet: Duration.zero
}) : ReflectorState.Listing({
	...state,
	continue: page.continue,
	limit: nextLimit(page)
});
const nextLimit = (page) => {
	if (page.objects === 0) return pageObjects;
	return Math.max(1, Math.min(pageObjects, Math.floor(pageBytes / Math.max(1, page.bytes / page.objects))));
};
const afterListFailure = (state, error, random) => {
	if (error._tag === "KubernetesExpired" && state.continue !== void 0) return ReflectorState.Waiting({
		delay: Duration.millis(Math.round(1e3 * random)),
		error: void 0,
		failures: state.failures,
		next: listing(state.failures, state.watchFailures)
	});
	const failures = state.failures + 1;
	return backOff(error, failures, listing(failures, state.watchFailures), random);
};
/** A clean end resumes after a pause that grows while streams end within 5 s of being opened. */
const afterStreamEnd = (state, stream, random) => {
	const isShort = Duration.isLessThan(stream.lasted, Duration.seconds(5));
	const shortStreams = isShort ? state.shortStreams + 1 : 0;
	const spread = Math.min(3e4, 1e3 * 2 ** Math.max(0, shortStreams - 1));
	const failures = isShort ? state.failures : 0;
	const quiet = quietAfter(state, stream);
	return ReflectorState.Waiting({
		delay: Duration.millis(Math.round(100 + (spread - 100) * random)),
		error: void 0,
		failures,
		next: isSuspicious(quiet) ? listing(failures, failures) : ReflectorState.Watching({
			resourceVersion: stream.resourceVersion,
			failures,
			shortStreams,
			quiet
		})
	});
};
/** A failure resumes from the last version; what resuming cannot heal, or has not healed, is listed again. */
const afterStreamFailure = (state, stream, random) => {
	const { error, resourceVersion } = stream;
	const failures = (wasHealthy(watch, stream.lasted) ? 0 : state.failures) + 1;
	const quiet = quietAfter(state, stream);
	const next = error._tag === "KubernetesExpired" || error._tag === "KubernetesFatalError" || failures >= resumesBeforeRelist || isSuspicious(quiet) ? listing(failures, failures) : ReflectorState.Watching({
		resourceVersion,
		failures,
		shortStreams: state.shortStreams,
		quiet
	});
	return backOff(error, failures, next, random);
};
const backOff = (error, failures, next, random) => ReflectorState.Waiting({
	delay: delayAfter(watch, error, failures, random),
	error,
	failures,
	next
});
const quietAfter = (state, stream) => stream.heard ? Duration.zero : Duration.sum(state.quiet, stream.lasted);
const isSuspicious = (quiet) => Duration.isGreaterThanOrEqualTo(quiet, suspiciousAfter);
export { Outcome, ReflectorState, listing, step, suspiciousAfter };
