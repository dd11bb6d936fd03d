import { type Result, Schema } from "effect"
import { Deployment, Pod, Service } from "./Workloads.ts"
import { Environment } from "./Environment.ts"
import { FissionFunction } from "./Function.ts"
import { FunctionAlias, FunctionVersion } from "./FunctionVersion.ts"
import { Lease } from "./Lease.ts"
import { ObjectMeta } from "./ObjectMeta.ts"
import { Package } from "./Package.ts"
import { PodEvent, PodMetrics as PodMetricsSchema } from "./PodReports.ts"

/** Anything with metadata; what a view holds. */
export interface Described {
  readonly metadata: ObjectMeta
}

/**
 * One kind of object of the Kubernetes API: where it lives and how it is read.
 * `decode` keeps the fields of its schema only, so a decoded object is small enough to be held in a view.
 */
export interface ResourceKind<A extends Described = Described> {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  /** Ask the server for `PartialObjectMetadata` only: nothing but `metadata` crosses the wire. */
  readonly metadataOnly: boolean
  /** Default no. Another program answers behind the API server: that it does, or does not, says nothing about the server. */
  readonly aggregated?: boolean
  readonly decode: (raw: unknown) => Result.Result<A, Schema.SchemaError>
}

const kindOf = <A extends Described>(
  group: string,
  version: string,
  kind: string,
  plural: string,
  schema: Schema.Codec<A, unknown>,
  options?: { readonly metadataOnly?: boolean; readonly namespaced?: boolean; readonly aggregated?: boolean }
): ResourceKind<A> => ({
  group,
  version,
  kind,
  plural,
  namespaced: options?.namespaced ?? true,
  metadataOnly: options?.metadataOnly ?? false,
  aggregated: options?.aggregated ?? false,
  decode: Schema.decodeUnknownResult(schema)
})

const MetadataOnly = Schema.Struct({ metadata: ObjectMeta })

/** `functions.fission.io/v1` */
export const Functions = kindOf("fission.io", "v1", "Function", "functions", FissionFunction)
/** `environments.fission.io/v1` */
export const Environments = kindOf("fission.io", "v1", "Environment", "environments", Environment)
/** `functionversions.fission.io/v1` */
export const FunctionVersions = kindOf("fission.io", "v1", "FunctionVersion", "functionversions", FunctionVersion)
/** `functionaliases.fission.io/v1` */
export const FunctionAliases = kindOf("fission.io", "v1", "FunctionAlias", "functionaliases", FunctionAlias)
/** `packages.fission.io/v1`, metadata only: literals are up to 256 KiB each and none of our business. */
export const Packages = kindOf("fission.io", "v1", "Package", "packages", MetadataOnly, { metadataOnly: true })
/** The same whole, for single reads: what is kept of one says where its code is. */
export const WholePackages = kindOf("fission.io", "v1", "Package", "packages", Package)
/** `events`, of which those of web sockets are read; the others are only written. */
export const Events = kindOf("", "v1", "Event", "events", PodEvent)
/** `pods`, with the fields of their life cycle. */
export const Pods = kindOf("", "v1", "Pod", "pods", Pod)
/** `deployments.apps/v1`, with identity, scale and progress. */
export const Deployments = kindOf("apps", "v1", "Deployment", "deployments", Deployment)
/** `leases.coordination.k8s.io/v1` */
export const Leases = kindOf("coordination.k8s.io", "v1", "Lease", "leases", Lease)
/** `services`, with what they lead to. */
export const Services = kindOf("", "v1", "Service", "services", Service)
/** `horizontalpodautoscalers.autoscaling/v2`, of which the executor reads and writes whole objects. */
export const HorizontalPodAutoscalers = kindOf(
  "autoscaling",
  "v2",
  "HorizontalPodAutoscaler",
  "horizontalpodautoscalers",
  MetadataOnly
)
/** `pods.metrics.k8s.io/v1beta1`, which a metrics server answers where there is one. */
export const PodMetrics = kindOf("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", PodMetricsSchema, {
  aggregated: true
})
/** `secrets`, metadata only: nobody holds what is in them. */
export const Secrets = kindOf("", "v1", "Secret", "secrets", MetadataOnly, { metadataOnly: true })
/** `configmaps`, metadata only. */
export const ConfigMaps = kindOf("", "v1", "ConfigMap", "configmaps", MetadataOnly, { metadataOnly: true })

/** `group/version`, or the version alone for the core group, as `apiVersion` writes it. */
export const apiVersionOf = (kind: Pick<ResourceKind, "group" | "version">): string =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`
