import { hostOf, normalizeAddress } from "../../fission/Address.mjs";
import { isInfinite } from "../../fission/Environment.mjs";
import { executorTypeOf, functionTimeoutSeconds, requestsPerPod, retainPods } from "../../fission/Function.mjs";
import { annotations, labels } from "../../fission/Labels.mjs";
import { isReady } from "../../fission/Workloads.mjs";
import { retention } from "../../informers/VersionRetention.mjs";
import { cpuLimit } from "../../podspec/CpuLimit.mjs";
import { isCurrent } from "../../podspec/PoolDeployment.mjs";
import { Duration } from "effect";
// src/executors/poolmgr/FunctionPod.ts
/** Who a pod is, as deletes and log lines name it. */
const identity$1 = ({ metadata }) => ({
	namespace: metadata.namespace ?? "",
	name: metadata.name,
	uid: metadata.uid ?? ""
});
/** Whether the pod belongs to a pool of this namespace's Environments: two namespaces may share one for workloads. */
const isOf = (view, pod) => pod.metadata.labels?.[labels.environmentNamespace] === view.namespace;
/** A pod out of its pool, for one function or in the reserve of an executor. */
const isDetached = (view, pod) => pod.metadata.labels?.[labels.managed] === "false" && isOf(view, pod);
/** Whether an executor took the pod out of its pool without saying for which function (poolmgr.md section 22.2). */
const isReserved = (pod) => pod.metadata.labels?.[labels.claimed] !== void 0;
/** Whether it was given back untouched, to whoever claims it. */
const isReleased = (pod) => pod.metadata.labels?.[labels.claimed] === "released";
/** Whether that executor alone may hand it out, or has. */
const isReservedBy = (instanceId, pod) => pod.metadata.labels?.[labels.claimed] === "true" && pod.metadata.annotations?.[annotations.instanceId] === instanceId;
/** A pod that some request took out of its pool, and its labels say so. */
const isSpecialized = (view, pod) => isDetached(view, pod) && !isReserved(pod);
/** Whether the pod still belongs to its pool. */
const isPooled = (pod) => pod.metadata.labels?.[labels.managed] === "true";
/** A Ready pod that still belongs to its pool. */
const isWarm = (view, pod) => isPooled(pod) && isOf(view, pod) && isReady(pod);
/** Whether the final patch was written: the pod has an address, so it finished specialization once. */
const isClaimFinished = (pod) => (pod.metadata.annotations?.[annotations.serviceHost] ?? "") !== "";
/** Whether the pod says all that a final patch writes: that it serves, and where. */
const isRecordedAt = (address, { metadata }) => metadata.labels?.[labels.served] === "true" && metadata.annotations?.[annotations.serviceHost] === address;
/** The Function that the pod's labels name, if the view holds exactly that one. */
const functionOf = (view, pod) => {
	const podLabels = pod.metadata.labels;
	const fn = view.functions.get(podLabels?.[labels.functionNamespace] ?? "", podLabels?.[labels.functionName] ?? "");
	return fn?.metadata.uid === podLabels?.[labels.functionUid] ? fn : void 0;
};
/** The Function as it is now, whichever generation the pod runs; undefined when another one has its name. */
const functionServed = (view, { fn }) => {
	const known = view.functions.get(fn.namespace, fn.name);
	return known?.metadata.uid === fn.uid ? known : void 0;
};
/** The Environment that the pod's labels name, if the view holds exactly that one. */
const environmentOf = (view, pod) => {
	const environment = view.environments.get(view.namespace, pod.metadata.labels?.[labels.environmentName] ?? "");
	return environment?.metadata.uid === pod.metadata.labels?.[labels.environmentUid] ? environment : void 0;
};
/** The Functions and Environments that pods and pool Deployments of the view say they belong to. */
function* owners(view) {
	for (const { metadata } of [...view.deployments.values(), ...view.pods.values()]) {
		const { [labels.environmentName]: environmentName, [labels.environmentUid]: environmentUid } = metadata.labels ?? {};
		if (metadata.labels?.[labels.executorType] !== "poolmgr") continue;
		if (metadata.labels[labels.environmentNamespace] !== view.namespace) continue;
		if (environmentName && environmentUid) yield {
			kind: "Environment",
			namespace: view.namespace,
			name: environmentName,
			uid: environmentUid
		};
		const { [labels.functionName]: functionName, [labels.functionUid]: functionUid } = metadata.labels;
		if (functionName && functionUid && metadata.labels[labels.functionNamespace] === view.namespace) yield {
			kind: "Function",
			namespace: view.namespace,
			name: functionName,
			uid: functionUid
		};
	}
}
/**
* What took the place of what a specialized pod runs, or undefined while it is what its Environment and Function ask for:
* a template of the Environment that the pool has rolled out, or a newer generation, as a switch to another executor type
* is too, that no alias holds back (poolmgr.md sections 12 and 13).
*/
const supersededBy = (view, pod) => {
	const environment = environmentOf(view, pod);
	if (environment !== void 0 && !isCurrent(environment, pod.metadata) && isRolledOut(view, environment)) return "the environment's template";
	const { generation, uid } = functionOf(view, pod)?.metadata ?? {};
	const own = Number(pod.metadata.labels?.[labels.functionGeneration] ?? NaN);
	if (!Number.isInteger(own) || own >= (generation ?? 0)) return void 0;
	return retention(view)(uid ?? "", own) ? void 0 : `generation ${generation}`;
};
/** Whether every pod of the pool runs its Deployment's current template, so that new warm pods exist. */
const isRolledOut = (view, environment) => view.deployments.indexed("environmentUid", environment.metadata.uid ?? "").some(({ metadata, spec, status }) => {
	const replicas = spec.replicas ?? 1;
	return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0) && (status?.updatedReplicas ?? 0) >= replicas && (status?.replicas ?? 0) === (status?.updatedReplicas ?? 0);
});
/**
* Whether the last pod of a function can go: a warm one of the current template is Ready to take its place, or another
* executor type has to.
*/
const hasSuccessor = (view, pod) => {
	const fn = functionOf(view, pod);
	if (fn !== void 0 && executorTypeOf(fn) !== "poolmgr") return true;
	const environment = environmentOf(view, pod);
	return environment !== void 0 && warmPods(view, environment).some((warm) => isCurrent(environment, warm.metadata));
};
/** Time that the last requests of a pod get: the function's time-out, at least 30 s (poolmgr.md section 14.1). */
const drainGrace = (fn) => Duration.seconds(Math.max(30, fn === void 0 ? 60 : functionTimeoutSeconds(fn)));
/**
* Whether one pod holds all functions of the Environment. Not with version 1, where the code of every function lies
* under the same path (function-pod-protocol.md section 4.1): there each has a pod of its own.
*/
const isShared = (environment) => isInfinite(environment) && environment.spec.version >= 2;
/** The Ready pods of an Environment's pool, of whichever template. */
const warmPods = (view, environment) => view.pods.indexed("environmentUid", environment.metadata.uid ?? "").filter((pod) => isWarm(view, pod));
/** Pods of an Environment to take one from, those of its current template before outgoing ones (W06). */
const sourceOf = (environment, pods) => ({
	environmentUid: environment.metadata.uid ?? "",
	pods,
	prefers: (pod) => isCurrent(environment, pod.metadata)
});
/** What a Function says of itself once a pod serves it (poolmgr.md section 20). */
const readyVia = (pod) => ({
	type: "Ready",
	status: "True",
	reason: "Available",
	message: `function is serving via specialized pod ${pod.metadata.name}`
});
/**
* Why no pod of an Environment is Ready, in the words of the pods themselves, or of the pool where it cannot make any;
* undefined when they give no reason.
*/
const troubleOf = (view, environment) => {
	const uid = environment.metadata.uid ?? "";
	for (const pod of view.pods.indexed("environmentUid", uid)) {
		const trouble = isDetached(view, pod) ? void 0 : troubleOfPod(pod);
		if (trouble !== void 0) return trouble;
	}
	for (const { metadata, status } of view.deployments.indexed("environmentUid", uid)) {
		const failure = status?.conditions?.find((condition) => condition.type === "ReplicaFailure");
		if (failure?.status === "True") return `deployment ${metadata.name}: ${failure.message ?? ""}`;
	}
};
const troubleOfPod = (pod) => {
	for (const { name, state } of pod.status?.containerStatuses ?? []) {
		const reason = state?.waiting?.reason ?? "";
		if (reason === "" || reason === "ContainerCreating" || reason === "PodInitializing") continue;
		return `pod ${pod.metadata.name}, container ${name}: ${reason} ${state?.waiting?.message ?? ""}`.trim();
	}
	const message = (pod.status?.conditions?.find(({ status, type }) => type === "PodScheduled" && status === "False"))?.message ?? pod.status?.message ?? "";
	return message === "" ? void 0 : `pod ${pod.metadata.name}: ${message}`;
};
/**
* Whether a cached pod can still be handed out: the view shows that very pod, Ready, under the address that the cache
* remembers; hosts are compared whole (http-api.md section 4.1, H8).
*/
const isServing = (view, pooled) => {
	const pod = view.pods.get(pooled.namespace, pooled.name);
	return pod !== void 0 && pod.metadata.uid === pooled.uid && isReady(pod) && hostOf(pooled.address) === (pod.status?.podIP ?? "");
};
/**
* What the cache needs to know about a pod that an earlier process specialized, or undefined when it does not fit:
* labels are missing or its Environment is unknown. One of an outdated template serves until it is superseded
* (poolmgr.md sections 13, 15).
*/
const adoptable = (view, pod) => {
	const podLabels = pod.metadata.labels ?? {};
	const environment = environmentOf(view, pod);
	const fn = functionOf(view, pod);
	const uid = podLabels[labels.functionUid] ?? "";
	const name = podLabels[labels.functionName] ?? "";
	const namespace = podLabels[labels.functionNamespace] ?? "";
	const address = normalizeAddress(pod.metadata.annotations?.[annotations.serviceHost] ?? "");
	const generation = Number(podLabels[labels.functionGeneration] ?? fn?.metadata.generation ?? NaN);
	if (environment === void 0) return void 0;
	if (uid === "" || name === "" || namespace === "" || address === "" || !Number.isInteger(generation)) return void 0;
	return {
		pod: {
			address,
			...identity$1(pod),
			fn: {
				uid,
				generation,
				name,
				namespace
			},
			environmentUid: environment.metadata.uid ?? "",
			shared: false,
			cpuLimit: cpuLimit(pod)
		},
		requestsPerPod: fn === void 0 ? 1 : requestsPerPod(fn),
		retainPods: fn === void 0 ? 0 : retainPods(fn)
	};
};
export { adoptable, drainGrace, environmentOf, functionOf, functionServed, hasSuccessor, identity$1 as identity, isClaimFinished, isDetached, isPooled, isRecordedAt, isReleased, isReserved, isReservedBy, isServing, isShared, isSpecialized, isWarm, owners, readyVia, sourceOf, supersededBy, troubleOf, warmPods };
