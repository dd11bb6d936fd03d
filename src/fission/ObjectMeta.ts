import { Schema } from "effect"

/**
 * A field that may be absent, or `null` as Go clients write it. Readers use `?? default`.
 *
 * @param schema what the field holds when it is there
 */
export const optional = <S extends Schema.Constraint>(schema: S) => Schema.optionalKey(Schema.NullishOr(schema))

/** String to string, as labels and annotations are. */
export const StringMap = Schema.Record(Schema.String, Schema.String)

/** One entry of `metadata.ownerReferences`. */
export const OwnerReference = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  name: Schema.String,
  uid: Schema.String,
  controller: optional(Schema.Boolean),
  blockOwnerDeletion: optional(Schema.Boolean)
})
export type OwnerReference = typeof OwnerReference.Type

/** The fields of `metadata` that the executor uses. Everything else is dropped when an object enters a view. */
export const ObjectMeta = Schema.Struct({
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
})
export type ObjectMeta = typeof ObjectMeta.Type

/** `namespace/name`, the key of an object within its kind; cluster-wide objects have an empty namespace. */
export const keyOf = (metadata: Pick<ObjectMeta, "name" | "namespace">): string =>
  `${metadata.namespace ?? ""}/${metadata.name}`
