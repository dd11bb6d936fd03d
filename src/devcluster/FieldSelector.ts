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
  Service: ["spec.clusterIP", "spec.type"]
}

const selectableFields = (kind: ServedKind): ReadonlyArray<string> => [
  "metadata.name",
  ...(kind.namespaced ? ["metadata.namespace"] : []),
  ...(selectable[kind.kind] ?? [])
]

const requireSelectable = (kind: ServedKind, path: string): void => {
  const known = selectableFields(kind)
  if (known.includes(path)) return
  if (kind.group === "fission.io" || selectable[kind.kind] !== undefined) {
    throw badRequest(`field label not supported: ${path}`)
  }
  const names = known.map((name) => `"${name}"`).join(", ")
  throw badRequest(`"${path}" is not a known field selector: only ${names}`)
}

/**
 * A field selector: texts compared with `=`, `==` or `!=`, of the fields that the kind has for it. Throws a 400
 * `StatusError` when it is none.
 */
export const fieldSelector = (text: string, kind: ServedKind): Matches => {
  const terms = text.split(",").filter((term) => term !== "")
  const tests = terms.map((term): Matches => {
    const parsed = /^([^=!]*)(==|=|!=)(.*)$/u.exec(term)
    if (parsed === null) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`)
    const [, path = "", operator, value = ""] = parsed
    if (path === "" && value === "") return () => true
    requireSelectable(kind, path)
    return (object) => ((at(object, path.split(".")) ?? "") === value) === (operator !== "!=")
  })
  return (object) => tests.every((matches) => matches(object))
}
