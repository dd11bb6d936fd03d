import { Result, Schema } from "effect"
import { optional } from "../../fission/ObjectMeta.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import type { RawObject } from "../RawKind.ts"

const anyField = [Schema.Record(Schema.String, Schema.Unknown)] as const
const open = <Fields extends Schema.Struct.Fields>(fields: Fields) =>
  Schema.StructWithRest(Schema.Struct(fields), anyField)

const PackageSpec = open({ deployment: optional(open({ url: optional(Schema.String) })) })
const FunctionSpec = open({
  package: optional(
    open({
      packageref: optional(
        open({ name: Schema.String, namespace: optional(Schema.String), resourceversion: optional(Schema.String) })
      )
    })
  )
})
const PackageStatus = Schema.Struct({ buildstatus: optional(Schema.String) })

const decodePackageSpec = Schema.decodeUnknownResult(PackageSpec)
const decodeFunctionSpec = Schema.decodeUnknownResult(FunctionSpec)
const decodePackageStatus = Schema.decodeUnknownResult(PackageStatus)

const archiveScheme = "archive://"

/** The name of the archive that a Package takes its code from; undefined for any other object. */
export const archiveName = (object: RawObject): string | undefined => {
  if (object["kind"] !== "Package") return undefined
  const url = Result.getOrUndefined(decodePackageSpec(object["spec"]))?.deployment?.url ?? ""
  return url.startsWith(archiveScheme) ? url.slice(archiveScheme.length) : undefined
}

/** The Package with a literal in place of its archive. */
export const packageWith = (object: RawObject, literal: string): RawObject => ({
  ...object,
  spec: { ...Result.getOrUndefined(decodePackageSpec(object["spec"])), deployment: { type: "literal", literal } }
})

/**
 * The build status to write: the manifest's own, or `none` for a Package that needs no build, which in a whole Fission
 * the builder manager writes (resources.md section 5). Undefined where there is one already or a build is needed.
 */
export const wantsBuildStatus = (object: RawObject, live: KubernetesObject): string | undefined => {
  const statusOf = (value: unknown) => Result.getOrUndefined(decodePackageStatus(value))?.buildstatus ?? ""
  if (statusOf(live["status"]) !== "") return undefined
  const given = statusOf(object["status"])
  if (given !== "") return given
  const deployment = Result.getOrUndefined(decodePackageSpec(object["spec"]))?.deployment ?? {}
  return Object.keys(deployment).length === 0 ? undefined : "none"
}

/** `namespace/name` of the Package that a Function names; empty when it names none. */
export const packageReference = (fn: RawObject): string => {
  const reference = referenceOf(fn["spec"])
  return reference === undefined ? "" : `${reference.namespace || (fn.metadata.namespace ?? "")}/${reference.name}`
}

/**
 * The Function with the version of its Package: the one given, else what the manifest says, else what the live Function
 * holds.
 */
export const functionWith = (
  object: RawObject,
  version: string | undefined,
  live: KubernetesObject | undefined
): RawObject => {
  const spec = Result.getOrUndefined(decodeFunctionSpec(object["spec"]))
  const reference = spec?.package?.packageref
  if (!reference) return object
  const resourceversion = version ?? reference.resourceversion ?? referenceOf(live?.["spec"])?.resourceversion
  if (!resourceversion) return object
  return { ...object, spec: { ...spec, package: { ...spec.package, packageref: { ...reference, resourceversion } } } }
}

const referenceOf = (spec: unknown) => Result.getOrUndefined(decodeFunctionSpec(spec))?.package?.packageref ?? undefined
