import { builtInProblems } from "./BuiltInRules.mjs";
import { conformed, definedProblems } from "./CustomResources.mjs";
import { metadataProblems, mistake } from "./MetadataRules.mjs";
import { badRequest, invalid, invalidFields, otherNamespace, unknownFields } from "./Status.mjs";
import { isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/Validation.ts
/**
* A new object as it is stored, or a `StatusError`: 422 with everything that is wrong with it, 400 for unknown fields when
* they are to be refused.
*/
const validCreate = (kind, object, unknownFields) => valid(kind, object, void 0, unknownFields, []);
/** The same for an object that takes the place of another; 400 when it names itself otherwise. */
const validUpdate = (kind, current, wanted, unknownFields) => {
	requireIdentity(current.metadata.name, current.metadata.namespace, jsonIn(wanted, "metadata"));
	return valid(kind, wanted, current, unknownFields, addedFinalizers(current, wanted));
};
const valid = (kind, object, previous, unknownFields$1, found) => {
	const { stored, unknown } = conformed(kind, object);
	if (unknownFields$1 === "refuse" && unknown.length > 0) throw unknownFields(kind, unknown);
	const metadata = jsonIn(stored, "metadata");
	const problems = definedProblems(kind, stored, previous, [
		...metadataProblems(kind, metadata),
		...found,
		...builtInProblems(kind, stored, previous)
	]);
	if (problems.length > 0) throw invalidFields(kind, String(metadata["name"] ?? ""), problems);
	return stored;
};
/** Throws a 400 `StatusError` for metadata with another name or namespace than the path has. */
const requireIdentity = (url, where, { name, namespace }) => {
	if ((name ?? "") === "") throw badRequest(`the name of the object (${url} based on URL) was undeterminable: name must be provided`);
	if (name !== url) throw badRequest(`the name of the object (${String(name)}) does not match the name on the URL (${url})`);
	if ((namespace ?? "") !== "" && namespace !== where) throw otherNamespace();
};
/** What is being deleted can only lose finalizers. */
const addedFinalizers = (current, wanted) => {
	const { finalizers } = jsonIn(wanted, "metadata");
	if (current.metadata.deletionTimestamp === void 0 || !Array.isArray(finalizers)) return [];
	const held = new Set(current.metadata.finalizers);
	const added = finalizers.filter((finalizer) => !held.has(finalizer));
	if (added.length === 0) return [];
	const problem = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((finalizer) => JSON.stringify(finalizer)).join(", ")}}`;
	return [mistake("metadata.finalizers", problem, "FieldValueForbidden")];
};
/** Custom resources and Leases cannot be replaced blindly. Throws a 422 `StatusError`. */
const requireVersion = (kind, name, object) => {
	const { resourceVersion } = jsonIn(object, "metadata");
	if (!(kind.group === "fission.io" || kind.kind === "Lease") || typeof resourceVersion === "string" && resourceVersion !== "") return;
	const subject = {
		kind: kind.plural,
		group: kind.group
	};
	throw invalid(subject, name, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update");
};
/** A JSON object. Throws a 400 `StatusError` for anything else. */
const asObject = (value) => {
	if (isJson(value)) return value;
	throw badRequest("the patch leaves no object");
};
export { asObject, requireIdentity, requireVersion, validCreate, validUpdate };
