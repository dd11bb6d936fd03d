import { isDeleting } from "../../fission/Workloads.mjs";
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { namespaceFinalizer } from "../Defaults.mjs";
import { make } from "../Informer.mjs";
import { ConfigMaps, Namespaces, ServiceAccounts, metadataOf, referenceOf } from "../Kinds.mjs";
import { servedKinds } from "../ServedKinds.mjs";
import { NotYet, make as make$1 } from "../WorkQueue.mjs";
import { Effect, Layer } from "effect";
// src/devcluster/controllers/NamespaceController.ts
const contents = servedKinds.filter(({ namespaced }) => namespaced).map(metadataOf);
/**
* Gives each namespace what pods rely on: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`, whose
* certificate is empty because the embedded API server speaks plain HTTP. Empties a namespace that is being deleted.
*/
const NamespaceControllerLayer = Layer.effectDiscard(Effect.gen(function* () {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const namespaces = yield* make({ kind: Namespaces });
	const ensure = (kind, object) => api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void));
	/** Deletes a page of each kind; returns how many objects there were. */
	const empty = Effect.fnUntraced(function* (namespace) {
		let found = 0;
		for (const kind of contents) {
			const { items } = yield* api.list(kind, {
				namespace,
				limit: 500
			});
			found += items.length;
			for (const { metadata } of items) {
				if (isDeleting(metadata)) continue;
				yield* deletion.delete(kind, referenceOf(metadata), { uid: metadata.uid ?? "" }).pipe(Effect.catchTag("KubernetesNotFound", () => Effect.void));
			}
		}
		return found;
	});
	const reconcile = Effect.fnUntraced(function* (_, name) {
		const namespace = namespaces.store.get("", name);
		if (namespace === void 0) return;
		if (!isDeleting(namespace.metadata)) {
			yield* ensure(ServiceAccounts, { metadata: {
				namespace: name,
				name: "default"
			} });
			yield* ensure(ConfigMaps, {
				metadata: {
					namespace: name,
					name: "kube-root-ca.crt"
				},
				data: { "ca.crt": "" }
			});
			return;
		}
		const finalizers = namespace.spec?.finalizers ?? [];
		if (!finalizers.includes("kubernetes")) return;
		if ((yield* empty(name)) > 0) return yield* new NotYet();
		const { resourceVersion, uid } = namespace.metadata;
		const left = finalizers.filter((finalizer) => finalizer !== namespaceFinalizer);
		yield* api.update(Namespaces, {
			metadata: {
				name,
				uid,
				resourceVersion
			},
			spec: { finalizers: left }
		}, { subresource: "finalize" });
	});
	const add = yield* make$1("namespace", namespaces.synced, reconcile);
	namespaces.subscribe(({ object }) => add("", object.metadata.name));
}));
export { NamespaceControllerLayer };
