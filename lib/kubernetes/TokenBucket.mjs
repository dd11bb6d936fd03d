import { Clock, Duration, Effect, Semaphore } from "effect";
// src/kubernetes/TokenBucket.ts
/** Makes a full bucket. */
const make = (options) => Effect.gen(function* () {
	const { burst, perSecond, reserved } = options;
	let tokens = burst;
	let earnedAt = yield* monotonicMillis;
	/** Takes a token if this many stay behind, else says how long the missing part takes to be earned. */
	const tryTake = (staying) => Effect.map(monotonicMillis, (now) => {
		tokens = Math.min(burst, tokens + (now - earnedAt) / 1e3 * perSecond);
		earnedAt = now;
		const missing = staying + 1 - tokens;
		if (missing <= 0) tokens -= 1;
		return missing <= 0 ? void 0 : Duration.millis(Math.ceil(missing / perSecond * 1e3));
	});
	/** Only the first of a lane looks at the bucket; the semaphore keeps the others in order. */
	const lane = (staying) => {
		return Semaphore.makeUnsafe(1).withPermit(Effect.gen(function* () {
			for (let wait = yield* tryTake(staying); wait !== void 0; wait = yield* tryTake(staying)) yield* Effect.sleep(wait);
		}));
	};
	const lanes = {
		urgent: lane(0),
		other: lane(burst * reserved)
	};
	return { take: (urgent) => urgent ? lanes.urgent : lanes.other };
});
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6);
export { make };
