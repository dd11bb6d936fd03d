import { keyProblems, labelProblems, labelValueProblems, subdomainProblems } from "./NameRules.mjs";
import { isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/MetadataRules.ts
/** Bytes that all annotations of an object may have together. */
const annotationLimit = 262144;
/** One way in which a value is not as it must be. */
const mistake = (field, message, reason = "FieldValueInvalid") => ({
	reason,
	message,
	field
});
/** The same for a value that is shown. */
const wrongValue = (field, value, problem) => mistake(field, `Invalid value: ${JSON.stringify(value)}: ${problem}`);
/** Everything that is wrong with the metadata of an object that has got its name. */
const metadataProblems = (kind, metadata) => [
	...nameProblems(kind, metadata),
	...labelsProblems(jsonIn(metadata, "labels")),
	...annotationsProblems(jsonIn(metadata, "annotations")),
	...ownerProblems(metadata["ownerReferences"]),
	...kind.group === "fission.io" ? [] : finalizerProblems(metadata["finalizers"])
];
const nameProblems = (kind, { generateName, name }) => {
	if (typeof name !== "string" || name === "") return [mistake("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")];
	const rule = ["Namespace", "Service"].includes(kind.kind) ? labelProblems : subdomainProblems;
	const prefix = typeof generateName === "string" ? generateName.replace(/-$/u, "a") : "";
	return [...prefix === "" ? [] : rule(prefix).map((problem) => wrongValue("metadata.generateName", generateName, problem)), ...rule(name).map((problem) => wrongValue("metadata.name", name, problem))];
};
const labelsProblems = (labels) => Object.entries(labels).flatMap(([key, value]) => [...keyProblems(key).map((problem) => wrongValue("metadata.labels", key, problem)), ...labelValueProblems(String(value)).map((problem) => wrongValue("metadata.labels", value, problem))]);
const annotationsProblems = (annotations) => {
	const size = Object.entries(annotations).reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)), 0);
	return [...Object.keys(annotations).flatMap((key) => keyProblems(key.toLowerCase()).map((problem) => wrongValue("metadata.annotations", key, problem))), ...size > annotationLimit ? [mistake("metadata.annotations", `Too long: may not be more than ${annotationLimit} bytes`, "FieldValueTooLong")] : []];
};
/** Owners need not exist, but each says who it is, and one of them at most is in charge. */
const ownerProblems = (references) => {
	const field = "metadata.ownerReferences";
	const owners = Array.isArray(references) ? references.filter(isJson) : [];
	const [first, second] = owners.filter(({ controller }) => controller === true);
	const empty = owners.flatMap((owner) => [
		["apiVersion", "version must not be empty"],
		["kind", "must not be empty"],
		["name", "must not be empty"],
		["uid", "must not be empty"]
	].flatMap(([name = "", problem = ""]) => (owner[name] ?? "") === "" ? [wrongValue(`${field}.${name}`, "", problem)] : []));
	if (first === void 0 || second === void 0) return empty;
	const problem = `Only one reference can have Controller set to true. Found "true" in references for ${[first, second].map(({ kind, name }) => `${String(kind)}/${String(name)}`).join(" and ")}`;
	return [...empty, wrongValue(field, owners, problem)];
};
/** Finalizers of built-in kinds are qualified names, so that nobody uses that of another. */
const finalizerProblems = (finalizers) => (Array.isArray(finalizers) ? finalizers : []).flatMap((finalizer, index) => {
	const name = String(finalizer);
	const problems = keyProblems(name).map((problem) => wrongValue("metadata.finalizers", name, problem));
	if (problems.length > 0 || name.includes("/") || standardFinalizers.has(name)) return problems;
	return [wrongValue(`metadata.finalizers[${index}]`, name, "name is neither a standard finalizer name nor is it fully qualified")];
});
const standardFinalizers = /* @__PURE__ */ new Set([
	"kubernetes",
	"foregroundDeletion",
	"orphan"
]);
export { metadataProblems, mistake, wrongValue };
