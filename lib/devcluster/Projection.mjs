import { apiVersionOf } from "./StoredObject.mjs";
import { tableOf } from "./Tables.mjs";
// src/devcluster/Projection.ts
const partial = (metadata) => ({
	kind: "PartialObjectMetadata",
	apiVersion: "meta.k8s.io/v1",
	metadata
});
const metadataOnly = {
	object: ({ metadata }) => partial(metadata),
	bookmark: partial,
	list: (objects, metadata) => ({
		kind: "PartialObjectMetadataList",
		apiVersion: "meta.k8s.io/v1",
		metadata,
		items: objects.length === 0 ? null : objects.map(({ metadata }) => partial(metadata))
	})
};
const withoutKind = (object) => ({
	...object,
	apiVersion: void 0,
	kind: void 0
});
/** Elements of a list do not repeat their kind, except custom resources. */
const whole = (kind) => ({
	object: (object) => object,
	bookmark: (metadata) => ({
		kind: kind.kind,
		apiVersion: apiVersionOf(kind),
		metadata
	}),
	list: (objects, metadata) => ({
		kind: `${kind.kind}List`,
		apiVersion: apiVersionOf(kind),
		...kind.group === "fission.io" ? {
			metadata: {
				continue: "",
				...metadata
			},
			items: objects
		} : {
			metadata,
			items: objects.map(withoutKind)
		}
	})
});
/** What the `Accept` header asks for: whole objects, their metadata, or a table for `kubectl get`. */
const projectionOf = (accept, kind, now) => {
	if (accept.includes("as=PartialObjectMetadata")) return metadataOnly;
	if (!accept.includes("as=Table")) return whole(kind);
	return {
		object: (object) => tableOf(kind, [object], { resourceVersion: object.metadata.resourceVersion }, now()),
		bookmark: (metadata) => tableOf(kind, [], metadata, now()),
		list: (objects, metadata) => tableOf(kind, objects, metadata, now())
	};
};
export { projectionOf };
