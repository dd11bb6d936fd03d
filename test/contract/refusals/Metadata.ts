import { configMaps, core, custom, environments, merge, metadata, namePart, post, type Refusal } from "./Refusal.ts"

const owner = { apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "u" }
const long = "x".repeat(64)
const subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"

/** Names and other metadata that break the rules. */
export const ofMetadata: ReadonlyArray<Refusal> = [
  ["a name with capitals", metadata({ name: "Bad" }), 422, `metadata.name: Invalid value: "Bad": ${subdomain}`],
  ["a name that is too long", metadata({ name: "x".repeat(254) }), 422, "must be no more than 253 characters"],
  ["a name that is no text", metadata({ name: 7 }), 400, "field ObjectMeta.metadata.name of type string"],
  ["no name", post(configMaps, {}), 422, "metadata.name: Required value: name or generateName is required"],
  ["a prefix with capitals", metadata({ name: "", generateName: "B_" }), 422, "metadata.generateName: Invalid value"],
  [
    "a Namespace with a dot",
    post("/api/v1/namespaces", { metadata: { name: "a.b" } }),
    422,
    'metadata.name: Invalid value: "a.b": must not contain dots'
  ],
  [
    "a Service with a dot",
    post(`${core}/services`, { metadata: { name: "a.b" }, spec: { ports: [{ port: 80 }] } }),
    422,
    'metadata.name: Invalid value: "a.b": must not contain dots'
  ],
  ["a label key that is none", metadata({ labels: { "a b": "" } }), 422, `Invalid value: "a b": ${namePart}`],
  [
    "a label key that is too long",
    metadata({ labels: { [long]: "" } }),
    422,
    "name part must be no more than 63 bytes"
  ],
  ["a label key with two slashes", metadata({ labels: { "a/b/c": "" } }), 422, "with an optional DNS subdomain prefix"],
  ["a label key without prefix", metadata({ labels: { "/a": "" } }), 422, "prefix part must be non-empty"],
  ["a label key with a bad prefix", metadata({ labels: { "A/a": "" } }), 422, `prefix part ${subdomain}`],
  ["a label key of nothing", metadata({ labels: { "": "" } }), 422, "name part must be non-empty"],
  ["a label value that is none", metadata({ labels: { a: "b c" } }), 422, 'Invalid value: "b c": a valid label must'],
  ["a label value that is too long", metadata({ labels: { a: long } }), 422, "must be no more than 63 bytes"],
  [
    "a label value that is no text",
    metadata({ labels: { a: 1 } }),
    400,
    "cannot unmarshal number into Go struct field"
  ],
  ["labels that are none", metadata({ labels: "a" }), 400, "ObjectMeta.metadata.labels of type map[string]string"],
  [
    "a label of a custom resource that is no text",
    post(environments, custom({ metadata: { name: "new", labels: { a: 1 } } })),
    400,
    "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string"
  ],
  ["a patch to a bad label", merge(`${configMaps}/here`, { metadata: { labels: { "a b": "" } } }), 422, namePart],
  ["an annotation key that is none", metadata({ annotations: { "a b": "" } }), 422, namePart],
  [
    "annotations that are too large",
    metadata({ annotations: { a: "x".repeat(262_144) } }),
    422,
    "metadata.annotations: Too long: may not be more than 262144 bytes"
  ],
  [
    "an owner without UID",
    metadata({ ownerReferences: [{ ...owner, uid: "" }] }),
    422,
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty'
  ],
  [
    "an owner without version",
    metadata({ ownerReferences: [{ ...owner, apiVersion: undefined }] }),
    422,
    'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty'
  ],
  [
    "two owners in charge",
    metadata({ ownerReferences: ["a", "b"].map((name) => ({ ...owner, name, controller: true })) }),
    422,
    'Only one reference can have Controller set to true. Found "true" in references for ConfigMap/a and ConfigMap/b'
  ],
  [
    "a finalizer that could be anybody's",
    metadata({ finalizers: ["mine"] }),
    422,
    "name is neither a standard finalizer name nor is it fully qualified"
  ],
  [
    "a version on a new object",
    metadata({ resourceVersion: "1" }),
    500,
    "resourceVersion should not be set on objects to be created"
  ]
]
