import { labels } from "../../fission/Labels.ts"
import type { PublishedVersion, WeightedAlias } from "../PublishedVersions.ts"
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
