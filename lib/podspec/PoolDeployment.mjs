import { workloadNamespace } from "../Config.mjs";
import { poolSize } from "../fission/Environment.mjs";
import { annotations, labels } from "../fission/Labels.mjs";
import { keyOf } from "../fission/ObjectMeta.mjs";
import { poolName } from "../fission/PoolName.mjs";
import { runtimeFingerprint, runtimeHash } from "../fission/RuntimeHash.mjs";
import { objectOf } from "./Json.mjs";
import { ownedBy } from "./Ownership.mjs";
import { PodSpecError } from "./PodSpecError.mjs";
import { unsafeFields } from "./PodSpecSafety.mjs";
import { podTemplate, poolLabels } from "./PodTemplate.mjs";
import { isOfStock } from "./StockTemplate.mjs";
import { Result } from "effect";
// src/podspec/PoolDeployment.ts
/**
* The whole Deployment of an Environment's pool (poolmgr.md section 6). Pure and deterministic: the same Environment and
* settings give the same object. Fails with everything that is wrong with the Environment: first what no function pod
* may have, else what does not go together.
*
* @param instanceId eight characters that name this process; part of the metadata, never of the template
*/
const poolDeployment = (environment, settings, instanceId) => {
	const unsafe = unsafeFields(environment);
	const built = unsafe.length > 0 ? Result.fail(unsafe) : podTemplate(environment, settings);
	return Result.mapBoth(built, {
		onSuccess: ({ ignored, template }) => ({
			deployment: deploymentOf(environment, settings, instanceId, template),
			ignored
		}),
		onFailure: (problems) => new PodSpecError({
			subject: `environment ${keyOf(environment.metadata)}`,
			problems
		})
	});
};
const deploymentOf = (environment, settings, instanceId, template) => {
	const { metadata } = environment;
	const namespace = workloadNamespace(settings, metadata.namespace ?? "");
	const selector = poolLabels(environment);
	return {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: {
			name: poolName(environment),
			namespace,
			labels: selector,
			annotations: {
				...metadata.annotations,
				[annotations.instanceId]: instanceId,
				[annotations.runtimeFingerprint]: runtimeFingerprint(environment)
			},
			...ownedBy("Environment", metadata, namespace, settings)
		},
		spec: {
			replicas: poolSize(environment),
			selector: { matchLabels: selector },
			template
		}
	};
};
/**
* Whether a pod is of the Environment's current runtime (poolmgr.md section 5): our fingerprint decides where it is
* present, else the stock label where its live value can be reproduced, else it is taken to match.
*/
const isCurrent = (environment, identity) => {
	if (identity.labels?.[labels.environmentUid] !== environment.metadata.uid) return false;
	const fingerprint = identity.annotations?.[annotations.runtimeFingerprint];
	if (fingerprint !== void 0) return fingerprint === runtimeFingerprint(environment);
	const hash = runtimeHash(environment);
	const stamped = identity.labels?.[labels.runtimeHash];
	return hash === void 0 || stamped === void 0 || hash === stamped;
};
/**
* Whether a pool Deployment has the template that the Environment asks for (poolmgr.md section 5): its annotation
* decides, else, on one that the stock executor made, the stock label where it is the reproduced one, else the template
* itself. So nothing rolls when we take over.
*/
const isDeploymentCurrent = (environment, settings, deployment) => {
	const { metadata, spec } = deployment;
	if (metadata.labels?.[labels.environmentUid] !== environment.metadata.uid) return false;
	const fingerprint = metadata.annotations?.[annotations.runtimeFingerprint];
	if (fingerprint !== void 0) return fingerprint === runtimeFingerprint(environment);
	const template = objectOf(spec.template);
	const hash = runtimeHash(environment);
	if (hash !== void 0 && objectOf(objectOf(template["metadata"])["labels"])[labels.runtimeHash] === hash) return true;
	return Result.match(podTemplate(environment, settings), {
		onSuccess: (built) => isOfStock(built.template, template),
		onFailure: () => false
	});
};
export { isCurrent, isDeploymentCurrent, poolDeployment };
