import { servedKinds, type ServedKind } from "./ServedKinds.ts"
import type { Json } from "./Status.ts"
import { apiVersionOf, isJson, jsonIn } from "./StoredObject.ts"

/**
 * Why a JSON object is none of its kind, in the words of a real server's decoder; undefined when it is one. Of built-in
 * kinds only those fields are looked at that clients get wrong.
 */
export const decodeProblem = (kind: ServedKind, object: Json): string | undefined => {
  const metadata = jsonIn(object, "metadata")
  const prefix = kind.group === "fission.io" ? "ObjectMeta." : "ObjectMeta.metadata."
  return (
    textProblem(`${prefix}name`, metadata["name"]) ??
    textsProblem(`${prefix}labels`, metadata["labels"]) ??
    textsProblem(`${prefix}annotations`, metadata["annotations"]) ??
    (kind.kind === "ConfigMap" ? textsProblem("ConfigMap.data", object["data"]) : undefined) ??
    (kind.kind === "Lease" ? timesProblem(jsonIn(object, "spec")) : undefined)
  )
}

/** Why an object that calls itself another kind cannot be taken for this one. */
export const otherKindProblem = (kind: ServedKind, given: string, apiVersion: string): string => {
  const known = servedKinds.some((other) => other.kind === given && apiVersionOf(other) === apiVersion)
  if (!known) {
    return `no kind "${given}" is registered for version "${apiVersion}" in scheme "pkg/runtime/scheme.go:111"`
  }
  const [group] = kind.group.split(".")
  return `converting (${apiVersion.replace(/^.*\//u, "")}.${given}) to (${group || "core"}.${kind.kind}): unknown conversion`
}

const unmarshal = (value: unknown, field: string, type: string): string => {
  const found = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value
  return `json: cannot unmarshal ${found} into Go struct field ${field} of type ${type}`
}

const isText = (value: unknown): boolean => value === undefined || value === null || typeof value === "string"

const textProblem = (field: string, value: unknown): string | undefined =>
  isText(value) ? undefined : unmarshal(value, field, "string")

const textsProblem = (field: string, value: unknown): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (!isJson(value)) return unmarshal(value, field, "map[string]string")
  const other = Object.values(value).find((text) => !isText(text))
  return other === undefined ? undefined : unmarshal(other, field, "string")
}

/** Times of a Lease have six digits after the point, which is where a plain `toISOString` goes wrong. */
const timesProblem = (spec: Json): string | undefined => {
  for (const time of [spec["acquireTime"], spec["renewTime"]]) {
    if (typeof time !== "string" || /\.\d{6}(Z|[+-]\d{2}:\d{2})$/u.test(time)) continue
    const [rest] = /\..*$|Z$/u.exec(time) ?? [time]
    return `parsing time "${time}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${rest}" as ".000000"`
  }
  return undefined
}
