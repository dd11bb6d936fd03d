import { keyProblems, labelProblems, labelValueProblems, subdomainProblems } from "./NameRules.ts"
import type { ServedKind } from "./ServedKinds.ts"
import type { Cause, Json } from "./Status.ts"
import { isJson, jsonIn } from "./StoredObject.ts"

/** Bytes that all annotations of an object may have together. */
const annotationLimit = 256 * 1024

/** One way in which a value is not as it must be. */
export const mistake = (field: string, message: string, reason = "FieldValueInvalid"): Cause => ({
  reason,
  message,
  field
})

/** The same for a value that is shown. */
export const wrongValue = (field: string, value: unknown, problem: string): Cause =>
  mistake(field, `Invalid value: ${JSON.stringify(value)}: ${problem}`)

/** Everything that is wrong with the metadata of an object that has got its name. */
export const metadataProblems = (kind: ServedKind, metadata: Json): ReadonlyArray<Cause> => [
  ...nameProblems(kind, metadata),
  ...labelsProblems(jsonIn(metadata, "labels")),
  ...annotationsProblems(jsonIn(metadata, "annotations")),
  ...ownerProblems(metadata["ownerReferences"]),
  ...(kind.group === "fission.io" ? [] : finalizerProblems(metadata["finalizers"]))
]

const nameProblems = (kind: ServedKind, { generateName, name }: Json): ReadonlyArray<Cause> => {
  if (typeof name !== "string" || name === "") {
    return [mistake("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")]
  }
  const rule = ["Namespace", "Service"].includes(kind.kind) ? labelProblems : subdomainProblems
  // A prefix may end where the rest of the name goes on.
  const prefix = typeof generateName === "string" ? generateName.replace(/-$/u, "a") : ""
  return [
    ...(prefix === "" ? [] : rule(prefix).map((problem) => wrongValue("metadata.generateName", generateName, problem))),
    ...rule(name).map((problem) => wrongValue("metadata.name", name, problem))
  ]
}

const labelsProblems = (labels: Json): ReadonlyArray<Cause> =>
  Object.entries(labels).flatMap(([key, value]) => [
    ...keyProblems(key).map((problem) => wrongValue("metadata.labels", key, problem)),
    ...labelValueProblems(String(value)).map((problem) => wrongValue("metadata.labels", value, problem))
  ])

const annotationsProblems = (annotations: Json): ReadonlyArray<Cause> => {
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0
  )
  return [
    ...Object.keys(annotations).flatMap((key) =>
      keyProblems(key.toLowerCase()).map((problem) => wrongValue("metadata.annotations", key, problem))
    ),
    ...(size > annotationLimit
      ? [
          mistake(
            "metadata.annotations",
            `Too long: may not be more than ${annotationLimit} bytes`,
            "FieldValueTooLong"
          )
        ]
      : [])
  ]
}

/** Owners need not exist, but each says who it is, and one of them at most is in charge. */
const ownerProblems = (references: unknown): ReadonlyArray<Cause> => {
  const field = "metadata.ownerReferences"
  const owners = Array.isArray(references) ? references.filter(isJson) : []
  const [first, second] = owners.filter(({ controller }) => controller === true)
  const empty = owners.flatMap((owner) =>
    [
      ["apiVersion", "version must not be empty"],
      ["kind", "must not be empty"],
      ["name", "must not be empty"],
      ["uid", "must not be empty"]
    ].flatMap(([name = "", problem = ""]) =>
      (owner[name] ?? "") === "" ? [wrongValue(`${field}.${name}`, "", problem)] : []
    )
  )
  if (first === undefined || second === undefined) return empty
  const names = [first, second].map(({ kind, name }) => `${String(kind)}/${String(name)}`).join(" and ")
  const problem = `Only one reference can have Controller set to true. Found "true" in references for ${names}`
  return [...empty, wrongValue(field, owners, problem)]
}

/** Finalizers of built-in kinds are qualified names, so that nobody uses that of another. */
const finalizerProblems = (finalizers: unknown): ReadonlyArray<Cause> =>
  (Array.isArray(finalizers) ? finalizers : []).flatMap((finalizer: unknown, index) => {
    const name = String(finalizer)
    const problems = keyProblems(name).map((problem) => wrongValue("metadata.finalizers", name, problem))
    if (problems.length > 0 || name.includes("/") || standardFinalizers.has(name)) return problems
    const problem = "name is neither a standard finalizer name nor is it fully qualified"
    return [wrongValue(`metadata.finalizers[${index}]`, name, problem)]
  })

const standardFinalizers = new Set(["kubernetes", "foregroundDeletion", "orphan"])
