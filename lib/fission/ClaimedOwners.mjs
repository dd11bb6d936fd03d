import { annotations, labels } from "./Labels.mjs";
// src/fission/ClaimedOwners.ts
const environmentLabels = [
	labels.environmentName,
	labels.environmentNamespace,
	labels.environmentUid
];
const functionLabels = [
	labels.functionName,
	labels.functionNamespace,
	labels.functionUid
];
/**
* Whose an object is by its labels. A Deployment of one function outlives its Environment, and what poolmgr has of a
* published version goes when it is idle, so neither claims those.
*/
const claimOf = (kind, metadata) => {
	const held = (label) => metadata.labels?.[label] ?? "";
	const hasAll = (trio) => trio.every((label) => held(label) !== "");
	const isOfPoolmgr = held(labels.executorType) === "poolmgr";
	const ofEnvironment = isOfPoolmgr && hasAll(environmentLabels) ? [{
		kind: "Environment",
		namespace: held(labels.environmentNamespace),
		name: held(labels.environmentName),
		uid: held(labels.environmentUid)
	}] : [];
	const namespace = held(labels.functionNamespace);
	const version = held(labels.functionVersion);
	const ofFunction = hasAll(functionLabels) ? [{
		kind: "Function",
		namespace,
		name: held(labels.functionName),
		uid: held(labels.functionUid)
	}, ...version === "" || isOfPoolmgr ? [] : [{
		kind: "FunctionVersion",
		namespace,
		name: version,
		uid: void 0
	}]] : [];
	return {
		owners: [...ofEnvironment, ...ofFunction],
		missing: requiredLabels(kind, metadata).filter((label) => held(label) === "")
	};
};
/** Why an object has no owner, in words for a person; undefined while it has one, whole and alive. */
const ownerlessReason = ({ missing, owners }, stateOf) => {
	if (missing.length > 0) return `its labels are incomplete: it has no ${missing.join(", ")}`;
	const lost = owners.find((owner) => stateOf(owner) !== "Present");
	if (lost === void 0) return void 0;
	const owner = `${lost.kind} ${lost.namespace}/${lost.name}`;
	return stateOf(lost) === "Absent" ? `${owner} does not exist` : `${owner} is another one: its UID is not ${lost.uid ?? ""}`;
};
const requiredLabels = (kind, metadata) => {
	if (metadata.labels?.[labels.executorType] !== "poolmgr") return [labels.executorType, ...functionLabels];
	switch (kind) {
		case "Service": return [labels.managedBy, ...functionLabels];
		case "Pod": return isOfFunction(metadata) ? [...environmentLabels, ...functionLabels] : [labels.managed, ...environmentLabels];
		case "Deployment":
		case "HorizontalPodAutoscaler": return environmentLabels;
	}
};
/** A pod that finished specialization. One that did not is looked after as a claim, whatever labels it lacks. */
const isOfFunction = ({ annotations: noted, labels: held }) => held?.[labels.managed] === "false" && held[labels.claimed] === void 0 && (noted?.[annotations.serviceHost] ?? "") !== "";
export { claimOf, ownerlessReason };
