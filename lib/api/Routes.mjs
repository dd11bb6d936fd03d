import { FissionError } from "../Errors.mjs";
import { executorTypeOf, routerUnTaps } from "../fission/Function.mjs";
import { ok, refusal } from "./Answer.mjs";
import { decodeEnsureCapacity, decodeFunction, decodeTap, decodeTaps, remembering } from "./Bodies.mjs";
import { Cause, Effect, Result } from "effect";
// src/api/Routes.ts
/** Paths that need no signature (http-api.md section 8.3). */
const openPaths = /* @__PURE__ */ new Set(["/healthz", "/readyz"]);
/** The routes by their exact path (http-api.md section 3). */
const makeRoutes = (dispatcher, isDraining) => {
	const functionIn = remembering(decodeFunction);
	const ensureCapacityIn = remembering(decodeEnsureCapacity);
	const tapIn = remembering(decodeTap);
	const get = (answer) => ({
		method: "GET",
		answer: () => answer
	});
	/** A POST waits for nothing: until the views are synced it is sent away (http-api.md H15). */
	const post = (answer) => ({
		method: "POST",
		answer: (input) => Effect.flatMap(dispatcher.ready, (ready) => ready ? answer(input) : Effect.succeed(refusal(503, notSynced)))
	});
	const getServiceForFunction = {
		...post(({ body, correlationId }) => Effect.flatMap(decoded(functionIn, body, failedToParse), (fn) => Effect.map(dispatcher.getService(fn, correlationId), (service) => addressFor(fn, service)))),
		fromView: Effect.fnUntraced(function* (body) {
			const fn = yield* decoded(functionIn, body, failedToParse);
			const address = yield* dispatcher.addressInView(fn);
			return address === void 0 ? void 0 : {
				executorType: executorTypeOf(fn),
				metadata: fn.metadata,
				address
			};
		})
	};
	const ensureCapacity = post(Effect.fnUntraced(function* ({ body, correlationId }) {
		const { function: fn, ...observed } = yield* decoded(ensureCapacityIn, body, failedToParse);
		yield* Effect.logDebug("the router asks for one more pod", {
			...observed,
			correlationId
		});
		return addressFor(fn, yield* dispatcher.ensureCapacity(fn, correlationId));
	}));
	const tapServices = post(Effect.fnUntraced(function* ({ body }) {
		const taps = yield* decoded(decodeTaps, body, "Failed to decode tap service request");
		const { notFound, unknownType } = yield* dispatcher.tap(taps);
		if (unknownType.length > 0) {
			const types = [...new Set(unknownType.map((tap) => tap.executorType))].slice(0, 10);
			yield* Effect.logError("taps name executor types that do not exist", {
				count: unknownType.length,
				types
			});
			return tapsFailed;
		}
		return notFound > 0 ? refusal(404, "Not found") : ok();
	}, Effect.catchDefect((defect) => Effect.as(Effect.logError("taps ended in a bug", Cause.die(defect)), tapsFailed))));
	const unTapService = post(({ body }) => Effect.flatMap(decoded(tapIn, body, failedToParse), (tap) => Effect.as(dispatcher.unTap(tap), ok())));
	const readyz = Effect.suspend(() => isDraining() ? Effect.succeed(refusal(503, "shutting down")) : Effect.map(dispatcher.ready, (ready) => ready ? ok() : refusal(503, notReady(dispatcher.missingDefinitions()))));
	return /* @__PURE__ */ new Map([
		["/v2/getServiceForFunction", getServiceForFunction],
		["/v2/ensureCapacity", ensureCapacity],
		["/v2/tapServices", tapServices],
		["/v2/unTapService", unTapService],
		["/v2/debugInfo", get(Effect.map(dispatcher.debugInfo, ok))],
		["/healthz", get(Effect.succeed(ok()))],
		["/readyz", get(readyz)]
	]);
};
const notSynced = "caches not synced";
const notReady = (missing) => missing.length === 0 ? notSynced : `${notSynced} (CRDMissing: ${missing.join(", ")})`;
const failedToParse = "Failed to parse request";
const tapsFailed = refusal(500, "error tapping function services");
/** What the body holds, or 400 with the route's text. */
const decoded = (decode, body, text) => {
	const result = decode(body);
	if (Result.isSuccess(result)) return Effect.succeed(result.success);
	return Effect.andThen(Effect.logError("the body of a request cannot be used", {
		bytes: body.bytes.length,
		detail: result.failure
	}), Effect.fail(new FissionError({
		kind: "InvalidArgument",
		text
	})));
};
/** An address whose slot comes back unless the router got it and will give it back itself (http-api.md H4, H6). */
const addressFor = (fn, service) => ({
	...ok(service.address),
	settle: (delivered) => delivered && routerUnTaps(fn) ? Effect.void : service.release
});
export { makeRoutes, openPaths };
