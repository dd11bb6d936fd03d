import { isDeleting } from "../fission/Workloads.mjs";
import { KubernetesApi, KubernetesDeletion } from "../kubernetes/KubernetesApi.mjs";
import { DecisionLog } from "./DecisionLog.mjs";
import { evidenceOf, objection } from "./Ground.mjs";
import { Clock, Context, Data, Duration, Effect, Layer, Metric } from "effect";
// src/safeguards/Deletion.ts
/** The evidence does not carry the ground: nothing was deleted. Asking again later, with a fresher view, may do. */
var DeletionRefused = class extends Data.TaggedError("DeletionRefused") {
	get message() {
		const { kind, name, namespace } = this.subject;
		return `${kind.kind} ${namespace}/${name} was not deleted on the ground ${this.ground}: ${this.objection}`;
	}
};
/** Two live 404s prove absence only this far apart (failure-semantics.md section 9.2). */
const betweenLooks = Duration.seconds(60);
/**
* The only way to delete or scale down anything (failure-semantics.md section 9.2). Each call names its ground and
* shows the evidence; both are logged.
*/
var Deletion = class Deletion extends Context.Service()("fission-executor/safeguards/Deletion") {
	static layer = Layer.effect(Deletion, Effect.gen(function* () {
		const api = yield* KubernetesApi;
		const deletion = yield* KubernetesDeletion;
		const decisions = yield* DecisionLog;
		const firstLooks = /* @__PURE__ */ new Map();
		const check = Effect.fnUntraced(function* (subject, ground) {
			const why = objection(ground);
			if (why === void 0) return;
			const refused = new DeletionRefused({
				subject,
				ground: ground._tag,
				objection: why
			});
			yield* decisions.record({
				action: "Refused",
				...identify(subject),
				ground: ground._tag,
				reason: refused.message,
				evidence: evidenceOf(ground)
			});
			return yield* refused;
		});
		/** Whether a delete whose answer was lost took effect after all. */
		const isGone = (subject) => api.get(subject.kind, subject).pipe(Effect.map((live) => live.metadata.uid !== subject.uid || isDeleting(live.metadata)), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(true)));
		const remove = Effect.fn("Deletion.delete")(function* (subject, ground, options) {
			yield* check(subject, ground);
			const outcome = yield* deletion.delete(subject.kind, subject, {
				uid: subject.uid,
				propagationPolicy: "Background",
				gracePeriodSeconds: options?.gracePeriodSeconds
			}).pipe(Effect.as("object deleted"), Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.succeed("object was gone already")), Effect.catchTag("KubernetesTimeoutError", (error) => error.outcomeUnknown ? Effect.flatMap(isGone(subject), (gone) => gone ? Effect.succeed("object deleted") : Effect.fail(error)) : Effect.fail(error)));
			yield* decisions.record({
				action: "Deleted",
				...identify(subject),
				ground: ground._tag,
				reason: options?.reason === void 0 ? outcome : `${outcome}: ${options.reason}`,
				evidence: evidenceOf(ground)
			});
		});
		const scaleDown = Effect.fn("Deletion.scaleDown")(function* (subject, ground, write) {
			yield* check(subject, ground);
			const result = yield* write;
			yield* decisions.record({
				action: "ScaledDown",
				...identify(subject),
				ground: ground._tag,
				reason: "object scaled down",
				evidence: evidenceOf(ground)
			});
			return result;
		});
		/** Undefined: nothing under the name. An object without a UID, which no server should give, passes for the owner. */
		const liveUid = (kind, owner) => api.get(kind, owner).pipe(Effect.map((live) => live.metadata.uid ?? owner.uid), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(void 0)));
		const confirmAbsent = Effect.fn("Deletion.confirmAbsent")(function* (kind, owner, evidence) {
			const absent = (by) => ({
				_tag: "Absent",
				proof: {
					owner,
					by
				}
			});
			const present = { _tag: "Present" };
			const prevented = Metric.update(Metric.withAttributes(teardownsPrevented, { kind: kind.kind }), 1);
			const live = yield* Effect.tapError(liveUid(kind, owner), () => prevented);
			if (live === owner.uid) yield* prevented;
			const now = yield* Clock.monotonicTimeNanos;
			const first = firstLooks.get(owner.uid) ?? now;
			firstLooks.delete(owner.uid);
			if (live === owner.uid) return present;
			if (live !== void 0) return absent("AnotherUid");
			if (evidence === "Event") return absent("DeletedEventAndLive404");
			const apart = Duration.nanos(now - first);
			if (Duration.isGreaterThanOrEqualTo(apart, betweenLooks)) return absent("TwoLive404s");
			firstLooks.set(owner.uid, first);
			return {
				_tag: "Unproven",
				lookAgainAfter: Duration.subtract(betweenLooks, apart)
			};
		});
		return Deletion.of({
			delete: remove,
			scaleDown,
			confirmAbsent
		});
	}));
};
/** The number that shows what it is good for that unknown is not absent (failure-semantics.md section 9.7). */
const teardownsPrevented = Metric.counter("fission_executor_unknown_not_absent_total", {
	description: "Looks at an owner missing from a view that did not prove it gone: it exists, or the look failed",
	incremental: true
});
const identify = (subject) => ({
	kind: subject.kind.kind,
	namespace: subject.namespace,
	name: subject.name,
	uid: subject.uid
});
export { Deletion, DeletionRefused };
