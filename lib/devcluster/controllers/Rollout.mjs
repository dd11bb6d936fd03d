import { jsonIn } from "../StoredObject.mjs";
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/controllers/Rollout.ts
/** The label that tells the pods of one template from those of another. */
const hashLabel = "pod-template-hash";
/** The annotation that counts the templates of a Deployment. */
const revisionAnnotation = "deployment.kubernetes.io/revision";
const canonical = (value) => {
	if (Array.isArray(value)) return value.map(canonical);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([field, held]) => [field, canonical(held)]));
};
/** Ten characters that stand for a template, whatever the order of its fields. */
const templateHash = (template) => createHash("sha256").update(JSON.stringify(canonical(template))).digest("hex").slice(0, 10);
/** The template with or without the hash among its labels. */
const withHash = (template, hash) => {
	const metadata = jsonIn(template, "metadata");
	const { [hashLabel]: _, ...labels } = jsonIn(metadata, "labels");
	return {
		...template,
		metadata: {
			...metadata,
			labels: hash === void 0 ? labels : {
				...labels,
				[hashLabel]: hash
			}
		}
	};
};
/** Whether a ReplicaSet runs the template of a Deployment. */
const isCurrent = (deployment, set) => isDeepStrictEqual(withHash(set.spec.template, void 0), withHash(deployment.spec.template, void 0));
/** The number that counts a ReplicaSet among those of its Deployment. */
const revisionOf = (set) => Number(set.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
/** `25%` of a number of replicas, or a number as it is. */
const amount = (given, replicas, round) => typeof given === "number" ? given : round(Number.parseInt(given, 10) * replicas / 100);
/** How far a rollout may go beyond and below the wanted replicas; surge is rounded up, unavailable down. */
const rollingOf = ({ spec }) => {
	if (spec.strategy?.type === "Recreate") return void 0;
	const replicas = spec.replicas ?? 1;
	const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {};
	const surge = amount(maxSurge ?? "25%", replicas, Math.ceil);
	const unavailable = amount(maxUnavailable ?? "25%", replicas, Math.floor);
	return {
		surge,
		unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable
	};
};
/**
* The replicas of each ReplicaSet for the next step. Never more in all than the surge allows, and never a step after
* which fewer are available than allowed: old replicas that are not available go first, then as many as new ones came up.
*/
const nextStep = (state) => {
	const { current, old, replicas, rolling } = state;
	const oldReplicas = sum(old, (set) => set.replicas);
	if (rolling === void 0) {
		const steps = old.map((set) => [set.name, 0]);
		return new Map([...steps, [current.name, oldReplicas === 0 ? replicas : current.replicas]]);
	}
	const room = Math.max(0, replicas + rolling.surge - current.replicas - oldReplicas);
	const target = Math.min(replicas, current.replicas + room);
	const least = replicas - rolling.unavailable;
	const comingUp = current.replicas - current.available;
	const superfluous = Math.max(0, oldReplicas + current.replicas - least - comingUp);
	const cleaned = taken(old, superfluous, (set) => set.replicas - set.available);
	const available = sum(old, (set) => set.available) + current.available;
	const scaled = taken(cleaned, Math.min(superfluous - oldReplicas + sum(cleaned, replicasOf), available - least), replicasOf);
	return new Map([...scaled.map((set) => [set.name, set.replicas]), [current.name, target]]);
};
const replicasOf = (set) => set.replicas;
const sum = (sets, of) => sets.reduce((total, set) => total + of(set), 0);
/** The sets after taking away at most so many replicas, from the oldest first and from each no more than given. */
const taken = (sets, atMost, from) => {
	let left = Math.max(0, atMost);
	return sets.map((set) => {
		const count = Math.max(0, Math.min(left, from(set)));
		left -= count;
		return {
			...set,
			replicas: set.replicas - count
		};
	});
};
export { hashLabel, isCurrent, nextStep, revisionAnnotation, revisionOf, rollingOf, templateHash, withHash };
