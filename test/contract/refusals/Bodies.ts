import { configMaps, custom, deployments, environments, merge, metadata, post, put, type Refusal } from "./Refusal.ts"

const unreadable =
  "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse"

/** Bodies that are no object, or another one than the path says. */
export const ofBodies: ReadonlyArray<Refusal> = [
  ["no body", post(configMaps, ""), 400, `${unreadable} error: unexpected end of JSON input (<empty>)`],
  [
    "a body that is cut short",
    post(configMaps, '{"metadata":'),
    400,
    `${unreadable} error: unexpected end of JSON input`
  ],
  ["bytes that are no JSON", post(configMaps, "\u0000\u0001"), 400, unreadable],
  ["JSON that is no object", post(configMaps, "[]"), 400, "json: cannot unmarshal array into Go value"],
  ["a ConfigMap with numbers", post(configMaps, { metadata: { name: "new" }, data: { a: 1 } }), 400, "ConfigMap.data"],
  [
    "another kind",
    post(configMaps, { apiVersion: "v1", kind: "Pod", metadata: { name: "new" } }),
    400,
    'Pod in version "v1" cannot be handled as a ConfigMap: converting (v1.Pod) to (core.ConfigMap): unknown conversion'
  ],
  [
    "an unknown kind",
    post(configMaps, { apiVersion: "v1", kind: "Odd", metadata: { name: "new" } }),
    400,
    'Odd in version "v1" cannot be handled as a ConfigMap: no kind "Odd" is registered for version "v1"'
  ],
  [
    "another custom resource",
    post(environments, custom({ kind: "Function", metadata: { name: "new" } })),
    422,
    'Function.fission.io "new" is invalid: kind: Invalid value: "Function": must be Environment'
  ],
  [
    "a custom resource without kind",
    post(environments, { metadata: { name: "new" } }),
    400,
    'Object \'Kind\' is missing in \'{"metadata":{"name":"new"}}\''
  ],
  [
    "a custom resource of another version",
    post(environments, custom({ apiVersion: "fission.io/v2", metadata: { name: "new" } })),
    400,
    "the API version in the data (fission.io/v2) does not match the expected API version (fission.io/v1)"
  ],
  [
    "a patch to another kind",
    merge(`${configMaps}/here`, { kind: "Pod" }),
    422,
    "converting (v1.Pod) to (core.ConfigMap)"
  ],
  [
    "a patch of a custom resource to another kind",
    merge(`${environments}/here`, { kind: "Function" }),
    422,
    'Function.fission.io "here" is invalid: kind: Invalid value: "Function": must be Environment'
  ],
  [
    "a patch that is cut short",
    merge(`${configMaps}/here`, "{"),
    400,
    "error decoding patch: unexpected end of JSON input"
  ],
  [
    "a patch that is no object",
    merge(`${configMaps}/here`, []),
    400,
    "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
  ],
  [
    "a strategic patch without its merge key",
    {
      ...merge(`${deployments}/here`, { spec: { template: { spec: { containers: [{ image: "b" }] } } } }),
      contentType: "application/strategic-merge-patch+json"
    },
    500,
    "does not contain declared merge key: name"
  ],
  [
    "another namespace",
    metadata({ namespace: "other" }),
    400,
    "the namespace of the provided object does not match the namespace sent on the request"
  ],
  [
    "an update to another namespace",
    put(`${configMaps}/here`, { metadata: { name: "here", namespace: "other" } }),
    400,
    "the namespace of the provided object does not match the namespace sent on the request"
  ],
  [
    "an update to another name",
    put(`${configMaps}/here`, { metadata: { name: "there" } }),
    400,
    "the name of the object (there) does not match the name on the URL (here)"
  ],
  [
    "an update without name",
    put(`${configMaps}/here`, {}),
    400,
    "the name of the object (here based on URL) was undeterminable: name must be provided"
  ],
  [
    "a patch to another name",
    merge(`${configMaps}/here`, { metadata: { name: "there" } }),
    400,
    "the name of the object (there) does not match the name on the URL (here)"
  ],
  [
    "an update with a version that is none",
    put(`${configMaps}/here`, { metadata: { name: "here", resourceVersion: "abc" } }),
    500,
    'strconv.ParseUint: parsing "abc": invalid syntax'
  ],
  ["a body that is too large", post(configMaps, { data: { a: "x".repeat(3_200_000) } }), 413, "limit is 3145728"],
  ["a patch of no type", { ...merge(`${configMaps}/here`, {}), contentType: "" }, 415, "415: Unsupported Media Type"],
  [
    "a patch of an unknown type",
    { ...merge(`${configMaps}/here`, {}), contentType: "application/x" },
    415,
    "415: Unsupported Media Type"
  ]
]
