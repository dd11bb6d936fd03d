import { Metric } from "effect";
// src/caches/RunningTime.ts
/** Records, when something that ran for a function is forgotten, how long it was of use. */
const recordRunning = (fn, seconds, services) => {
	const labels = {
		function_name: fn.name,
		function_namespace: fn.namespace
	};
	Metric.withAttributes(runningSeconds, labels).updateUnsafe(seconds, services);
};
const runningSeconds = Metric.histogram("fission_function_running_seconds", {
	description: "Time from the creation of a function's pod or objects to the last access, at their removal",
	boundaries: Metric.exponentialBoundaries({
		start: 1,
		factor: 2,
		count: 16
	})
});
export { recordRunning };
