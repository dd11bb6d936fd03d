import type { ServedKind } from "./ServedKinds.ts"
import { badRequest, type Json } from "./Status.ts"

/** Decides whether an object belongs to a selection. */
export type Matches = (object: Json) => boolean

const at = (object: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined,
    object
  )

const labelOf = (object: Json, name: string): string | undefined => {
  const value = at(object, ["metadata", "labels", name])
  return typeof value === "string" ? value : undefined
}

/** One requirement of a label selector: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`. */
const requirement = (text: string): Matches => {
  const set = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/u.exec(text)
  if (set !== null) {
    const [, name = "", operator, list = ""] = set
    const values = new Set(list.split(",").map((value) => value.trim()))
    return (object) => {
      const value = labelOf(object, name)
      return operator === "in" ? value !== undefined && values.has(value) : value === undefined || !values.has(value)
    }
  }
  const comparison = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/u.exec(text)
  if (comparison !== null) {
    const [, name = "", operator, value] = comparison
    return (object) => (labelOf(object, name) === value) === (operator !== "!=")
  }
  const existence = /^(!?)\s*([\w./-]+)$/u.exec(text)
  if (existence !== null) {
    const [, not, name = ""] = existence
    return (object) => (labelOf(object, name) !== undefined) === (not === "")
  }
  const [, second = ""] = text.split(/\s+/u)
  throw badRequest(`unable to parse requirement: found '${second}', expected: in, notin, =, ==, !=, gt, lt`)
}

/** A label selector as text; empty selects everything. Throws a 400 `StatusError` when it is none. */
export const labelSelector = (text: string): Matches => {
  const parts = text.match(/[^,(]+(\([^)]*\))?/gu) ?? []
  const requirements = parts.map((part) => requirement(part.trim()))
  return (object) => requirements.every((matches) => matches(object))
}

/** By which fields objects can be selected besides their names; other kinds have none. */
const selectable: { readonly [kind: string]: ReadonlyArray<string> } = {
  Pod: [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP"
  ],
  Event: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "type"
  ],
  Secret: ["type"],
  Namespace: ["status.phase"],
  Node: ["spec.unschedulable"],
  ReplicaSet: ["status.replicas"],
  Service: ["spec.clusterIP", "spec.type"]
}

/** The fields by which the objects of a kind can be selected. */
export const selectableFields = (kind: ServedKind): ReadonlyArray<string> => [
  "metadata.name",
  ...(kind.namespaced ? ["metadata.namespace"] : []),
  ...(selectable[kind.kind] ?? [])
]

/**
 * A field selector: texts compared with `=`, `==` or `!=`, of the fields that are known. Throws a 400 `StatusError` when
 * it is none.
 */
export const fieldSelector = (text: string, known?: ReadonlyArray<string>): Matches => {
  const terms = text === "" ? [] : text.split(",")
  const tests = terms.map((term): Matches => {
    const parsed = /^([\w.]+)(==|=|!=)(.*)$/u.exec(term.trim())
    if (parsed === null) throw badRequest(`invalid field selector "${text}"`)
    const [, path = "", operator, value = ""] = parsed
    if (known !== undefined && !known.includes(path)) {
      const names = known.map((name) => `"${name}"`).join(", ")
      throw badRequest(`"${path}" is not a known field selector: only ${names}`)
    }
    return (object) => ((at(object, path.split(".")) ?? "") === value) === (operator !== "!=")
  })
  return (object) => tests.every((matches) => matches(object))
}
