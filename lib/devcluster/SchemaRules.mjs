import { isJson, jsonIn } from "./StoredObject.mjs";
// src/devcluster/SchemaRules.ts
const fields = (value) => isJson(value) ? value : {};
const strategyOf = (spec) => jsonIn(jsonIn(fields(spec), "InvokeStrategy"), "ExecutionStrategy");
const amount = (value) => typeof value === "number" ? value : 0;
/** Rules about the scale of Functions whose pods are made by Deployments of their own. */
const scaled = (holds) => (spec) => {
	const strategy = strategyOf(spec);
	return !["newdeploy", "container"].includes(String(strategy["ExecutorType"])) || holds(strategy);
};
const isPoolmgr = (spec) => ["", "poolmgr"].includes(String(strategyOf(spec)["ExecutorType"] ?? ""));
const isUnset = (field) => (value) => [
	void 0,
	"",
	false
].some((unset) => unset === fields(value)[field]);
const podFields = {
	hostNetwork: "",
	hostPID: "",
	hostIPC: "",
	serviceAccountName: " override",
	serviceAccount: " override"
};
const podRules = (prefix, podOf) => Object.fromEntries(Object.entries(podFields).map(([field, what]) => [`${prefix}.${field}${what} is not allowed`, (value, previous) => isUnset(field)(podOf(value), previous)]));
const isImmutable = (value, previous) => previous === void 0 || value === previous;
const text = (value) => typeof value === "string" ? value : "";
/**
* What the rules of `deploy/crds` check, by their messages (resources.md section 2.3): the embedded server has no
* interpreter of their language.
*/
const rules = {
	"executor type container requires a pod spec (spec.podspec)": (spec) => strategyOf(spec)["ExecutorType"] !== "container" || fields(spec)["podspec"] !== void 0,
	"minimum scale must be greater than or equal to 0 for newdeploy/container executors": scaled(({ MinScale }) => amount(MinScale) >= 0),
	"maximum scale must be greater than 0 for newdeploy/container executors": scaled(({ MaxScale }) => amount(MaxScale) > 0),
	"maximum scale must be greater than or equal to minimum scale for newdeploy/container executors": scaled(({ MaxScale, MinScale }) => amount(MaxScale) >= amount(MinScale)),
	"TargetCPUPercent must be a value between 0 and 100 for newdeploy/container executors": scaled(({ TargetCPUPercent }) => amount(TargetCPUPercent) >= 0 && amount(TargetCPUPercent) <= 100),
	"InvokeStrategy.StrategyType must be 'execution'": (spec) => ["", "execution"].includes(String(jsonIn(fields(spec), "InvokeStrategy")["StrategyType"] ?? "")),
	"ExecutionStrategy.ExecutorType must be one of poolmgr, newdeploy, container": (spec) => [
		"",
		"poolmgr",
		"newdeploy",
		"container"
	].includes(String(strategyOf(spec)["ExecutorType"] ?? "")),
	"provisionedConcurrency is only supported with executortype poolmgr": (spec, previous) => fields(spec)["provisionedConcurrency"] === void 0 || isPoolmgr(spec, previous),
	...podRules("spec.podspec", (spec) => fields(spec)["podspec"]),
	...podRules("podspec", (podspec) => podspec),
	"securityContext.privileged is not allowed": (container) => jsonIn(fields(container), "securityContext")["privileged"] !== true,
	"securityContext.allowPrivilegeEscalation is not allowed": (container) => jsonIn(fields(container), "securityContext")["allowPrivilegeEscalation"] !== true,
	"capabilities.add may only hold NET_BIND_SERVICE": (added) => !Array.isArray(added) || added.every((name) => name === "NET_BIND_SERVICE"),
	"at most one of literal, url, or oci may be set": (archive) => {
		const { literal, oci, url } = fields(archive);
		return [
			literal !== void 0,
			text(url) !== "",
			oci !== void 0
		].filter((given) => given).length <= 1;
	},
	"exactly one of version and packageDigest must be set": (spec) => text(fields(spec)["version"]) !== "" !== (fields(spec)["packageDigest"] !== void 0),
	"secondaryVersion must differ from version": (spec) => {
		const { secondaryVersion, version } = fields(spec);
		return text(secondaryVersion) === "" || secondaryVersion !== text(version);
	},
	"weight requires secondaryVersion": (spec) => fields(spec)["weight"] === void 0 || text(fields(spec)["secondaryVersion"]) !== "",
	"spec.version is immutable": isImmutable,
	"spec.namespace is immutable": isImmutable
};
export { rules };
