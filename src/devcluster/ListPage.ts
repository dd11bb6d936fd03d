import { Result, Schema } from "effect"
import type { ResourcePath } from "./ApiRequest.ts"
import type { ResourceStore, Selection, StoredObject } from "./ResourceStore.ts"
import { fieldSelector, labelSelector } from "./Selectors.ts"
import * as Status from "./Status.ts"
import { apiVersionOf } from "./StoredObject.ts"

/** The form in which the client wants objects. */
export type Projection = "whole" | "metadata"

/** An object in the form that the client wants. */
export const projected = (projection: Projection, object: StoredObject): Status.Json =>
  projection === "whole"
    ? object
    : { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata }

/** The objects that a list or a watch is about. Throws a 400 `StatusError` for selectors that cannot be read. */
export const selectionOf = (path: ResourcePath, query: URLSearchParams): Selection => {
  const labels = labelSelector(query.get("labelSelector") ?? "")
  const fields = fieldSelector(query.get("fieldSelector") ?? "")
  return { namespace: path.namespace, matches: (object) => labels(object) && fields(object) }
}

/** A version as a client writes it; empty is undefined. Throws a 400 `StatusError` when it is no number. */
export const versionOf = (query: URLSearchParams): number | undefined => {
  const text = query.get("resourceVersion") ?? ""
  if (text === "") return undefined
  if (/^\d+$/u.test(text)) return Number(text)
  throw Status.badRequest(
    `invalid resource version: resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`
  )
}

/**
 * One page of a list. Pages are cut by name: the token is the last name seen and the version of the first page. Throws
 * `StatusError`: 400 for a token or version that cannot be read, 410 for a token older than the history.
 */
export const listPage = (
  store: ResourceStore,
  path: ResourcePath,
  query: URLSearchParams,
  projection: Projection
): Status.Json => {
  const asked = versionOf(query)
  const token = query.get("continue") ?? ""
  const after = token === "" ? undefined : decodeToken(token)
  if (after !== undefined) requireKnown(store, after)
  const limit = asked === 0 ? 0 : Number(query.get("limit") ?? 0)
  const all = store.list(path.kind, selectionOf(path, query))
  const rest = after === undefined ? all : all.filter((object) => idOf(object) > after.id)
  const page = limit > 0 ? rest.slice(0, limit) : rest
  const last = page.at(-1)
  const version = after?.version ?? store.version
  const more = last !== undefined && page.length < rest.length
  return {
    kind: projection === "whole" ? `${path.kind.kind}List` : "PartialObjectMetadataList",
    apiVersion: projection === "whole" ? apiVersionOf(path.kind) : "meta.k8s.io/v1",
    metadata: {
      resourceVersion: String(version),
      ...(more
        ? { continue: encodeToken({ version, id: idOf(last) }), remainingItemCount: rest.length - page.length }
        : {})
    },
    items: page.map((object) => projected(projection, object))
  }
}

const idOf = (object: StoredObject): string => `${object.metadata.namespace ?? ""}/${object.metadata.name}`

const Token = Schema.Struct({ version: Schema.Int, id: Schema.String })
type Token = typeof Token.Type

const encodeToken = (token: Token): string => Buffer.from(JSON.stringify(token)).toString("base64url")

const decodeToken = (token: string): Token => {
  const decoded = decodeTokenText(Buffer.from(token, "base64url").toString("utf8"))
  if (Result.isSuccess(decoded)) return decoded.success
  throw Status.badRequest("invalid continue token: continue key is not valid: it cannot be decoded")
}
const decodeTokenText = Schema.decodeUnknownResult(Schema.fromJsonString(Token))

const requireKnown = (store: ResourceStore, token: Token): void => {
  if (token.version >= store.floor) return
  throw Status.expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
  )
}
