import { duplicatesOf, isObject, isUnset, listOf, objectOf } from "./Json.mjs";
import { Result } from "effect";
// src/podspec/MergeContainer.ts
/** Lists of a container whose elements are told apart by a field; a duplicate is a mistake of the user. */
const uniqueBy = {
	ports: "name",
	env: "name",
	volumeMounts: "mountPath",
	volumeDevices: "devicePath"
};
/**
* Handlers are replaced as a whole: an API server refuses one that says two ways to be run
* (newdeploy-and-container.md section 8.1).
*/
const handlers = /* @__PURE__ */ new Set([
	"preStop",
	"postStart",
	"livenessProbe",
	"readinessProbe",
	"startupProbe"
]);
/** The only capability that a function pod may add (lifecycle.md section 14). */
const allowedCapability = "NET_BIND_SERVICE";
/**
* Merges a user's container over ours (poolmgr.md section 6.7): fields that are set win, maps merge, lists are appended
* with the user's last. Fails with a sentence for each element that a list has twice; mounts are told apart by their
* path, so a volume can be mounted twice (W30).
*/
const mergeContainer = (ours, theirs) => {
	const merged = mergeFields(ours, theirs);
	const problems = Object.entries(uniqueBy).flatMap(([list, key]) => {
		const values = listOf(merged[list]).flatMap((element) => isUnset(element[key]) ? [] : [String(element[key])]);
		return duplicatesOf(values).map((value) => `container "${String(merged["name"])}" has two ${list} with ${key} "${value}"`);
	});
	return problems.length === 0 ? Result.succeed(sanitizeContainer(merged)) : Result.fail(problems);
};
const mergeFields = (ours, theirs) => {
	const merged = Object.entries(theirs).filter(([, value]) => !isUnset(value)).map(([field, value]) => [field, handlers.has(field) ? value : mergeValue(ours[field], value)]);
	return {
		...ours,
		...Object.fromEntries(merged)
	};
};
const mergeValue = (ours, theirs) => {
	if (Array.isArray(theirs)) return [...Array.isArray(ours) ? ours : [], ...theirs];
	return isObject(theirs) ? mergeFields(objectOf(ours), theirs) : theirs;
};
/**
* Takes away what no function pod may have: privileges, and capabilities other than `NET_BIND_SERVICE` (poolmgr.md
* section 6.7, resources.md R2).
*/
const sanitizeContainer = (container) => {
	if (!isObject(container["securityContext"])) return container;
	const { allowPrivilegeEscalation, capabilities, privileged, ...context } = container["securityContext"];
	return {
		...container,
		securityContext: {
			...context,
			...privileged === void 0 ? {} : { privileged: false },
			...allowPrivilegeEscalation === void 0 ? {} : { allowPrivilegeEscalation: false },
			...capabilities === void 0 ? {} : { capabilities: sanitizeCapabilities(objectOf(capabilities)) }
		}
	};
};
const sanitizeCapabilities = ({ add, ...others }) => {
	const allowed = (Array.isArray(add) ? add : []).filter((capability) => capability === allowedCapability);
	return {
		...others,
		...allowed.length === 0 ? {} : { add: allowed }
	};
};
export { allowedCapability, mergeContainer, sanitizeContainer };
