import { quantityOf } from "../../fission/Quantity.mjs";
// src/devcluster/kubelet/Capacity.ts
/** So much that a pod is hardly ever refused. */
const plenty = {
	pods: "500",
	cpu: "1000",
	memory: "1000Gi"
};
/** The resources that are counted, and what is said where one does not suffice. */
const shortages = {
	cpu: "Insufficient cpu",
	memory: "Insufficient memory",
	pods: "Too many pods"
};
const nothing = {
	cpu: 0,
	memory: 0,
	pods: 0
};
const each = (amount) => ({
	cpu: amount("cpu"),
	memory: amount("memory"),
	pods: amount("pods")
});
const plus = (left, right) => each((resource) => left[resource] + right[resource]);
/** What a container asks for; a limit counts as a request where there is none. */
const requestOf = ({ resources }) => each((resource) => quantityOf(resources?.requests?.[resource] ?? resources?.limits?.[resource]) ?? 0);
/** What a Pod takes of its node: its containers together, or an init container that needs more. */
const requestsOf = ({ spec }) => {
	const together = spec.containers.map(requestOf).reduce(plus, nothing);
	const before = (spec.initContainers ?? []).map(requestOf);
	return {
		...each((resource) => Math.max(together[resource], ...before.map((one) => one[resource]))),
		pods: 1
	};
};
/** Why a Pod has no place beside others on a node, in the scheduler's words; empty where it has. */
const shortagesOf = (capacity, others, pod) => {
	const wanted = requestsOf(pod);
	const taken = others.map(requestsOf).reduce(plus, wanted);
	const lacks = (resource) => wanted[resource] > 0 && taken[resource] > (quantityOf(capacity[resource]) ?? 0) ? [shortages[resource]] : [];
	return [
		"cpu",
		"memory",
		"pods"
	].flatMap(lacks);
};
export { plenty, shortagesOf };
