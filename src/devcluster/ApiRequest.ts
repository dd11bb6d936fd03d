import { orRefusal } from "./Answers.ts"
import { decodeProblem, otherKindProblem } from "./Decoding.ts"
import { type ServedKind, storedKinds } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { apiVersionOf, isJson, jsonIn } from "./StoredObject.ts"

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
    storedKinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural)

  if (rest.length > (rest[0] === "namespaces" ? 5 : 3)) return undefined
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

/** Whether a path lies in a built-in group, where even an unknown resource is answered with a Status. */
export const isBuiltInGroup = (path: string): boolean => {
  const [root, group, version] = partsOf(path)
  return storedKinds.some((kind) =>
    kind.group === ""
      ? root === "api" && group === kind.version
      : root === "apis" && group === kind.group && version === kind.version && group !== "fission.io"
  )
}

/** The verb of a request, as RBAC and faults name it. */
export const verbOf = (method: string, path: ResourcePath, query: URLSearchParams): string => {
  switch (method) {
    case "GET": {
      if (path.name !== undefined) return "get"
      const watch = query.get("watch")
      return watch === null || ["false", "0"].includes(watch.toLowerCase()) ? "list" : "watch"
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

/**
 * A body that must be a JSON object of the given kind; those of built-in kinds may leave it unsaid. Throws a
 * `StatusError`: 400, or 422 for a custom resource of another kind.
 */
export const parseObject = (body: Buffer, kind: ServedKind): Status.Json => {
  const unrecognized = (problem: string) => {
    const text = body.toString("utf8")
    const shown = text === "" ? "<empty>" : text.length > 30 ? `${text.slice(0, 30)} ...` : text
    return Status.badRequest(
      `the object provided is unrecognized (must be of type ${kind.kind}): ${problem} (${shown})`
    )
  }
  const value = orRefusal(() => parseJson(body))
  if (value instanceof Status.StatusError) {
    throw unrecognized(`couldn't get version/kind; json parse error: ${value.message}`)
  }
  const expected = apiVersionOf(kind)
  const custom = kind.group === "fission.io"
  const { kind: givenKind = custom ? "" : kind.kind, apiVersion = custom ? "" : expected } = value
  if (givenKind === "") throw unrecognized(`Object 'Kind' is missing in '${body.toString("utf8")}'`)
  if (custom && apiVersion !== expected) {
    throw Status.badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${expected})`
    )
  }
  const isOther = givenKind !== kind.kind || apiVersion !== expected
  if (isOther && custom) throw Status.otherCustomKind(kind, value, "kind", kind.kind)
  const given = { kind: String(givenKind), version: String(apiVersion).replace(/^.*\//u, "") }
  const problem = isOther ? otherKindProblem(kind, given.kind, String(apiVersion)) : decodeProblem(kind, value)
  if (problem !== undefined) throw Status.undecodable(kind, problem, given)
  return value
}

/** A body that must be a JSON object. Throws a 400 `StatusError` with the words of a real server where it can. */
export const parseJson = (body: Buffer): Status.Json => {
  let value: unknown
  try {
    value = JSON.parse(body.toString("utf8"))
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw Status.badRequest(isCutShort(body, problem) ? "unexpected end of JSON input" : problem)
  }
  if (isJson(value)) return value
  throw Status.badRequest(
    `json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type map[string]interface {}`
  )
}

/** How the parser says that a document is only the beginning of one. */
const isCutShort = (body: Buffer, problem: string): boolean =>
  /end of JSON input|Unterminated string/u.test(problem) ||
  problem.includes(`at position ${body.toString("utf8").length} `)

/** The body of a patch. Throws a 400 `StatusError`. */
export const parsePatch = (body: Buffer): Status.Json => {
  const patch = orRefusal(() => parseJson(body))
  if (patch instanceof Status.StatusError) throw Status.badRequest(`error decoding patch: ${patch.message}`)
  return patch
}

/** The body of a delete. Throws a 400 `StatusError`. */
export const parseOptions = (body: Buffer): Status.Json => {
  const options = orRefusal(() => parseJson(body))
  if (!(options instanceof Status.StatusError)) return options
  throw Status.badRequest(`couldn't get version/kind; json parse error: ${options.message}`)
}

/** A whole number in the query; undefined when it is not there. Throws a 400 `StatusError` for anything else. */
export const numberIn = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name) ?? ""
  if (text === "") return undefined
  if (/^[+-]?\d+$/u.test(text)) return Number(text)
  throw Status.badRequest(`strconv.ParseInt: parsing "${text}": invalid syntax`)
}

/** `metadata.name` of a body, undefined when there is none to be read. */
export const nameIn = (body: Buffer): string | undefined => {
  if (body.length === 0) return undefined
  const object = orRefusal(() => parseJson(body))
  if (object instanceof Status.StatusError) return undefined
  const { name } = jsonIn(object, "metadata")
  return typeof name === "string" ? name : undefined
}
