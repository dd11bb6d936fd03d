import { KubernetesApi } from "../../kubernetes/KubernetesApi.mjs";
import { Nodes } from "../Kinds.mjs";
import { timestamp } from "../Timestamp.mjs";
import { Effect } from "effect";
// src/devcluster/kubelet/Node.ts
/** Makes the Node exist and reports it ready. Repeatable. */
const registerNode = (name, capacity) => Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const now = yield* timestamp;
	yield* api.create(Nodes, { metadata: {
		name,
		labels: {
			"kubernetes.io/hostname": name,
			"kubernetes.io/os": "linux"
		}
	} }).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void));
	yield* api.patch(Nodes, { name }, {
		type: "merge",
		subresource: "status",
		body: { status: {
			capacity,
			allocatable: capacity,
			addresses: [{
				type: "InternalIP",
				address: "127.0.0.1"
			}],
			conditions: [{
				type: "Ready",
				status: "True",
				reason: "KubeletReady",
				lastHeartbeatTime: now,
				lastTransitionTime: now
			}]
		} }
	});
});
export { registerNode };
