import { workloadNamespace } from "../Config.mjs";
import { serviceAddress } from "../fission/Address.mjs";
import { functionObjectName } from "../fission/FunctionObjectName.mjs";
import { annotations, labels } from "../fission/Labels.mjs";
import { autoscalerSpec } from "./Autoscaler.mjs";
import { ownedBy } from "./Ownership.mjs";
import { templateHash } from "./TemplateHash.mjs";
// src/podspec/FunctionObjects.ts
/** Where the objects of a function are. */
const functionObjectsReference = (type, fn, settings) => {
	const name = functionObjectName(type, fn.metadata);
	const namespace = workloadNamespace(settings, fn.metadata.namespace ?? "");
	return {
		name,
		namespace,
		address: serviceAddress(name, namespace, settings.clusterDomain)
	};
};
/**
* The objects of a function of the type newdeploy or container (newdeploy-and-container.md sections 3 to 5 and 14). Pure
* and deterministic.
*/
const functionObjects = (type, given, settings) => {
	const { environment, fn, instanceId, port, template } = given;
	const reference = functionObjectsReference(type, fn, settings);
	const { name, namespace } = reference;
	const selector = functionLabels(type, fn, environment);
	const metadata = {
		name,
		namespace,
		labels: selector,
		annotations: {
			...environment?.metadata.annotations,
			...fn.metadata.annotations,
			[annotations.instanceId]: instanceId,
			[annotations.functionResourceVersion]: fn.metadata.resourceVersion ?? ""
		},
		...ownedBy("Function", fn.metadata, namespace, settings)
	};
	const podTemplate = {
		metadata: {
			labels: selector,
			...Object.keys(template.annotations).length > 0 ? { annotations: template.annotations } : {}
		},
		spec: template.spec
	};
	const hash = templateHash(podTemplate);
	const replicas = Math.max(1, fn.spec.InvokeStrategy?.ExecutionStrategy?.MinScale ?? 0);
	return {
		...reference,
		service: {
			apiVersion: "v1",
			kind: "Service",
			metadata: {
				...metadata,
				labels: {
					...selector,
					[labels.managedBy]: "fission"
				}
			},
			spec: {
				type: "ClusterIP",
				ports: [{
					name: "http-env",
					port: 80,
					targetPort: port
				}],
				selector
			}
		},
		deployment: {
			apiVersion: "apps/v1",
			kind: "Deployment",
			metadata: {
				...metadata,
				annotations: {
					...metadata.annotations,
					[annotations.templateHash]: hash
				}
			},
			spec: {
				replicas,
				selector: { matchLabels: selector },
				template: podTemplate,
				strategy: {
					type: "RollingUpdate",
					rollingUpdate: {
						maxUnavailable: "20%",
						maxSurge: "20%"
					}
				},
				revisionHistoryLimit: 0
			}
		},
		autoscaler: {
			apiVersion: "autoscaling/v2",
			kind: "HorizontalPodAutoscaler",
			metadata,
			spec: autoscalerSpec(fn, name, template.mainContainer)
		},
		templateHash: hash,
		ignored: template.ignored
	};
};
/** The labels of everything that belongs to a function. Those of the system win, else a user could hide a function. */
const functionLabels = (type, { metadata }, environment) => ({
	...environment?.metadata.labels,
	...metadata.labels,
	[labels.executorType]: type,
	...environment === void 0 ? {} : {
		[labels.environmentName]: environment.metadata.name,
		[labels.environmentNamespace]: environment.metadata.namespace ?? "",
		[labels.environmentUid]: environment.metadata.uid ?? ""
	},
	[labels.functionName]: metadata.name,
	[labels.functionNamespace]: metadata.namespace ?? "",
	[labels.functionUid]: metadata.uid ?? ""
});
export { functionObjects, functionObjectsReference };
