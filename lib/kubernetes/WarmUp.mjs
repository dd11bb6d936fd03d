import { afterWarmUp } from "./Classify.mjs";
import { Clock, Duration, Effect } from "effect";
// src/kubernetes/WarmUp.ts
/** How long a refusal must last before it is believed (failure-semantics.md section 2). */
const persistsFor = Duration.seconds(10);
/** A refusal this soon after a lost connection comes from a server that has just started. */
const afterConnectionLoss = Duration.seconds(30);
/** Nothing seen yet. */
const nothingSeen = {
	refusedSince: void 0,
	connectionLostAt: void 0
};
/**
* Looks at the next outcome. A `Warmup` answer that has lasted 10 s, and that no lost connection preceded within 30 s,
* becomes the `FatalError` it stands for; everything else stays what it is, success (undefined) included.
*/
const judge = (memory, error, now) => {
	if (error?._tag !== "KubernetesTimeoutError") return {
		memory: nothingSeen,
		error
	};
	if (error.kind === "Connection") return {
		memory: {
			refusedSince: void 0,
			connectionLostAt: now
		},
		error
	};
	if (error.kind !== "Warmup") return {
		memory,
		error
	};
	const refusedSince = memory.refusedSince ?? now;
	const lasted = now - refusedSince >= nanos(persistsFor);
	const justStarted = memory.connectionLostAt !== void 0 && now - memory.connectionLostAt < nanos(afterConnectionLoss);
	return {
		memory: {
			...memory,
			refusedSince
		},
		error: lasted && !justStarted ? afterWarmUp(error) : error
	};
};
const nanos = (duration) => BigInt(Math.round(Duration.toMillis(duration))) * 1000000n;
/** A memory of its own, with time from the Clock. */
const makeUnsafe = () => {
	let memory = nothingSeen;
	return { judge: (error) => Effect.map(Clock.monotonicTimeNanos, (now) => {
		const judged = judge(memory, error, now);
		memory = judged.memory;
		return judged.error;
	}) };
};
export { makeUnsafe };
