import { badRequest, internalError } from "./Status.mjs";
import { isJson } from "./StoredObject.mjs";
// src/devcluster/MergePatch.ts
/** RFC 7386: objects merge, `null` removes, everything else replaces. */
const mergePatch = (target, patch) => {
	if (!isJson(patch)) return patch;
	const merged = { ...isJson(target) ? target : {} };
	for (const [field, value] of Object.entries(patch)) if (value === null) delete merged[field];
	else merged[field] = mergePatch(merged[field], value);
	return merged;
};
/** By which key the elements of a list are merged, for the lists of the kinds that the embedded server knows. */
const mergeKeys = {
	containers: "name",
	initContainers: "name",
	env: "name",
	volumes: "name",
	volumeMounts: "mountPath",
	imagePullSecrets: "name",
	ownerReferences: "uid",
	conditions: "type",
	secrets: "name",
	hostAliases: "ip"
};
/** Lists of plain values that are united instead of replaced. */
const unitedLists = /* @__PURE__ */ new Set(["finalizers"]);
const keyOf = (field, elements) => {
	if (field !== "ports") return mergeKeys[field];
	return elements.some((element) => isJson(element) && "containerPort" in element) ? "containerPort" : "port";
};
/**
* Kubernetes' strategic merge for the built-in kinds used here: lists merge by their key, `$patch: delete` removes an
* element or `$patch: replace` the whole, `$setElementOrder/<field>` orders a list, `$retainKeys` names the fields that
* stay, `$deleteFromPrimitiveList/<field>` takes values out of a list. Throws a `StatusError`.
*/
const strategicMergePatch = (target, patch, field = "") => {
	if (Array.isArray(patch)) return mergeList(Array.isArray(target) ? target : [], patch, field, patch);
	if (!isJson(patch)) return patch;
	const { $patch: directive, $retainKeys: retained, ...fields } = patch;
	if (directive === "replace") return fields;
	if (directive === "delete") return void 0;
	if (directive !== void 0) throw badRequest(`Unknown patch directive "${String(directive)}"`);
	const held = isJson(target) ? Object.entries(target) : [];
	const kept = Array.isArray(retained) ? held.filter(([name]) => retained.includes(name)) : held;
	const merged = Object.fromEntries(kept);
	for (const [name, value] of Object.entries(fields)) {
		if (name.startsWith("$setElementOrder")) continue;
		if (name.startsWith("$deleteFromPrimitiveList/")) {
			const list = name.slice(25);
			const removed = new Set(Array.isArray(value) ? value : []);
			const held = merged[list];
			if (Array.isArray(held)) merged[list] = held.filter((element) => !removed.has(element));
			continue;
		}
		const order = fields[`$setElementOrder/${name}`];
		const before = merged[name];
		const next = Array.isArray(value) && Array.isArray(order) ? mergeList(Array.isArray(before) ? before : [], value, name, order) : strategicMergePatch(before, value, name);
		if (next === void 0 || next === null) delete merged[name];
		else merged[name] = next;
	}
	return merged;
};
const mergeList = (target, patch, field, order) => {
	if (unitedLists.has(field)) return [.../* @__PURE__ */ new Set([...target, ...patch])];
	const key = keyOf(field, [...target, ...patch]);
	if (key === void 0) return patch;
	if (patch.some((element) => isJson(element) && element["$patch"] === "replace")) return patch.filter((element) => !isJson(element) || element["$patch"] !== "replace");
	const merged = [...target];
	for (const element of patch) {
		if (!isJson(element)) throw badRequest(`an element of ${field} is no object`);
		if (element[key] === void 0) throw internalError(`map: ${JSON.stringify(element)} does not contain declared merge key: ${key}`);
		const index = placeOf(element, merged, key);
		const next = strategicMergePatch(index < 0 ? {} : merged[index], element, field);
		if (next === void 0 && index >= 0) merged.splice(index, 1);
		else if (next !== void 0 && index < 0) merged.push(next);
		else if (next !== void 0) merged[index] = next;
	}
	return inOrder(merged, order, target, key);
};
const placeOf = (element, list, key) => list.findIndex((other) => isJson(other) && isJson(element) && other[key] === element[key]);
/** Elements of the wanted order follow it; each other one stays ahead of those that it was ahead of before. */
const inOrder = (merged, wanted, before, key) => {
	const place = (element) => placeOf(element, wanted, key);
	const others = merged.filter((element) => place(element) < 0);
	const ordered = [];
	for (const element of merged.filter((one) => place(one) >= 0).sort((a, b) => place(a) - place(b))) {
		const was = placeOf(element, before, key);
		while (others.length > 0 && placeOf(others[0], before, key) < was) ordered.push(others.shift());
		ordered.push(element);
	}
	return [...ordered, ...others];
};
export { mergePatch, strategicMergePatch };
