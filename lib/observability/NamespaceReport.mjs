import { Clock, Duration, Effect } from "effect";
// src/observability/NamespaceReport.ts
/** Describes a namespace as it is now. */
const describeNamespace = (cell, sources) => Effect.gen(function* () {
	const now = yield* Clock.monotonicTimeNanos;
	const { namespace, workloadNamespace } = cell.view;
	const health = cell.health();
	const brake = sources.brakeOf(namespace);
	const kinds = yield* Effect.forEach(cell.kinds(), (kind) => describeKind(cell.view, kind, now));
	return {
		namespace,
		workloadNamespace,
		state: health.state,
		forSeconds: secondsBetween(health.since, now),
		reason: health.reason,
		circuits: Object.fromEntries([.../* @__PURE__ */ new Set([namespace, workloadNamespace])].map((name) => [name, sources.circuitsOf(name)])),
		queued: cell.queueSize(),
		...brake && { brake: {
			forSeconds: secondsBetween(Number(brake.since / 1000000n), now),
			reason: brake.reason
		} },
		kinds
	};
});
/** Describes the server as it is now. */
const describeServer = ({ since, state }) => Effect.map(Clock.monotonicTimeNanos, (now) => ({
	state,
	...since !== void 0 && { forSeconds: secondsBetween(since, now) }
}));
const describeKind = (view, kind, now) => {
	const { error, failures, nextAttempt, state } = kind.status;
	const store = storeOf(view, kind.resource);
	const forSeconds = secondsBetween(kind.since, now);
	return Effect.map(store?.age ?? Effect.succeed(Duration.infinity), (age) => ({
		resource: kind.resource,
		namespace: kind.namespace,
		required: kind.required,
		state,
		forSeconds,
		viewAgeSeconds: Duration.isFinite(age) ? tenths(Duration.toSeconds(age)) : null,
		objects: store?.size() ?? 0,
		failures,
		...error && { error: error.message },
		...nextAttempt && { nextAttemptInSeconds: Math.max(0, tenths(Duration.toSeconds(nextAttempt) - forSeconds)) }
	}));
};
/** The view of a kind by its plural name. */
const storeOf = (view, resource) => {
	return {
		functions: view.functions,
		environments: view.environments,
		packages: view.packages,
		pods: view.pods,
		deployments: view.deployments,
		services: view.services,
		secrets: view.secrets,
		configmaps: view.configMaps,
		functionversions: view.functionVersions,
		functionaliases: view.functionAliases
	}[resource];
};
const tenths = (seconds) => Math.round(seconds * 10) / 10;
const secondsBetween = (sinceMillis, now) => tenths((Number(now / 1000000n) - sinceMillis) / 1e3);
export { describeNamespace, describeServer, storeOf };
