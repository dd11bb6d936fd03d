import { apiVersionOf } from "../fission/ResourceKind.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { Events } from "./Kinds.mjs";
import { timestampOf } from "./Timestamp.mjs";
import { Clock, Effect, Queue, Schedule } from "effect";
// src/devcluster/EventRecorder.ts
/** Events that wait to be written, and Events that are remembered so that they can be counted. */
const limit = 1e3;
/** How often an Event is tried; nobody depends on it. */
const attempts = Schedule.exponential("100 millis").pipe(Schedule.upTo({ times: 4 }));
/**
* Writes Events of one component, one after the other, until the scope closes. The same thing that happens again to the
* same object raises the count of its Event. While the server takes none, the oldest are lost.
*
* @param component who reports, such as `kubelet`
*/
const make = (component) => Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const queue = yield* Queue.sliding(limit);
	const written = /* @__PURE__ */ new Map();
	let latest = 0n;
	/** Unique among the Events of an object: the time, and never the same twice. */
	const suffix = Effect.map(Clock.currentTimeNanos, (nanos) => {
		latest = nanos > latest ? nanos : latest + 1n;
		return latest.toString(16);
	});
	const remember = (key, name, count) => {
		written.delete(key);
		written.set(key, {
			name,
			count
		});
		const [oldest] = written.keys();
		if (written.size > limit && oldest !== void 0) written.delete(oldest);
	};
	const create = Effect.fnUntraced(function* (key, { happening, millis, subject }) {
		const { fieldPath, kind, metadata } = subject;
		const name = `${metadata.name}.${yield* suffix}`;
		const time = timestampOf(millis);
		yield* api.create(Events, {
			metadata: {
				namespace: metadata.namespace ?? "default",
				name
			},
			involvedObject: {
				apiVersion: apiVersionOf(kind),
				kind: kind.kind,
				namespace: metadata.namespace,
				name: metadata.name,
				uid: metadata.uid,
				...fieldPath === void 0 ? {} : { fieldPath }
			},
			...happening,
			count: 1,
			firstTimestamp: time,
			lastTimestamp: time,
			source: { component },
			reportingComponent: component,
			reportingInstance: ""
		});
		remember(key, name, 1);
	});
	const write = Effect.fnUntraced(function* (noted) {
		const { happening, millis, subject } = noted;
		const { metadata } = subject;
		const key = [
			metadata.uid,
			subject.fieldPath,
			happening.type,
			happening.reason,
			happening.message
		].join("\n");
		const known = written.get(key);
		if (known === void 0) return yield* create(key, noted);
		const count = known.count + 1;
		yield* api.patch(Events, {
			namespace: metadata.namespace ?? "default",
			name: known.name
		}, {
			type: "merge",
			body: {
				count,
				lastTimestamp: timestampOf(millis)
			}
		}).pipe(Effect.andThen(Effect.sync(() => remember(key, known.name, count))), Effect.catchTag("KubernetesNotFound", () => create(key, noted)));
	});
	const lose = Effect.fnUntraced(function* ({ happening, subject }, problem) {
		yield* Effect.logDebug("event is lost", {
			about: subject.metadata.name,
			...happening,
			problem: problem.message
		});
	});
	yield* Queue.take(queue).pipe(Effect.flatMap((noted) => write(noted).pipe(Effect.retry({
		schedule: attempts,
		while: ({ _tag }) => _tag === "KubernetesTimeoutError"
	}), Effect.catch((problem) => lose(noted, problem)))), Effect.forever, Effect.forkScoped);
	return (subject, happening) => Effect.flatMap(Clock.currentTimeMillis, (millis) => Queue.offer(queue, {
		subject,
		happening,
		millis
	}));
});
export { make };
