import { isUnset, listOf } from "./Json.mjs";
import { Result } from "effect";
// src/podspec/Variables.ts
/** The variables by which a function finds the state service; none where there is no such service. */
const stateVariables = ({ stateServiceUrl }) => stateServiceUrl === "" ? [] : [{
	name: "FISSION_STATE_URL",
	value: stateServiceUrl
}, {
	name: "FISSION_STATE_TOKEN_PATH",
	value: "/userfunc/.fission-state-token"
}];
/** The variable whose change rolls a Deployment when a Secret or ConfigMap changed. */
const versionVariable = (versionSum) => ({
	name: "RESOURCE_VERSION_COUNT",
	value: String(versionSum)
});
/**
* Puts a Function's `env` and `envFrom` into the container of that name (newdeploy-and-container.md section 10). Platform
* variables stand last, because the kubelet lets the last of a name win. Fails where a reference would be looked up in
* another namespace than the Function's.
*/
const withFunctionVariables = (podSpec, { container, fn, namespace, platform }) => {
	const env = listOf(fn.spec.env);
	const envFrom = listOf(fn.spec.envFrom);
	if (env.length === 0 && envFrom.length === 0) return Result.succeed(podSpec);
	if ((envFrom.length > 0 || env.some(({ valueFrom }) => !isUnset(valueFrom))) && namespace !== fn.metadata.namespace) return Result.fail([`its variables refer to objects of namespace ${fn.metadata.namespace}, its pods are elsewhere`]);
	const isAmong = (variables) => (one) => variables.some(({ name }) => name === one["name"]);
	const isPlatform = isAmong(platform);
	const isGiven = isAmong(env);
	const changed = listOf(podSpec["containers"]).map((held) => {
		if (held["name"] !== container) return held;
		const kept = listOf(held["env"]).filter((variable) => !isPlatform(variable) && !isGiven(variable));
		const sources = [...listOf(held["envFrom"]), ...envFrom];
		return {
			...held,
			env: [
				...kept,
				...env.filter((variable) => !isPlatform(variable)),
				...platform
			],
			...sources.length === 0 ? {} : { envFrom: sources }
		};
	});
	return Result.succeed({
		...podSpec,
		containers: changed
	});
};
export { stateVariables, versionVariable, withFunctionVariables };
