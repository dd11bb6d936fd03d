import { signedHeaders } from "../../fission/RequestSignature.mjs";
import { Clock, Data, Duration, Effect, Schedule } from "effect";
import { Agent, request } from "undici";
// src/devcluster/router/ExecutorClient.ts
/** An executor that gave no address. */
var ExecutorError = class extends Data.TaggedError("ExecutorError") {
	get message() {
		if (this.status === 401) return "HTTP 401: the executor refused the signature; both need the same internal auth secret";
		return this.status === 0 ? this.text : `HTTP ${this.status}: ${this.text}`;
	}
};
/** Longest wait that a `Retry-After` is followed for. */
const longestRetryAfter = Duration.seconds(30);
/** After 1, 2, 4 and 8 seconds, or when the executor says (http-api.md section 10.1). */
const retries = Schedule.exponential(Duration.seconds(1)).pipe(Schedule.setInputType(), Schedule.while(({ input }) => mayBeRepeated(input.status)), Schedule.upTo({ times: 4 }), Schedule.modifyDelay(({ duration, input }) => Effect.succeed(input.retryAfter ?? duration)));
const mayBeRepeated = (status) => status === 0 || status === 429 || status >= 500 && status !== 501;
/** Makes a client; closing the scope closes its connections. */
const make = (url, key) => Effect.gen(function* () {
	const agent = yield* Effect.acquireRelease(Effect.sync(() => new Agent({
		connections: 128,
		keepAliveTimeout: 9e4,
		headersTimeout: 0,
		bodyTimeout: 0
	})), (agent) => Effect.promise(() => agent.destroy()));
	const post = Effect.fnUntraced(function* (target, body, headers) {
		const now = yield* Clock.currentTimeMillis;
		const signed = key === void 0 ? {} : signedHeaders(key, {
			method: "POST",
			target,
			body
		}, Math.floor(now / 1e3));
		const answer = yield* Effect.tryPromise({
			try: async (signal) => {
				const sent = {
					"content-type": "application/json",
					...headers,
					...signed
				};
				const response = await request(`${url}${target}`, {
					method: "POST",
					dispatcher: agent,
					signal,
					body,
					headers: sent
				});
				return {
					status: response.statusCode,
					text: (await response.body.text()).trim(),
					retryAfter: response.headers["retry-after"]
				};
			},
			catch: (cause) => new ExecutorError({
				status: 0,
				text: cause instanceof Error ? cause.message : String(cause)
			})
		});
		if (answer.status === 200) return answer.text;
		const asked = [429, 503].includes(answer.status) ? retryAfterOf(answer.retryAfter, now) : void 0;
		return yield* new ExecutorError({
			status: answer.status,
			text: answer.text,
			retryAfter: asked
		});
	});
	const call = (target, body, headers = {}) => Effect.suspend(() => post(target, JSON.stringify(body), headers)).pipe(Effect.retry(retries));
	const getServiceForFunction = (fn, requestId) => call("/v2/getServiceForFunction", fn, { "x-fission-request-id": requestId });
	return {
		getServiceForFunction,
		ensureCapacity: (fn, ready, requestId) => call("/v2/ensureCapacity", {
			function: fn,
			observedReadyEndpoints: ready,
			observedBusyEndpoints: ready
		}, { "x-fission-request-id": requestId }).pipe(Effect.catchIf(({ status }) => status === 404, () => getServiceForFunction(fn, requestId))),
		unTapService: (tap) => Effect.asVoid(call("/v2/unTapService", tap)),
		tapServices: (taps) => Effect.asVoid(call("/v2/tapServices", taps))
	};
});
/** Seconds or an HTTP date, at most half a minute from now. */
const retryAfterOf = (header, now) => {
	if (typeof header !== "string") return void 0;
	const millis = /^\d+$/u.test(header) ? Number(header) * 1e3 : Date.parse(header) - now;
	return Number.isNaN(millis) ? void 0 : Duration.min(Duration.millis(Math.max(0, millis)), longestRetryAfter);
};
export { ExecutorError, make };
