import type { ServedKind } from "./ServedKinds.ts"

/** Any JSON object. */
export type Json = { readonly [field: string]: unknown }

/** An answer other than success, as a `Status` object of the Kubernetes API. Thrown and caught within the API server. */
export class StatusError extends Error {
  override readonly name = "StatusError"
  readonly code: number
  readonly reason: string
  readonly details: Json | undefined
  readonly metadata: Json

  constructor(code: number, reason: string, message: string, details?: Json, metadata: Json = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
    this.metadata = metadata
  }

  /** What belongs into the header of the same name; undefined when the client may come back at any time. */
  get retryAfterSeconds(): number | undefined {
    const seconds = this.details?.["retryAfterSeconds"]
    return typeof seconds === "number" ? seconds : undefined
  }

  /** The body of the answer. */
  toJSON(): Json {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: this.metadata,
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code
    }
  }
}

/** Names an object in a message: `functions.fission.io "hello"`, `pods "x"`. */
const label = (resource: string, group: string, name: string) =>
  `${resource}${group === "" ? "" : `.${group}`} "${name}"`

const detailsOf = (resource: string, group: string, name: string): Json => ({
  ...(name === "" ? {} : { name }),
  ...(group === "" ? {} : { group }),
  ...(resource === "" ? {} : { kind: resource })
})

/** 404 of an object that does not exist. */
export const notFound = (resource: string, group: string, name: string) =>
  new StatusError(404, "NotFound", `${label(resource, group, name)} not found`, detailsOf(resource, group, name))

/** 404 of a resource that a group does not have; of a group that nobody serves a real server answers with a text. */
export const noSuchPath = () => new StatusError(404, "NotFound", "the server could not find the requested resource", {})

/** 409 of a name that is taken, perhaps by an object that is about to go. */
export const alreadyExists = (resource: string, group: string, name: string, isGoing: boolean) =>
  new StatusError(
    409,
    "AlreadyExists",
    `${isGoing ? "object is being deleted: " : ""}${label(resource, group, name)} already exists`,
    detailsOf(resource, group, name)
  )

