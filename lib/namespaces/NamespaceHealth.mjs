import { Duration } from "effect";
// src/namespaces/NamespaceHealth.ts
/** Without an event or bookmark for this long a view is stale. */
const staleAfter = Duration.seconds(150);
/** A view older than this is no ground for deleting anything. */
const backingOffAfter = Duration.minutes(10);
/** Judges the signs. Pure: the same signs give the same verdict. */
const judge = (signs) => {
	const blocked = signs.troubles.find((trouble) => trouble.blocked);
	if (blocked !== void 0) return {
		state: "Blocked",
		reason: blocked.detail
	};
	const trouble = signs.troubles[0]?.detail;
	if (!signs.synced) return trouble === void 0 ? healthy("Starting") : {
		state: "BackingOff",
		reason: trouble
	};
	const age = `no event or bookmark for ${Duration.format(signs.viewAge)}`;
	if (Duration.isGreaterThan(signs.viewAge, backingOffAfter)) return {
		state: "BackingOff",
		reason: trouble ?? age
	};
	if (Duration.isGreaterThan(signs.viewAge, staleAfter)) return {
		state: "Stale",
		reason: trouble ?? age
	};
	if (signs.circuitOpen) return {
		state: "Stale",
		reason: trouble ?? "calls keep timing out"
	};
	return healthy("Healthy");
};
const healthy = (state) => ({
	state,
	reason: ""
});
/** What an Event says of a transition; undefined for a start that went well. */
const noteOf = (before, after) => {
	const reason = `Namespace${after.state}`;
	if (after.state !== "Healthy" && after.state !== "Starting") return {
		type: "Warning",
		reason,
		message: after.reason
	};
	if (before.state === "Starting" || after.state === "Starting") return void 0;
	return {
		type: "Normal",
		reason,
		message: `healthy again after ${Duration.format(Duration.millis(after.since - before.since))} in state ${before.state}`
	};
};
export { judge, noteOf };
