import { servedKinds } from "./ServedKinds.mjs";
import { apiVersionOf, isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/Decoding.ts
/**
* Why a JSON object is none of its kind, in the words of a real server's decoder; undefined when it is one. Of built-in
* kinds only those fields are looked at that clients get wrong.
*/
const decodeProblem = (kind, object) => {
	const metadata = jsonIn(object, "metadata");
	const prefix = kind.group === "fission.io" ? "ObjectMeta." : "ObjectMeta.metadata.";
	return textProblem(`${prefix}name`, metadata["name"]) ?? textsProblem(`${prefix}labels`, metadata["labels"]) ?? textsProblem(`${prefix}annotations`, metadata["annotations"]) ?? (kind.kind === "ConfigMap" ? textsProblem("ConfigMap.data", object["data"]) : void 0) ?? (kind.kind === "Lease" ? timesProblem(jsonIn(object, "spec")) : void 0);
};
/** Why an object that calls itself another kind cannot be taken for this one. */
const otherKindProblem = (kind, given, apiVersion) => {
	if (!servedKinds.some((other) => other.kind === given && apiVersionOf(other) === apiVersion)) return `no kind "${given}" is registered for version "${apiVersion}" in scheme "pkg/runtime/scheme.go:111"`;
	const [group] = kind.group.split(".");
	return `converting (${apiVersion.replace(/^.*\//u, "")}.${given}) to (${group || "core"}.${kind.kind}): unknown conversion`;
};
const unmarshal = (value, field, type) => {
	return `json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value} into Go struct field ${field} of type ${type}`;
};
const isText = (value) => value === void 0 || value === null || typeof value === "string";
const textProblem = (field, value) => isText(value) ? void 0 : unmarshal(value, field, "string");
const textsProblem = (field, value) => {
	if (value === void 0 || value === null) return void 0;
	if (!isJson(value)) return unmarshal(value, field, "map[string]string");
	const other = Object.values(value).find((text) => !isText(text));
	return other === void 0 ? void 0 : unmarshal(other, field, "string");
};
/** Times of a Lease have six digits after the point, which is where a plain `toISOString` goes wrong. */
const timesProblem = (spec) => {
	for (const time of [spec["acquireTime"], spec["renewTime"]]) {
		if (typeof time !== "string" || /\.\d{6}(Z|[+-]\d{2}:\d{2})$/u.test(time)) continue;
		const [rest] = /\..*$|Z$/u.exec(time) ?? [time];
		return `parsing time "${time}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${rest}" as ".000000"`;
	}
};
export { decodeProblem, otherKindProblem };
