import { isDeleting } from "../../fission/Workloads.mjs";
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { ReplicaSets, WorkloadPods, controlledBy, controllerOf, isSelected, referenceOf } from "../Kinds.mjs";
import { make } from "../EventRecorder.mjs";
import { jsonIn, textsIn } from "../StoredObject.mjs";
import { timestampOf } from "../Timestamp.mjs";
import { make as make$1 } from "../WorkQueue.mjs";
import { ClusterView } from "./ClusterView.mjs";
import { deletionOrder, isActive, isPodReady, secondsToAvailable } from "./PodRank.mjs";
import { writeStatus } from "./StatusWrite.mjs";
import { Clock, Duration, Effect, Layer, Result } from "effect";
// src/devcluster/controllers/ReplicaSetController.ts
const podsAtOnce = 4;
/**
* Keeps as many pods as each ReplicaSet asks for. A pod whose labels no longer match is released and replaced, one
* without a controller whose labels match is adopted.
*/
const ReplicaSetControllerLayer = Layer.effectDiscard(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const { pods, replicaSets } = yield* ClusterView;
	const record = yield* make("replicaset-controller");
	const happened = (owner, happening) => record({
		kind: ReplicaSets,
		metadata: owner.metadata
	}, happening);
	/** Removes our reference from a pod that we no longer manage. */
	const release = (owner, { metadata }) => api.patch(WorkloadPods, referenceOf(metadata), {
		type: "strategic",
		body: { metadata: {
			uid: metadata.uid,
			ownerReferences: [{
				$patch: "delete",
				uid: owner.metadata.uid
			}]
		} }
	}).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void));
	const adopt = (owner, { metadata }) => api.patch(WorkloadPods, referenceOf(metadata), {
		type: "strategic",
		body: { metadata: {
			uid: metadata.uid,
			ownerReferences: [controlledBy(ReplicaSets, owner.metadata)]
		} }
	});
	/** The pods that count, after releasing and adopting. */
	const claim = Effect.fnUntraced(function* (owner) {
		const counted = [];
		for (const pod of pods.store.values(owner.metadata.namespace ?? "")) {
			const matches = isSelected(pod.metadata, owner.spec.selector);
			const controller = controllerOf(pod.metadata);
			if (controller?.uid === owner.metadata.uid) {
				if (matches) counted.push(pod);
				else if (!isDeleting(owner.metadata)) yield* release(owner, pod);
			} else if (controller === void 0 && matches && !isDeleting(pod.metadata) && !isDeleting(owner.metadata)) {
				yield* adopt(owner, pod);
				counted.push(pod);
			}
		}
		return counted;
	});
	const create = Effect.fnUntraced(function* (owner, count) {
		const pod = podOf(owner);
		const createOne = api.create(WorkloadPods, pod).pipe(Effect.tap(({ metadata }) => happened(owner, {
			type: "Normal",
			reason: "SuccessfulCreate",
			message: `Created pod: ${metadata.name}`
		})), Effect.tapError(({ message }) => happened(owner, {
			type: "Warning",
			reason: "FailedCreate",
			message: `Error creating: ${message}`
		})));
		const created = yield* Effect.forEach(Array.from({ length: count }), () => createOne, { concurrency: podsAtOnce });
		yield* Effect.forEach(created, pods.untilAsNewAs, { discard: true });
	});
	const remove = Effect.fnUntraced(function* (owner, surplus) {
		const removeOne = ({ metadata }) => deletion.delete(WorkloadPods, referenceOf(metadata), { uid: metadata.uid ?? "" }).pipe(Effect.andThen(happened(owner, {
			type: "Normal",
			reason: "SuccessfulDelete",
			message: `Deleted pod: ${metadata.name}`
		})), Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () => Effect.void));
		yield* Effect.forEach(surplus, removeOne, {
			concurrency: podsAtOnce,
			discard: true
		});
		yield* pods.until((store) => surplus.every(({ metadata }) => {
			const seen = store.get(metadata.namespace ?? "", metadata.name);
			return seen === void 0 || seen.metadata.uid !== metadata.uid || isDeleting(seen.metadata);
		}));
	});
	/** Makes or deletes pods until there are as many as wanted. */
	const adjust = Effect.fnUntraced(function* (owner, active) {
		const missing = (owner.spec.replicas ?? 1) - active.length;
		if (missing > 0) yield* create(owner, missing);
		if (missing < 0) yield* remove(owner, [...active].sort(deletionOrder).slice(0, -missing));
	});
	/** Returns after how long a pod becomes available that is ready and not available yet. */
	const report = Effect.fnUntraced(function* (owner, failure) {
		const active = [...pods.store.values(owner.metadata.namespace ?? "")].filter((pod) => controllerOf(pod.metadata)?.uid === owner.metadata.uid && isSelected(pod.metadata, owner.spec.selector) && isActive(pod));
		const now = yield* Clock.currentTimeMillis;
		const waits = active.flatMap((pod) => secondsToAvailable(pod, owner.spec.minReadySeconds ?? 0, now) ?? []);
		const status = {
			replicas: active.length,
			fullyLabeledReplicas: active.length,
			readyReplicas: active.filter(isPodReady).length,
			availableReplicas: waits.filter((wait) => wait === 0).length,
			observedGeneration: owner.metadata.generation ?? 0,
			conditions: failure === void 0 ? [] : [failureCondition(owner, failure, now)]
		};
		yield* writeStatus(api, ReplicaSets, owner, status);
		const pending = waits.filter((wait) => wait > 0);
		return pending.length === 0 ? void 0 : Duration.seconds(Math.min(...pending));
	});
	const reconcile = Effect.fnUntraced(function* (namespace, name) {
		const owner = replicaSets.store.get(namespace, name);
		if (owner === void 0) return;
		const active = (yield* claim(owner)).filter(isActive);
		const adjusted = yield* Effect.result(isDeleting(owner.metadata) ? Effect.void : adjust(owner, active));
		const failure = Result.isFailure(adjusted) ? adjusted.failure : void 0;
		const wait = yield* report(owner, failure);
		return failure === void 0 ? wait : yield* failure;
	});
	const add = yield* make$1("replicaset", Effect.all([pods.synced, replicaSets.synced]), reconcile);
	replicaSets.subscribe(({ object }) => add(object.metadata.namespace ?? "", object.metadata.name));
	pods.subscribe((change) => {
		const { metadata } = change.object;
		const namespace = metadata.namespace ?? "";
		const previous = change.type === "Upsert" ? change.previous?.metadata : void 0;
		for (const seen of previous === void 0 ? [metadata] : [metadata, previous]) {
			const controller = controllerOf(seen);
			if (controller?.kind === ReplicaSets.kind) add(namespace, controller.name);
		}
		if (controllerOf(metadata) !== void 0) return;
		for (const { metadata: owner, spec } of replicaSets.store.values(namespace)) if (isSelected(metadata, spec.selector)) add(namespace, owner.name);
	});
}));
/** That the pods which are missing, or too many, stay so. */
const failureCondition = ({ spec, status }, { message }, now) => {
	const condition = {
		type: "ReplicaFailure",
		status: "True",
		reason: (status?.replicas ?? 0) < (spec.replicas ?? 1) ? "FailedCreate" : "FailedDelete"
	};
	const held = status?.conditions?.find(({ type }) => type === condition.type);
	return {
		...condition,
		message,
		lastTransitionTime: held?.lastTransitionTime ?? timestampOf(now)
	};
};
/** A pod of the template, to be named by the server. */
const podOf = ({ metadata, spec }) => {
	const template = jsonIn(spec.template, "metadata");
	return {
		metadata: {
			name: "",
			generateName: `${metadata.name}-`,
			namespace: metadata.namespace,
			labels: textsIn(template, "labels"),
			annotations: textsIn(template, "annotations"),
			ownerReferences: [controlledBy(ReplicaSets, metadata)]
		},
		spec: spec.template["spec"]
	};
};
export { ReplicaSetControllerLayer };
