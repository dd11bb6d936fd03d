import { listen } from "../HttpListener.mjs";
import { functionKey, functionTimeoutSeconds, requestsPerPod } from "../fission/Function.mjs";
import { channelKey } from "../fission/RequestSignature.mjs";
import { Functions } from "../fission/ResourceKind.mjs";
import { make } from "./router/ExecutorClient.mjs";
import { ProxyError, forward } from "./router/Proxy.mjs";
import { routeOf } from "./router/Routes.mjs";
import { off, watch } from "./router/SliceIndex.mjs";
import { make as make$1 } from "./router/Taps.mjs";
import { watch as watch$1 } from "./router/Views.mjs";
import { Cache, Context, Data, Duration, Effect, Exit, Layer, Random, Redacted, Result, Schedule } from "effect";
import { randomUUID } from "node:crypto";
// src/devcluster/Router.ts
/** Why a request got no answer of a function, as the end user is told (http-api.md section 10.4). */
var RouteError = class extends Data.TaggedError("RouteError") {};
/** How long the address of a function that has a Service is used without asking again (http-api.md section 10.2). */
const addressFreshFor = Duration.minutes(1);
/** Repeats after a refused connection, each with another resolution. */
const afterRefusal = Schedule.min([Schedule.exponential(Duration.millis(50)), Schedule.spaced(Duration.seconds(1))]).pipe(Schedule.upTo({ times: 9 }));
/**
* A small router with Fission's internal paths, `/fission-function/<name>` of the namespace `default` and
* `/fission-function/<namespace>/<name>`, each with whatever follows, and with HTTPTriggers. It treats the executor exactly
* as the stock router does, with its slice index off or on (http-api.md section 10), so every un-tap and retry of that is
* seen.
*/
var Router = class Router extends Context.Service()("fission-executor/devcluster/Router") {
	/** Listens as soon as the layer is built; answers 503 until what it needs to know has been listed. */
	static layer = (options) => Layer.effect(Router, Effect.gen(function* () {
		const views = yield* watch$1(options.namespaces);
		const slices = options.endpointSlices === true ? yield* watch(options.namespaces) : off;
		const handle = yield* makeHandler(options, views, slices);
		const { port } = yield* listen({
			host: options.host,
			port: options.port,
			name: "router"
		}, handle);
		return Router.of({ url: `http://${options.host}:${port}` });
	}));
};
const makeHandler = (options, views, slices) => Effect.gen(function* () {
	const { find } = views;
	const scope = yield* Effect.scope;
	const secret = options.internalAuthSecret;
	const key = secret === void 0 ? void 0 : channelKey(Redacted.value(secret), "executor");
	const executor = yield* make(options.executorUrl, key);
	const taps = make$1(executor);
	yield* Effect.forkScoped(taps.run);
	const ask = (fn, requestId) => {
		const asked = Effect.mapError(executor.getServiceForFunction(fn, requestId), fromExecutor);
		const seconds = decoded(fn)?.spec.functionTimeout ?? 0;
		if (seconds <= 0) return asked;
		const late = specializationFailed(`no address within ${seconds} s`);
		return Effect.timeoutOrElse(asked, {
			duration: Duration.seconds(seconds),
			orElse: () => Effect.fail(late)
		});
	};
	const addresses = yield* Cache.makeWith((id) => {
		const [namespace = "", name = ""] = id.split("/");
		const fn = find(namespace, name);
		return fn === void 0 ? Effect.fail(unknownFunction) : ask(fn, randomUUID());
	}, {
		capacity: 1e3,
		timeToLive: (exit) => Exit.isSuccess(exit) ? addressFreshFor : Duration.zero
	});
	/** One resolution per request, given back afterwards and detached from it. */
	const resolveSlot = (fn, asked) => Effect.map(asked, (address) => {
		const tap = {
			FnMetadata: fn.metadata,
			FnExecutorType: "poolmgr",
			ServiceURL: address
		};
		const giveBack = executor.unTapService(tap).pipe(Effect.catch((error) => Effect.logWarning("un-tap failed", error)));
		return {
			address,
			release: Effect.asVoid(Effect.forkIn(Effect.interruptible(giveBack), scope)),
			forget: Effect.void
		};
	});
	/** poolmgr: a pod that the slices show, tapped and counted here alone, or one of the executor. */
	const resolvePod = (fn, requestId) => Effect.suspend(() => {
		const admission = (mustAsk(fn) ? off : slices).admit(fn, requestsPerPodOf(fn));
		switch (admission._tag) {
			case "Unlisted": return Effect.fail(noRoute.notReady);
			case "Empty": return resolveSlot(fn, ask(fn, requestId));
			case "Busy": {
				const asked = executor.ensureCapacity(fn, admission.ready, requestId);
				return resolveSlot(fn, Effect.mapError(asked, fromExecutor));
			}
			case "Admitted": {
				const { address, forget, release } = admission;
				taps.add(tapOf(fn, "poolmgr", address));
				return Effect.succeed({
					address,
					release: Effect.sync(release),
					forget: Effect.sync(forget)
				});
			}
		}
	});
	/** newdeploy and container: the address of a Service, asked for once a minute and tapped in between. */
	const resolveService = Effect.fnUntraced(function* (fn, executorType) {
		const id = `${fn.metadata.namespace}/${fn.metadata.name}/${functionKey(fn.metadata)}`;
		const known = yield* Cache.has(addresses, id);
		const address = yield* Cache.get(addresses, id);
		if (known) taps.add(tapOf(fn, executorType, address));
		return {
			address,
			release: Effect.void,
			forget: Cache.invalidate(addresses, id)
		};
	});
	const resolve = (fn, requestId) => {
		const executorType = decoded(fn)?.spec.InvokeStrategy?.ExecutionStrategy?.ExecutorType ?? "";
		return executorType === "poolmgr" ? resolvePod(fn, requestId) : resolveService(fn, executorType);
	};
	/** One of the pods behind an address. */
	const dial = Effect.fnUntraced(function* (address) {
		const endpoints = views.endpointsOf(address);
		const index = Math.floor((yield* Random.next) * endpoints.length);
		const refused = new ProxyError({
			reason: "Refused",
			detail: `no pod of ${address} is ready`
		});
		return endpoints[index] ?? (yield* refused);
	});
	const attempt = (route, request, response, requestId) => Effect.uninterruptibleMask((restore) => Effect.gen(function* () {
		const fn = find(route.namespace, route.name);
		if (fn === void 0) return yield* unknownFunction;
		const { address, forget, release } = yield* restore(resolve(fn, requestId));
		const headers = {
			...functionHeaders(fn, request, requestId),
			...parameterHeaders(route)
		};
		const seconds = functionTimeoutSeconds(decoded(fn) ?? {
			metadata: fn.metadata,
			spec: {}
		});
		yield* dial(address).pipe(Effect.flatMap((pod) => forward(request, response, {
			address: pod,
			target: route.target,
			headers
		})), Effect.tapError(({ reason }) => reason === "Refused" ? forget : Effect.void), Effect.timeoutOrElse({
			duration: Duration.seconds(seconds),
			orElse: () => Effect.fail(tooLate(seconds))
		}), restore, Effect.ensuring(release));
	}));
	return Effect.fnUntraced(function* (request, response) {
		const requestId = requestIdOf(request);
		response.setHeader("x-fission-request-id", requestId);
		const route = routeOf(request, views, yield* Random.next);
		if (typeof route === "string") return yield* answerError(response, requestId, noRoute[route]);
		yield* attempt(route, request, response, requestId).pipe(Effect.retry({
			schedule: afterRefusal,
			while: (error) => error._tag === "ProxyError" && error.reason === "Refused"
		}), Effect.catchTag("ProxyError", (error) => Effect.fail(fromProxy(error))), Effect.catchTag("RouteError", (error) => answerError(response, requestId, error)));
	});
});
const decoded = (fn) => Result.getOrUndefined(Functions.decode(fn));
const requestsPerPodOf = (fn) => {
	const known = decoded(fn);
	return known === void 0 ? 1 : requestsPerPod(known);
};
/** Whether every request of a poolmgr function asks the executor, whatever the slices show (http-api.md section 10.2). */
const mustAsk = (fn) => decoded(fn)?.spec.onceOnly === true || fn.metadata.annotations?.["fission.io/concurrency-enforcement"] === "strict";
/** One use of an address that the executor was not asked for. */
const tapOf = (fn, executorType, address) => {
	const { name, namespace, resourceVersion, uid } = fn.metadata;
	return {
		FnMetadata: {
			name,
			namespace,
			uid,
			resourceVersion
		},
		FnExecutorType: executorType,
		ServiceURL: `http://${address}`
	};
};
/** The caller's id when it is 1 to 192 printable characters, else a fresh one (http-api.md section 9). */
const requestIdOf = (request) => {
	const given = request.headers["x-fission-request-id"];
	return typeof given === "string" && /^[\x21-\x7e]{1,192}$/u.test(given) ? given : randomUUID();
};
/** What a function learns about itself (function-pod-protocol.md section 10.4). */
const functionHeaders = (fn, request, requestId) => ({
	"x-fission-function-uid": fn.metadata.uid ?? "",
	"x-fission-function-name": fn.metadata.name,
	"x-fission-function-namespace": fn.metadata.namespace ?? "",
	"x-fission-function-resourceversion": fn.metadata.resourceVersion ?? "",
	"x-fission-full-url": request.url ?? "/",
	"x-fission-request-id": requestId
});
const parameterHeaders = ({ parameters }) => Object.fromEntries(Object.entries(parameters).map(([name, value]) => [`x-fission-params-${name}`, value]));
const unknownFunction = new RouteError({
	status: 404,
	component: "router",
	reason: "function_not_found",
	detail: "no function of this name"
});
const noRoute = {
	unknown: unknownFunction,
	notReady: new RouteError({
		status: 503,
		component: "router",
		reason: "not_ready",
		detail: "the functions are not all known yet"
	}),
	otherMethod: new RouteError({
		status: 405,
		component: "router",
		reason: "method_not_allowed",
		detail: "no trigger of this path takes this method"
	})
};
const specializationFailed = (detail) => new RouteError({
	status: 500,
	component: "executor",
	reason: "specialization_failed",
	detail
});
const fromExecutor = (error) => error.status === 429 ? new RouteError({
	status: 429,
	component: "executor",
	reason: "capacity_exceeded",
	detail: error.text
}) : specializationFailed(error.message);
const fromProxy = ({ detail, reason }) => new RouteError({
	status: 502,
	component: "function",
	reason: reason === "Refused" ? "unreachable" : "connection_lost",
	detail
});
const tooLate = (seconds) => new RouteError({
	status: 504,
	component: "function",
	reason: "timeout",
	detail: `no answer within ${seconds} s`
});
const answerError = (response, requestId, error) => Effect.sync(() => {
	if (response.headersSent) return void response.destroy();
	const { component, detail: message, reason, status } = error;
	response.writeHead(status, { "content-type": "application/json" });
	response.end(JSON.stringify({
		component,
		reason,
		requestId,
		message
	}));
});
export { Router };
