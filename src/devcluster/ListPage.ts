import { Result, Schema } from "effect"
import { numberIn, type ResourcePath } from "./ApiRequest.ts"
import type { Projection } from "./Projection.ts"
import type { ResourceStore, Selection, StoredObject } from "./ResourceStore.ts"
import { fieldSelector } from "./FieldSelector.ts"
import { labelSelector } from "./LabelSelector.ts"
import * as Status from "./Status.ts"

/** The objects that a list or a watch is about. Throws a 400 `StatusError` for selectors that cannot be read. */
export const selectionOf = (path: ResourcePath, query: URLSearchParams): Selection => {
  const labels = labelSelector(query.get("labelSelector") ?? "")
  const fields = fieldSelector(query.get("fieldSelector") ?? "", path.kind)
  return { namespace: path.namespace, matches: (object) => labels(object) && fields(object) }
}

/** A version as a client writes it; empty is undefined. Throws what `refuse` makes of one that is no number. */
export const versionOf = (
  query: URLSearchParams,
  refuse: (problem: string) => Status.StatusError
): number | undefined => {
  const text = query.get("resourceVersion") ?? ""
  if (text === "") return undefined
  if (/^\d+$/u.test(text)) return Number(text)
  throw refuse(`resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`)
}

/**
 * One page of a list, as of the version of the first page or of `resourceVersionMatch=Exact`, else as of now. The token
 * is the last name seen and that version. Throws `StatusError`: 400 for a token or version that cannot be read, 410 for
 * one older than the history, 422 for options that contradict each other, 504 for a version that is not reached yet.
 */
export const listPage = (
  store: ResourceStore,
  path: ResourcePath,
  query: URLSearchParams,
  projection: Projection
): Status.Json => {
  const after = tokenIn(query)
  const asked = askedVersion(query, after)
  if (asked !== undefined && asked > store.version) throw Status.tooLargeVersion(asked, store.version)
  const exact = query.get("resourceVersionMatch") === "Exact" ? asked : undefined
  if (exact !== undefined && exact < store.floor) {
    throw Status.expired("The resourceVersion for the provided list is too old.")
  }
  if (after !== undefined && after.version !== newest && after.version < store.floor) throw expiredToken(after)

  numberIn(query, "timeoutSeconds")
  if (query.has("sendInitialEvents")) {
    throw Status.invalidOption("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list")
  }
  const limit = asked === 0 ? 0 : (numberIn(query, "limit") ?? 0)
  const version = after === undefined || after.version === newest ? (exact ?? store.version) : after.version
  const all = store.list(path.kind, selectionOf(path, query), version)
  const rest = after === undefined ? all : all.filter((object) => idOf(object) > after.id)
  const page = limit > 0 ? rest.slice(0, limit) : rest
  const last = page.at(-1)
  const more = last !== undefined && page.length < rest.length
  return projection.list(page, {
    resourceVersion: String(version),
    ...(more
      ? { continue: encodeToken({ version, id: idOf(last) }), remainingItemCount: rest.length - page.length }
      : {})
  })
}

/** The version of the list that is asked for. Throws a 422 `StatusError` for one that cannot be meant. */
const askedVersion = (query: URLSearchParams, after: Token | undefined): number | undefined => {
  const match = query.get("resourceVersionMatch") ?? ""
  const asked = versionOf(query, (problem) => Status.badRequest(`invalid resource version: ${problem}`))
  if (match !== "") {
    const problem = (why: string) => Status.invalidOption("resourceVersionMatch", `Forbidden: ${why}`)
    if (after !== undefined) throw problem("resourceVersionMatch is forbidden when continue is provided")
    if (asked === undefined) throw problem("resourceVersionMatch is forbidden unless resourceVersion is provided")
    if (match === "Exact" && asked === 0) {
      throw problem('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    }
    if (match !== "Exact" && match !== "NotOlderThan") {
      const supported = `Unsupported value: "${match}": supported values: "Exact", "NotOlderThan", ""`
      throw Status.invalidOption("resourceVersionMatch", supported, "FieldValueNotSupported")
    }
  }
  return asked
}

const idOf = (object: StoredObject): string => `${object.metadata.namespace ?? ""}/${object.metadata.name}`

/** Instead of a version in a token: go on with what there is now. */
const newest = -1

const Token = Schema.Struct({ version: Schema.Int, id: Schema.String })
type Token = typeof Token.Type

const encodeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString("base64url")

const tokenIn = (query: URLSearchParams): Token | undefined => {
  const token = query.get("continue") ?? ""
  if (token === "") return undefined
  const decoded = decodeTokenText(Buffer.from(token, "base64url").toString("utf8"))
  if (Result.isSuccess(decoded)) return decoded.success
  throw Status.badRequest("invalid continue token: continue key is not valid: it cannot be decoded")
}
const decodeTokenText = Schema.decodeUnknownResult(Schema.fromJsonString(Token))

/** Carries a token that goes on where the list broke off, at the price of consistency. */
const expiredToken = (token: Token) =>
  Status.expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    { continue: encodeToken({ ...token, version: newest }) }
  )
