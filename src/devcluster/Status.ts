import type { ServedKind } from "./ServedKinds.ts"

/** Any JSON object. */
export type Json = { readonly [field: string]: unknown }

/** An answer other than success, as a `Status` object of the Kubernetes API. Thrown and caught within the API server. */
export class StatusError extends Error {
  override readonly name = "StatusError"
  readonly code: number
  readonly reason: string
  readonly details: Json

  constructor(code: number, reason: string, message: string, details: Json = {}) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = details
  }

  /** The body of the answer. */
  toJSON(): Json {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      ...(this.reason === "" ? {} : { reason: this.reason }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
      code: this.code
    }
  }
}

/** Names an object in a message: `functions.fission.io "hello"`, `pods "x"`. */
const label = (resource: string, group: string, name: string) =>
  `${resource}${group === "" ? "" : `.${group}`} "${name}"`

const detailsOf = (resource: string, group: string, name: string): Json => ({
  name,
  ...(group === "" ? {} : { group }),
  kind: resource
})

/** 404 of an object that does not exist. */
export const notFound = (resource: string, group: string, name: string) =>
  new StatusError(404, "NotFound", `${label(resource, group, name)} not found`, detailsOf(resource, group, name))

/** 404 of a path that nobody serves; a real server answers it without a Status. */
export const noSuchPath = () => new StatusError(404, "NotFound", "the server could not find the requested resource", {})

/** 409 of a name that is taken. */
export const alreadyExists = (resource: string, group: string, name: string) =>
  new StatusError(
    409,
    "AlreadyExists",
    `${label(resource, group, name)} already exists`,
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
  `StorageError: invalid object, Code: 4, Key: /registry/${[kind.plural, stored.namespace, stored.name]
    .filter((part) => part !== undefined)
    .join(
      "/"
    )}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: ${uid}, UID in object meta: ${stored.uid}`

/** 422 of an object that breaks a rule. */
export const invalid = (kind: ServedKind, name: string, field: string, problem: string) =>
  new StatusError(422, "Invalid", `${label(kind.kind, kind.group, name)} is invalid: ${field}: ${problem}`, {
    ...detailsOf(kind.kind, kind.group, name),
    causes: [{ reason: "FieldValueInvalid", message: problem, field }]
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

/** 410 of a version or token that is too old. */
export const expired = (message: string) => new StatusError(410, "Expired", message)

/** 501 of what the embedded server does not do although a real one does. */
export const notImplemented = (what: string) =>
  new StatusError(501, "NotImplemented", `the embedded API server does not implement ${what}`)

/** 405 of a method that a resource does not have. */
export const methodNotAllowed = () =>
  new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

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
