import { apiVersionOf } from "../../fission/ResourceKind.mjs";
import { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.mjs";
import { make } from "../Informer.mjs";
import { metadataOf, referenceOf } from "../Kinds.mjs";
import { servedKinds } from "../ServedKinds.mjs";
import { make as make$1 } from "../WorkQueue.mjs";
import { Effect, Layer } from "effect";
// src/devcluster/controllers/GarbageCollector.ts
/** Kinds whose objects own others, are owned, or both. Events and Leases come and go too often to be watched for it. */
const kinds = servedKinds.filter(({ kind, namespaced }) => namespaced && kind !== "Event" && kind !== "Lease").map(metadataOf);
/**
* Deletes objects whose every owner is gone, which is how deleting an owner with Background propagation takes its
* dependents along; a reference to one of several owners that is gone is removed. An owner counts as gone when the
* server says so now, and an owner of an unknown kind as present.
*/
const GarbageCollectorLayer = Layer.effectDiscard(Effect.forEach(kinds, (kind) => Effect.map(make({
	kind,
	indexes: { owner: ownerUids }
}), (informer) => ({
	kind,
	informer
}))).pipe(Effect.flatMap((views) => collect(views))));
const ownerUids = ({ metadata }) => metadata.ownerReferences?.map((owner) => owner.uid) ?? [];
const collect = Effect.fnUntraced(function* (views) {
	const api = yield* KubernetesApi;
	const deletion = yield* KubernetesDeletion;
	const exists = Effect.fnUntraced(function* (namespace, owner) {
		const view = views.find(({ kind }) => kind.kind === owner.kind && apiVersionOf(kind) === owner.apiVersion);
		if (view === void 0 || view.informer.store.get(namespace, owner.name)?.metadata.uid === owner.uid) return true;
		return yield* api.get(view.kind, {
			namespace,
			name: owner.name
		}).pipe(Effect.map((live) => live.metadata.uid === owner.uid), Effect.catchTag("KubernetesNotFound", () => Effect.succeed(false)));
	});
	const attend = ({ informer, kind }) => Effect.fnUntraced(function* (namespace, name) {
		const dependent = informer.store.get(namespace, name);
		const owners = dependent?.metadata.ownerReferences ?? [];
		if (dependent === void 0 || owners.length === 0) return;
		const gone = yield* Effect.filter(owners, (owner) => Effect.map(exists(namespace, owner), (found) => !found));
		if (gone.length === 0) return;
		const { metadata } = dependent;
		const uid = metadata.uid ?? "";
		if (gone.length === owners.length) {
			yield* Effect.logDebug("object whose owners are gone is deleted", {
				kind: kind.kind,
				namespace,
				name
			});
			yield* deletion.delete(kind, referenceOf(metadata), {
				uid,
				propagationPolicy: "Background"
			});
		} else {
			const left = owners.filter((owner) => !gone.includes(owner));
			yield* api.patch(kind, referenceOf(metadata), {
				type: "merge",
				body: { metadata: {
					uid,
					resourceVersion: metadata.resourceVersion,
					ownerReferences: left
				} }
			});
		}
	});
	const watched = yield* Effect.forEach(views, (view) => Effect.map(make$1(`garbage collector of ${view.kind.plural}`, view.informer.synced, attend(view)), (add) => ({
		...view,
		add
	})));
	for (const { add, informer } of watched) informer.subscribe(({ object, type }) => {
		const { metadata } = object;
		if (type === "Upsert" && ownerUids(object).length > 0) add(metadata.namespace ?? "", metadata.name);
		if (type === "Upsert") return;
		for (const dependents of watched) for (const dependent of dependents.informer.store.indexed("owner", metadata.uid ?? "")) dependents.add(dependent.metadata.namespace ?? "", dependent.metadata.name);
	});
});
export { GarbageCollectorLayer };
