import { labels } from "../../fission/Labels.mjs";
import { Services } from "../../fission/ResourceKind.mjs";
import { isDeleting } from "../../fission/Workloads.mjs";
import { listOf, objectOf } from "../../podspec/Json.mjs";
import { isTemplateCurrent } from "../../podspec/TemplateHash.mjs";
import { templateOf, updated } from "../DeploymentUpdate.mjs";
import { Result } from "effect";
// src/executors/deployments/FunctionDeployment.ts
/** Whether an object is of that executor type and of a Function of this namespace: two may share one for workloads. */
const isOf = (type, view, { metadata }) => metadata.labels?.[labels.executorType] === type && metadata.labels[labels.functionNamespace] === view.namespace;
/** The Function that an object says it belongs to. */
const ownerOf = (view, { metadata }) => ({
	kind: "Function",
	namespace: view.namespace,
	name: metadata.labels?.[labels.functionName] ?? "",
	uid: metadata.labels?.[labels.functionUid] ?? ""
});
/** The Functions that Deployments and Services of that type in the view say they belong to. */
function* owners(type, view) {
	for (const object of [...view.deployments.values(), ...view.services.values()]) if (isOf(type, view, object)) yield ownerOf(view, object);
}
/** Whether a published version of a Function is what the object serves. */
const isOfVersion = ({ metadata }) => (metadata.labels?.[labels.functionVersion] ?? "") !== "";
/** Pods that can answer now. */
const availableReplicas = (deployment) => deployment === void 0 || isDeleting(deployment.metadata) ? 0 : deployment.status?.availableReplicas ?? 0;
/** The Deployment of a function that the view shows under its name; one that has the name but is another's is none. */
const deploymentOf = (view, { name, namespace }, fn) => {
	const found = view.deployments.get(namespace, name);
	return found?.metadata.labels?.[labels.functionUid] === fn.metadata.uid ? found : void 0;
};
/**
* Whether the view shows that requests to the address are answered: the Service is there, and a pod behind it. Services
* that could not be listed are taken to be there (http-api.md section 4.1, validity check).
*/
const isAnswering = (view, reference, fn) => {
	return (view.services.get(reference.namespace, reference.name) !== void 0 || !view.services.isSynced()) && availableReplicas(deploymentOf(view, reference, fn)) >= 1;
};
/** The spec of a Service, and the labels of the pods that it leads to: those that the Deployment cannot change any more. */
const serviceSpec = (desired, deployment) => ({
	...desired.spec,
	selector: deployment?.spec.selector?.matchLabels ?? objectOf(desired.spec["selector"])
});
/** Whether a Service leads to the pods of the Deployment, on their port. */
const leadsTo = (service, desired, deployment) => {
	const pods = objectOf(serviceSpec(desired, deployment).selector);
	const selector = Object.entries(service.spec.selector ?? {});
	const [port] = listOf(desired.spec["ports"]);
	const [shown, ...others] = service.spec.ports ?? [];
	return service.spec.selector?.[labels.functionUid] !== void 0 && selector.every(([label, value]) => pods[label] === value) && others.length === 0 && shown?.port === port?.["port"] && shown?.targetPort === port?.["targetPort"];
};
/** The live Service with our port and selector; whatever else somebody gave it stays. */
const repairedService = (live, desired, deployment) => ({
	...live,
	metadata: {
		...live.metadata,
		labels: {
			...live.metadata.labels,
			...desired.metadata.labels
		},
		annotations: {
			...live.metadata.annotations,
			...desired.metadata.annotations
		}
	},
	spec: {
		...objectOf(live["spec"]),
		...serviceSpec(desired, deployment)
	}
});
/** The labels by which a view shows an object, and the executor knows whose it is (lifecycle.md section 6.2). */
const identity$1 = [
	labels.executorType,
	labels.functionName,
	labels.functionNamespace,
	labels.functionUid
];
const hasIdentity = ({ metadata }, desired) => identity$1.every((label) => metadata.labels?.[label] === desired.metadata.labels[label]);
/** The live Service as it should be: the very object where nothing has to change. */
const convergedService = (live, desired, deployment) => {
	return Result.match(Services.decode(live), {
		onSuccess: (service) => leadsTo(service, desired, deployment),
		onFailure: () => false
	}) && hasIdentity(live, desired) ? live : repairedService(live, desired, deployment);
};
/** The live Deployment as it should be, its replicas left alone: the very object where nothing has to change. */
const convergedDeployment = (live, { metadata, spec }, desired) => {
	const isCurrent = isTemplateCurrent(desired, {
		metadata,
		spec
	});
	if (isCurrent && hasIdentity(live, desired)) return live;
	return updated(live, desired, spec.replicas ?? 1, isCurrent ? templateOf(live) : void 0);
};
export { availableReplicas, convergedDeployment, convergedService, deploymentOf, isAnswering, isOf, isOfVersion, leadsTo, owners };
