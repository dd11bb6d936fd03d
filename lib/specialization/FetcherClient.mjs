import { Settings } from "../Config.mjs";
import { addressOf } from "../fission/Address.mjs";
import { ports } from "../fission/Labels.mjs";
import { channelKey, signedHeaders } from "../fission/RequestSignature.mjs";
import { Clock, Context, Data, Duration, Effect, Layer, Redacted, Schedule } from "effect";
import { Agent, request } from "undici";
// src/specialization/FetcherClient.ts
/**
* What became of loading a function into a pod other than success (function-pod-protocol.md section 12).
*
* - `Answered`: the pod refused; the same request would be refused again. Whether code was loaded is open
* - `Unreachable`: nothing was sent, no code can have arrived
* - `AnswerLost`: the request was sent and no answer came: the pod may hold the function's code
*/
var SpecializeError = class extends Data.TaggedError("SpecializeError") {
	get message() {
		return this.reason === "Answered" ? `HTTP ${this.status}: ${this.text}` : `${this.reason}: ${this.text}`;
	}
};
/** Nothing sent yet: the port may open in a moment (function-pod-protocol.md section 12, first row). */
const whileUnreachable = Schedule.exponential(Duration.millis(25)).pipe(Schedule.setInputType(), Schedule.while(({ input }) => input.reason === "Unreachable"), Schedule.upTo({ duration: Duration.seconds(1) }));
/** Nothing loaded yet: the download or the read of the Package may succeed the second time. */
const afterFailedDownload = Schedule.spaced(Duration.millis(200)).pipe(Schedule.setInputType(), Schedule.while(({ input }) => leavesPodClean(input)), Schedule.upTo({ times: 1 }));
/** Codes of failures before the request left. */
const notSent = /* @__PURE__ */ new Set([
	"ECONNREFUSED",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"ENOTFOUND",
	"UND_ERR_CONNECT_TIMEOUT"
]);
/** How long an open connection waits for its load: less than the 120 s of the fetcher (function-pod-protocol.md section 3). */
const keptOpen = Duration.seconds(90);
/** Longest wait for a fetcher's health. */
const healthWithin = Duration.seconds(5);
/** Largest text of an answer that is kept, in characters. */
const textLimit = 4096;
/**
* Loads a function into a pod through its fetcher. Never repeats an answered request, except the two that leave the pod
* clean; has no deadline of its own. Interrupting it aborts the request.
*/
var FetcherClient = class FetcherClient extends Context.Service()("fission-executor/specialization/FetcherClient") {
	static layer = Layer.effect(FetcherClient, Effect.gen(function* () {
		const { internalAuth } = yield* Settings;
		const key = internalAuth.secret === void 0 ? void 0 : channelKey(Redacted.value(internalAuth.secret), "fetcher");
		const agent = yield* Effect.acquireRelease(Effect.sync(() => new Agent({
			allowH2: false,
			pipelining: 1,
			headersTimeout: 0,
			bodyTimeout: 0,
			keepAliveTimeout: Duration.toMillis(keptOpen),
			connect: { timeout: 5e3 }
		})), (agent) => Effect.promise(() => agent.destroy()));
		const post = Effect.fnUntraced(function* (url, body, correlationId) {
			const now = Math.floor((yield* Clock.currentTimeMillis) / 1e3);
			const signature = key === void 0 ? {} : signedHeaders(key, {
				method: "POST",
				target: "/specialize",
				body
			}, now);
			const { status, text } = yield* Effect.tryPromise({
				try: async (signal) => {
					const response = await request(url, {
						method: "POST",
						dispatcher: agent,
						signal,
						reset: true,
						body,
						headers: {
							"content-type": "application/json",
							"x-fission-request-id": correlationId,
							...signature
						}
					});
					return {
						status: response.statusCode,
						text: await response.body.text()
					};
				},
				catch: asTransportError
			});
			if (status === 200) return;
			const said = text.trim().slice(0, textLimit);
			return yield* new SpecializeError({
				reason: "Answered",
				status,
				text: status === 401 && said === "" ? refusedSignature(key !== void 0) : said
			});
		});
		const specialize = Effect.fn("FetcherClient.specialize")(function* (call) {
			const url = `${fetcherOf(call.podAddress)}/specialize`;
			const body = JSON.stringify(call.body);
			yield* post(url, body, call.correlationId).pipe(Effect.retry(whileUnreachable), Effect.retry(afterFailedDownload));
		});
		const openAhead = (podAddress) => Effect.tryPromise((signal) => request(`${fetcherOf(podAddress)}/healthz`, {
			dispatcher: agent,
			signal
		}).then(({ body }) => body.dump())).pipe(Effect.timeoutOption(healthWithin), Effect.ignore);
		return FetcherClient.of({
			specialize,
			openAhead
		});
	}));
};
const fetcherOf = (podAddress) => `http://${addressOf(podAddress, ports.fetcher)}`;
/** Answers given before anything was loaded (function-pod-protocol.md section 12). */
const leavesPodClean = (error) => error.reason === "Answered" && (error.status === 400 && error.text.includes("failed to download") || error.status === 500 && error.text.startsWith("error getting package information"));
/** A pod refuses a signature without a word; the caller learns what signed it (function-pod-protocol.md section 12). */
const refusedSignature = (isSigned) => isSigned ? "the pod refused a request signed with the key of this executor's FISSION_INTERNAL_AUTH_SECRET: it has another secret" : "the pod refused an unsigned request: it has a secret, and this executor no FISSION_INTERNAL_AUTH_SECRET";
const asTransportError = (thrown) => {
	const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
	const text = thrown instanceof Error ? thrown.message : String(thrown);
	return new SpecializeError({
		reason: notSent.has(code) ? "Unreachable" : "AnswerLost",
		status: 0,
		text: `${code} ${text}`.trim()
	});
};
export { FetcherClient, SpecializeError, leavesPodClean };
