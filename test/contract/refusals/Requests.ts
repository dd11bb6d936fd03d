import type { RawRequest } from "../Servers.ts"
import {
  configMaps,
  core,
  deployments,
  environments,
  merge,
  namePart,
  pods,
  post,
  put,
  remove,
  type Refusal
} from "./Refusal.ts"

const notFound = "the server could not find the requested resource"
const notAllowed = "the server does not allow this method on the requested resource"

/** Paths that are no resource, and verbs that a path does not have. */
export const ofPaths: ReadonlyArray<Refusal> = [
  ["an unknown resource", { path: `${core}/odds` }, 404, notFound],
  ["an unknown subresource", { path: `${configMaps}/here/odd` }, 404, notFound],
  ["the status of a kind without one", { path: `${configMaps}/here/status` }, 404, notFound],
  ["a path that goes on too long", { path: `${configMaps}/a/b/c` }, 404, notFound],
  ["a node in a namespace", { path: `${core}/nodes` }, 404, notFound],
  ["an object without its namespace", { path: "/api/v1/configmaps/here" }, 404, notFound],
  ["an update of a collection", put(configMaps, {}), 405, notAllowed],
  ["a patch of a collection", merge(configMaps, {}), 405, notAllowed],
  ["a create on an object", post(`${configMaps}/here`, {}), 405, notAllowed],
  ["a create without namespace", post("/api/v1/configmaps", { metadata: { name: "new" } }), 405, notAllowed],
  ["a delete of everything everywhere", remove("/api/v1/configmaps"), 405, notAllowed],
  ["a create of a scale", post(`${deployments}/here/scale`, {}), 405, notAllowed],
  ["a delete of a scale", remove(`${deployments}/here/scale`), 405, notAllowed],
  ["a delete of a status", remove(`${deployments}/here/status`), 405, notAllowed]
]

const labels = (selector: string): RawRequest => ({
  path: `${configMaps}?labelSelector=${encodeURIComponent(selector)}`
})
const fields = (path: string, selector: string): RawRequest => ({
  path: `${path}?fieldSelector=${encodeURIComponent(selector)}`
})

/** Selectors that are none. */
export const ofSelectors: ReadonlyArray<Refusal> = [
  ["an unknown operator", labels("a like b"), 400, "found 'like', expected: in, notin, =, ==, !=, gt, lt"],
  ["a set without brackets", labels("a in b"), 400, "unable to parse requirement: found 'b' expected: '('"],
  ["a set that does not end", labels("a in ("), 400, "found '', expected: ',', ')' or identifier"],
  ["a set without commas", labels("a notin (x y)"), 400, "found 'y', expected: ',' or ')'"],
  ["a comma too many", labels("a=b,"), 400, "found '', expected: identifier after ','"],
  ["nothing but a comma", labels(","), 400, "found ',', expected: !, identifier, or 'end of string'"],
  ["an equals sign too many", labels("a=b=c"), 400, "found '=', expected: ',' or 'end of string'"],
  ["a word too many", labels("a=b c"), 400, "found 'c', expected: ',' or 'end of string'"],
  ["a bracket too many", labels("(a)"), 400, "found '(', expected: !, identifier, or 'end of string'"],
  ["not of nothing", labels("!"), 400, "unable to parse requirement: found '', expected: identifier"],
  ["a bad label key", labels("-a=b"), 400, `unable to parse requirement: <nil>: Invalid value: "-a": ${namePart}`],
  [
    "a bad label value",
    labels("a=-b"),
    400,
    'values[0][a]: Invalid value: "-b": a valid label must be an empty string'
  ],
  ["more than no number", labels("a>x"), 400, "for 'Gt', 'Lt' operators, the value must be an integer"],
  ["a field without value", fields(pods, "spec.nodeName"), 400, "can't understand 'spec.nodeName'"],
  ["a field with another operator", fields(pods, "spec.nodeName>a"), 400, "can't understand 'spec.nodeName>a'"],
  ["an unknown field", fields(configMaps, "data=a"), 400, '"data" is not a known field selector: only "metadata.name"'],
  ["an unknown field of a Pod", fields(pods, "data=a"), 400, "field label not supported: data"],
  [
    "a field of a custom resource",
    fields(environments, "spec.version=3"),
    400,
    "field label not supported: spec.version"
  ]
]

const options = (query: string): RawRequest => ({ path: `${configMaps}?${query}` })
const invalidVersion = 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'

/** Options of lists, watches and deletes that cannot be read or contradict each other. */
export const ofOptions: ReadonlyArray<Refusal> = [
  ["a limit that is none", options("limit=x"), 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ["a token that is none", options("limit=1&continue=xx"), 400, "invalid continue token: continue key is not valid"],
  ["a version that is none", options("resourceVersion=x"), 400, `invalid resource version: ${invalidVersion}`],
  [
    "a match without version",
    options("resourceVersionMatch=Exact"),
    422,
    "is forbidden unless resourceVersion is provided"
  ],
  [
    "an exact list from 0",
    options("resourceVersion=0&resourceVersionMatch=Exact"),
    422,
    'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
  ],
  [
    "an unknown match",
    options("resourceVersion=1&resourceVersionMatch=Odd"),
    422,
    'resourceVersionMatch: Unsupported value: "Odd": supported values: "Exact", "NotOlderThan", ""'
  ],
  ["a list of initial events", options("sendInitialEvents=true"), 422, "sendInitialEvents is forbidden for list"],
  ["a time-out that is none", options("watch=1&timeoutSeconds=x"), 400, 'strconv.ParseInt: parsing "x"'],
  ["a watch from a version that is none", options("watch=1&resourceVersion=x"), 500, invalidVersion],
  [
    "a watch with a match",
    options("watch=1&resourceVersionMatch=NotOlderThan"),
    422,
    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
  ],
  [
    "initial events of any version",
    options("watch=1&sendInitialEvents=true"),
    422,
    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
  ],
  ["a watch that continues", options("watch=1&continue=x"), 422, "is forbidden when continue is provided"],
  ["a watch of a bad selector", options("watch=1&labelSelector=%2C"), 400, "found ',', expected: !, identifier"],
  [
    "a delete with an unknown policy",
    remove(`${configMaps}/here`, { propagationPolicy: "Odd" }),
    422,
    'propagationPolicy: Unsupported value: "Odd": supported values: "Foreground", "Background", "Orphan", "nil"'
  ],
  ["a grace that is none", remove(`${configMaps}/here?gracePeriodSeconds=x`), 400, 'strconv.ParseInt: parsing "x"'],
  [
    "options that are cut short",
    remove(`${configMaps}/here`, "{"),
    400,
    "json parse error: unexpected end of JSON input"
  ],
  [
    "a delete of another version",
    remove(`${configMaps}/here`, { preconditions: { resourceVersion: "1" } }),
    409,
    "The object might have been modified"
  ],
  [
    "a delete of another UID",
    remove(`${configMaps}/here`, { preconditions: { uid: "x" } }),
    409,
    "The object might have been deleted and then recreated"
  ]
]
