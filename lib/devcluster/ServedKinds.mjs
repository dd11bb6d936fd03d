import { customResources } from "./CustomResources.mjs";
// src/devcluster/ServedKinds.ts
const partVerbs = [
	"get",
	"patch",
	"update"
];
/** The parts of an object that have paths of their own, with the verbs of each. */
const subresourcesOf = (kind) => ({
	...kind.status ? { status: partVerbs } : {},
	...kind.scale ? { scale: partVerbs } : {},
	...kind.kind === "Pod" ? {
		binding: ["create"],
		log: ["get"]
	} : {},
	...kind.kind === "Namespace" ? { finalize: ["update"] } : {}
});
const served = (group, version, kind, plural, options = {}) => ({
	group,
	version,
	kind,
	plural,
	namespaced: options.namespaced ?? true,
	status: options.status ?? false,
	scale: options.scale ?? false,
	generation: options.generation ?? false,
	shortNames: options.shortNames ?? []
});
const scaled = {
	status: true,
	scale: true,
	generation: true
};
/** Everything that can be stored. A kind that is missing here answers 404, as an API server without its CRD does. */
const servedKinds = [
	served("", "v1", "Namespace", "namespaces", {
		namespaced: false,
		status: true,
		shortNames: ["ns"]
	}),
	served("", "v1", "Node", "nodes", {
		namespaced: false,
		status: true,
		shortNames: ["no"]
	}),
	served("", "v1", "Pod", "pods", {
		status: true,
		generation: true,
		shortNames: ["po"]
	}),
	served("", "v1", "Service", "services", {
		status: true,
		shortNames: ["svc"]
	}),
	served("", "v1", "ConfigMap", "configmaps", { shortNames: ["cm"] }),
	served("", "v1", "Secret", "secrets"),
	served("", "v1", "ServiceAccount", "serviceaccounts", { shortNames: ["sa"] }),
	served("", "v1", "Event", "events", { shortNames: ["ev"] }),
	served("apps", "v1", "Deployment", "deployments", {
		...scaled,
		shortNames: ["deploy"]
	}),
	served("apps", "v1", "ReplicaSet", "replicasets", {
		...scaled,
		shortNames: ["rs"]
	}),
	served("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", {
		status: true,
		shortNames: ["hpa"]
	}),
	served("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", { generation: true }),
	served("coordination.k8s.io", "v1", "Lease", "leases"),
	...customResources.map(({ served }) => served)
];
export { servedKinds, subresourcesOf };
