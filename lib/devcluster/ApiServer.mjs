import { listen, readBody } from "../HttpListener.mjs";
import { orRefusal, sendJson, sendStatus, sendText } from "./Answers.mjs";
import { isBuiltInGroup, nameIn, parsePath, verbOf } from "./ApiRequest.mjs";
import { perform } from "./ApiVerbs.mjs";
import { discovery } from "./Discovery.mjs";
import { expireEvents } from "./EventExpiry.mjs";
import { isFaultPath, serveFaults } from "./FaultAdmin.mjs";
import { Faults, faultAnswer } from "./Faults.mjs";
import { PodLogs } from "./PodLogs.mjs";
import { projectionOf } from "./Projection.mjs";
import { ResourceStore } from "./ResourceStore.mjs";
import { StatusError, badRequest, forbidden, noSuchPath, notImplemented } from "./Status.mjs";
import { isJson, jsonIn } from "./StoredObject.mjs";
import { sendWatchEnd, streamEvents } from "./WatchStream.mjs";
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Result } from "effect";
import { randomBytes, randomUUID } from "node:crypto";
// src/devcluster/ApiServer.ts
/** Largest body of a request, as on a real server. */
const bodyLimit = 3145728;
/**
* A Kubernetes API server in memory, over HTTP: enough of one for the executor, its controllers, a kubelet and the
* basics of kubectl. What it does not implement answers 501. `GET|POST|DELETE /faults` injects faults.
*/
var ApiServer = class ApiServer extends Context.Service()("fission-executor/devcluster/ApiServer") {
	/** Listens as soon as the layer is built. Port 0 takes any free port. */
	static layer = (options) => Layer.effect(ApiServer, Effect.gen(function* () {
		const clock = yield* Clock.Clock;
		const store = new ResourceStore({
			now: () => DateTime.toDateUtc(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe())),
			uid: randomUUID,
			suffix: () => randomBytes(4).toString("hex").slice(0, 5)
		});
		yield* expireEvents(store);
		const counter = makeCounter();
		const serve = yield* makeServe(store, counter.count);
		const { port } = yield* listen({
			...options,
			name: "embedded API server"
		}, serve);
		const url = `http://${options.host}:${port}`;
		return ApiServer.of({
			url,
			store,
			kubeconfig: kubeconfigFor(url),
			requests: counter.counts
		});
	}));
};
const kubeconfigFor = (url) => `apiVersion: v1
kind: Config
clusters:
  - name: embedded
    cluster: { server: "${url}" }
users:
  - name: developer
    user: {}
contexts:
  - name: embedded
    context: { cluster: embedded, user: developer, namespace: default }
current-context: embedded
`;
const makeCounter = () => {
	const byClient = /* @__PURE__ */ new Map();
	return {
		count: (client, key) => {
			const counts = byClient.get(client) ?? /* @__PURE__ */ new Map();
			byClient.set(client, counts.set(key, (counts.get(key) ?? 0) + 1));
		},
		counts: (client = "") => {
			const sum = /* @__PURE__ */ new Map();
			for (const [name, counts] of byClient) {
				if (!name.startsWith(client)) continue;
				for (const [key, count] of counts) sum.set(key, (sum.get(key) ?? 0) + count);
			}
			return sum;
		}
	};
};
const makeServe = (store, count) => Effect.gen(function* () {
	const faults = yield* Faults;
	const logs = yield* PodLogs;
	const serveResource = Effect.fnUntraced(function* (path, query, request, response) {
		const verb = verbOf(request.method ?? "GET", path, query);
		const { accept = "", "content-type": contentType = "", "user-agent": client = "" } = request.headers;
		const resource = [path.kind.plural, ...path.subresource === void 0 ? [] : [path.subresource]].join("/");
		count(client, `${verb} ${resource} ${path.namespace ?? ""}`);
		const body = yield* Effect.result(readBody(request, bodyLimit));
		if (Result.isFailure(body)) {
			if (body.failure.reason === "Aborted") return;
			return sendStatus(response, new StatusError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${bodyLimit}`), { connection: "close" });
		}
		const { namespace } = path;
		const target = {
			verb,
			resource,
			namespace,
			name: path.name ?? nameIn(body.success),
			client
		};
		const fault = Option.getOrUndefined(yield* faults.meet(target));
		const action = fault?.fault.action;
		switch (action?.type) {
			case "reset":
			case "dropWatch":
				request.socket.resetAndDestroy();
				return;
			case "error": return sendFault(response, action, target, path.kind.group);
			case "delay":
				yield* Effect.sleep(Duration.millis(action.milliseconds));
				break;
			case "hang":
				yield* fault?.lifted.await ?? Effect.void;
				break;
			case "silence": return yield* Effect.never;
			case "cut":
				response.writeHead(200, {
					"content-type": "application/json",
					"content-length": 1e3
				});
				response.write("{\"kind\":", () => request.socket.destroy());
				return;
			case "answer": return sendText(response, action.status, action.body, {
				"content-type": "application/json",
				...action.headers
			});
			case "endWatch":
			case "expireWatch": return sendWatchEnd(response, action.type);
		}
		const projection = projectionOf(accept, path.kind, store.now);
		if (verb === "watch") {
			const ended = faults.watchEnded(target);
			return yield* streamEvents(store, {
				path,
				query,
				projection,
				ended
			}, request, response);
		}
		const call = {
			verb,
			path,
			query,
			contentType,
			projection,
			body: body.success
		};
		if (verb === "get" && path.kind.kind === "Pod" && path.subresource === "log") {
			const text = orRefusal(() => logOf(store, logs, call));
			return text instanceof StatusError ? sendStatus(response, text) : sendText(response, 200, text);
		}
		const answer = orRefusal(() => perform(store, call));
		if (action?.type === "applyThenError") return sendFault(response, action, target, path.kind.group);
		return answer instanceof StatusError ? sendStatus(response, answer) : sendJson(response, answer.status, answer.body);
	});
	return Effect.fnUntraced(function* (request, response) {
		const url = new URL(request.url ?? "/", "http://embedded");
		if (isFaultPath(url.pathname)) return yield* serveFaults(faults, request, response, url.pathname);
		if ([
			"/healthz",
			"/readyz",
			"/livez"
		].includes(url.pathname)) return sendText(response, 200, "ok");
		const document = discovery(url.pathname);
		if (document !== void 0) return sendJson(response, 200, document);
		const path = parsePath(url.pathname);
		if (path === void 0) {
			if (isBuiltInGroup(url.pathname)) return sendStatus(response, noSuchPath());
			return sendText(response, 404, "404 page not found\n");
		}
		return yield* serveResource(path, url.searchParams, request, response);
	});
});
/** Answers as an API server in trouble would. */
const sendFault = (response, action, target, group) => {
	if (action.preset === "forbidden") return sendStatus(response, forbidden({
		...target,
		group
	}, target.verb, target.name ?? ""));
	const { message, reason, retryAfterSeconds, status } = faultAnswer(action.preset);
	const seconds = action.retryAfterSeconds ?? retryAfterSeconds;
	const headers = seconds === void 0 ? {} : { "retry-after": String(seconds) };
	if (reason === void 0) sendText(response, status, message, headers);
	else sendStatus(response, new StatusError(status, reason, message), headers);
};
/** The last lines of a container; `container` may be left out where the Pod has one. Throws `StatusError`. */
const logOf = (store, logs, { path, query }) => {
	const { name: pod = "", namespace = "" } = path;
	const names = containerNames(store.get(path.kind, namespace, pod));
	const container = query.get("container") ?? (names.length === 1 ? names[0] : void 0);
	if (container === void 0) throw badRequest(`a container name must be specified for pod ${pod}, choose one of: [${names.join(" ")}]`);
	if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${pod}`);
	if (query.get("follow") === "true") throw notImplemented("following a log");
	const lines = logs.read({
		namespace,
		pod,
		container
	}) ?? [];
	const tail = query.get("tailLines");
	return (tail === null ? lines : lines.slice(Math.max(0, lines.length - Number(tail)))).map((line) => `${line}\n`).join("");
};
const containerNames = (pod) => {
	const { containers } = jsonIn(pod, "spec");
	if (!Array.isArray(containers)) return [];
	return containers.flatMap((container) => isJson(container) ? [String(container["name"])] : []);
};
export { ApiServer };
