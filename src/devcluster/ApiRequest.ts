import { orRefusal } from "./Answers.ts"
import { type ServedKind, servedKinds } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { apiVersionOf, jsonIn } from "./StoredObject.ts"

/** What a path of the Kubernetes API names. */
export interface ResourcePath {
  readonly kind: ServedKind
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string | undefined
}

/** Takes a path apart; undefined when it names nothing that is served. Names are percent-decoded. */
export const parsePath = (path: string): ResourcePath | undefined => {
  const parts = partsOf(path)
  const core = parts[0] === "api"
  if (!core && parts[0] !== "apis") return undefined
  const [group, version] = core ? ["", parts[1]] : [parts[1], parts[2]]
  const rest = parts.slice(core ? 2 : 3)
  const find = (plural: string | undefined) =>
    servedKinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural)

  if (rest[0] === "namespaces" && rest.length > 2) {
    const kind = find(rest[2])
    if (kind?.namespaced === true) return { kind, namespace: rest[1], name: rest[3], subresource: rest[4] }
  }
  const kind = find(rest[0])
  return kind === undefined ? undefined : { kind, namespace: undefined, name: rest[1], subresource: rest[2] }
}

/** No parts when the percent-encoding is broken. */
const partsOf = (path: string): ReadonlyArray<string> => {
  try {
    return path
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent)
  } catch {
    return []
  }
}

/** The verb of a request, as RBAC and faults name it. */
export const verbOf = (method: string, path: ResourcePath, query: URLSearchParams): string => {
  switch (method) {
    case "GET": {
      const watch = query.get("watch")
      if (path.name !== undefined) return "get"
      return watch === "true" || watch === "1" ? "watch" : "list"
    }
    case "POST":
      return "create"
    case "PUT":
      return "update"
    case "PATCH":
      return "patch"
    case "DELETE":
      return path.name === undefined ? "deletecollection" : "delete"
    default:
      return method.toLowerCase()
  }
}

/** A body that must be a JSON object of the given kind, or say nothing about its kind. Throws a 400 `StatusError`. */
export const parseObject = (body: Buffer, kind: ServedKind): Status.Json => {
  const value = parseJson(body)
  const apiVersion = apiVersionOf(kind)
  if (value["kind"] !== undefined && value["kind"] !== kind.kind) {
    throw Status.badRequest(
      `the kind of the object ("${String(value["kind"])}") does not match the path ("${kind.kind}")`
    )
  }
  if (value["apiVersion"] !== undefined && value["apiVersion"] !== apiVersion) {
    throw Status.badRequest(
      `the API version in the data (${String(value["apiVersion"])}) does not match the expected API version (${apiVersion})`
    )
  }
  return value
}

/** A body that must be a JSON object. Throws a 400 `StatusError`. */
export const parseJson = (body: Buffer): Status.Json => {
  let value: unknown
  try {
    value = JSON.parse(body.toString("utf8"))
  } catch (cause) {
    throw Status.badRequest(`the body is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw Status.badRequest("the body is no JSON object")
  }
  return { ...value }
}

/** `metadata.name` of a body, undefined when there is none to be read. */
export const nameIn = (body: Buffer): string | undefined => {
  if (body.length === 0) return undefined
  const object = orRefusal(() => parseJson(body))
  if (object instanceof Status.StatusError) return undefined
  const { name } = jsonIn(object, "metadata")
  return typeof name === "string" ? name : undefined
}

/** Documents that tell clients what is served. Undefined for any other path. */
export const discovery = (path: string): Status.Json | undefined => {
  const groups = [...new Set(servedKinds.map((kind) => kind.group))].filter((group) => group !== "")
  const groupOf = (name: string) => {
    const version = servedKinds.find((kind) => kind.group === name)?.version ?? ""
    const known = { groupVersion: `${name}/${version}`, version }
    return { name, versions: [known], preferredVersion: known }
  }
  const resources = (group: string): Status.Json => {
    const kinds = servedKinds.filter((kind) => kind.group === group)
    const version = kinds[0]?.version ?? ""
    return {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: group === "" ? version : `${group}/${version}`,
      resources: kinds.flatMap((kind) => resourceEntries(kind))
    }
  }
  switch (path) {
    case "/version":
      return { major: "1", minor: "36", gitVersion: "v1.36.0-embedded", platform: "embedded" }
    case "/api":
      return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] }
    case "/apis":
      return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(groupOf) }
    case "/api/v1":
      return resources("")
  }
  const group = groups.find((name) => path === `/apis/${groupOf(name).preferredVersion.groupVersion}`)
  return group === undefined ? undefined : resources(group)
}

const resourceEntries = (kind: ServedKind): ReadonlyArray<Status.Json> => {
  const entry = (name: string, verbs: ReadonlyArray<string>) => ({
    name,
    singularName: name === kind.plural ? kind.kind.toLowerCase() : "",
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs,
    ...(name === kind.plural && kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {})
  })
  return [
    entry(kind.plural, ["create", "delete", "get", "list", "patch", "update", "watch"]),
    ...(kind.status ? [entry(`${kind.plural}/status`, ["get", "patch", "update"])] : []),
    ...(kind.scale ? [entry(`${kind.plural}/scale`, ["get", "patch", "update"])] : []),
    ...(kind.kind === "Pod" ? [entry("pods/binding", ["create"]), entry("pods/log", ["get"])] : [])
  ]
}
