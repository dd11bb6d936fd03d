import { parseGoDuration } from "../Config.mjs";
import { Orphans } from "../controllers/Orphans.mjs";
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.mjs";
import { Circuits } from "../namespaces/Circuits.mjs";
import { Supervisor } from "../namespaces/Supervisor.mjs";
import { Brake } from "../safeguards/Brake.mjs";
import { DecisionLog } from "../safeguards/DecisionLog.mjs";
import { Leadership } from "../safeguards/Leadership.mjs";
import { refresh } from "./Gauges.mjs";
import { describeNamespace, describeServer } from "./NamespaceReport.mjs";
import { Clock, DateTime, Duration, Effect, Option } from "effect";
import { PrometheusMetrics } from "effect/observability";
// src/observability/DebugRoutes.ts
const text = (status, line) => ({
	status,
	contentType: "text/plain; charset=utf-8",
	body: `${line}\n`
});
const json = (value) => ({
	status: 200,
	contentType: "application/json",
	body: `${JSON.stringify(value, void 0, 2)}\n`
});
const metrics = Effect.gen(function* () {
	yield* refresh;
	return {
		status: 200,
		contentType: "text/plain; version=0.0.4; charset=utf-8",
		body: yield* PrometheusMetrics.format()
	};
});
/** Undefined when the executor serves the namespace, or when none is named; else the refusal. */
const namespaceProblem = (namespace) => Effect.map(Supervisor, ({ cells }) => {
	const known = new Set(cells.flatMap(({ view }) => [view.namespace, view.workloadNamespace]));
	if (namespace === null || known.has(namespace)) return void 0;
	return text(400, `namespace: "${namespace}" is not served here; known are ${[...known].join(", ")}`);
});
/** A time in RFC 3339, or that long ago in Go's duration syntax; undefined when it is neither. */
const timeOf = (since, now) => {
	const ago = parseGoDuration(since);
	if (ago !== void 0) return now - Duration.toMillis(ago);
	return /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/u.test(since) ? Option.getOrUndefined(Option.map(DateTime.make(since), DateTime.toEpochMillis)) : void 0;
};
const written = ({ at, ...decision }) => ({
	at: DateTime.formatIso(at),
	...decision
});
const decisions = Effect.fnUntraced(function* (query) {
	const namespace = query.get("namespace");
	const problem = yield* namespaceProblem(namespace);
	if (problem !== void 0) return problem;
	const since = query.get("since");
	const from = since === null ? 0 : timeOf(since, yield* Clock.currentTimeMillis);
	if (from === void 0) return text(400, `since: "${since}" is neither a time such as 2026-08-07T10:00:00Z nor a duration such as 10m`);
	const object = query.get("object");
	const recent = yield* DecisionLog.use((log) => log.recent(namespace ?? void 0));
	return json({ decisions: recent.filter(({ at, name }) => DateTime.toEpochMillis(at) >= from && (object === null || name === object)).map(written) });
});
const namespaces = Effect.gen(function* () {
	const { cells } = yield* Supervisor;
	const circuits = yield* Circuits;
	const brake = yield* Brake;
	const server = yield* ApiServerHealth;
	const leadership = yield* Leadership;
	const leader = leadership.leader();
	const sources = {
		circuitsOf: circuits.of,
		brakeOf: brake.status
	};
	return json({
		replica: {
			role: leadership.role(),
			...leader !== void 0 && { leader }
		},
		apiServer: yield* describeServer(server.status()),
		namespaces: yield* Effect.forEach(cells, (cell) => describeNamespace(cell, sources))
	});
});
const orphans = Effect.fnUntraced(function* (query) {
	const namespace = query.get("namespace");
	const problem = yield* namespaceProblem(namespace);
	if (problem !== void 0) return problem;
	return json(yield* Orphans.use(({ report }) => report(namespace ?? void 0)));
});
const releaseBrake = Effect.fnUntraced(function* (query) {
	const namespace = query.get("namespace");
	if (namespace === null) return text(400, "namespace: say which, as in ?namespace=default");
	const problem = yield* namespaceProblem(namespace);
	if (problem !== void 0) return problem;
	const released = yield* Brake.use((brake) => brake.release(namespace));
	return json({
		namespace,
		released
	});
});
const routes = /* @__PURE__ */ new Map([
	["/metrics", {
		method: "GET",
		parameters: [],
		page: () => metrics
	}],
	["/debug/decisions", {
		method: "GET",
		parameters: [
			"namespace",
			"object",
			"since"
		],
		page: decisions
	}],
	["/debug/namespaces", {
		method: "GET",
		parameters: [],
		page: () => namespaces
	}],
	["/debug/orphans", {
		method: "GET",
		parameters: ["namespace"],
		page: orphans
	}],
	["/debug/brakes/release", {
		method: "POST",
		parameters: ["namespace"],
		page: releaseBrake
	}]
]);
/** Answers a request for one of the pages; what cannot be answered says why in one line. Never fails. */
const answer = (method, target) => {
	const { pathname, searchParams } = new URL(`http://localhost/${target.replace(/^\/+/u, "")}`);
	const route = routes.get(pathname);
	if (route === void 0) return Effect.succeed(text(404, `not found; here are ${[...routes.keys()].join(", ")}`));
	if (route.method !== method) return Effect.succeed(text(405, `${pathname} answers to ${route.method} only`));
	const unknown = pathname === "/metrics" ? void 0 : [...searchParams.keys()].find((name) => !route.parameters.includes(name));
	if (unknown !== void 0) return Effect.succeed(text(400, `${unknown}: no such parameter; known are ${route.parameters.join(", ") || "none"}`));
	return route.page(searchParams);
};
export { answer };
