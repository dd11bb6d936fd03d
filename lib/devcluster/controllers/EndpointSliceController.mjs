import { isDeleting, isTerminated } from "../../fission/Workloads.mjs";
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { make } from "../EventRecorder.mjs";
import { make as make$1 } from "../Informer.mjs";
import { EndpointSlices, Services, WorkloadPods, controlledBy, isSelected, referenceOf } from "../Kinds.mjs";
import { make as make$2 } from "../WorkQueue.mjs";
import { ClusterView } from "./ClusterView.mjs";
import { isPodReady } from "./PodRank.mjs";
import { Effect, Layer } from "effect";
import { isDeepStrictEqual } from "node:util";
// src/devcluster/controllers/EndpointSliceController.ts
/** The label by which an EndpointSlice names its Service. */
const serviceLabel = "kubernetes.io/service-name";
/** Labels by which a slice of ours is known, beside those of its Service. */
const labelsOf = ({ metadata, spec }) => ({
	...metadata.labels,
	...spec?.clusterIP === "None" ? { "service.kubernetes.io/headless": "" } : {},
	[serviceLabel]: metadata.name,
	"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"
});
/**
* Keeps one EndpointSlice for each Service that has a selector, with every pod that has an address and has not ended.
* A port is the same for all of its pods: a name stands for the port of the first pod that has it. A real API server
* refuses loopback addresses, which are all that the embedded kubelet gives to pods.
*/
const EndpointSliceControllerLayer = Layer.effectDiscard(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const { pods } = yield* ClusterView;
	const record = yield* make("endpoint-slice-controller");
	const services = yield* make$1({ kind: Services });
	const slices = yield* make$1({ kind: EndpointSlices });
	const podsOf = ({ metadata, spec }) => [...pods.store.values(metadata.namespace ?? "")].filter((pod) => selects(spec, pod.metadata)).sort((left, right) => left.metadata.name < right.metadata.name ? -1 : 1);
	const write = Effect.fnUntraced(function* (service) {
		const { metadata } = service;
		const { endpoints, ports } = contentsOf(service, podsOf(service));
		const name = sliceName(service);
		const known = slices.store.get(metadata.namespace ?? "", name);
		if (known === void 0) {
			const created = yield* api.create(EndpointSlices, sliceOf(service, endpoints, ports));
			return yield* slices.untilAsNewAs(created);
		}
		const labels = labelsOf(service);
		if (isDeepStrictEqual(known.endpoints ?? [], endpoints) && isDeepStrictEqual(known.ports ?? [], ports) && isDeepStrictEqual(known.metadata.labels ?? {}, labels)) return;
		const gone = Object.keys(known.metadata.labels ?? {}).map((label) => [label, null]);
		const written = yield* api.patch(EndpointSlices, referenceOf(known.metadata), {
			type: "merge",
			body: {
				metadata: {
					uid: known.metadata.uid,
					labels: {
						...Object.fromEntries(gone),
						...labels
					}
				},
				endpoints,
				ports
			}
		});
		yield* slices.untilAsNewAs(written);
	});
	/** A Service that has lost its selector keeps no slice of ours; one that is deleted is left to the garbage collector. */
	const reconcile = Effect.fnUntraced(function* (namespace, name) {
		const service = services.store.get(namespace, name);
		if (service === void 0 || isDeleting(service.metadata)) return;
		if (hasSelector(service)) return yield* Effect.tapError(write(service), ({ message }) => record({
			kind: Services,
			metadata: service.metadata
		}, {
			type: "Warning",
			reason: "FailedToUpdateEndpointSlices",
			message
		}));
		const known = slices.store.get(namespace, sliceName(service));
		if (known === void 0) return;
		yield* deletion.delete(EndpointSlices, referenceOf(known.metadata), { uid: known.metadata.uid ?? "" });
	});
	const ready = Effect.all([
		pods.synced,
		services.synced,
		slices.synced
	]);
	const add = yield* make$2("endpointslice", ready, reconcile);
	services.subscribe(({ object }) => add(object.metadata.namespace ?? "", object.metadata.name));
	slices.subscribe(({ object: { metadata } }) => {
		const service = metadata.labels?.[serviceLabel];
		if (service !== void 0) add(metadata.namespace ?? "", service);
	});
	pods.subscribe((change) => {
		const { metadata } = change.object;
		const previous = change.type === "Upsert" ? change.previous?.metadata : void 0;
		for (const { metadata: service, spec } of services.store.values(metadata.namespace ?? "")) if (selects(spec, metadata) || previous !== void 0 && selects(spec, previous)) add(service.namespace ?? "", service.name);
	});
}));
const selects = (spec, metadata) => isSelected(metadata, { matchLabels: spec?.selector ?? {} });
const hasSelector = ({ spec }) => Object.keys(spec?.selector ?? {}).length > 0;
/** Always the same, so that a creation whose answer was lost is found again. */
const sliceName = ({ metadata }) => `${metadata.name}-${(metadata.uid ?? "").slice(0, 5)}`;
const sliceOf = (service, endpoints, ports) => ({
	metadata: {
		namespace: service.metadata.namespace,
		name: sliceName(service),
		labels: labelsOf(service),
		ownerReferences: [controlledBy(Services, service.metadata)]
	},
	addressType: "IPv4",
	endpoints,
	ports
});
const contentsOf = ({ spec }, selected) => {
	const serving = selected.filter((pod) => pod.status?.podIP !== void 0 && !hasEnded(pod));
	return {
		endpoints: serving.map((pod) => endpointOf(pod, spec?.publishNotReadyAddresses === true)),
		ports: (spec?.ports ?? []).flatMap(({ appProtocol, name, port, protocol, targetPort }) => {
			const number = portOf(serving, targetPort ?? port);
			if (number === void 0) return [];
			const known = {
				name: name ?? "",
				port: number,
				protocol: protocol ?? "TCP"
			};
			return [appProtocol === void 0 ? known : {
				...known,
				appProtocol
			}];
		})
	};
};
const hasEnded = ({ metadata, status }) => isTerminated({
	metadata,
	status: { phase: status?.phase ?? "Pending" }
});
const endpointOf = (pod, isReadyAnyhow) => {
	const { metadata, spec, status } = pod;
	const serving = isPodReady(pod);
	const terminating = isDeleting(metadata);
	return {
		addresses: [status?.podIP ?? ""],
		conditions: {
			ready: isReadyAnyhow || serving && !terminating,
			serving,
			terminating
		},
		...spec?.nodeName === void 0 ? {} : { nodeName: spec.nodeName },
		targetRef: {
			kind: WorkloadPods.kind,
			namespace: metadata.namespace,
			name: metadata.name,
			uid: metadata.uid
		}
	};
};
const portOf = (pods, wanted) => {
	if (typeof wanted === "number") return wanted;
	return pods.flatMap(({ spec }) => (spec?.containers ?? []).flatMap(({ ports }) => ports ?? [])).find(({ name }) => name === wanted)?.containerPort;
};
export { EndpointSliceControllerLayer };
