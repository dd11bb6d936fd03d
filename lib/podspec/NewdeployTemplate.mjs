import { workloadNamespace } from "../Config.mjs";
import { ports } from "../fission/Labels.mjs";
import { environmentPodSpec } from "./EnvironmentPodSpec.mjs";
import { fetcherContainer } from "./FetcherContainer.mjs";
import { isUnset, listOf, objectOf } from "./Json.mjs";
import { unsafeFields } from "./PodSpecSafety.mjs";
import { environmentAnnotations } from "./PodTemplate.mjs";
import { quantityOf } from "../fission/Quantity.mjs";
import { foreignReferences } from "../fission/ReferencedObjects.mjs";
import { startupRequest } from "./SpecializeRequest.mjs";
import { stateVariables, versionVariable, withFunctionVariables } from "./Variables.mjs";
import { Result } from "effect";
// src/podspec/NewdeployTemplate.ts
/**
* The pods of a function of the type newdeploy: its Environment's runtime, and a fetcher that loads the function when it
* starts (newdeploy-and-container.md section 6). Fails with everything that is wrong, a sentence each.
*
* @param versionSum of the Secrets and ConfigMaps that the Function refers to
*/
const newdeployTemplate = (fn, environment, settings, versionSum) => Result.gen(function* () {
	yield* none([
		...unsafeFields(environment),
		...foreignReferences(fn),
		...strayContainer(environment)
	]);
	const platform = [versionVariable(versionSum), ...stateVariables(settings)];
	const resources = resourcesOf(fn, environment);
	const { ignored, mainContainer, podSpec } = yield* environmentPodSpec(environment, settings, {
		runtime: {
			...isUnset(resources) ? {} : { resources },
			env: platform,
			ports: [{
				name: "http-env",
				containerPort: ports.runtime
			}]
		},
		fetcher: (graceSeconds) => fetcherContainer(settings, graceSeconds, startupRequest(environment, fn))
	});
	const namespace = workloadNamespace(settings, fn.metadata.namespace ?? "");
	return {
		spec: yield* withFunctionVariables(podSpec, {
			container: mainContainer,
			fn,
			namespace,
			platform
		}),
		annotations: environmentAnnotations(environment, settings),
		mainContainer,
		ignored
	};
});
const none = (problems) => problems.length === 0 ? Result.succeed(void 0) : Result.fail(problems);
/** A container that is named for the runtime while the pod spec has only others is a mistake of the Environment. */
const strayContainer = ({ spec }) => {
	const name = objectOf(spec.runtime.container)["name"];
	const containers = listOf(objectOf(spec.runtime.podspec)["containers"]);
	return !isUnset(name) && !isUnset(spec.runtime.podspec) && !containers.some((one) => one["name"] === name) ? [`runtime container ${String(name)} not found in pod spec`] : [];
};
/** The Environment's resources, of which the Function replaces CPU and memory that it names (section 9). */
const resourcesOf = (fn, environment) => {
	const ours = objectOf(environment.spec.resources);
	const theirs = objectOf(fn.spec.resources);
	const merged = ["limits", "requests"].map((list) => {
		const named = ["cpu", "memory"].flatMap((resource) => {
			const amount = objectOf(theirs[list])[resource];
			return (quantityOf(amount) ?? 0) === 0 ? [] : [[resource, amount]];
		});
		return [list, {
			...objectOf(ours[list]),
			...Object.fromEntries(named)
		}];
	});
	return {
		...ours,
		...Object.fromEntries(merged.filter(([, amounts]) => !isUnset(amounts)))
	};
};
export { newdeployTemplate };
