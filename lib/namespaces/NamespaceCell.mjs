import { isSynced, viewAge } from "../informers/NamespaceView.mjs";
import { make as make$1 } from "../informers/WatchScope.mjs";
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.mjs";
import { EventRecorder } from "../safeguards/EventRecorder.mjs";
import { Leadership } from "../safeguards/Leadership.mjs";
import { make as make$2 } from "./CellLog.mjs";
import { Circuits } from "./Circuits.mjs";
import { judge, noteOf } from "./NamespaceHealth.mjs";
import { make as make$3 } from "./WorkQueue.mjs";
import { Clock, Duration, Effect, Latch } from "effect";
// src/namespaces/NamespaceCell.ts
/** How often the age of the views is looked at. */
const healthInterval = Duration.seconds(10);
/** Makes the cell of a namespace; nothing runs yet. */
const make = (options) => Effect.gen(function* () {
	const { namespace } = options;
	const circuits = yield* Circuits;
	const server = yield* ApiServerHealth;
	const { whileFollowing, whileLeading } = yield* Leadership;
	const events = yield* EventRecorder;
	const queue = yield* make$3(namespace);
	const log = make$2(namespace);
	const regarding = {
		kind: {
			group: "",
			version: "v1",
			kind: "Namespace"
		},
		namespace,
		name: namespace
	};
	const statuses = /* @__PURE__ */ new Map();
	const synced = yield* Latch.make();
	let handlers = {
		onChange: () => [],
		work: {},
		loops: []
	};
	let health = {
		state: "Starting",
		since: yield* monotonicMillis,
		reason: ""
	};
	const scope = yield* make$1({
		...options,
		listener: {
			onChange: (change) => {
				for (const key of handlers.onChange(scope.view, change)) queue.enqueue(key);
			},
			onStatus: Effect.fnUntraced(function* (status) {
				const before = statuses.get(status.resource);
				yield* log.status(status);
				statuses.set(status.resource, {
					...status,
					since: yield* monotonicMillis
				});
				if (hasAnswered(before, status)) circuits.succeeded(status.namespace);
				if (hasRecovered(before, status)) yield* scope.retryNow;
				yield* judgeHealth;
				if (isSynced(scope.view)) synced.openUnsafe();
			})
		}
	});
	const judgeHealth = Effect.gen(function* () {
		const now = yield* monotonicMillis;
		const verdict = judge({
			synced: isSynced(scope.view),
			viewAge: yield* viewAge(scope.view),
			troubles: [...statuses.values()].flatMap(troubleOf),
			circuitOpen: circuits.isOpen(namespace) || circuits.isOpen(options.workloadNamespace)
		});
		if (verdict.state === health.state) {
			health = {
				...health,
				reason: verdict.reason
			};
			return;
		}
		const before = health;
		health = {
			...verdict,
			since: now
		};
		yield* log.health(before, health);
		const note = noteOf(before, health);
		if (note !== void 0 && server.status().state === "Answering") yield* events.record(regarding, note);
		if (health.state === "Healthy" && before.state !== "Starting") yield* queue.releaseAll;
	});
	server.join({
		name: namespace,
		callsTo: [namespace, options.workloadNamespace],
		onRelease: Effect.andThen(scope.retryNow, queue.releaseAll)
	});
	const work = (key) => {
		const handler = handlers.work[key.handler] ?? handlers.workWithoutLease?.[key.handler];
		return handler === void 0 ? Effect.die(/* @__PURE__ */ new Error(`no handler "${key.handler}" for work in namespace ${namespace}`)) : handler(scope.view, key.name);
	};
	const needsNoLease = ({ handler }) => handlers.workWithoutLease?.[handler] !== void 0;
	return {
		view: scope.view,
		health: () => health,
		kinds: () => [...statuses.values()],
		queueSize: queue.size,
		enqueue: queue.enqueue,
		enqueueAfter: queue.enqueueAfter,
		relist: scope.relist,
		run: (given) => Effect.suspend(() => {
			handlers = given;
			const working = together([queue.run(work), ...handlers.loops.map((loop) => loop(scope.view))]);
			return together([
				scope.run,
				Effect.andThen(synced.await, together([whileLeading(working), whileFollowing(queue.run(work, needsNoLease))])),
				Effect.forever(Effect.andThen(Effect.sleep(healthInterval), judgeHealth))
			]);
		})
	};
});
const together = (loops) => Effect.andThen(Effect.all(loops, {
	concurrency: "unbounded",
	discard: true
}), Effect.never);
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1000000n));
/** A complete list, or an event after trouble: the API answers, with etcd behind it. An attempt alone shows nothing. */
const hasAnswered = (before, now) => now.status.state === "Watching" && before?.status.state !== "Watching";
/** The others of the scope need not sit out their back-off (failure-semantics.md section 9.5). */
const hasRecovered = (before, now) => now.status.failures === 0 && (before?.status.failures ?? 0) > 0;
const troubleOf = ({ required, resource, status }) => required && (status.state === "BackingOff" || status.state === "Blocked") && status.error !== void 0 ? [{
	blocked: status.state === "Blocked",
	detail: `${resource}: ${status.error.message}`
}] : [];
export { make };
