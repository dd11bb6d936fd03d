import { fromServer } from "../kubernetes/Credentials.mjs";
import { KubernetesApi } from "../kubernetes/KubernetesApi.mjs";
import { layer as layer$1 } from "../kubernetes/KubernetesApiLive.mjs";
import { ApiServer } from "./ApiServer.mjs";
import { ControllersLayer } from "./controllers/Controllers.mjs";
import { Faults } from "./Faults.mjs";
import { Kubelet } from "./Kubelet.mjs";
import { Namespaces, ServiceAccounts } from "./Kinds.mjs";
import { PodLogs } from "./PodLogs.mjs";
import { Effect, Layer } from "effect";
// src/devcluster/DevCluster.ts
/** The User-Agent of the cluster's own clients; a fault for `fission-executor/` spares them. */
const userAgent = "embedded-cluster";
/**
* Controllers and a kubelet on any API server: what a bare one lacks to run pods. Closing the layer kills every pod's
* processes and waits for their end; the objects stay.
*/
const nodeComponents = (options) => components(options).pipe(Layer.provideMerge(PodLogs.layer));
const components = (options) => Layer.merge(Kubelet.layer(options), ControllersLayer);
/**
* A whole cluster in this process: API server in memory, controllers, kubelet, and each namespace with the
* ServiceAccount `fission-fetcher`. It is there when the layer is built; a port that cannot be had fails.
*/
const layer = (options) => {
	const server = ApiServer.layer(options).pipe(Layer.provideMerge(Layer.merge(Faults.layer, PodLogs.layer)));
	return Layer.unwrap(Effect.gen(function* () {
		const { url } = yield* ApiServer;
		const api = layer$1(fromServer(url), userAgent);
		const contents = Layer.effectDiscard(furnish(["default", ...options.namespaces]));
		return components({
			...options,
			apiServer: { url }
		}).pipe(Layer.provideMerge(contents), Layer.provide(api));
	})).pipe(Layer.provideMerge(server));
};
/** Makes namespaces exist, each with the ServiceAccount `fission-fetcher`. Repeatable. */
const furnish = Effect.fnUntraced(function* (namespaces) {
	const api = yield* KubernetesApi;
	const ensure = (kind, object) => api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void));
	for (const name of new Set(namespaces)) {
		yield* ensure(Namespaces, { metadata: { name } });
		yield* ensure(ServiceAccounts, { metadata: {
			namespace: name,
			name: "fission-fetcher"
		} });
	}
});
export { furnish, layer, nodeComponents, userAgent };
