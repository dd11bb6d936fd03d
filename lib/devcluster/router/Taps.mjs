import { Duration, Effect } from "effect";
// src/devcluster/router/Taps.ts
/** Time between two batches (http-api.md section 10.5). */
const flushEvery = Duration.seconds(5);
/** Entries of a batch, at most; more are dropped. */
const batchLimit = 100;
/** Failures in a row from which on they are worth a line in the log. */
const failuresBeforeLog = 3;
/** Makes an empty batch. */
const make = (executor) => {
	let batch = /* @__PURE__ */ new Map();
	let failures = 0;
	const flush = Effect.gen(function* () {
		if (batch.size === 0) return;
		const taps = [...batch.values()];
		batch = /* @__PURE__ */ new Map();
		yield* executor.tapServices(taps).pipe(Effect.catchIf((error) => error.status === 404, () => Effect.void), Effect.matchEffect({
			onSuccess: () => Effect.sync(() => void (failures = 0)),
			onFailure: (error) => ++failures < failuresBeforeLog ? Effect.void : Effect.logError("taps do not reach the executor", error)
		}));
	});
	return {
		add: (tap) => {
			if (batch.size < batchLimit || batch.has(tap.ServiceURL)) batch.set(tap.ServiceURL, tap);
		},
		run: Effect.forever(Effect.delay(flush, flushEvery))
	};
};
export { make };
