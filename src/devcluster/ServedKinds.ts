import { customResources } from "./CustomResources.ts"

/** One kind that the embedded API server serves. */
export interface ServedKind {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
  readonly namespaced: boolean
  /** Has the subresource `status`. */
  readonly status: boolean
  /** Has the subresource `scale`. */
  readonly scale: boolean
  /** Counts its changes in `metadata.generation`. */
  readonly generation: boolean
  readonly shortNames: ReadonlyArray<string>
}

const partVerbs = ["get", "patch", "update"]

/** The parts of an object that have paths of their own, with the verbs of each. */
export const subresourcesOf = (kind: ServedKind): { readonly [subresource: string]: ReadonlyArray<string> } => ({
  ...(kind.status ? { status: partVerbs } : {}),
  ...(kind.scale ? { scale: partVerbs } : {}),
  ...(kind.kind === "Pod" ? { binding: ["create"], log: ["get"] } : {}),
  ...(kind.kind === "Namespace" ? { finalize: ["update"] } : {})
})

const served = (
  group: string,
  version: string,
  kind: string,
  plural: string,
  options: Partial<Pick<ServedKind, "namespaced" | "status" | "scale" | "generation" | "shortNames">> = {}
): ServedKind => ({
  group,
  version,
  kind,
  plural,
  namespaced: options.namespaced ?? true,
  status: options.status ?? false,
  scale: options.scale ?? false,
  generation: options.generation ?? false,
  shortNames: options.shortNames ?? []
})

const scaled = { status: true, scale: true, generation: true }

/** Every kind of the API server itself. A kind that is missing here answers 404, as an API server without its CRD does. */
export const servedKinds: ReadonlyArray<ServedKind> = [
  served("", "v1", "Namespace", "namespaces", { namespaced: false, status: true, shortNames: ["ns"] }),
  served("", "v1", "Node", "nodes", { namespaced: false, status: true, shortNames: ["no"] }),
  served("", "v1", "Pod", "pods", { status: true, generation: true, shortNames: ["po"] }),
  served("", "v1", "Service", "services", { status: true, shortNames: ["svc"] }),
  served("", "v1", "ConfigMap", "configmaps", { shortNames: ["cm"] }),
  served("", "v1", "Secret", "secrets"),
  served("", "v1", "ServiceAccount", "serviceaccounts", { shortNames: ["sa"] }),
  served("", "v1", "Event", "events", { shortNames: ["ev"] }),
  served("apps", "v1", "Deployment", "deployments", { ...scaled, shortNames: ["deploy"] }),
  served("apps", "v1", "ReplicaSet", "replicasets", { ...scaled, shortNames: ["rs"] }),
  served("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", {
    status: true,
    shortNames: ["hpa"]
  }),
  served("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", { generation: true }),
  served("coordination.k8s.io", "v1", "Lease", "leases"),
  ...customResources.map(({ served }) => served)
]

/** What the metrics server answers behind the API server; a bare API server does not have it. */
export const podMetrics = served("metrics.k8s.io", "v1beta1", "PodMetrics", "pods")

/** All of them: everything that can be stored. */
export const storedKinds: ReadonlyArray<ServedKind> = [...servedKinds, podMetrics]

/** The resource as RBAC and faults name it: that of the metrics server bears the name of another one. */
export const resourceOf = ({ group, plural }: ServedKind): string =>
  group === podMetrics.group ? `${plural}.${group}` : plural
