import { FatalError } from "../Errors.mjs";
import { labels } from "../fission/Labels.mjs";
import { keyOf } from "../fission/ObjectMeta.mjs";
import { Clock, Context, Effect, Layer } from "effect";
// src/executors/TakenNames.ts
/** What stays is met again every five minutes, more or less: what was not, is gone or not in the way any more. */
const believedFor = 15n * 60000000000n;
/** Names that are remembered; the oldest are forgotten. */
const capacity = 1e3;
/**
* Whether an object is the owner's: its label says so, or without the label its owner reference
* (failure-semantics.md section 9.3).
*/
const isOwnedBy = ({ metadata }, label, uid) => {
	const held = metadata.labels?.[label];
	if (held !== void 0) return held === uid;
	return (metadata.ownerReferences ?? []).some((reference) => reference.uid === uid);
};
/** The Function that these labels of one of its objects name. */
const functionNamedBy = (held) => ({
	kind: "Function",
	namespace: held[labels.functionNamespace] ?? "",
	name: held[labels.functionName] ?? "",
	uid: held[labels.functionUid] ?? ""
});
/** Foreign objects that creations met. They are in no view, and are left alone (failure-semantics.md section 5.5, d). */
var TakenNames = class TakenNames extends Context.Service()("fission-executor/executors/TakenNames") {
	static layer = Layer.sync(TakenNames, () => {
		const taken = /* @__PURE__ */ new Map();
		return TakenNames.of({
			refuse: Effect.fnUntraced(function* (kind, { metadata }, owner) {
				const now = yield* Clock.monotonicTimeNanos;
				const id = `${kind.plural} ${keyOf(metadata)}`;
				const before = taken.get(id);
				const since = before?.metadata.uid === metadata.uid ? before?.since ?? now : now;
				taken.delete(id);
				taken.set(id, {
					kind: kind.kind,
					metadata,
					owner,
					since,
					metAt: now
				});
				const oldest = taken.keys().next();
				if (taken.size > capacity && oldest.done !== true) taken.delete(oldest.value);
				const detail = `a ${kind.kind} of this name exists that is not the ${owner.kind.toLowerCase()}'s; it is left alone`;
				const { name, namespace } = metadata;
				const call = {
					verb: "create",
					resource: kind.plural,
					namespace: namespace ?? "",
					name
				};
				return yield* new FatalError({
					...call,
					scope: "object",
					detail
				});
			}),
			recent: (workloadNamespace) => Effect.map(Clock.monotonicTimeNanos, (now) => [...taken.values()].filter(({ metadata, metAt }) => metadata.namespace === workloadNamespace && now - metAt < believedFor))
		});
	});
};
export { TakenNames, functionNamedBy, isOwnedBy };
