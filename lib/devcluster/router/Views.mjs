import { addressOf } from "../../fission/Address.mjs";
import { ports } from "../../fission/Labels.mjs";
import { Functions, Pods, Services } from "../../fission/ResourceKind.mjs";
import { isReady } from "../../fission/Workloads.mjs";
import { make } from "../../kubernetes/Reflector.mjs";
import { rawKind } from "../RawKind.mjs";
import { HttpTriggers, inOrder } from "./HttpTriggers.mjs";
import { Effect } from "effect";
// src/devcluster/router/Views.ts
/** Watches what routes and addresses need in these namespaces. Functions keep every field, since the executor gets them whole. */
const watch = (namespaces) => Effect.gen(function* () {
	let ordered;
	const functions = yield* watchKind(rawKind(Functions), namespaces, () => {});
	const triggers = yield* watchKind(HttpTriggers, namespaces, () => {
		ordered = void 0;
	});
	const services = yield* watchKind(Services, namespaces, () => {}, withService);
	const pods = yield* watchKind(Pods, namespaces, () => {}, withService);
	const endpointsOf = (address) => {
		const [, name, namespace] = /^([^.:]+)\.([^.:]+)\.svc\.[^:]*\.$/u.exec(address) ?? [];
		if (name === void 0 || namespace === void 0) return [address];
		const { ports: servicePorts, selector } = services.get(namespace)?.store.get(namespace, name)?.spec ?? {};
		const selected = Object.entries(selector ?? {});
		if (selected.length === 0) return [];
		return [...pods.get(namespace)?.store.values(namespace) ?? []].filter((pod) => isReady(pod) && selected.every(([label, value]) => pod.metadata.labels?.[label] === value)).map(({ status }) => addressOf(status?.podIP ?? "", Number(servicePorts?.[0]?.targetPort ?? ports.runtime)));
	};
	return {
		find: (namespace, name) => functions.get(namespace)?.store.get(namespace, name),
		endpointsOf,
		triggers: () => ordered ??= inOrder([...triggers.values()].flatMap(({ store }) => [...store.values()])),
		knowsFunctions: () => isSynced(functions),
		knowsTriggers: () => isSynced(triggers)
	};
});
/** Objects of the executor types whose functions have a Service. */
const withService = "executorType in (newdeploy,container)";
/** Whether the kind has been listed in each of its namespaces. */
const isSynced = (reflectors) => [...reflectors.values()].every(({ store }) => store.isSynced());
/** Watches one kind in these namespaces, as long as the scope is open; by namespace. */
const watchKind = (kind, namespaces, onChange, labelSelector) => Effect.gen(function* () {
	const reflectors = /* @__PURE__ */ new Map();
	for (const namespace of new Set(namespaces)) {
		const reflector = yield* make({
			kind,
			namespace,
			...labelSelector === void 0 ? {} : { labelSelector },
			onChange,
			onStatus: ({ error }) => error === void 0 ? Effect.void : Effect.logWarning("the router's view is old", error).pipe(Effect.annotateLogs({
				namespace,
				resource: kind.plural
			}))
		});
		reflectors.set(namespace, reflector);
		yield* Effect.forkScoped(reflector.run);
	}
	return reflectors;
});
export { isSynced, watch, watchKind };
