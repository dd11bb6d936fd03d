import { executorAddress } from "../fission/Lease.mjs";
import { DateTime, Duration } from "effect";
// src/kubernetes/LeaseElection.ts
/** The proportions of the stock executor's times: 15, 10 and 2 seconds. */
const timingOf = (lease) => ({
	lease,
	renewDeadline: Duration.times(lease, 2 / 3),
	retry: Duration.times(lease, 2 / 15)
});
/** The holder stops writing this long before its deadline (lifecycle.md section 4). */
const margin = Duration.seconds(2);
/** What was seen of the lease: a version that is known keeps the time at which it was seen first. */
const observe = (before, lease, now) => {
	const resourceVersion = lease.metadata.resourceVersion ?? "";
	return before?.resourceVersion === resourceVersion ? before : {
		resourceVersion,
		seenAt: now
	};
};
/** Who holds the lease; undefined where nobody does. */
const holderOf = (lease) => lease.spec?.holderIdentity || void 0;
/** Whether the candidate may take the lease, or renews it: nobody else holds it, or has renewed it for its whole length. */
const mayTake = (candidate, lease, { seenAt }, now) => {
	const holder = holderOf(lease);
	if (holder === void 0 || holder === candidate.identity) return true;
	const asked = Duration.seconds(lease.spec?.leaseDurationSeconds ?? 0);
	const holds = Duration.max(asked, candidate.timing.lease);
	return Duration.isGreaterThanOrEqualTo(Duration.nanos(now - seenAt), holds);
};
/** The moment from which the holder writes nothing more, unless it renews before (monotonic nanoseconds). */
const deadlineOf = (candidate, renewalSentAt) => renewalSentAt + BigInt(Duration.toMillis(Duration.subtract(candidate.timing.renewDeadline, margin))) * 1000000n;
/** Times in a Lease have six digits after the point; a server refuses any other number. */
const microTime = (now) => DateTime.formatIso(now).replace("Z", "000Z");
/** The lease as the candidate holds it. `before` is the object as it was read, whose other fields survive. */
const held = (candidate, before, now) => {
	const spec = before?.lease.spec;
	const continues = spec?.holderIdentity === candidate.identity;
	const annotations = {
		...before?.raw.metadata.annotations,
		[executorAddress]: candidate.address
	};
	return {
		...before?.raw,
		metadata: {
			...before?.raw.metadata ?? candidate.lease,
			annotations
		},
		spec: {
			...Object(before?.raw["spec"]),
			holderIdentity: candidate.identity,
			leaseDurationSeconds: Math.ceil(Duration.toSeconds(candidate.timing.lease)),
			acquireTime: continues ? spec.acquireTime ?? microTime(now) : microTime(now),
			renewTime: microTime(now),
			leaseTransitions: (spec?.leaseTransitions ?? 0) + (before === void 0 || continues ? 0 : 1)
		}
	};
};
/** The lease given back: whoever looks next may take it at once. */
const released = (raw, now) => ({
	...raw,
	spec: {
		...Object(raw["spec"]),
		holderIdentity: "",
		leaseDurationSeconds: 1,
		renewTime: microTime(now)
	}
});
export { deadlineOf, held, holderOf, mayTake, observe, released, timingOf };
