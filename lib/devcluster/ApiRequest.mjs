import { orRefusal } from "./Answers.mjs";
import { decodeProblem, otherKindProblem } from "./Decoding.mjs";
import { servedKinds } from "./ServedKinds.mjs";
import { StatusError, badRequest, otherCustomKind, undecodable } from "./Status.mjs";
import { apiVersionOf, isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/ApiRequest.ts
/** Takes a path apart; undefined when it names nothing that is served. Names are percent-decoded. */
const parsePath = (path) => {
	const parts = partsOf(path);
	const core = parts[0] === "api";
	if (!core && parts[0] !== "apis") return void 0;
	const [group, version] = core ? ["", parts[1]] : [parts[1], parts[2]];
	const rest = parts.slice(core ? 2 : 3);
	const find = (plural) => servedKinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural);
	if (rest.length > (rest[0] === "namespaces" ? 5 : 3)) return void 0;
	if (rest[0] === "namespaces" && rest.length > 2) {
		const kind = find(rest[2]);
		if (kind?.namespaced === true) return {
			kind,
			namespace: rest[1],
			name: rest[3],
			subresource: rest[4]
		};
	}
	const kind = find(rest[0]);
	return kind === void 0 ? void 0 : {
		kind,
		namespace: void 0,
		name: rest[1],
		subresource: rest[2]
	};
};
/** No parts when the percent-encoding is broken. */
const partsOf = (path) => {
	try {
		return path.split("/").filter((part) => part !== "").map(decodeURIComponent);
	} catch {
		return [];
	}
};
/** Whether a path lies in a built-in group, where even an unknown resource is answered with a Status. */
const isBuiltInGroup = (path) => {
	const [root, group, version] = partsOf(path);
	return servedKinds.some((kind) => kind.group === "" ? root === "api" && group === kind.version : root === "apis" && group === kind.group && version === kind.version && group !== "fission.io");
};
/** The verb of a request, as RBAC and faults name it. */
const verbOf = (method, path, query) => {
	switch (method) {
		case "GET": {
			if (path.name !== void 0) return "get";
			const watch = query.get("watch");
			return watch === null || ["false", "0"].includes(watch.toLowerCase()) ? "list" : "watch";
		}
		case "POST": return "create";
		case "PUT": return "update";
		case "PATCH": return "patch";
		case "DELETE": return path.name === void 0 ? "deletecollection" : "delete";
		default: return method.toLowerCase();
	}
};
/**
* A body that must be a JSON object of the given kind; those of built-in kinds may leave it unsaid. Throws a
* `StatusError`: 400, or 422 for a custom resource of another kind.
*/
const parseObject = (body, kind) => {
	const unrecognized = (problem) => {
		const text = body.toString("utf8");
		const shown = text === "" ? "<empty>" : text.length > 30 ? `${text.slice(0, 30)} ...` : text;
		return badRequest(`the object provided is unrecognized (must be of type ${kind.kind}): ${problem} (${shown})`);
	};
	const value = orRefusal(() => parseJson(body));
	if (value instanceof StatusError) throw unrecognized(`couldn't get version/kind; json parse error: ${value.message}`);
	const expected = apiVersionOf(kind);
	const custom = kind.group === "fission.io";
	const { kind: givenKind = custom ? "" : kind.kind, apiVersion = custom ? "" : expected } = value;
	if (givenKind === "") throw unrecognized(`Object 'Kind' is missing in '${body.toString("utf8")}'`);
	if (custom && apiVersion !== expected) throw badRequest(`the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`);
	const isOther = givenKind !== kind.kind || apiVersion !== expected;
	if (isOther && custom) throw otherCustomKind(kind, value, "kind", kind.kind);
	const given = {
		kind: String(givenKind),
		version: String(apiVersion).replace(/^.*\//u, "")
	};
	const problem = isOther ? otherKindProblem(kind, given.kind, String(apiVersion)) : decodeProblem(kind, value);
	if (problem !== void 0) throw undecodable(kind, problem, given);
	return value;
};
/** A body that must be a JSON object. Throws a 400 `StatusError` with the words of a real server where it can. */
const parseJson = (body) => {
	let value;
	try {
		value = JSON.parse(body.toString("utf8"));
	} catch (cause) {
		const problem = cause instanceof Error ? cause.message : String(cause);
		throw badRequest(isCutShort(body, problem) ? "unexpected end of JSON input" : problem);
	}
	if (isJson(value)) return value;
	throw badRequest(`json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type map[string]interface {}`);
};
/** How the parser says that a document is only the beginning of one. */
const isCutShort = (body, problem) => /end of JSON input|Unterminated string/u.test(problem) || problem.includes(`at position ${body.toString("utf8").length} `);
/** The body of a patch. Throws a 400 `StatusError`. */
const parsePatch = (body) => {
	const patch = orRefusal(() => parseJson(body));
	if (patch instanceof StatusError) throw badRequest(`error decoding patch: ${patch.message}`);
	return patch;
};
/** The body of a delete. Throws a 400 `StatusError`. */
const parseOptions = (body) => {
	const options = orRefusal(() => parseJson(body));
	if (!(options instanceof StatusError)) return options;
	throw badRequest(`couldn't get version/kind; json parse error: ${options.message}`);
};
/** A whole number in the query; undefined when it is not there. Throws a 400 `StatusError` for anything else. */
const numberIn = (query, name) => {
	const text = query.get(name) ?? "";
	if (text === "") return void 0;
	if (/^[+-]?\d+$/u.test(text)) return Number(text);
	throw badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`);
};
/** `metadata.name` of a body, undefined when there is none to be read. */
const nameIn = (body) => {
	if (body.length === 0) return void 0;
	const object = orRefusal(() => parseJson(body));
	if (object instanceof StatusError) return void 0;
	const { name } = jsonIn(object, "metadata");
	return typeof name === "string" ? name : void 0;
};
export { isBuiltInGroup, nameIn, numberIn, parseJson, parseObject, parseOptions, parsePatch, parsePath, verbOf };
