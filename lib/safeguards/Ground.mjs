import { Data, Duration } from "effect";
// src/safeguards/Ground.ts
/** Oldest view that `Idle` and `Superseded` may rest on (failure-semantics.md section 9.2). */
const oldestUsableView = Duration.minutes(10);
const Ground = Data.taggedEnum();
/** Undefined when the evidence carries the ground, else what is missing from it. */
const objection = (ground) => {
	switch (ground._tag) {
		case "OwnerAbsent":
		case "FailedClaim": return;
		case "OwnerDeleting":
			if (ground.deletionTimestamp === "") return "the owner has no deletionTimestamp";
			return ground.finalizers.includes(ground.finalizer) ? void 0 : "the owner does not carry our finalizer";
		case "Idle":
			if (Duration.isLessThan(ground.idleFor, ground.threshold)) return "it was used within its idle time";
			return staleness(ground.viewAge);
		case "Superseded": return staleness(ground.viewAge);
	}
};
const staleness = (viewAge) => {
	if (!Duration.isFinite(viewAge)) return "the view has never been synced";
	return Duration.isGreaterThan(viewAge, oldestUsableView) ? `the view is ${Duration.format(viewAge)} old, older than ${Duration.format(oldestUsableView)}` : void 0;
};
/** The facts of a ground as plain values for a log line. */
const evidenceOf = (ground) => {
	switch (ground._tag) {
		case "OwnerAbsent": return {
			owner: ground.proof.owner,
			proof: ground.proof.by
		};
		case "OwnerDeleting": return {
			owner: ground.owner,
			deletionTimestamp: ground.deletionTimestamp
		};
		case "Idle": return {
			idleSeconds: Duration.toSeconds(ground.idleFor),
			thresholdSeconds: Duration.toSeconds(ground.threshold),
			viewAgeSeconds: Duration.toSeconds(ground.viewAge)
		};
		case "Superseded": return {
			by: ground.by,
			viewAgeSeconds: Duration.toSeconds(ground.viewAge)
		};
		case "FailedClaim": return { why: ground.reason };
	}
};
export { Ground, evidenceOf, objection, oldestUsableView };
