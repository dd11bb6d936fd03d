import { retries } from "../kubernetes/CallMetrics.mjs";
import { background, delayAfter, sweep } from "../kubernetes/RetryPolicy.mjs";
import { full, spend } from "./RetryBudget.mjs";
import { Cause, Clock, Duration, Effect, Exit, Latch, Metric, Random } from "effect";
// src/namespaces/WorkQueue.ts
/** Items that are handled at a time; the transport allows four calls of a namespace in flight. */
const workers = 4;
/** Spread of the items that are released when a namespace recovers. */
const releaseWithin = Duration.seconds(5);
/** A bug is repeated more slowly than trouble of the API, so that the cell it restarts has time for everything else. */
const failureOf = (cause) => {
	if (Cause.hasDies(cause)) return {
		error: {
			_tag: "Defect",
			message: Cause.pretty(cause)
		},
		policy: sweep
	};
	const error = Cause.findErrorOption(cause);
	return {
		error: error._tag === "Some" ? error.value : {
			_tag: "Interrupted",
			message: "interrupted from within"
		},
		policy: background
	};
};
/** Makes an empty queue. It lives as long as its namespace, longer than a run of the cell. */
const make = (namespace) => Effect.gen(function* () {
	const clock = yield* Clock.Clock;
	const entries = /* @__PURE__ */ new Map();
	const changed = yield* Latch.make();
	let budget = full;
	const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1000000n);
	const idOf = (key) => `${key.handler}/${key.name}`;
	const schedule = (key, dueAt) => {
		const entry = entries.get(idOf(key));
		if (entry === void 0) entries.set(idOf(key), {
			key,
			failures: 0,
			dueAt,
			running: false,
			againAt: void 0
		});
		else if (entry.running) entry.againAt = Math.min(entry.againAt ?? dueAt, dueAt);
		else entry.dueAt = Math.min(entry.dueAt, dueAt);
		changed.openUnsafe();
	};
	/** The item that has been due for longest, if any. */
	const nextDue = (handles) => {
		let first;
		for (const entry of entries.values()) if (!entry.running && handles(entry.key) && (first === void 0 || entry.dueAt < first.dueAt)) first = entry;
		return first;
	};
	const next = Effect.fnUntraced(function* (handles) {
		while (true) {
			const entry = nextDue(handles);
			const wait = entry === void 0 ? void 0 : entry.dueAt - now();
			if (entry !== void 0 && wait !== void 0 && wait <= 0) {
				entry.running = true;
				return entry;
			}
			changed.closeUnsafe();
			yield* wait === void 0 ? changed.await : Effect.raceFirst(changed.await, Effect.sleep(Duration.millis(wait)));
		}
	});
	/** Handling is over: the item comes back after the delay, or when it was asked for meanwhile, or not at all. */
	const settle = (entry, delay) => {
		const retryAt = delay === void 0 ? void 0 : now() + Duration.toMillis(delay);
		const dueAt = retryAt === void 0 ? entry.againAt : Math.min(retryAt, entry.againAt ?? retryAt);
		if (dueAt === void 0) entries.delete(idOf(entry.key));
		else entry.dueAt = dueAt;
		entry.running = false;
		entry.againAt = void 0;
		changed.openUnsafe();
	};
	const delayAfter$1 = (entry, failure, random) => {
		const delay = delayAfter(failure.policy, failure.error, entry.failures, random);
		const spent = spend(budget, now());
		budget = spent.budget;
		return Duration.max(delay, Duration.millis(spent.waitMillis));
	};
	const report = (entry, error, delay) => {
		return (entry.failures === 1 ? Effect.logWarning : Effect.logDebug)("work failed and will be tried again").pipe(Effect.annotateLogs({
			namespace,
			work: idOf(entry.key),
			error: error._tag,
			detail: error.message,
			failures: entry.failures,
			nextAttemptIn: Duration.format(delay)
		}));
	};
	const handleOne = (entry, handle) => Effect.gen(function* () {
		if (entry.failures > 0) yield* Metric.update(retries, 1);
		const exit = yield* Effect.exit(handle(entry.key));
		if (Exit.isSuccess(exit)) {
			const { failures } = entry;
			entry.failures = 0;
			settle(entry, void 0);
			if (failures === 0) return;
			return yield* Effect.logInfo("work succeeded again").pipe(Effect.annotateLogs({
				namespace,
				work: idOf(entry.key),
				failures
			}));
		}
		entry.failures++;
		const failure = failureOf(exit.cause);
		const delay = delayAfter$1(entry, failure, yield* Random.next);
		settle(entry, delay);
		if (Cause.hasDies(exit.cause)) return yield* Effect.failCause(exit.cause);
		yield* report(entry, failure.error, delay);
	}).pipe(Effect.onInterrupt(() => Effect.sync(() => entry.running && settle(entry, Duration.zero))));
	return {
		enqueue: (key) => schedule(key, now()),
		enqueueAfter: (key, delay) => Effect.sync(() => schedule(key, now() + Duration.toMillis(delay))),
		releaseAll: Effect.gen(function* () {
			for (const entry of entries.values()) {
				if (entry.running || entry.failures === 0) continue;
				const spread = Duration.toMillis(releaseWithin) * (yield* Random.next);
				entry.dueAt = Math.min(entry.dueAt, now() + spread);
			}
			changed.openUnsafe();
		}),
		size: () => entries.size,
		run: (handle, handles = () => true) => {
			const worker = Effect.forever(Effect.flatMap(next(handles), (entry) => handleOne(entry, handle)));
			return Effect.forEach(Array.from({ length: workers }), () => worker, { concurrency: workers }).pipe(Effect.andThen(Effect.never));
		}
	};
});
export { make };
