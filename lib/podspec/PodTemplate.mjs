import { annotations, labels, ports } from "../fission/Labels.mjs";
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.mjs";
import { environmentPodSpec } from "./EnvironmentPodSpec.mjs";
import { fetcherContainer } from "./FetcherContainer.mjs";
import { isUnset } from "./Json.mjs";
import { stateVariables } from "./Variables.mjs";
import { Result } from "effect";
// src/podspec/PodTemplate.ts
/** The labels by which a pool is found: those of the Environment and its identity (poolmgr.md section 6.1). */
const poolLabels = (environment) => ({
	...environment.metadata.labels,
	[labels.executorType]: "poolmgr",
	[labels.environmentName]: environment.metadata.name,
	[labels.environmentNamespace]: environment.metadata.namespace ?? "",
	[labels.environmentUid]: environment.metadata.uid ?? "",
	[labels.managed]: "true"
});
/**
* The pod template of an Environment's pool (poolmgr.md section 6). A patch of the operator that does not go together
* with this Environment is left out and named among what is ignored. Fails with every conflict in the Environment, a
* sentence each.
*/
const podTemplate = (environment, settings) => {
	const hash = runtimeHash(environment);
	const templateAnnotations = {
		...environmentAnnotations(environment, settings),
		...hash === void 0 ? { [annotations.runtimeFingerprint]: runtimeFingerprint(environment) } : {}
	};
	const env = stateVariables(settings);
	const podSpec = environmentPodSpec(environment, settings, {
		runtime: {
			...environment.spec.resources ? { resources: environment.spec.resources } : {},
			...env.length === 0 ? {} : { env },
			ports: [{
				name: "http-fetcher",
				containerPort: ports.fetcher
			}, {
				name: "http-env",
				containerPort: ports.runtime
			}]
		},
		fetcher: (graceSeconds) => fetcherContainer(settings, graceSeconds)
	});
	return Result.map(podSpec, ({ ignored, podSpec }) => ({
		template: {
			metadata: {
				labels: {
					...poolLabels(environment),
					...hash === void 0 ? {} : { [labels.runtimeHash]: hash }
				},
				...isUnset(templateAnnotations) ? {} : { annotations: templateAnnotations }
			},
			spec: podSpec
		},
		ignored
	}));
};
/** The annotations of an Environment's pods. */
const environmentAnnotations = (environment, settings) => {
	const isolated = settings.istio && environment.spec.allowAccessToExternalNetwork === true;
	return {
		...environment.metadata.annotations,
		...isolated ? { [annotations.istioInject]: "false" } : {}
	};
};
export { environmentAnnotations, podTemplate, poolLabels };
