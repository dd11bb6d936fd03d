import { Schema } from "effect"
import { labels } from "../../fission/Labels.ts"
import { ObjectMeta, optional } from "../../fission/ObjectMeta.ts"
import { FunctionAliases, FunctionVersions, type ResourceKind } from "../../fission/ResourceKind.ts"
import type { RawObject } from "../RawKind.ts"

/** Whom a request is for: a function as it is now, whatever an alias of it leads to, or one of its published versions. */
export interface FunctionReference {
  readonly namespace: string
  readonly name: string
  /** Name of a FunctionAlias of the same namespace. */
  readonly alias?: string | undefined
  /** Name of a FunctionVersion of the same namespace. */
  readonly version?: string | undefined
}

const PublishedVersion = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    functionUID: Schema.String,
    functionGeneration: Schema.Int,
    snapshot: Schema.Record(Schema.String, Schema.Unknown)
  })
})
type PublishedVersion = typeof PublishedVersion.Type

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
    secondaryVersion: optional(Schema.String),
    weight: optional(Schema.Int)
  }),
  status: optional(Schema.Struct({ resolvedVersion: optional(Schema.String) }))
})
type WeightedAlias = typeof WeightedAlias.Type

/** `functionaliases.fission.io/v1` with the shares of its versions. */
export const WeightedAliases: ResourceKind<WeightedAlias> = {
  ...FunctionAliases,
  decode: Schema.decodeUnknownResult(WeightedAlias)
}

/**
 * Name of the version that an alias leads one request to: of a hundred requests, `weight` go to its version, or to what a
 * digest was resolved to, and the others to the second one (resources.md section 6.3). Undefined where it leads nowhere,
 * or belongs to another function. `point` is from 0 up to, but not including, 1.
 */
export const versionBehind = (
  alias: WeightedAlias | undefined,
  functionName: string,
  point: number
): string | undefined => {
  if (alias === undefined || alias.spec.functionName !== functionName) return undefined
  const { secondaryVersion, version, weight } = alias.spec
  const isSecond = Boolean(secondaryVersion) && point * 100 >= (weight ?? 100)
  return (isSecond ? secondaryVersion : version || alias.status?.resolvedVersion) || undefined
}

/**
 * The Function that is sent to the executor for a version: as it is now, with the spec and the generation of then
 * (resources.md section 6.2). Undefined for a version of another function, or of a former one of this name.
 */
export const projected = (fn: RawObject, version: PublishedVersion | undefined): RawObject | undefined => {
  if (version === undefined || version.spec.functionUID !== fn.metadata.uid) return undefined
  const { functionGeneration, snapshot } = version.spec
  const { status: _, ...live } = fn
  const held = { ...fn.metadata.labels, [labels.functionVersion]: version.metadata.name }
  return { ...live, metadata: { ...fn.metadata, generation: functionGeneration, labels: held }, spec: snapshot }
}
