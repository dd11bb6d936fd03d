import { Settings, workloadNamespace } from "../Config.mjs";
import { NamespaceSet } from "../informers/NamespaceSet.mjs";
import { make } from "./NamespaceCell.mjs";
import { Clock, Context, Duration, Effect, Layer } from "effect";
// src/namespaces/Supervisor.ts
/** First wait before a cell that died of a bug is run again. */
const restartBase = Duration.seconds(1);
const restartCap = Duration.seconds(60);
/** A run that lasted this long makes the next failure the first of a series again. */
const healthyAfter = Duration.minutes(2);
/** Starts are spread over 20 ms a namespace, 2 s at most (failure-semantics.md section 9.4). */
const startWithin = (namespaces) => Duration.millis(Math.min(2e3, 20 * namespaces));
/**
* One supervised cell per namespace. A defect in a cell is logged with its cause and the cell restarted with back-off;
* neither its neighbours nor the process notice.
*/
var Supervisor = class Supervisor extends Context.Service()("fission-executor/namespaces/Supervisor") {
	static layer = Layer.effect(Supervisor, Effect.gen(function* () {
		const settings = yield* Settings;
		const { names } = yield* NamespaceSet;
		const cells = /* @__PURE__ */ new Map();
		for (const namespace of names) {
			const cell = yield* make({
				namespace,
				workloadNamespace: workloadNamespace(settings, namespace),
				startWithin: startWithin(names.length)
			});
			cells.set(namespace, cell);
		}
		const all = [...cells.values()];
		return Supervisor.of({
			cells: all,
			cell: (namespace) => cells.get(namespace),
			cellOfWorkloads: (namespace) => all.find((cell) => cell.view.workloadNamespace === namespace),
			run: (handlers) => Effect.forEach(all, (cell) => supervised(cell.view.namespace, cell.run(handlers)), {
				concurrency: "unbounded",
				discard: true
			}).pipe(Effect.andThen(Effect.never))
		});
	}));
};
/** Runs again after any defect: 1 s, 2 s, 4 s … up to 60 s, and from the start after two good minutes. */
const supervised = (namespace, self) => Effect.gen(function* () {
	let failures = 0;
	while (true) {
		const startedAt = yield* Clock.monotonicTimeNanos;
		const cause = yield* Effect.flip(Effect.sandbox(self));
		const lasted = Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt);
		failures = Duration.isGreaterThanOrEqualTo(lasted, healthyAfter) ? 1 : failures + 1;
		const delay = Duration.min(Duration.times(restartBase, 2 ** Math.min(failures - 1, 10)), restartCap);
		yield* Effect.logError("namespace cell died of a bug and is restarted; other namespaces are not affected", cause).pipe(Effect.annotateLogs({
			namespace,
			failures,
			nextAttemptIn: Duration.format(delay)
		}));
		yield* Effect.sleep(delay);
	}
});
export { Supervisor };
