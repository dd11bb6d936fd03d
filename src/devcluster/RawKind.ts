import { Schema } from "effect"
import { ObjectMeta } from "../fission/ObjectMeta.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"

const anyField = [Schema.Record(Schema.String, Schema.Unknown)] as const

/** An object with every field that it came with. */
export const RawObject = Schema.StructWithRest(
  Schema.Struct({ metadata: Schema.StructWithRest(ObjectMeta, anyField) }),
  anyField
)
export type RawObject = typeof RawObject.Type

/** A kind whose objects are kept whole, for those who hand them on or write them back. */
export const rawKind = (
  kind: Pick<ResourceKind, "group" | "version" | "kind" | "plural" | "namespaced">
): ResourceKind<RawObject> => ({
  group: kind.group,
  version: kind.version,
  kind: kind.kind,
  plural: kind.plural,
  namespaced: kind.namespaced,
  metadataOnly: false,
  decode: Schema.decodeUnknownResult(RawObject)
})
