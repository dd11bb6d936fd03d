import { Cause, Data, Duration, Effect, Exit, FiberMap, Queue } from "effect";
// src/devcluster/WorkQueue.ts
/** Keys in work at the same time. */
const workers = 4;
/** The wait after the first failure of a key; it doubles with each further one up to `longestWait`. */
const firstWait = Duration.millis(5);
const longestWait = Duration.seconds(30);
/** The work is not done although nothing went wrong: another round is due after a growing wait. */
var NotYet = class extends Data.TaggedError("NotYet") {};
/**
* Runs a reconciler for keys until the scope closes, never twice at once for the same key. Failures and defects are
* repeated with exponential back-off; a key that comes in while it is worked on is worked on once more.
*
* @param controller names the controller in logs
* @param ready completes when the views are there that the reconciler decides on
* @returns adds a key, synchronously
*/
const make = (controller, ready, reconcile) => Effect.gen(function* () {
	const queue = yield* Queue.unbounded();
	const timers = yield* FiberMap.make();
	const waiting = /* @__PURE__ */ new Set();
	const running = /* @__PURE__ */ new Set();
	const rounds = /* @__PURE__ */ new Map();
	const add = (key) => {
		if (waiting.has(key)) return;
		waiting.add(key);
		if (!running.has(key)) Queue.offerUnsafe(queue, key);
	};
	/** A key has one timer: a later round takes the place of one that was due. */
	const addAfter = (key, wait) => FiberMap.run(timers, key, Effect.delay(Effect.sync(() => add(key)), wait));
	const addAgain = (key) => {
		const round = rounds.get(key) ?? 0;
		rounds.set(key, round + 1);
		return addAfter(key, Duration.min(Duration.times(firstWait, 2 ** Math.min(round, 20)), longestWait));
	};
	const work = Effect.gen(function* () {
		const key = yield* Queue.take(queue);
		waiting.delete(key);
		running.add(key);
		const separator = key.indexOf("/");
		const [namespace, name] = [key.slice(0, separator), key.slice(separator + 1)];
		const exit = yield* reconcile(namespace, name).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void), Effect.exit);
		running.delete(key);
		if (Exit.isSuccess(exit)) {
			rounds.delete(key);
			if (exit.value !== void 0) yield* addAfter(key, exit.value);
		} else {
			yield* report(exit.cause).pipe(Effect.annotateLogs({
				controller,
				key
			}));
			yield* addAgain(key);
		}
		if (waiting.has(key)) Queue.offerUnsafe(queue, key);
	});
	yield* Effect.forEach(Array.from({ length: workers }), () => Effect.forkScoped(Effect.andThen(ready, Effect.forever(work))), { discard: true });
	return (namespace, name) => add(`${namespace}/${name}`);
});
const report = (cause) => Cause.hasDies(cause) ? Effect.logError("controller ended in a bug, trying again", cause) : Effect.logDebug("controller failed, trying again", cause);
export { NotYet, make };
