import { degradedReason } from "../Errors.mjs";
import { Functions } from "../fission/ResourceKind.mjs";
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.mjs";
import { Conditions } from "../safeguards/Conditions.mjs";
import { EventRecorder } from "../safeguards/EventRecorder.mjs";
import { Circuits } from "./Circuits.mjs";
import { Clock, Context, Duration, Effect, Layer } from "effect";
// src/namespaces/Degradation.ts
/** Failures in a row that make a Function degraded where each of them may pass by itself. */
const failuresInARow = 3;
/** At most one write per object and reason in this time. */
const atMostEvery = 300000000000n;
const longestMessage = 1024;
/** Functions that are remembered; the oldest are forgotten. */
const capacity = 1e4;
/** These stay until somebody edits something, so that one failure is enough. */
const final = /* @__PURE__ */ new Set([
	"InvalidSpec",
	"QuotaExceeded",
	"EnvironmentMissing"
]);
const conditionType = "ExecutorDegraded";
/**
* Tells users through the condition `ExecutorDegraded` and Events that the executor cannot do what a Function asks for
* (failure-semantics.md section 5.6, observability.md O22). Says nothing while calls of the namespace, or of the whole
* server, are known to fail: that is not the Function's trouble.
*/
var Degradation = class Degradation extends Context.Service()("fission-executor/namespaces/Degradation") {
	static layer = Layer.effect(Degradation, Effect.gen(function* () {
		const clock = yield* Clock.Clock;
		const conditions = yield* Conditions;
		const events = yield* EventRecorder;
		const circuits = yield* Circuits;
		const server = yield* ApiServerHealth;
		const standings = /* @__PURE__ */ new Map();
		const standingOf = (uid) => {
			const known = standings.get(uid) ?? {
				failures: /* @__PURE__ */ new Map(),
				degradedBy: void 0,
				writtenAt: /* @__PURE__ */ new Map()
			};
			standings.set(uid, known);
			const oldest = standings.keys().next();
			if (standings.size > capacity && oldest.done !== true) standings.delete(oldest.value);
			return known;
		};
		const isExcused = (namespace) => server.status().state !== "Answering" || circuits.isOpen(namespace);
		/** How long the next write of a reason has to wait. */
		const delayOf = ({ writtenAt }, reason) => {
			const now = clock.monotonicTimeNanosUnsafe();
			const before = writtenAt.get(reason);
			const at = before === void 0 || now - before >= atMostEvery ? now : before > now ? before : before + atMostEvery;
			writtenAt.set(reason, at);
			return Duration.nanos(at - now);
		};
		const warn = (fn, reason, message) => {
			const { name, namespace, uid } = fn.metadata;
			const regarding = {
				kind: Functions,
				namespace: namespace ?? "",
				name,
				uid: uid ?? void 0
			};
			return events.record(regarding, {
				type: "Warning",
				reason,
				message
			});
		};
		const hinder = Effect.fnUntraced(function* (fn, source, reason, message) {
			if (isExcused(fn.metadata.namespace ?? "")) return;
			const standing = standingOf(fn.metadata.uid ?? "");
			const failures = (standing.failures.get(source) ?? 0) + 1;
			standing.failures.set(source, failures);
			if (!final.has(reason) && failures < failuresInARow) return;
			standing.degradedBy = source;
			const condition = {
				type: conditionType,
				status: "True",
				reason,
				message: message.slice(0, longestMessage)
			};
			yield* conditions.set(fn, condition, delayOf(standing, reason));
			yield* warn(fn, eventReasons[reason], message);
		});
		return Degradation.of({
			refused: (fn, { degraded, kind, text }) => {
				if (degraded !== void 0) return hinder(fn, "request", degraded, text);
				if (kind === "TooManyRequests") return warn(fn, "CapacityExceeded", text);
				return kind === "Internal" ? warn(fn, "SpecializationFailed", text) : Effect.void;
			},
			failed: (fn, error) => {
				const reason = degradedReason(error);
				return reason === void 0 ? Effect.void : hinder(fn, "work", reason, error.message);
			},
			succeeded: Effect.fnUntraced(function* (fn, source) {
				const standing = standings.get(fn.metadata.uid ?? "");
				standing?.failures.delete(source);
				const isOurs = standing?.degradedBy === source;
				const isOfBefore = source === "request" && standing?.degradedBy === void 0 && isShown(fn);
				if (!isOurs && !isOfBefore) return;
				if (standing !== void 0) standing.degradedBy = void 0;
				const recovered = {
					type: conditionType,
					status: "False",
					reason: "Recovered",
					message: ""
				};
				yield* conditions.set(fn, recovered, delayOf(standingOf(fn.metadata.uid ?? ""), recovered.reason));
			})
		});
	}));
};
const isShown = (fn) => fn.status?.conditions?.some(({ status, type }) => type === conditionType && status === "True") ?? false;
/** Reasons of the Events, as observability.md O22 has them. */
const eventReasons = {
	ApiTimeout: "SpecializationFailed",
	Forbidden: "SpecializationFailed",
	EnvironmentMissing: "SpecializationFailed",
	InvalidSpec: "DeploymentFailed",
	QuotaExceeded: "DeploymentFailed",
	NotReadyInTime: "DeploymentFailed"
};
export { Degradation };
