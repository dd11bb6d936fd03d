import { Clock, Duration, Effect } from "effect";
// src/namespaces/CellLog.ts
/** Makes the log of one namespace, in which nothing fails yet. */
const make = (namespace) => {
	/** Since when each resource fails (monotonic milliseconds), and whether it was blocked. */
	const failing = /* @__PURE__ */ new Map();
	const failed = (status, now) => {
		const { error, failures, nextAttempt, state } = status.status;
		const known = failing.get(status.resource);
		const blocked = state === "Blocked";
		const isFirst = blocked ? known?.blocked !== true : failing.size === 0;
		failing.set(status.resource, {
			since: known?.since ?? now,
			blocked
		});
		const first = blocked ? Effect.logError : Effect.logWarning;
		return (isFirst ? first : Effect.logDebug)(blocked ? "list or watch is refused and tried again slowly" : "list or watch failed and is tried again").pipe(Effect.annotateLogs({
			namespace,
			resource: status.resource,
			error: error?._tag,
			...error?._tag === "KubernetesTimeoutError" ? { errorKind: error.kind } : {},
			detail: error?.message,
			failures,
			nextAttemptIn: nextAttempt && Duration.format(nextAttempt)
		}));
	};
	const recovered = (resource, now) => {
		const known = failing.get(resource);
		if (known === void 0) return Effect.void;
		failing.delete(resource);
		return Effect.logInfo("list and watch work again").pipe(Effect.annotateLogs({
			namespace,
			resource,
			failedFor: format(now - known.since)
		}));
	};
	return {
		status: (status) => Effect.flatMap(monotonicMillis, (now) => {
			if (status.status.error === void 0) return recovered(status.resource, now);
			return status.status.nextAttempt === void 0 ? Effect.void : failed(status, now);
		}),
		health: (before, after) => {
			const level = levels[after.state];
			return (level === "info" ? Effect.logInfo : level === "warning" ? Effect.logWarning : Effect.logError)(consequences[after.state]).pipe(Effect.annotateLogs({
				namespace,
				state: after.state,
				previousState: before.state,
				previousStateFor: format(after.since - before.since),
				...after.reason === "" ? {} : { reason: after.reason }
			}));
		}
	};
};
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1000000n));
const format = (millis) => Duration.format(Duration.millis(millis));
const levels = {
	Starting: "info",
	Healthy: "info",
	Stale: "warning",
	BackingOff: "warning",
	Blocked: "error"
};
const consequences = {
	Starting: "namespace is starting",
	Healthy: "namespace is healthy",
	Stale: "namespace is stale; warm traffic and cold starts from the view go on",
	BackingOff: "namespace backs off; nothing in it is deleted, cached addresses still answer",
	Blocked: "namespace is blocked; cached addresses still answer, everything else waits for rights or CRDs"
};
export { make };
