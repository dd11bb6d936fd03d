import { isUnset, listOf, objectOf } from "./Json.mjs";
import { allowedCapability } from "./MergeContainer.mjs";
// src/podspec/PodSpecSafety.ts
/**
* Everything in an Environment that no function pod may have, a sentence each; empty when it is safe (lifecycle.md
* section 14). Admission refuses the same, but an Environment may have been stored while that was off (resources.md R2).
*/
const unsafeFields = ({ spec }) => [...unsafePodSpec("Environment.spec.runtime.podspec", objectOf(spec.runtime.podspec)), ...unsafeContainer("Environment.spec.runtime.container", objectOf(spec.runtime.container))];
/** The same of a Function that brings its own containers. */
const unsafeFunctionFields = ({ spec }) => unsafePodSpec("Function.spec.podspec", objectOf(spec.podspec));
const unsafePodSpec = (path, podSpec) => [
	...[
		"hostNetwork",
		"hostPID",
		"hostIPC"
	].filter((field) => podSpec[field] === true).map((field) => `${path}.${field} is not allowed`),
	...["serviceAccountName", "serviceAccount"].filter((field) => !isUnset(podSpec[field])).map((field) => `${path}.${field} override is not allowed`),
	...listOf(podSpec["volumes"]).filter((volume) => !isUnset(volume["hostPath"])).map((volume) => `${path}.volumes[${String(volume["name"])}].hostPath is not allowed`),
	...isUnset(podSpec["ephemeralContainers"]) ? [] : [`${path}.ephemeralContainers is not allowed`],
	...["containers", "initContainers"].flatMap((list) => listOf(podSpec[list]).flatMap((container) => unsafeContainer(`${path}.${list}[${String(container["name"])}]`, container)))
];
const unsafeContainer = (path, container) => {
	const context = objectOf(container["securityContext"]);
	const add = objectOf(context["capabilities"])["add"];
	return [...["privileged", "allowPrivilegeEscalation"].filter((field) => context[field] === true).map((field) => `${path}.securityContext.${field}=true is not allowed`), ...(Array.isArray(add) ? add : []).filter((capability) => capability !== allowedCapability).map((capability) => {
		return `${`${path}.securityContext.capabilities.add["${String(capability)}"]`} is not in the allowlist (only ${allowedCapability} may be added)`;
	})];
};
export { unsafeFields, unsafeFunctionFields };
