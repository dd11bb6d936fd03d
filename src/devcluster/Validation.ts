import { isDeepStrictEqual } from "node:util"
import { admitted } from "./CustomResources.ts"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { isJson, jsonIn, type StoredObject } from "./StoredObject.ts"

/** What becomes of the fields of a custom resource that its definition does not know. */
export type UnknownFields = "drop" | "refuse"

/**
 * A new object as it is stored, or a `StatusError`: 422 with everything that is wrong with it. Built-in kinds are only
 * checked for mistakes that clients rely on being found.
 */
export const validCreate = (kind: ServedKind, object: Status.Json, unknownFields: UnknownFields): Status.Json => {
  const { generateName, name } = jsonIn(object, "metadata")
  const shown = typeof name === "string" ? name : typeof generateName === "string" ? generateName : ""
  const stored = admitted(kind, shown, object, undefined, unknownFields)
  throwAny(kind, shown, [...workloadProblems(kind, stored), ...leaseProblems(kind, stored)])
  return stored
}

/** The same for an object that takes the place of another. */
export const validUpdate = (
  kind: ServedKind,
  current: StoredObject,
  wanted: Status.Json,
  unknownFields: UnknownFields
): Status.Json => {
  const { name } = current.metadata
  const given = jsonIn(wanted, "metadata")["name"]
  if (typeof given === "string" && given !== "" && given !== name) {
    throw Status.badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`)
  }
  const stored = admitted(kind, name, wanted, current, unknownFields)
  throwAny(kind, name, [
    ...finalizerProblems(current, stored),
    ...workloadProblems(kind, stored),
    ...selectorProblems(kind, current, stored),
    ...leaseProblems(kind, stored)
  ])
  return stored
}

const throwAny = (kind: ServedKind, name: string, problems: ReadonlyArray<Status.Cause>): void => {
  if (problems.length > 0) throw Status.invalidFields(kind, name, problems)
}

const mistake = (field: string, message: string, reason = "FieldValueInvalid"): Status.Cause => ({
  reason,
  message,
  field
})

/** A Deployment or ReplicaSet has a possible number of pods, and selects those that it makes. */
const workloadProblems = (kind: ServedKind, object: Status.Json): ReadonlyArray<Status.Cause> => {
  if (kind.group !== "apps") return []
  const spec = jsonIn(object, "spec")
  const { replicas } = spec
  const labels = jsonIn(jsonIn(jsonIn(spec, "template"), "metadata"), "labels")
  const selected = Object.entries(jsonIn(jsonIn(spec, "selector"), "matchLabels"))
  return [
    ...(typeof replicas === "number" && replicas < 0
      ? [mistake("spec.replicas", `Invalid value: ${replicas}: must be greater than or equal to 0`)]
      : []),
    ...(selected.every(([label, value]) => labels[label] === value)
      ? []
      : [
          mistake(
            "spec.template.metadata.labels",
            `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``
          )
        ])
  ]
}

/** The selector of a workload is fixed for life. */
const selectorProblems = (
  kind: ServedKind,
  current: StoredObject,
  wanted: Status.Json
): ReadonlyArray<Status.Cause> => {
  if (kind.group !== "apps") return []
  const [before, after] = [current, wanted].map((object) => jsonIn(object, "spec")["selector"])
  if (isDeepStrictEqual(before, after)) return []
  return [mistake("spec.selector", `Invalid value: ${JSON.stringify(after)}: field is immutable`)]
}

/** What is being deleted can only lose finalizers. */
const finalizerProblems = (current: StoredObject, wanted: Status.Json): ReadonlyArray<Status.Cause> => {
  const { finalizers } = jsonIn(wanted, "metadata")
  if (current.metadata.deletionTimestamp === undefined || !Array.isArray(finalizers)) return []
  const held = new Set<unknown>(current.metadata.finalizers)
  const added = finalizers.filter((finalizer) => !held.has(finalizer))
  if (added.length === 0) return []
  const names = added.map((finalizer) => JSON.stringify(finalizer)).join(", ")
  const problem = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`
  return [mistake("metadata.finalizers", problem, "FieldValueForbidden")]
}

/** Times of a Lease have six digits after the point, which is where a plain `toISOString` goes wrong: 400. */
const leaseProblems = (kind: ServedKind, object: Status.Json): ReadonlyArray<Status.Cause> => {
  if (kind.kind !== "Lease") return []
  const spec = jsonIn(object, "spec")
  for (const time of [spec["acquireTime"], spec["renewTime"]]) {
    if (typeof time !== "string" || /\.\d{6}(Z|[+-]\d{2}:\d{2})$/u.test(time)) continue
    const [rest] = /\..*$|Z$/u.exec(time) ?? [time]
    throw Status.badRequest(
      `Lease in version "v1" cannot be handled as a Lease: parsing time "${time}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${rest}" as ".000000"`
    )
  }
  return []
}

/** Custom resources and Leases cannot be replaced blindly. Throws a 422 `StatusError`. */
export const requireVersion = (kind: ServedKind, name: string, object: Status.Json): void => {
  const { resourceVersion } = jsonIn(object, "metadata")
  const guarded = kind.group === "fission.io" || kind.kind === "Lease"
  if (!guarded || (typeof resourceVersion === "string" && resourceVersion !== "")) return
  const subject = { kind: kind.plural, group: kind.group }
  throw Status.invalid(subject, name, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update")
}

/** A JSON object. Throws a 400 `StatusError` for anything else. */
export const asObject = (value: unknown): Status.Json => {
  if (isJson(value)) return value
  throw Status.badRequest("the patch leaves no object")
}
