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
      details: this.details,
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

/** 422 of an object that breaks a rule. */
export const invalid = (kind: string, group: string, name: string, field: string, problem: string) =>
  new StatusError(
    422,
    "Invalid",
    `${kind}${group === "" ? "" : `.${group}`} "${name}" is invalid: ${field}: ${problem}`,
    {
      name,
      ...(group === "" ? {} : { group }),
      kind,
      causes: [{ reason: "FieldValueInvalid", message: problem, field }]
    }
  )

/** 400 of a request that makes no sense. */
export const badRequest = (message: string) => new StatusError(400, "BadRequest", message)

/** 410 of a version or token that is too old. */
export const expired = (message: string) => new StatusError(410, "Expired", message)

/** 501 of what the embedded server does not do although a real one does. */
export const notImplemented = (what: string) =>
  new StatusError(501, "NotImplemented", `the embedded API server does not implement ${what}`)
