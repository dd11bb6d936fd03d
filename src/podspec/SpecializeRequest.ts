import { canonical } from "../fission/Canonical.ts"
import { type Environment, isInfinite } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { type Json, objectOf } from "./Json.ts"

/** Name of the code of a function that has a pod of its own. */
const ownCode = "deployarchive"

/** Where that code lies in the pod, whether it was loaded or is mounted. */
export const ownCodePath = `/userfunc/${ownCode}`

/**
 * The body of the fetcher's `/specialize` (function-pod-protocol.md section 4.1). Of the Function's metadata only what a
 * runtime may need is sent, so that annotations neither leak nor outgrow its body limit (P09).
 */
export const specializeRequest = (environment: Environment, fn: FissionFunction): Json => {
  const { metadata, spec } = fn
  const reference = spec.package?.packageref
  const filename = fileName(environment, fn)
  const keyspace = spec.state && !isInfinite(environment) ? spec.state.keyspace || metadata.name : undefined
  return {
    FetchReq: {
      fetchType: 1,
      package: {
        name: reference?.name ?? "",
        namespace: reference?.namespace || metadata.namespace || "",
        ...(reference?.resourceversion ? { resourceVersion: reference.resourceversion } : {})
      },
      url: "",
      storagesvcurl: "",
      filename,
      secretList: mounts(spec.secrets),
      configMapList: mounts(spec.configmaps),
      keeparchive: environment.spec.keeparchive ?? false
    },
    LoadReq: {
      filepath: codePath(environment, fn),
      functionName: spec.package?.functionName ?? "",
      url: "",
      FunctionMetadata: {
        name: metadata.name,
        namespace: metadata.namespace ?? "",
        ...(metadata.uid ? { uid: metadata.uid } : {}),
        ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
        ...(metadata.generation ? { generation: metadata.generation } : {}),
        ...(metadata.labels ? { labels: metadata.labels } : {})
      },
      envVersion: environment.spec.version,
      ...(keyspace === undefined ? {} : { stateKeyspace: keyspace })
    }
  }
}

/** What the runtime of a pod without a fetcher is sent, which has the code mounted (function-pod-protocol.md 10.5). */
export const loadRequest = (environment: Environment, fn: FissionFunction): Json =>
  objectOf(specializeRequest(environment, fn)["LoadReq"])

/**
 * The same for a pod that loads its function by itself when it starts. What every write of the Function moves is not in
 * it, so that no such write rolls a Deployment (newdeploy-and-container.md section 7).
 */
export const startupRequest = (environment: Environment, fn: FissionFunction): Json => {
  const request = specializeRequest(environment, fn)
  const { annotations, generation, labels, name, namespace, uid } = fn.metadata
  const meant = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith("kubectl.kubernetes.io/"))
  const metadata = { annotations: Object.fromEntries(meant), generation, labels, name, namespace, uid }
  return { ...request, LoadReq: { ...objectOf(request["LoadReq"]), FunctionMetadata: canonical(metadata) } }
}

const fileName = (environment: Environment, fn: FissionFunction): string => {
  if (environment.spec.version < 2) return "user"
  return isInfinite(environment) ? (fn.metadata.uid ?? "") : ownCode
}

/** Where the code of a function lies in its pod. */
export const codePath = (environment: Environment, fn: FissionFunction): string =>
  `/userfunc/${fileName(environment, fn)}`

const mounts = (references: FissionFunction["spec"]["secrets"]): ReadonlyArray<Json> | null =>
  references === undefined || references === null
    ? null
    : references.map(({ mountPath, name, namespace }) => ({ namespace, name, ...(mountPath ? { mountPath } : {}) }))
