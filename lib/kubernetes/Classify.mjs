import { AlreadyExists, Conflict, Expired, FatalError, NotFound, TimeoutError, failedCall, isWrite } from "../Errors.mjs";
import { FenceClosedError } from "./WriteFence.mjs";
import { Duration } from "effect";
// src/kubernetes/Classify.ts
const record = (value) => typeof value === "object" && value !== null ? { ...value } : void 0;
const text = (value) => typeof value === "string" ? value : void 0;
const statusOf = (value) => {
	const status = record(value);
	if (status?.["status"] !== "Failure") return void 0;
	const details = record(status["details"]);
	const retryAfter = details?.["retryAfterSeconds"];
	const causes = Array.isArray(details?.["causes"]) ? details["causes"] : [];
	return {
		reason: text(status["reason"]),
		message: text(status["message"]),
		retryAfterSeconds: typeof retryAfter === "number" ? retryAfter : void 0,
		causes: causes.flatMap((cause) => text(record(cause)?.["reason"]) ?? []),
		fields: causes.flatMap((cause) => text(record(cause)?.["field"]) ?? []),
		namesObject: text(details?.["name"]) !== void 0
	};
};
const parse = (body) => {
	try {
		return JSON.parse(body);
	} catch {
		return;
	}
};
const etcdTrouble = /etcdserver: (request timed out|leader changed|no leader|too many requests)|context deadline exceeded|code = Unavailable/u;
/** The delay a server asked for: the header in seconds, or the one in the Status. */
const retryAfterOf = (answer, status) => {
	const header = answer.headers["retry-after"];
	const seconds = status?.retryAfterSeconds ?? (typeof header === "string" ? Number(header) : NaN);
	return Number.isFinite(seconds) && seconds >= 0 ? Duration.seconds(seconds) : void 0;
};
/**
* Turns an answer other than success into an error (failure-semantics.md section 2). Pure: an answer that may come
* from a server that is still starting is always `Warmup`; `WarmUp` decides when it has lasted too long. Unknown
* shapes are `TimeoutError` of kind `Unavailable`, the safe side.
*/
const classifyAnswer = (call, answer) => {
	const status = statusOf(parse(answer.body));
	return classifyStatus(call, answer, status);
};
const classifyStatus = (call, answer, status) => {
	const failure = {
		...call,
		status: answer.status,
		reason: status?.reason,
		detail: oneLine(status?.message ?? answer.body) || `HTTP ${answer.status}`
	};
	const timeout = (kind, outcomeUnknown) => new TimeoutError({
		...failure,
		kind,
		retryAfter: retryAfterOf(answer, status),
		outcomeUnknown: outcomeUnknown && isWrite(call)
	});
	const fatal = (scope) => new FatalError({
		...failure,
		scope
	});
	switch (answer.status) {
		case 400:
		case 405:
		case 406:
		case 413:
		case 415: return fatal("object");
		case 422: return status?.fields.includes("metadata.uid") ? new Conflict(failure) : fatal("object");
		case 401: return timeout("Warmup", false);
		case 403:
			if (status?.causes.includes("NamespaceTerminating")) return fatal("namespace");
			return isAdmission(call, failure.detail, status) ? fatal("object") : timeout("Warmup", false);
		case 404: return status?.namesObject ? new NotFound(failure) : timeout("Warmup", false);
		case 408:
		case 504: return timeout("Deadline", true);
		case 409: return status?.reason === "AlreadyExists" ? new AlreadyExists(failure) : new Conflict(failure);
		case 410: return new Expired(failure);
		case 429: return timeout("Throttled", false);
	}
	if (answer.status >= 500 && failure.detail.includes("request is too large")) return fatal("object");
	if (answer.status >= 500 && (status?.reason === "ServerTimeout" || etcdTrouble.test(failure.detail))) return timeout("Etcd", true);
	return timeout("Unavailable", !failure.detail.includes("failed calling webhook"));
};
/** What a person can read in one line. */
const oneLine = (message) => message.trim().replace(/\s+/gu, " ").slice(0, 500);
/**
* Whether a write was refused for what it says (a quota, a policy, a webhook) and not for who says it: a refusal by
* rights names the user. Reads pass no admission, and an answer without a Status comes from something in between.
*/
const isAdmission = (call, detail, status) => isWrite(call) && status !== void 0 && !/is forbidden: User |cannot \w+ (resource|path)/u.test(detail);
/** Turns the `Status` of a watch's ERROR event into an error. */
const classifyWatchError = (call, object) => {
	const code = record(object)?.["code"];
	return classifyStatus(call, {
		status: typeof code === "number" ? code : 500,
		headers: {},
		body: JSON.stringify(object)
	}, statusOf(object));
};
/** Codes of failures before anything was sent: nothing can have happened. */
const notSent = /* @__PURE__ */ new Set([
	"ECONNREFUSED",
	"ENOTFOUND",
	"EAI_AGAIN",
	"EHOSTUNREACH",
	"ENETUNREACH",
	"EMFILE",
	"UND_ERR_CONNECT_TIMEOUT",
	"UND_ERR_DESTROYED",
	"UND_ERR_CLOSED"
]);
/** Codes that only a change of configuration heals: certificates, credential files, request options. */
const configuration = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_SSL|UND_ERR_INVALID|ENOENT|EACCES)/u;
/** Turns whatever a transport threw into an error (failure-semantics.md section 2). */
const classifyThrown = (call, thrown) => {
	const error = thrown instanceof Error ? thrown : new Error(String(thrown));
	const wrapped = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
	const code = "code" in wrapped && typeof wrapped.code === "string" ? wrapped.code : "";
	const failure = {
		...call,
		detail: oneLine(`${code === "" ? wrapped.name : code}: ${wrapped.message}`),
		cause: thrown
	};
	if (wrapped instanceof FenceClosedError) return new TimeoutError({
		...failure,
		detail: wrapped.message,
		kind: "NotLeader",
		outcomeUnknown: false
	});
	if (configuration.test(code)) return new FatalError({
		...failure,
		scope: "resource"
	});
	const isDeadline = wrapped.name === "TimeoutError" || code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT";
	return new TimeoutError({
		...failure,
		kind: isDeadline ? "Deadline" : "Connection",
		outcomeUnknown: isWrite(call) && !notSent.has(code)
	});
};
/** A `Warmup` answer that has lasted: from now on it is the resource, in this scope, that is not to be had. */
const afterWarmUp = (error) => new FatalError({
	...failedCall(error),
	status: error.status,
	reason: error.reason,
	detail: `${error.detail}; ${remedy(error.status)}`,
	scope: "resource"
});
const remedy = (status) => {
	if (status === 401) return "check the executor's credentials";
	if (status === 403) return "grant this right to the executor's service account";
	return "install the CRD or check its version";
};
export { afterWarmUp, classifyAnswer, classifyThrown, classifyWatchError };