/** 409 of a write on an old version. */
export const conflict = (resource: string, group: string, name: string, why?: string) =>
  new StatusError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${label(resource, group, name)}: ${
      why ?? "the object has been modified; please apply your changes to the latest version and try again"
    }`,
    detailsOf(resource, group, name)
  )

/** Why a write that names another UID than the stored one is a conflict. */
export const otherUid = (
  kind: ServedKind,
  stored: { readonly name: string; readonly namespace?: string; readonly uid: string },
  uid: string
): string =>
  `StorageError: invalid object, Code: 4, Key: /registry/${[
    ...(kind.group === "fission.io" ? [kind.group] : []),
    kind.plural,
    ...(stored.namespace === undefined ? [] : [stored.namespace]),
    stored.name
  ].join("/")}, ResourceVersion: 0, AdditionalErrorMsg: ${otherUidOf(stored, uid)}`

/** The same where no storage is in between. */
export const otherUidOf = (stored: { readonly uid: string }, uid: string): string =>
  `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.uid}`

/** One way in which an object is not as it must be. */
export interface Cause {
  readonly reason: string
  readonly message: string
  readonly field: string
}

/** What causes are about: a kind of object, or the options of a request. */
type Subject = Pick<ServedKind, "kind" | "group">

/** 422 of an object, with everything that is wrong with it. */
export const invalidFields = ({ group, kind }: Subject, name: string, causes: ReadonlyArray<Cause>) => {
  const problems = causes.map(({ field, message }) => `${field}: ${message}`)
  const all = problems.length === 1 ? problems.join() : `[${problems.join(", ")}]`
  return new StatusError(422, "Invalid", `${label(kind, group, name)} is invalid: ${all}`, {
    ...detailsOf(kind, group, name),
    causes
  })
}

/** 422 of an object that breaks one rule. */
export const invalid = (subject: Subject, name: string, field: string, message: string, reason = "FieldValueInvalid") =>
  invalidFields(subject, name, [{ reason, message, field }])

/** 422 of list options that contradict each other. */
export const invalidOption = (field: string, message: string, reason = "FieldValueForbidden") =>
  invalid({ kind: "ListOptions", group: "meta.k8s.io" }, "", field, message, reason)

/** 400 of a body that cannot be read as an object of a kind, whatever kind it says it is. */
export const undecodable = (
  { kind, version }: ServedKind,
  problem: string,
  given: { readonly kind: string; readonly version: string } = { kind, version }
) => badRequest(`${given.kind} in version "${given.version}" cannot be handled as a ${kind}: ${problem}`)

/** 422 of a patch that makes something of an object that cannot be read as one of its kind. */
export const undecodablePatch = (patched: Json, problem: string) =>
  invalid({ kind: "", group: "" }, "", "patch", `Invalid value: ${JSON.stringify(JSON.stringify(patched))}: ${problem}`)

/** 400 of an object with fields that its kind does not have, where that is to be refused. */
export const unknownFields = (kind: ServedKind, fields: ReadonlyArray<string>) =>
  undecodable(kind, `strict decoding error: ${fields.map((field) => `unknown field "${field}"`).join(", ")}`)

/** 422 of a custom resource that says it is another kind or of another version. */
export const otherCustomKind = (kind: ServedKind, object: Json, field: "kind" | "apiVersion", wanted: string) => {
  const { kind: given = "", metadata } = object
  const name = typeof metadata === "object" && metadata !== null && "name" in metadata ? String(metadata.name) : ""
  const problem = `Invalid value: ${JSON.stringify(object[field])}: must be ${wanted}`
  return invalid({ kind: String(given), group: kind.group }, name, field, problem)
}

/** 403 of a user without the right. */
export const forbidden = (
  {
    group,
    namespace,
    resource
  }: { readonly group: string; readonly resource: string; readonly namespace?: string | undefined },
  verb: string,
  name: string
) => {
  const [plural = ""] = resource.split("/")
  const subject = name === "" ? `${plural}${group === "" ? "" : `.${group}`}` : label(plural, group, name)
  const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`
  return new StatusError(
    403,
    "Forbidden",
    `${subject} is forbidden: User "limited" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`,
    detailsOf(plural, group, name)
  )
}

/** 504 of a version that this server has not reached yet. */
export const tooLargeVersion = (asked: number, current: number) =>
  new StatusError(504, "Timeout", `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1
  })

/** 403 of a create in a namespace that is being deleted. */
export const namespaceTerminating = (resource: string, group: string, name: string, namespace: string) =>
  new StatusError(
    403,
    "Forbidden",
    `${label(resource, group, name)} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    {
      ...detailsOf(resource, group, name),
      causes: [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace"
        }
      ]
    }
  )

/** 400 of a request that makes no sense. */
export const badRequest = (message: string) => new StatusError(400, "BadRequest", message)

/** 400 of an object that says it is in another namespace than its path. */
export const otherNamespace = () =>
  badRequest("the namespace of the provided object does not match the namespace sent on the request")

/** 500 without a reason, of what a server does not expect: it tells no more about it than its own words. */
export const internalError = (problem: string) => new StatusError(500, "", problem)

/** 410 of a version or token that is too old. */
export const expired = (message: string, metadata?: Json) =>
  new StatusError(410, "Expired", message, undefined, metadata)

/** 501 of what the embedded server does not do although a real one does. */
export const notImplemented = (what: string) =>
  new StatusError(501, "NotImplemented", `the embedded API server does not implement ${what}`)

/** 405 of a method that a resource does not have. */
export const methodNotAllowed = () =>
  new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})

/** 415 of a patch whose content type is none. */
export const unsupportedMediaType = () =>
  new StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})

/** 415 of a body in a format that is not taken here. */
export const unknownFormat = (...accepted: ReadonlyArray<string>) =>
  new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`
  )

/** The answer to a delete that removed the object at once. */
export const deleted = (kind: ServedKind, name: string, uid: string): Json => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  details: { ...detailsOf(kind.plural, kind.group, name), uid }
})

/** The answer to a request that made no object. */
export const success: Json = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }
