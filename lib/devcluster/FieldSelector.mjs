import { badRequest } from "./Status.mjs";
// src/devcluster/FieldSelector.ts
const at = (object, path) => path.reduce((value, key) => typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : void 0, object);
/** By which fields objects can be selected besides their names; other kinds have none. */
const selectable = {
	Pod: [
		"spec.nodeName",
		"spec.restartPolicy",
		"spec.schedulerName",
		"spec.serviceAccountName",
		"status.phase",
		"status.podIP"
	],
	Event: [
		"involvedObject.kind",
		"involvedObject.namespace",
		"involvedObject.name",
		"involvedObject.uid",
		"involvedObject.apiVersion",
		"involvedObject.resourceVersion",
		"involvedObject.fieldPath",
		"reason",
		"type"
	],
	Secret: ["type"],
	Namespace: ["status.phase"],
	Node: ["spec.unschedulable"],
	Service: ["spec.clusterIP", "spec.type"]
};
const selectableFields = (kind) => [
	"metadata.name",
	...kind.namespaced ? ["metadata.namespace"] : [],
	...selectable[kind.kind] ?? []
];
const requireSelectable = (kind, path) => {
	const known = selectableFields(kind);
	if (known.includes(path)) return;
	if (kind.group === "fission.io" || selectable[kind.kind] !== void 0) throw badRequest(`field label not supported: ${path}`);
	const names = known.map((name) => `"${name}"`).join(", ");
	throw badRequest(`"${path}" is not a known field selector: only ${names}`);
};
/**
* A field selector: texts compared with `=`, `==` or `!=`, of the fields that the kind has for it. Throws a 400
* `StatusError` when it is none.
*/
const fieldSelector = (text, kind) => {
	const tests = text.split(",").filter((term) => term !== "").map((term) => {
		const parsed = /^([^=!]*)(==|=|!=)(.*)$/u.exec(term);
		if (parsed === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
		const [, path = "", operator, value = ""] = parsed;
		if (path === "" && value === "") return () => true;
		requireSelectable(kind, path);
		return (object) => (at(object, path.split(".")) ?? "") === value === (operator !== "!=");
	});
	return (object) => tests.every((matches) => matches(object));
};
export { fieldSelector };
