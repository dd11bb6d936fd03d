import { isDeleting, isTerminated } from "../../fission/Workloads.mjs";
import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { make } from "../EventRecorder.mjs";
import { bindingOf, referenceOf } from "../Kinds.mjs";
import { timestamp } from "../Timestamp.mjs";
import { make as make$1 } from "../WorkQueue.mjs";
import { shortagesOf } from "./Capacity.mjs";
import { KubeletPods } from "./PodObject.mjs";
import { Effect } from "effect";
// src/devcluster/kubelet/Scheduler.ts
/** Whether a Pod has ended and takes nothing of its node any more. */
const hasEnded = ({ metadata, status }) => isTerminated({
	metadata,
	status: { phase: status?.phase ?? "Pending" }
});
/**
* Gives pods their node until the scope closes, as long as it has room for what they request. One without room is marked
* unschedulable, and tried again when another pod leaves.
*/
const run = (options) => Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const record = yield* make("default-scheduler");
	const { capacity, nodeName, pods } = options;
	/** Pods that were bound and may not be in the view as such, by UID. */
	const assumed = /* @__PURE__ */ new Map();
	const onNode = () => {
		return [...[...pods.store.values()].filter((pod) => pod.spec.nodeName === nodeName && !hasEnded(pod)), ...assumed.values()];
	};
	const refuse = Effect.fnUntraced(function* (pod, shortages) {
		const { metadata, status } = pod;
		const message = `0/1 nodes are available: ${shortages.map((shortage) => `1 ${shortage}`).join(", ")}.`;
		yield* record({
			kind: KubeletPods,
			metadata
		}, {
			type: "Warning",
			reason: "FailedScheduling",
			message
		});
		const held = status?.conditions?.find(({ type }) => type === "PodScheduled");
		if (held?.status === "False" && held.message === message) return;
		const condition = {
			type: "PodScheduled",
			status: "False",
			reason: "Unschedulable",
			message
		};
		yield* api.patch(KubeletPods, referenceOf(metadata), {
			type: "strategic",
			subresource: "status",
			body: {
				metadata: { uid: metadata.uid },
				status: { conditions: [{
					...condition,
					lastTransitionTime: yield* timestamp
				}] }
			}
		});
	});
	const bind = Effect.fnUntraced(function* (pod) {
		const { metadata } = pod;
		const { name, namespace, uid = "" } = metadata;
		assumed.set(uid ?? "", pod);
		yield* api.create(bindingOf(name), {
			metadata: {
				name,
				namespace,
				uid
			},
			target: {
				apiVersion: "v1",
				kind: "Node",
				name: nodeName
			}
		}).pipe(Effect.tapError(() => Effect.sync(() => assumed.delete(uid ?? ""))));
		yield* record({
			kind: KubeletPods,
			metadata
		}, {
			type: "Normal",
			reason: "Scheduled",
			message: `Successfully assigned ${namespace}/${name} to ${nodeName}`
		});
	});
	const schedule = Effect.fnUntraced(function* (namespace, name) {
		const pod = pods.store.get(namespace, name);
		if (pod === void 0 || pod.spec.nodeName !== void 0 || isDeleting(pod.metadata)) return;
		const shortages = shortagesOf(capacity, onNode(), pod);
		yield* shortages.length === 0 ? bind(pod) : refuse(pod, shortages);
	}, Effect.catchTag("KubernetesConflict", () => Effect.void));
	const add = yield* make$1("scheduler", pods.synced, schedule);
	const addWaiting = () => {
		for (const { metadata, spec } of pods.store.values()) if (spec.nodeName === void 0) add(metadata.namespace ?? "", metadata.name);
	};
	pods.subscribe(({ object, type }) => {
		const { metadata, spec } = object;
		if (spec.nodeName !== void 0 || type === "Delete") assumed.delete(metadata.uid ?? "");
		if (type === "Delete" || hasEnded(object)) return addWaiting();
		if (spec.nodeName === void 0) add(metadata.namespace ?? "", metadata.name);
	});
});
export { hasEnded, run };
