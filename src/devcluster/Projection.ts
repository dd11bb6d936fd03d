import type { ServedKind } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"
import { apiVersionOf, type StoredObject } from "./StoredObject.ts"
import { tableOf } from "./Tables.ts"

/** The form in which a client wants objects. */
export interface Projection {
  readonly object: (object: StoredObject) => Status.Json
  /** What marks how far a watch is. */
  readonly bookmark: (metadata: Status.Json) => Status.Json
  readonly list: (objects: ReadonlyArray<StoredObject>, metadata: Status.Json) => Status.Json
}

const partial = (metadata: Status.Json): Status.Json => ({
  kind: "PartialObjectMetadata",
  apiVersion: "meta.k8s.io/v1",
  metadata
})

const metadataOnly: Projection = {
  object: ({ metadata }) => partial(metadata),
  bookmark: partial,
  list: (objects, metadata) => ({
    kind: "PartialObjectMetadataList",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    // A real server writes an empty list like that.
    items: objects.length === 0 ? null : objects.map(({ metadata }) => partial(metadata))
  })
}

const withoutKind = (object: StoredObject): Status.Json => ({ ...object, apiVersion: undefined, kind: undefined })

/** Elements of a list do not repeat their kind, except custom resources. */
const whole = (kind: ServedKind): Projection => ({
  object: (object) => object,
  bookmark: (metadata) => ({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }),
  list: (objects, metadata) => ({
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    ...(kind.group === "fission.io"
      ? { metadata: { continue: "", ...metadata }, items: objects }
      : { metadata, items: objects.map(withoutKind) })
  })
})

/** What the `Accept` header asks for: whole objects, their metadata, or a table for `kubectl get`. */
export const projectionOf = (accept: string, kind: ServedKind, now: () => Date): Projection => {
  if (accept.includes("as=PartialObjectMetadata")) return metadataOnly
  if (!accept.includes("as=Table")) return whole(kind)
  return {
    object: (object) => tableOf(kind, [object], { resourceVersion: object.metadata.resourceVersion }, now()),
    bookmark: (metadata) => tableOf(kind, [], metadata, now()),
    list: (objects, metadata) => tableOf(kind, objects, metadata, now())
  }
}
