import { Settings } from "../Config.mjs";
import { Dispatcher } from "../executors/Dispatcher.mjs";
import { digestOf } from "../fission/RequestSignature.mjs";
import { listen } from "../HttpListener.mjs";
import { Leadership } from "../safeguards/Leadership.mjs";
import { fromError, refusal, send } from "./Answer.mjs";
import { makeForward } from "./Forwarding.mjs";
import { keysOf, makeReceivers } from "./Receive.mjs";
import { makeRoutes, openPaths } from "./Routes.mjs";
import { Cause, Context, Duration, Effect, Layer } from "effect";
import { randomUUID } from "node:crypto";
// src/api/ExecutorApi.ts
/** The executor's HTTP API for the router (http-api.md), listening as long as the layer lives. */
var ExecutorApi = class ExecutorApi extends Context.Service()("fission-executor/api/ExecutorApi") {
	/**
	* Listens at once, ready or not. When the scope closes, readiness fails, new connections are refused and nothing new is
	* created, while open requests get `gracefulShutdownTimeout`.
	*/
	static layer = (options) => Layer.effect(ExecutorApi, Effect.gen(function* () {
		const dispatcher = yield* Dispatcher;
		const { gracefulShutdownTimeout } = yield* Settings;
		let draining = false;
		const handle = yield* makeHandler(() => draining);
		const { port } = yield* listen({
			receiveWithin: Duration.seconds(30),
			...options,
			name: "executor API",
			drain: gracefulShutdownTimeout,
			onDrain: () => {
				draining = true;
				dispatcher.stopCreating();
			}
		}, handle);
		return ExecutorApi.of({ port });
	}));
};
/** The API without its listener. While `isDraining` readiness fails and every answer ends its connection. */
const makeHandler = (isDraining = () => false) => Effect.gen(function* () {
	const routes = makeRoutes(yield* Dispatcher, isDraining);
	const settings = yield* Settings;
	const forward = yield* makeForward(yield* Leadership, keysOf(settings.internalAuth)[0]);
	const { unverified, verified } = makeReceivers(settings);
	const answerTo = Effect.fnUntraced(function* (request, correlationId) {
		const path = pathOf(request.url ?? "");
		const checked = verified === void 0 || openPaths.has(path) ? void 0 : yield* Effect.interruptible(verified(request));
		const route = routes.get(path);
		if (route === void 0) return refusal(404, "404 page not found");
		if (route.method !== request.method) return refusal(405, "405 method not allowed");
		const body = checked ?? (route.method === "GET" ? noBody : yield* Effect.interruptible(unverified(request)));
		return (route.method === "POST" ? yield* forward(request, body, route) : void 0) ?? (yield* route.answer({
			body,
			correlationId
		}));
	});
	return (request, response) => {
		if (isPreflight(request)) return send(request, response, preflightDenied, { close: isDraining() });
		const correlationId = correlationIdOf(request);
		return answerTo(request, correlationId).pipe(Effect.catchTags({
			FissionError: (error) => Effect.succeed(fromError(error)),
			NotReceived: (error) => notReceived(request, error)
		}), Effect.catchDefect(endedInBug), Effect.flatMap((answer) => send(request, response, answer, {
			correlationId,
			close: isDraining()
		})), Effect.uninterruptible);
	};
});
const noBody = {
	bytes: Buffer.alloc(0),
	digest: digestOf("")
};
const preflightDenied = refusal(403, "cross-origin requests not permitted");
/** A browser asks whether it may call us from another origin; it may not (http-api.md section 2). */
const isPreflight = ({ method, headers }) => method === "OPTIONS" && Boolean(headers["access-control-request-method"]) && Boolean(headers.origin);
/** The caller's id where it is usable, else a fresh one (http-api.md section 9). */
const correlationIdOf = (request) => {
	const given = request.headers["x-fission-request-id"];
	return typeof given === "string" && /^[\x21-\x7e]{1,192}$/u.test(given) ? given : randomUUID();
};
/** The decoded path of a request target; one that cannot be decoded matches no route. */
const pathOf = (target) => {
	const query = target.indexOf("?");
	const path = query < 0 ? target : target.slice(0, query);
	if (!path.includes("%")) return path;
	try {
		return decodeURIComponent(path);
	} catch {
		return "";
	}
};
/** An empty answer: a caller that cannot sign learns nothing about why. */
const notReceived = (request, { status, reason }) => Effect.logDebug("a request was not let in", {
	reason,
	method: request.method,
	path: pathOf(request.url ?? ""),
	remoteAddress: request.socket.remoteAddress
}).pipe(Effect.as({
	status,
	body: ""
}));
const endedInBug = (defect) => Effect.as(Effect.logError("a request ended in a bug", Cause.die(defect)), refusal(500, "Internal error"));
export { ExecutorApi };
