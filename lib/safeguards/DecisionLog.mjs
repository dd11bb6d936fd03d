import { Clock, Context, DateTime, Effect, Layer, PubSub, Stream } from "effect";
// src/safeguards/DecisionLog.ts
/** How many decisions are kept for `recent`, and for a follower that lags behind. */
const capacity = 1e3;
/** Objects of which is remembered what was said about them, so as not to say it again; the oldest are forgotten. */
const saidCapacity = 1e4;
/** Decisions by which nothing happens to the object. */
const idle = /* @__PURE__ */ new Set(["Kept", "WouldDelete"]);
/** Every decision about an object: one structured log line, and the last thousand in memory. */
var DecisionLog = class DecisionLog extends Context.Service()("fission-executor/safeguards/DecisionLog") {
	static layer = Layer.effect(DecisionLog, Effect.gen(function* () {
		const ring = [];
		const said = /* @__PURE__ */ new Map();
		const published = yield* PubSub.sliding(capacity);
		let count = 0;
		const remember = (decision) => {
			const id = idOf(decision);
			const before = said.get(id) ?? /* @__PURE__ */ new Set();
			said.delete(id);
			if (!idle.has(decision.action)) return;
			said.set(id, /* @__PURE__ */ new Set([...before, gistOf(decision)]));
			const oldest = said.keys().next();
			if (said.size > saidCapacity && oldest.done !== true) said.delete(oldest.value);
		};
		const record = Effect.fnUntraced(function* (decision) {
			const at = DateTime.makeUnsafe(yield* Clock.currentTimeMillis);
			if (ring.length >= capacity) ring.shift();
			const recorded = {
				...decision,
				at,
				number: ++count
			};
			ring.push(recorded);
			PubSub.publishUnsafe(published, recorded);
			remember(decision);
			const { reason, evidence, ...fields } = decision;
			yield* (decision.action === "Refused" ? Effect.logWarning(reason) : Effect.logInfo(reason)).pipe(Effect.annotateLogs({
				decision: fields.action,
				...fields,
				...evidence && { evidence }
			}));
		});
		return DecisionLog.of({
			record,
			recordOnce: (decision) => Effect.suspend(() => said.get(idOf(decision))?.has(gistOf(decision)) ? Effect.void : record(decision)),
			recent: (namespace) => Effect.sync(() => ring.filter((decision) => namespace === void 0 || decision.namespace === namespace)),
			follow: Effect.map(PubSub.subscribe(published), Stream.fromSubscription)
		});
	}));
};
const idOf = ({ kind, name, namespace, uid }) => `${kind} ${namespace}/${name} ${uid ?? ""}`;
const gistOf = ({ action, reason }) => `${action}: ${reason}`;
export { DecisionLog };
