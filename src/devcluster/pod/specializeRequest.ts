import { at, isJson, type Json, listAt, textAt } from "./json.ts"

/** A Secret or ConfigMap to write into the pod. */
export interface MountReference {
  readonly namespace: string
  readonly name: string
  readonly mountPath: string
}

/** The body of `/fetch`, and `FetchReq` of `/specialize` (function-pod-protocol.md section 4.1). */
export interface FetchRequest {
  readonly fetchType: number
  readonly package: { readonly namespace: string; readonly name: string; readonly resourceVersion: string }
  readonly url: string
  readonly filename: string
  readonly secrets: ReadonlyArray<MountReference>
  readonly configMaps: ReadonlyArray<MountReference>
  readonly keepArchive: boolean
}

/** `LoadReq` of `/specialize`: what the fetcher reads of it, and the whole as it is sent on. */
export interface LoadRequest {
  readonly environmentVersion: number
  readonly stateKeyspace: string
  /** Undefined when the request names no function. */
  readonly functionNamespace: string | undefined
  readonly body: Json
}

/** The body of `/specialize`. */
export interface SpecializeRequest {
  readonly fetch: FetchRequest
  readonly load: LoadRequest
}

/** Reads the body of `/fetch`. Throws when it is no JSON object. */
export const parseFetchRequest = (text: string): FetchRequest => fetchRequest(parseObject(text))

/** Reads the body of `/specialize`. Throws when it is no JSON object. */
export const parseSpecializeRequest = (text: string): SpecializeRequest => {
  const request = parseObject(text)
  const load = at(request, "LoadReq")
  const metadata = at(load, "FunctionMetadata")
  return {
    fetch: fetchRequest(at(request, "FetchReq")),
    load: {
      environmentVersion: numberAt(load, "envVersion"),
      stateKeyspace: textAt(load, "stateKeyspace"),
      functionNamespace: isJson(metadata) ? textAt(metadata, "namespace") : undefined,
      body: isJson(load) ? load : {}
    }
  }
}

const parseObject = (text: string): Json => {
  const value: unknown = JSON.parse(text)
  if (isJson(value)) return value
  throw new Error("the request is no JSON object")
}

const fetchRequest = (value: unknown): FetchRequest => ({
  fetchType: numberAt(value, "fetchType"),
  package: {
    namespace: textAt(value, "package", "namespace"),
    name: textAt(value, "package", "name"),
    resourceVersion: textAt(value, "package", "resourceVersion")
  },
  url: textAt(value, "url"),
  filename: textAt(value, "filename"),
  secrets: mounts(value, "secretList"),
  configMaps: mounts(value, "configMapList"),
  keepArchive: at(value, "keeparchive") === true
})

const mounts = (value: unknown, field: string): ReadonlyArray<MountReference> =>
  listAt(value, field).map((entry) => ({
    namespace: textAt(entry, "namespace"),
    name: textAt(entry, "name"),
    mountPath: textAt(entry, "mountPath")
  }))

/** 0 where there is none, as Go reads an absent number. */
const numberAt = (value: unknown, field: string): number => {
  const found = at(value, field)
  return typeof found === "number" ? found : 0
}
