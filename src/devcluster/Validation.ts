import { builtInProblems } from "./BuiltInRules.ts"
import { conformed, definedProblems } from "./CustomResources.ts"
import { mistake, metadataProblems } from "./MetadataRules.ts"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { isJson, jsonIn, type StoredObject } from "./StoredObject.ts"

/** What becomes of the fields of a custom resource that its definition does not know. */
export type UnknownFields = "drop" | "refuse"

/**
 * A new object as it is stored, or a `StatusError`: 422 with everything that is wrong with it, 400 for unknown fields when
 * they are to be refused.
 */
export const validCreate = (kind: ServedKind, object: Status.Json, unknownFields: UnknownFields): Status.Json =>
  valid(kind, object, undefined, unknownFields, [])

/** The same for an object that takes the place of another; 400 when it names itself otherwise. */
export const validUpdate = (
  kind: ServedKind,
  current: StoredObject,
  wanted: Status.Json,
  unknownFields: UnknownFields
): Status.Json => {
  requireIdentity(current.metadata.name, current.metadata.namespace, jsonIn(wanted, "metadata"))
  return valid(kind, wanted, current, unknownFields, addedFinalizers(current, wanted))
}

const valid = (
  kind: ServedKind,
  object: Status.Json,
  previous: StoredObject | undefined,
  unknownFields: UnknownFields,
  found: ReadonlyArray<Status.Cause>
): Status.Json => {
  const { stored, unknown } = conformed(kind, object)
  if (unknownFields === "refuse" && unknown.length > 0) throw Status.unknownFields(kind, unknown)
  const metadata = jsonIn(stored, "metadata")
  const problems = definedProblems(kind, stored, previous, [
    ...metadataProblems(kind, metadata),
    ...found,
    ...builtInProblems(kind, stored, previous)
  ])
  if (problems.length > 0) throw Status.invalidFields(kind, String(metadata["name"] ?? ""), problems)
  return stored
}

/** Throws a 400 `StatusError` for metadata with another name or namespace than the path has. */
export const requireIdentity = (url: string, where: string | undefined, { name, namespace }: Status.Json): void => {
  if ((name ?? "") === "") {
    throw Status.badRequest(`the name of the object (${url} based on URL) was undeterminable: name must be provided`)
  }
  if (name !== url) {
    throw Status.badRequest(`the name of the object (${String(name)}) does not match the name on the URL (${url})`)
  }
  if ((namespace ?? "") !== "" && namespace !== where) throw Status.otherNamespace()
}

/** What is being deleted can only lose finalizers. */
const addedFinalizers = (current: StoredObject, wanted: Status.Json): ReadonlyArray<Status.Cause> => {
  const { finalizers } = jsonIn(wanted, "metadata")
  if (current.metadata.deletionTimestamp === undefined || !Array.isArray(finalizers)) return []
  const held = new Set<unknown>(current.metadata.finalizers)
  const added = finalizers.filter((finalizer) => !held.has(finalizer))
  if (added.length === 0) return []
  const names = added.map((finalizer) => JSON.stringify(finalizer)).join(", ")
  const problem = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`
  return [mistake("metadata.finalizers", problem, "FieldValueForbidden")]
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
