import { Schema } from "effect"
import { ObjectMeta, optional } from "../fission/ObjectMeta.ts"
import { FunctionAliases, FunctionVersions, type ResourceKind } from "../fission/ResourceKind.ts"

const PublishedVersion = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    functionName: Schema.String,
    functionUID: Schema.String,
    functionGeneration: Schema.Int,
    sequence: optional(Schema.Int),
    packageDigest: optional(Schema.String),
    snapshot: Schema.Record(Schema.String, Schema.Unknown)
  })
})
export type PublishedVersion = typeof PublishedVersion.Type

/** `functionversions.fission.io/v1` with the whole spec that was published. */
export const PublishedVersions: ResourceKind<PublishedVersion> = {
  ...FunctionVersions,
  decode: Schema.decodeUnknownResult(PublishedVersion)
}

const WeightedAlias = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    functionName: Schema.String,
    version: optional(Schema.String),
    packageDigest: optional(Schema.String),
    secondaryVersion: optional(Schema.String),
    weight: optional(Schema.Int)
  }),
  status: optional(Schema.Struct({ resolvedVersion: optional(Schema.String) }))
})
export type WeightedAlias = typeof WeightedAlias.Type

/** `functionaliases.fission.io/v1` with the shares of its versions. */
export const WeightedAliases: ResourceKind<WeightedAlias> = {
  ...FunctionAliases,
  decode: Schema.decodeUnknownResult(WeightedAlias)
}
