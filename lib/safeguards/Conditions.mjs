import "../fission/Function.mjs";
import { Functions } from "../fission/ResourceKind.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { bestEffort, retry } from "../kubernetes/RetryPolicy.mjs";
import { countDropped } from "./EventRecorder.mjs";
import { Clock, Context, DateTime, Duration, Effect, FiberMap, Layer } from "effect";
// src/safeguards/Conditions.ts
/** Writes our own conditions into the status of Functions (resources.md section 3). */
var Conditions = class Conditions extends Context.Service()("fission-executor/safeguards/Conditions") {
	static layer = Layer.effect(Conditions, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const writes = yield* FiberMap.make();
		const fork = yield* FiberMap.runtime(writes)();
		/** One write from the Function as it is known, or from the live one after somebody else wrote. */
		const write = Effect.fnUntraced(function* (fn, wanted) {
			const { generation, name, namespace, resourceVersion, uid } = fn.metadata;
			const conditions = withCondition(fn, wanted, yield* Clock.currentTimeMillis);
			if (conditions === void 0) return;
			yield* api.patch(Functions, {
				namespace: namespace ?? "",
				name
			}, {
				type: "merge",
				subresource: "status",
				body: {
					metadata: {
						uid,
						resourceVersion
					},
					status: {
						observedGeneration: generation,
						conditions
					}
				}
			});
		});
		const writeFromLive = Effect.fnUntraced(function* (fn, wanted) {
			const { name, namespace, uid } = fn.metadata;
			const live = yield* api.get(Functions, {
				namespace: namespace ?? "",
				name
			});
			const decoded = Functions.decode(live);
			if (decoded._tag === "Success" && decoded.success.metadata.uid === uid) yield* write(decoded.success, wanted);
		});
		const settle = (fn, wanted) => write(fn, wanted).pipe(Effect.catchTag("KubernetesConflict", () => writeFromLive(fn, wanted)), retry(bestEffort), Effect.catchTag("KubernetesNotFound", () => Effect.void), Effect.catch((error) => Effect.logDebug("a condition was not written; the next change writes it again", error.message).pipe(Effect.annotateLogs({
			namespace: fn.metadata.namespace,
			function: fn.metadata.name,
			type: wanted.type
		}), Effect.andThen(countDropped("Function")))));
		return Conditions.of({ set: (fn, wanted, delay = Duration.zero) => Effect.sync(() => {
			const write = settle(fn, wanted);
			const later = Duration.isZero(delay) ? write : Effect.andThen(Effect.sleep(delay), write);
			fork(`${fn.metadata.uid}/${wanted.type}`, later);
		}) });
	}));
};
/** The Function's conditions with ours among them, or undefined where it is there already. */
const withCondition = (fn, wanted, nowMillis) => {
	const held = fn.status?.conditions ?? [];
	const before = held.find(({ type }) => type === wanted.type);
	const observedGeneration = fn.metadata.generation ?? 0;
	if (before?.status === wanted.status && before.reason === wanted.reason && before.observedGeneration === observedGeneration) return void 0;
	const now = DateTime.formatIso(DateTime.makeUnsafe(nowMillis)).replace(/\.\d+Z$/u, "Z");
	const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : now;
	const condition = {
		...before,
		...wanted,
		observedGeneration,
		lastTransitionTime
	};
	return before === void 0 ? [...held, condition] : held.map((other) => other === before ? condition : other);
};
export { Conditions };
