import { Duration } from "effect";
// src/caches/FailureMemory.ts
const firstDelay = Duration.seconds(1);
const longestDelay = Duration.seconds(60);
/** The answer for a request that would start another attempt; undefined when it may start one. */
const answerFor = (failure, inputs, now) => {
	if (failure === void 0 || failure.inputs !== inputs) return void 0;
	return failure.retriedBy !== void 0 || now < failure.validUntil ? failure.answer : void 0;
};
/** The memory after an attempt started: a failure of other inputs is forgotten, an old one is being retried. */
const afterStart = (failure, inputs, attempt) => failure === void 0 || failure.inputs !== inputs ? void 0 : {
	...failure,
	retriedBy: attempt
};
/** The memory after an attempt ended without an answer that says anything about the function. */
const afterInconclusive = (failure, attempt) => failure?.retriedBy === attempt ? {
	...failure,
	retriedBy: void 0
} : failure;
/**
* The memory after an attempt ended with a final answer: it holds for 1 s, doubled with each failed retry up to 60 s.
* Attempts that were under way together count as one failure, since none of them knew of the others'.
*/
const afterAnswer = (failure, attempt, answer, inputs, now) => {
	const delay = delayAfter(failure?.inputs === inputs ? failure : void 0, attempt);
	const retriedBy = failure?.retriedBy === attempt ? void 0 : failure?.retriedBy;
	return {
		answer,
		inputs,
		delay,
		validUntil: now + Duration.toMillis(delay),
		retriedBy
	};
};
const delayAfter = (failure, attempt) => {
	if (failure === void 0) return firstDelay;
	return failure.retriedBy === attempt ? Duration.min(Duration.times(failure.delay, 2), longestDelay) : failure.delay;
};
export { afterAnswer, afterInconclusive, afterStart, answerFor };
