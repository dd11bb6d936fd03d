import { Events, apiVersionOf } from "../fission/ResourceKind.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { bestEffort, retry } from "../kubernetes/RetryPolicy.mjs";
import { Clock, Context, DateTime, Duration, Effect, FiberMap, Layer, Metric } from "effect";
// src/safeguards/EventRecorder.ts
/** One Event per object and reason in this time (observability.md O22). */
const atMostEvery = Duration.minutes(5);
/** Bytes of a message that the API server accepts. */
const longestMessage = 1024;
/** Writes Kubernetes Events, so that `kubectl describe` and `kubectl get events` tell of trouble (observability.md section 6). */
var EventRecorder = class EventRecorder extends Context.Service()("fission-executor/safeguards/EventRecorder") {
	static layer = Layer.effect(EventRecorder, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const clock = yield* Clock.Clock;
		const writes = yield* FiberMap.make();
		const fork = yield* FiberMap.runtime(writes)();
		const forbidden = /* @__PURE__ */ new Set();
		const writtenAt = /* @__PURE__ */ new Map();
		/** Whether it is time for one more; what is older than the interval is forgotten. */
		const isDue = (id) => {
			const now = clock.monotonicTimeNanosUnsafe();
			for (const [known, at] of writtenAt) {
				if (Duration.isLessThan(Duration.nanos(now - at), atMostEvery)) break;
				writtenAt.delete(known);
			}
			if (writtenAt.has(id)) return false;
			writtenAt.set(id, now);
			return true;
		};
		const write = Effect.fnUntraced(function* (regarding, note) {
			const event = eventOf(regarding, note, yield* Clock.currentTimeMillis);
			yield* api.create(Events, event).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void), retry(bestEffort), Effect.catch((error) => {
				if (error.status === 403) forbidden.add(regarding.namespace);
				return Effect.andThen(countDropped(Events.kind), Effect.logDebug("an Event was not written", error.message).pipe(Effect.annotateLogs({
					namespace: regarding.namespace,
					object: regarding.name,
					reason: note.reason
				})));
			}));
		});
		return EventRecorder.of({ record: (regarding, note) => Effect.sync(() => {
			const object = `${regarding.kind.kind}/${regarding.namespace}/${regarding.name}`;
			if (forbidden.has(regarding.namespace) || !isDue(`${object}/${note.reason}`)) return;
			fork(object, write(regarding, note));
		}) });
	}));
};
const eventOf = ({ kind, name, namespace, uid }, { message, reason, type }, now) => {
	const time = DateTime.formatIso(DateTime.makeUnsafe(now)).replace(/\.\d+Z$/u, "Z");
	return {
		apiVersion: "v1",
		kind: "Event",
		metadata: {
			namespace,
			name: `${name}.${reason.toLowerCase()}.${now.toString(16)}`
		},
		involvedObject: {
			apiVersion: apiVersionOf(kind),
			kind: kind.kind,
			namespace,
			name,
			...uid && { uid }
		},
		type,
		reason,
		message: message.slice(0, longestMessage),
		source: { component },
		reportingComponent: component,
		reportingInstance: component,
		firstTimestamp: time,
		lastTimestamp: time,
		count: 1
	};
};
const component = "fission-executor";
const dropped = Metric.counter("fission_executor_best_effort_dropped_total", {
	description: "Conditions and Events that could not be written within ten minutes, by the kind that was to be written",
	incremental: true
});
/** Counts a write of the best-effort class that was given up (failure-semantics.md section 9.7). */
const countDropped = (kind) => Metric.update(Metric.withAttributes(dropped, { kind }), 1);
export { EventRecorder, countDropped };
