import { ObjectMeta } from "../fission/ObjectMeta.mjs";
import { Schema } from "effect";
// src/devcluster/RawKind.ts
const anyField = [Schema.Record(Schema.String, Schema.Unknown)];
/** An object with every field that it came with. */
const RawObject = Schema.StructWithRest(Schema.Struct({ metadata: Schema.StructWithRest(ObjectMeta, anyField) }), anyField);
/** A kind whose objects are kept whole, for those who hand them on or write them back. */
const rawKind = (kind) => ({
	group: kind.group,
	version: kind.version,
	kind: kind.kind,
	plural: kind.plural,
	namespaced: kind.namespaced,
	metadataOnly: false,
	decode: Schema.decodeUnknownResult(RawObject)
});
export { RawObject, rawKind };
