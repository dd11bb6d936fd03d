import { isDeleting, isTerminated } from "../../fission/Workloads.mjs";
// src/devcluster/controllers/PodRank.ts
const readyCondition = (pod) => pod.status?.conditions?.find(({ type }) => type === "Ready");
/** Whether the Pod's Ready condition is true. */
const isPodReady = (pod) => readyCondition(pod)?.status === "True";
/**
* Seconds from a time on until a Pod has been ready for as long as `minReadySeconds` wants; 0 when it has, undefined
* while it is not ready.
*/
const secondsToAvailable = (pod, minReadySeconds, millis) => {
	if (!isPodReady(pod)) return void 0;
	const since = Date.parse(readyCondition(pod)?.lastTransitionTime ?? "1970-01-01T00:00:00Z");
	return Math.max(0, minReadySeconds - (millis - since) / 1e3);
};
/** Whether a Pod counts as a replica: it is neither being deleted nor has it ended. */
const isActive = (pod) => !isDeleting(pod.metadata) && !isTerminated({
	metadata: pod.metadata,
	status: { phase: pod.status?.phase ?? "Pending" }
});
const phases = [
	"Pending",
	"Unknown",
	"Running"
];
/** The smaller, the sooner a Pod is deleted; fields in the order of their weight. */
const rank = (pod) => [
	pod.spec?.nodeName === void 0 ? 0 : 1,
	phases.indexOf(pod.status?.phase ?? "Pending"),
	isPodReady(pod) ? 1 : 0,
	-Date.parse(readyCondition(pod)?.lastTransitionTime ?? "1970-01-01T00:00:00Z"),
	-Date.parse(pod.metadata.creationTimestamp ?? "1970-01-01T00:00:00Z")
];
/**
* Which of two Pods a ReplicaSet gives up first, as the real controller does it: unbound, then pending, then not ready,
* then the one that has been ready for the shorter time, then the younger.
*/
const deletionOrder = (left, right) => {
	const [ranks, others] = [rank(left), rank(right)];
	const decisive = ranks.findIndex((value, index) => value !== others[index]);
	return decisive < 0 ? 0 : (ranks[decisive] ?? 0) - (others[decisive] ?? 0);
};
export { deletionOrder, isActive, isPodReady, secondsToAvailable };
