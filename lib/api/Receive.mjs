import { channelKey, digestOf, verifySignature, verifyTimestamp } from "../fission/RequestSignature.mjs";
import { readBody } from "../HttpListener.mjs";
import { Clock, Data, Effect, Redacted } from "effect";
// src/api/Receive.ts
/** A request that goes no further. `reason` is for the log, in the words of http-api.md section 8.3. */
var NotReceived = class extends Data.TaggedError("NotReceived") {};
/** The keys that a request may be signed with, the current one first; none where internal auth is off. */
const keysOf = (auth) => [auth.secret, auth.previousSecret].flatMap((secret) => secret === void 0 ? [] : [channelKey(Redacted.value(secret), "executor")]);
/**
* The two ways to take a request in, both up to the body limit. `verified` checks the signature and is undefined where
* internal auth is off; it refuses by headers before it touches the body (http-api.md section 8.3).
*/
const makeReceivers = (settings) => {
	const keys = keysOf(settings.internalAuth);
	const unverified = (request) => readBody(request, settings.bodyLimit).pipe(Effect.map((bytes) => ({
		bytes,
		digest: digestOf(bytes)
	})), Effect.mapError(({ reason }) => reason === "TooLarge" ? new NotReceived({
		status: 413,
		reason: "body exceeds the limit"
	}) : new NotReceived({
		status: 401,
		reason: "body read error"
	})));
	const verified = Effect.fnUntraced(function* (request) {
		const nowSeconds = Math.floor((yield* Clock.currentTimeMillis) / 1e3);
		const stamp = verifyTimestamp(request.headers, nowSeconds);
		if ("refusal" in stamp) return yield* new NotReceived({
			status: 401,
			reason: stamp.refusal
		});
		const body = yield* unverified(request);
		const signed = {
			method: request.method ?? "",
			target: request.url ?? "",
			bodyDigest: body.digest
		};
		if (!verifySignature(keys, signed, stamp.unixSeconds, stamp.signature)) return yield* new NotReceived({
			status: 401,
			reason: "signature mismatch"
		});
		return body;
	});
	return {
		unverified,
		verified: keys.length === 0 ? void 0 : verified
	};
};
export { NotReceived, keysOf, makeReceivers };
