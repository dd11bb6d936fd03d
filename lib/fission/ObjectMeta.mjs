import { Schema } from "effect";
// src/fission/ObjectMeta.ts
/**
* A field that may be absent, or `null` as Go clients write it. Readers use `?? default`.
*
* @param schema what the field holds when it is there
*/
const optional = (schema) => Schema.optionalKey(Schema.NullishOr(schema));
/** String to string, as labels and annotations are. */
const StringMap = Schema.Record(Schema.String, Schema.String);
/** One entry of `metadata.ownerReferences`. */
const OwnerReference = Schema.Struct({
	apiVersion: Schema.String,
	kind: Schema.String,
	name: Schema.String,
	uid: Schema.String,
	controller: optional(Schema.Boolean),
	blockOwnerDeletion: optional(Schema.Boolean)
});
/** The fields of `metadata` that the executor uses. Everything else is dropped when an object enters a view. */
const ObjectMeta = Schema.Struct({
	name: Schema.String,
	namespace: optional(Schema.String),
	uid: optional(Schema.String),
	resourceVersion: optional(Schema.String),
	generation: optional(Schema.Int),
	labels: optional(StringMap),
	annotations: optional(StringMap),
	creationTimestamp: optional(Schema.String),
	deletionTimestamp: optional(Schema.String),
	finalizers: optional(Schema.Array(Schema.String)),
	ownerReferences: optional(Schema.Array(OwnerReference))
});
/** `namespace/name`, the key of an object within its kind; cluster-wide objects have an empty namespace. */
const keyOf = (metadata) => `${metadata.namespace ?? ""}/${metadata.name}`;
export { ObjectMeta, OwnerReference, StringMap, keyOf, optional };
