import { badRequest, type Json } from "./Status.ts"

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** RFC 7386: objects merge, `null` removes, everything else replaces. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isObject(patch)) return patch
  const merged: { [field: string]: unknown } = { ...(isObject(target) ? target : {}) }
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete merged[field]
    else merged[field] = mergePatch(merged[field], value)
  }
  return merged
}

/** By which key the elements of a list are merged, for the lists of the kinds that the embedded server knows. */
const mergeKeys: { readonly [list: string]: string } = {
  containers: "name",
  initContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  imagePullSecrets: "name",
  ownerReferences: "uid",
  conditions: "type",
  secrets: "name",
  hostAliases: "ip"
}

/** Lists of plain values that are united instead of replaced. */
const unitedLists = new Set(["finalizers"])

const keyOf = (field: string, elements: ReadonlyArray<unknown>): string | undefined => {
  if (field !== "ports") return mergeKeys[field]
  return elements.some((element) => isObject(element) && "containerPort" in element) ? "containerPort" : "port"
}

/**
 * Kubernetes' strategic merge for the built-in kinds used here: lists merge by their key, `$patch: delete` removes an
 * element or `$patch: replace` the whole, `$deleteFromPrimitiveList/<field>` takes values out of a list.
 */
export const strategicMergePatch = (target: unknown, patch: unknown, field = ""): unknown => {
  if (Array.isArray(patch)) return mergeList(Array.isArray(target) ? target : [], patch, field)
  if (!isObject(patch)) return patch
  const { $patch: directive, ...fields } = patch
  if (directive === "replace") return fields
  if (directive === "delete") return undefined
  if (directive !== undefined) throw badRequest(`Unknown patch directive "${String(directive)}"`)

  const merged: { [field: string]: unknown } = { ...(isObject(target) ? target : {}) }
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith("$setElementOrder/") || name.startsWith("$retainKeys")) continue
    if (name.startsWith("$deleteFromPrimitiveList/")) {
      const list = name.slice("$deleteFromPrimitiveList/".length)
      const removed = new Set(Array.isArray(value) ? value : [])
      const held = merged[list]
      if (Array.isArray(held)) merged[list] = held.filter((element) => !removed.has(element))
      continue
    }
    const next = value === null ? undefined : strategicMergePatch(merged[name], value, name)
    if (next === undefined) delete merged[name]
    else merged[name] = next
  }
  return merged
}

const mergeList = (target: ReadonlyArray<unknown>, patch: ReadonlyArray<unknown>, field: string): unknown => {
  if (unitedLists.has(field)) return [...new Set([...target, ...patch])]
  const key = keyOf(field, [...target, ...patch])
  if (key === undefined) return patch
  if (patch.some((element) => isObject(element) && element["$patch"] === "replace")) {
    return patch.filter((element) => !isObject(element) || element["$patch"] !== "replace")
  }

  const merged = [...target]
  for (const element of patch) {
    if (!isObject(element)) throw badRequest(`an element of ${field} is no object`)
    const index = merged.findIndex((held) => isObject(held) && held[key] === element[key])
    const next = strategicMergePatch(index < 0 ? {} : merged[index], element, field)
    if (next === undefined && index >= 0) merged.splice(index, 1)
    else if (next !== undefined && index < 0) merged.push(next)
    else if (next !== undefined) merged[index] = next
  }
  return merged
}
