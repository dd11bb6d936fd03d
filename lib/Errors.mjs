import { Data } from "effect";
// src/Errors.ts
/** Whether a call may change something, so that its outcome is unknown when no answer comes. */
const isWrite = (call) => ![
	"get",
	"list",
	"watch"
].includes(call.verb);
/** The call that failed. An Error has a `name` of its own, its tag, where the call names no object. */
const failedCall = (error) => ({
	verb: error.verb,
	resource: error.resource,
	namespace: error.namespace,
	name: error.name === error._tag ? void 0 : error.name
});
const describe = (failure) => {
	const { name, namespace } = failedCall(failure);
	const where = [namespace, name].filter((part) => part !== void 0 && part !== "").join("/");
	const status = failure.status === void 0 ? "" : ` (HTTP ${failure.status})`;
	return `${failure.verb} ${failure.resource}${where === "" ? "" : ` ${where}`}: ${failure.detail}${status}`;
};
/**
* The same call may succeed later: retry with back-off, never conclude anything from it
* (spec failure-semantics section 2). The tag differs from Effect's own `TimeoutError` on purpose.
*/
var TimeoutError = class extends Data.TaggedError("KubernetesTimeoutError") {
	get message() {
		return `${describe(this)} [${this.kind}]`;
	}
};
/**
* The same call will not succeed without somebody changing something: the object, the rights in a namespace, or the
* resource (a missing CRD). It parks that scope with slow retries and never ends the process.
*/
var FatalError = class extends Data.TaggedError("KubernetesFatalError") {
	get message() {
		return describe(this);
	}
};
/** The server says that this object does not exist. Alone no ground for deleting anything (`safeguards/Deletion`). */
var NotFound = class extends Data.TaggedError("KubernetesNotFound") {
	get message() {
		return describe(this);
	}
};
/** Somebody else wrote first, or a UID precondition did not hold: re-read and decide again. */
var Conflict = class extends Data.TaggedError("KubernetesConflict") {
	get message() {
		return describe(this);
	}
};
/** The name is taken, perhaps by our own create whose answer was lost. */
var AlreadyExists = class extends Data.TaggedError("KubernetesAlreadyExists") {
	get message() {
		return describe(this);
	}
};
/** The resourceVersion or continue token is too old: list again. */
var Expired = class extends Data.TaggedError("KubernetesExpired") {
	get message() {
		return describe(this);
	}
};
/** Kinds of an answer other than success, with the HTTP status each one leaves with (http-api.md section 7.1, H18). */
const fissionErrorStatus = {
	Internal: 500,
	NotAuthorized: 403,
	NotFound: 404,
	NameExists: 409,
	InvalidArgument: 400,
	TooManyRequests: 429,
	ClientClosed: 499,
	Unavailable: 503
};
/**
* The reason that a failed call gives for `ExecutorDegraded`; undefined where it says nothing about the Function. A
* `FatalError` of an object stays until somebody edits something.
*/
const degradedReason = (error) => {
	if (error._tag === "KubernetesTimeoutError") return error.kind === "NotLeader" ? void 0 : "ApiTimeout";
	if (error._tag !== "KubernetesFatalError") return void 0;
	if (error.scope !== "object") return "Forbidden";
	return error.status === 403 ? "QuotaExceeded" : "InvalidSpec";
};
/**
* The answer to a caller of the executor's HTTP API who gets no address. `text` is the body, without the trailing
* newline; `retryAfterSeconds` is sent as `Retry-After`.
*/
var FissionError = class extends Data.TaggedError("FissionError") {
	get message() {
		return this.text;
	}
	/** HTTP status of the answer. */
	get status() {
		return fissionErrorStatus[this.kind];
	}
};
/**
* Wrong configuration at start: the only thing that may end the process (exit code 1). The message is one line that
* names the setting, what is wrong with it and what to do.
*/
var ConfigurationError = class extends Data.TaggedError("ConfigurationError") {
	get message() {
		return `${this.setting}: ${this.detail}`;
	}
};
export { AlreadyExists, ConfigurationError, Conflict, Expired, FatalError, FissionError, NotFound, TimeoutError, degradedReason, failedCall, fissionErrorStatus, isWrite };
