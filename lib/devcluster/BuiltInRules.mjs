import { mistake, wrongValue } from "./MetadataRules.mjs";
import { labelProblems } from "./NameRules.mjs";
import { isJson, jsonIn } from "./StoredObject.mjs";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/BuiltInRules.ts
/** What is wrong with an object of a built-in kind, given what it was before an update: mistakes that clients make. */
const builtInProblems = (kind, object, previous) => {
	const spec = jsonIn(object, "spec");
	switch (kind.kind) {
		case "Pod": return [...podProblems("spec", spec), ...previous === void 0 ? [] : podChangeProblems(previous, object)];
		case "Deployment":
		case "ReplicaSet": return workloadProblems(kind, spec, previous);
		case "Service": return serviceProblems(spec);
		case "HorizontalPodAutoscaler": return scalerProblems(spec);
		case "Event": return eventProblems(object);
		case "Lease": return positiveProblems("spec.leaseDurationSeconds", spec["leaseDurationSeconds"]);
		default: return [];
	}
};
const required = (field) => mistake(field, "Required value", "FieldValueRequired");
const positiveProblems = (field, value) => typeof value === "number" && value <= 0 ? [wrongValue(field, value, "must be greater than 0")] : [];
const elements = (list) => Array.isArray(list) ? list.filter(isJson) : [];
const podProblems = (path, spec) => {
	const containers = elements(spec["containers"]);
	if (containers.length === 0) return [required(`${path}.containers`)];
	const volumes = new Set(elements(spec["volumes"]).map(({ name }) => name));
	return containers.flatMap((container, index) => {
		const at = `${path}.containers[${index}]`;
		const name = String(container["name"] ?? "");
		return [
			...name === "" ? [required(`${at}.name`)] : labelProblems(name).map((it) => wrongValue(`${at}.name`, name, it)),
			...(container["image"] ?? "") === "" ? [required(`${at}.image`)] : [],
			...elements(container["volumeMounts"]).flatMap((mount, position) => volumes.has(mount["name"]) ? [] : [mistake(`${at}.volumeMounts[${position}].name`, `Not found: ${JSON.stringify(mount["name"])}`, "FieldValueNotFound")])
		];
	});
};
/** What may change in the spec of a pod that runs. */
const changeable = (pod) => {
	const { activeDeadlineSeconds: _, tolerations: __, ...spec } = jsonIn(pod, "spec");
	const withoutImages = (field) => elements(spec[field]).map((container) => ({
		...container,
		image: ""
	}));
	return {
		...spec,
		containers: withoutImages("containers"),
		initContainers: withoutImages("initContainers")
	};
};
const podChangeProblems = (before, after) => {
	if (isDeepStrictEqual(changeable(before), changeable(after))) return [];
	return [mistake("spec", `Forbidden: pod updates may not change fields other than \`spec.containers[*].image\`,\`spec.initContainers[*].image\`,\`spec.activeDeadlineSeconds\`,\`spec.tolerations\` (only additions to existing tolerations),\`spec.terminationGracePeriodSeconds\` (allow it to be set to 1 if it was previously negative)`, "FieldValueForbidden")];
};
/** A Deployment or ReplicaSet has a possible number of pods, and selects those that it makes, in the same way for life. */
const workloadProblems = (kind, spec, previous) => {
	const { replicas, selector } = spec;
	const template = jsonIn(spec, "template");
	const labels = jsonIn(template, "metadata")["labels"] ?? null;
	const matches = Object.entries(jsonIn(jsonIn(spec, "selector"), "matchLabels")).every(([label, value]) => isJson(labels) && labels[label] === value);
	const isEmpty = isJson(selector) && Object.keys(selector).length === 0;
	const before = previous === void 0 ? selector : jsonIn(previous, "spec")["selector"];
	return [
		...selector === void 0 ? [required("spec.selector")] : [],
		...isEmpty ? [wrongValue("spec.selector", selector, `empty selector is invalid for ${kind.kind.toLowerCase()}`)] : [],
		...typeof replicas === "number" && replicas < 0 ? [wrongValue("spec.replicas", replicas, "must be greater than or equal to 0")] : [],
		...selector === void 0 || !matches ? [wrongValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")] : [],
		...podProblems("spec.template.spec", jsonIn(template, "spec")),
		...isDeepStrictEqual(before, selector) ? [] : [wrongValue("spec.selector", selector, "field is immutable")]
	];
};
const scalerProblems = ({ maxReplicas, minReplicas }) => [...typeof minReplicas === "number" && minReplicas < 1 ? [wrongValue("spec.minReplicas", minReplicas, "must be greater than or equal to 1")] : [], ...typeof maxReplicas !== "number" || maxReplicas < 1 ? [mistake("spec.maxReplicas", "Required value: must be set and greater than 0", "FieldValueRequired")] : []];
/** An Event is told where its object is. */
const eventProblems = (event) => {
	const { namespace } = jsonIn(event, "involvedObject");
	return namespace !== void 0 && namespace !== jsonIn(event, "metadata")["namespace"] ? [wrongValue("involvedObject.namespace", namespace, "does not match event.namespace")] : [];
};
const serviceProblems = (spec) => elements(spec["ports"]).length > 0 || spec["clusterIP"] === "None" || spec["type"] === "ExternalName" ? [] : [required("spec.ports")];
export { builtInProblems };
