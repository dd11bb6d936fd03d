import { timestampOf } from "../Timestamp.mjs";
import { rollingOf } from "./Rollout.mjs";
import { Duration } from "effect";
// src/devcluster/controllers/DeploymentStatus.ts
const sum = (sets, field) => sets.reduce((total, { status }) => total + (status?.[field] ?? 0), 0);
/** The status of a Deployment as its ReplicaSets have it at a time. */
const statusOf = (deployment, current, all, millis) => {
	const wanted = deployment.spec.replicas ?? 1;
	const available = sum(all, "availableReplicas");
	const counts = {
		replicas: sum(all, "replicas"),
		updatedReplicas: current.status?.replicas ?? 0,
		readyReplicas: sum(all, "readyReplicas"),
		availableReplicas: available,
		unavailableReplicas: Math.max(0, wanted - available)
	};
	return {
		observedGeneration: deployment.metadata.generation ?? 0,
		...counts,
		conditions: [
			stamped(availableCondition(deployment, available), conditionOf(deployment, "Available"), millis),
			progressing(deployment, current, counts, millis),
			...failuresOf(all)
		]
	};
};
/**
* After how long a rollout that goes on exceeds its `progressDeadlineSeconds` unless something happens; undefined when
* it cannot.
*/
const untilOverdue = (deployment, conditions, millis) => {
	const deadline = deadlineOf(deployment, conditions.find(({ type }) => type === "Progressing"));
	return deadline === void 0 ? void 0 : Duration.millis(Math.max(0, deadline - millis) + 1);
};
/** The greatest int32, by which a Deployment says that it has no deadline. */
const noDeadline = 2 ** 31 - 1;
const deadlineOf = ({ spec }, condition) => {
	const seconds = spec.progressDeadlineSeconds ?? noDeadline;
	return condition?.reason === "ReplicaSetUpdated" && seconds < noDeadline ? Date.parse(condition.lastUpdateTime ?? "") + seconds * 1e3 : void 0;
};
const conditionOf = ({ status }, type) => status?.conditions?.find((condition) => condition.type === type);
/** That a ReplicaSet cannot make its pods, as it says itself. */
const failuresOf = (sets) => sets.flatMap(({ status }) => status?.conditions ?? []).filter(({ status, type }) => type === "ReplicaFailure" && status === "True").slice(0, 1);
const availableCondition = (deployment, available) => {
	return available >= (deployment.spec.replicas ?? 1) - (rollingOf(deployment)?.unavailable ?? 0) ? {
		type: "Available",
		status: "True",
		reason: "MinimumReplicasAvailable",
		message: "Deployment has minimum availability."
	} : {
		type: "Available",
		status: "False",
		reason: "MinimumReplicasUnavailable",
		message: "Deployment does not have minimum availability."
	};
};
/**
* How the rollout of a ReplicaSet stands. One that has been completed stays so, whatever happens to its pods; one that
* goes on must get further within the deadline, else it has failed until it does.
*/
const progressing = (deployment, { metadata }, counts, millis) => {
	const about = (reason, status, what) => ({
		type: "Progressing",
		status,
		reason,
		message: `ReplicaSet "${metadata.name}" ${what}`
	});
	const complete = about("NewReplicaSetAvailable", "True", "has successfully progressed.");
	const updated = about("ReplicaSetUpdated", "True", "is progressing.");
	const overdue = about("ProgressDeadlineExceeded", "False", "has timed out progressing.");
	const found = conditionOf(deployment, "Progressing");
	const held = [
		complete,
		updated,
		overdue
	].some(({ message }) => message === found?.message) ? found : void 0;
	if (held !== void 0 && held.reason === complete.reason && counts.replicas === counts.updatedReplicas) return held;
	const wanted = deployment.spec.replicas ?? 1;
	if (counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas >= wanted) return stamped(complete, found, millis);
	if (held === void 0 || hasAdvanced(deployment.status ?? {}, counts)) return {
		...stamped(updated, found, millis),
		lastUpdateTime: timestampOf(millis)
	};
	return millis > (deadlineOf(deployment, held) ?? millis) ? stamped(overdue, held, millis) : held;
};
/** Whether there is more of the new, or less of the old than before. */
const hasAdvanced = (before, counts) => {
	const old = (status) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
	return counts.updatedReplicas > (before.updatedReplicas ?? 0) || old(counts) < old(before) || counts.readyReplicas > (before.readyReplicas ?? 0) || counts.availableReplicas > (before.availableReplicas ?? 0);
};
/** Times move only with what they are about. */
const stamped = (condition, held, millis) => ({
	...condition,
	lastUpdateTime: (held?.message === condition.message ? held.lastUpdateTime : void 0) ?? timestampOf(millis),
	lastTransitionTime: (held?.status === condition.status ? held.lastTransitionTime : void 0) ?? timestampOf(millis)
});
export { statusOf, untilOverdue };
