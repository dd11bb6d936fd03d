import { isDeleting } from "../../fission/Workloads.mjs";
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { Deployments, ReplicaSets, controlledBy, controllerOf, referenceOf } from "../Kinds.mjs";
import { make } from "../EventRecorder.mjs";
import { jsonIn, textsIn } from "../StoredObject.mjs";
import { NotYet, make as make$1 } from "../WorkQueue.mjs";
import { ClusterView } from "./ClusterView.mjs";
import { statusOf, untilOverdue } from "./DeploymentStatus.mjs";
import { hashLabel, isCurrent, nextStep, revisionAnnotation, revisionOf, rollingOf, templateHash, withHash } from "./Rollout.mjs";
import { writeStatus } from "./StatusWrite.mjs";
import { Clock, Effect, Layer } from "effect";
// src/devcluster/controllers/DeploymentController.ts
/** Annotations of a Deployment that its ReplicaSets do not take over. */
const ownAnnotations = /* @__PURE__ */ new Set([revisionAnnotation, "kubectl.kubernetes.io/last-applied-configuration"]);
/** Keeps one ReplicaSet per template and moves the replicas to the newest. `paused` is not known. */
const DeploymentControllerLayer = Layer.effectDiscard(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const { deployments, replicaSets } = yield* ClusterView;
	const record = yield* make("deployment-controller");
	/** Oldest first. */
	const setsOf = (deployment) => [...replicaSets.store.values(deployment.metadata.namespace ?? "")].filter(({ metadata }) => controllerOf(metadata)?.uid === deployment.metadata.uid).sort((left, right) => revisionOf(left) - revisionOf(right));
	const createSet = Effect.fnUntraced(function* (deployment, revision) {
		const { name, namespace } = deployment.metadata;
		const created = yield* api.create(ReplicaSets, replicaSetOf(deployment, revision));
		yield* Effect.logDebug("replica set created", {
			namespace,
			deployment: name,
			replicaSet: created.metadata.name
		});
		yield* replicaSets.untilAsNewAs(created);
	});
	const annotate = (set, revision) => api.patch(ReplicaSets, referenceOf(set.metadata), {
		type: "merge",
		body: { metadata: {
			uid: set.metadata.uid,
			annotations: { [revisionAnnotation]: String(revision) }
		} }
	});
	const scale = Effect.fnUntraced(function* (deployment, set, replicas) {
		const before = set.spec.replicas ?? 1;
		if (before === replicas) return;
		const scaled = yield* api.patch(ReplicaSets, referenceOf(set.metadata), {
			type: "merge",
			body: {
				metadata: { uid: set.metadata.uid },
				spec: { replicas }
			}
		});
		const direction = replicas > before ? "up" : "down";
		yield* record({
			kind: Deployments,
			metadata: deployment.metadata
		}, {
			type: "Normal",
			reason: "ScalingReplicaSet",
			message: `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`
		});
		yield* replicaSets.untilAsNewAs(scaled);
	});
	const forgetOldest = Effect.fnUntraced(function* (deployment, old) {
		const idle = old.filter(({ spec, status }) => spec.replicas === 0 && (status?.replicas ?? 0) === 0);
		const surplus = idle.length - (deployment.spec.revisionHistoryLimit ?? 10);
		for (const { metadata } of idle.slice(0, Math.max(0, surplus))) yield* deletion.delete(ReplicaSets, referenceOf(metadata), { uid: metadata.uid ?? "" }).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void));
	});
	/** Returns after how long the rollout is overdue, undefined when it is over or has no deadline. */
	const report = Effect.fnUntraced(function* (deployment, current) {
		const { metadata } = deployment;
		const revision = String(revisionOf(current));
		if (metadata.annotations?.["deployment.kubernetes.io/revision"] !== revision) yield* api.patch(Deployments, referenceOf(metadata), {
			type: "merge",
			body: { metadata: {
				uid: metadata.uid,
				annotations: { [revisionAnnotation]: revision }
			} }
		});
		const millis = yield* Clock.currentTimeMillis;
		const status = statusOf(deployment, current, setsOf(deployment), millis);
		yield* writeStatus(api, Deployments, deployment, status);
		return untilOverdue(deployment, status.conditions, millis);
	});
	const reconcile = Effect.fnUntraced(function* (namespace, name) {
		const deployment = deployments.store.get(namespace, name);
		if (deployment === void 0 || isDeleting(deployment.metadata)) return;
		const latest = Math.max(0, ...setsOf(deployment).map(revisionOf));
		const known = setsOf(deployment).find((set) => isCurrent(deployment, set));
		if (known === void 0) yield* createSet(deployment, latest + 1);
		else if (revisionOf(known) < latest) yield* annotate(known, latest + 1);
		const sets = setsOf(deployment);
		const current = sets.find((set) => isCurrent(deployment, set));
		if (current === void 0) return yield* new NotYet();
		const old = sets.filter((set) => set !== current);
		const step = nextStep({
			replicas: deployment.spec.replicas ?? 1,
			rolling: rollingOf(deployment),
			current: inRollout(current),
			old: old.map(inRollout)
		});
		yield* Effect.forEach(sets, (set) => scale(deployment, set, step.get(set.metadata.name) ?? 0), { discard: true });
		yield* forgetOldest(deployment, old);
		return yield* report(deployment, current);
	});
	const add = yield* make$1("deployment", Effect.all([deployments.synced, replicaSets.synced]), reconcile);
	deployments.subscribe(({ object }) => add(object.metadata.namespace ?? "", object.metadata.name));
	replicaSets.subscribe(({ object }) => {
		const controller = controllerOf(object.metadata);
		if (controller?.kind === Deployments.kind) add(object.metadata.namespace ?? "", controller.name);
	});
}));
const inRollout = ({ metadata, spec, status }) => ({
	name: metadata.name,
	replicas: spec.replicas ?? 1,
	available: status?.availableReplicas ?? 0
});
/** A ReplicaSet without replicas for the Deployment's template. */
const replicaSetOf = ({ metadata, spec }, revision) => {
	const hash = templateHash(spec.template);
	const template = withHash(spec.template, hash);
	const inherited = Object.entries(metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name));
	return {
		metadata: {
			name: `${metadata.name}-${hash}`,
			namespace: metadata.namespace,
			labels: textsIn(jsonIn(template, "metadata"), "labels"),
			annotations: {
				...Object.fromEntries(inherited),
				[revisionAnnotation]: String(revision)
			},
			ownerReferences: [controlledBy(Deployments, metadata)]
		},
		spec: {
			replicas: 0,
			...spec.minReadySeconds === void 0 ? {} : { minReadySeconds: spec.minReadySeconds },
			selector: { matchLabels: {
				...spec.selector.matchLabels,
				[hashLabel]: hash
			} },
			template
		}
	};
};
export { DeploymentControllerLayer };
