// src/devcluster/Status.ts
/** An answer other than success, as a `Status` object of the Kubernetes API. Thrown and caught within the API server. */
var StatusError = class extends Error {
	name = "StatusError";
	code;
	reason;
	details;
	metadata;
	constructor(code, reason, message, details, metadata = {}) {
		super(message);
		this.code = code;
		this.reason = reason;
		this.details = details;
		this.metadata = metadata;
	}
	/** What belongs into the header of the same name; undefined when the client may come back at any time. */
	get retryAfterSeconds() {
		const seconds = this.details?.["retryAfterSeconds"];
		return typeof seconds === "number" ? seconds : void 0;
	}
	/** The body of the answer. */
	toJSON() {
		return {
			kind: "Status",
			apiVersion: "v1",
			metadata: this.metadata,
			status: "Failure",
			message: this.message,
			...this.reason === "" ? {} : { reason: this.reason },
			...this.details === void 0 ? {} : { details: this.details },
			code: this.code
		};
	}
};
/** Names an object in a message: `functions.fission.io "hello"`, `pods "x"`. */
const label = (resource, group, name) => `${resource}${group === "" ? "" : `.${group}`} "${name}"`;
const detailsOf = (resource, group, name) => ({
	...name === "" ? {} : { name },
	...group === "" ? {} : { group },
	...resource === "" ? {} : { kind: resource }
});
/** 404 of an object that does not exist. */
const notFound = (resource, group, name) => new StatusError(404, "NotFound", `${label(resource, group, name)} not found`, detailsOf(resource, group, name));
/** 404 of a resource that a group does not have; of a group that nobody serves a real server answers with a text. */
const noSuchPath = () => new StatusError(404, "NotFound", "the server could not find the requested resource", {});
/** 409 of a name that is taken, perhaps by an object that is about to go. */
const alreadyExists = (resource, group, name, isGoing) => new StatusError(409, "AlreadyExists", `${isGoing ? "object is being deleted: " : ""}${label(resource, group, name)} already exists`, detailsOf(resource, group, name));
/** 409 of a write on an old version. */
const conflict = (resource, group, name, why) => new StatusError(409, "Conflict", `Operation cannot be fulfilled on ${label(resource, group, name)}: ${why ?? "the object has been modified; please apply your changes to the latest version and try again"}`, detailsOf(resource, group, name));
/** Why a write that names another UID than the stored one is a conflict. */
const otherUid = (kind, stored, uid) => `StorageError: invalid object, Code: 4, Key: /registry/${[
	...kind.group === "fission.io" ? [kind.group] : [],
	kind.plural,
	...stored.namespace === void 0 ? [] : [stored.namespace],
	stored.name
].join("/")}, ResourceVersion: 0, AdditionalErrorMsg: ${otherUidOf(stored, uid)}`;
/** The same where no storage is in between. */
const otherUidOf = (stored, uid) => `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.uid}`;
/** 422 of an object, with everything that is wrong with it. */
const invalidFields = ({ group, kind }, name, causes) => {
	const problems = causes.map(({ field, message }) => `${field}: ${message}`);
	const all = problems.length === 1 ? problems.join() : `[${problems.join(", ")}]`;
	return new StatusError(422, "Invalid", `${label(kind, group, name)} is invalid: ${all}`, {
		...detailsOf(kind, group, name),
		causes
	});
};
/** 422 of an object that breaks one rule. */
const invalid = (subject, name, field, message, reason = "FieldValueInvalid") => invalidFields(subject, name, [{
	reason,
	message,
	field
}]);
/** 422 of list options that contradict each other. */
const invalidOption = (field, message, reason = "FieldValueForbidden") => invalid({
	kind: "ListOptions",
	group: "meta.k8s.io"
}, "", field, message, reason);
/** 400 of a body that cannot be read as an object of a kind, whatever kind it says it is. */
const undecodable = ({ kind, version }, problem, given = {
	kind,
	version
}) => badRequest(`${given.kind} in version "${given.version}" cannot be handled as a ${kind}: ${problem}`);
/** 422 of a patch that makes something of an object that cannot be read as one of its kind. */
const undecodablePatch = (patched, problem) => invalid({
	kind: "",
	group: ""
}, "", "patch", `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${problem}`);
/** 400 of an object with fields that its kind does not have, where that is to be refused. */
const unknownFields = (kind, fields) => undecodable(kind, `strict decoding error: ${fields.map((field) => `unknown field "${field}"`).join(", ")}`);
/** 422 of a custom resource that says it is another kind or of another version. */
const otherCustomKind = (kind, object, field, wanted) => {
	const { kind: given = "", metadata } = object;
	const name = typeof metadata === "object" && metadata !== null && "name" in metadata ? String(metadata.name) : "";
	const problem = `Invalid value: ${JSON.stringify(object[field])}: must be ${wanted}`;
	return invalid({
		kind: String(given),
		group: kind.group
	}, name, field, problem);
};
/** 403 of a user without the right. */
const forbidden = ({ group, namespace, resource }, verb, name) => {
	const [plural = ""] = resource.split("/");
	return new StatusError(403, "Forbidden", `${name === "" ? `${plural}${group === "" ? "" : `.${group}`}` : label(plural, group, name)} is forbidden: User "limited" cannot ${verb} resource "${resource}" in API group "${group}" ${namespace === void 0 ? "at the cluster scope" : `in the namespace "${namespace}"`}`, detailsOf(plural, group, name));
};
/** 504 of a version that this server has not reached yet. */
const tooLargeVersion = (asked, current) => new StatusError(504, "Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
	causes: [{
		reason: "ResourceVersionTooLarge",
		message: "Too large resource version"
	}],
	retryAfterSeconds: 1
});
/** 403 of a create in a namespace that is being deleted. */
const namespaceTerminating = (resource, group, name, namespace) => new StatusError(403, "Forbidden", `${label(resource, group, name)} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`, {
	...detailsOf(resource, group, name),
	causes: [{
		reason: "NamespaceTerminating",
		message: `namespace ${namespace} is being terminated`,
		field: "metadata.namespace"
	}]
});
/** 400 of a request that makes no sense. */
const badRequest = (message) => new StatusError(400, "BadRequest", message);
/** 400 of an object that says it is in another namespace than its path. */
const otherNamespace = () => badRequest("the namespace of the provided object does not match the namespace sent on the request");
/** 500 without a reason, of what a server does not expect: it tells no more about it than its own words. */
const internalError = (problem) => new StatusError(500, "", problem);
/** 410 of a version or token that is too old. */
const expired = (message, metadata) => new StatusError(410, "Expired", message, void 0, metadata);
/** 501 of what the embedded server does not do although a real one does. */
const notImplemented = (what) => new StatusError(501, "NotImplemented", `the embedded API server does not implement ${what}`);
/** 405 of a method that a resource does not have. */
const methodNotAllowed = () => new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
/** 415 of a patch whose content type is none. */
const unsupportedMediaType = () => new StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {});
/** 415 of a body in a format that is not taken here. */
const unknownFormat = (...accepted) => new StatusError(415, "UnsupportedMediaType", `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`);
/** The answer to a delete that removed the object at once. */
const deleted = (kind, name, uid) => ({
	kind: "Status",
	apiVersion: "v1",
	metadata: {},
	status: "Success",
	details: {
		...detailsOf(kind.plural, kind.group, name),
		uid
	}
});
/** The answer to a request that made no object. */
const success = {
	kind: "Status",
	apiVersion: "v1",
	metadata: {},
	status: "Success",
	code: 201
};
export { StatusError, alreadyExists, badRequest, conflict, deleted, expired, forbidden, internalError, invalid, invalidFields, invalidOption, methodNotAllowed, namespaceTerminating, noSuchPath, notFound, notImplemented, otherCustomKind, otherNamespace, otherUid, otherUidOf, success, tooLargeVersion, undecodable, undecodablePatch, unknownFields, unknownFormat, unsupportedMediaType };
