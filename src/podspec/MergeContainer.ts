import { isEmpty, type Json, listOf, objectOf } from "./Json.ts"

/** Lists of a container whose elements are told apart by a field; a duplicate is a mistake of the user. */
const uniqueBy: { readonly [list: string]: string } = {
  ports: "name",
  env: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath"
}

/**
 * Merges a user's container over ours (poolmgr.md section 6.7): fields that are set win, maps merge, lists are appended
 * with the user's last. Gives the name of a duplicated list element instead where there is one (W30: mounts are
 * compared by path).
 */
export const mergeContainer = (
  ours: Json,
  theirs: Json
): { readonly container: Json } | { readonly problem: string } => {
  const merged: { [field: string]: unknown } = { ...ours }
  for (const [field, value] of Object.entries(theirs)) {
    if (isEmpty(value)) continue
    const held = merged[field]
    if (Array.isArray(value)) merged[field] = [...(Array.isArray(held) ? held : []), ...value]
    else if (typeof value === "object") merged[field] = mergeMaps(objectOf(held), objectOf(value))
    else merged[field] = value
  }
  for (const [list, key] of Object.entries(uniqueBy)) {
    const values = listOf(merged[list]).flatMap((element) => (isEmpty(element[key]) ? [] : [String(element[key])]))
    const duplicate = values.find((value, index) => values.indexOf(value) !== index)
    if (duplicate !== undefined) {
      return { problem: `container "${String(merged["name"])}" has two ${list} with ${key} "${duplicate}"` }
    }
  }
  return { container: sanitizeContainer(merged) }
}

const mergeMaps = (ours: Json, theirs: Json): Json => {
  const merged: { [field: string]: unknown } = { ...ours }
  for (const [field, value] of Object.entries(theirs)) {
    if (isEmpty(value) && value !== false && value !== 0) continue
    const nested = typeof value === "object" && value !== null && !Array.isArray(value)
    merged[field] = nested ? mergeMaps(objectOf(merged[field]), objectOf(value)) : value
  }
  return merged
}

/**
 * Takes away what no function pod may have: privileges, and capabilities other than `NET_BIND_SERVICE` (poolmgr.md
 * section 6.7, resources.md R2).
 */
export const sanitizeContainer = (container: Json): Json => {
  if (container["securityContext"] === undefined) return container
  const context: { [field: string]: unknown } = { ...objectOf(container["securityContext"]) }
  if (context["privileged"] === true) context["privileged"] = false
  if (context["allowPrivilegeEscalation"] === true) context["allowPrivilegeEscalation"] = false
  const { add, ...capabilities } = objectOf(context["capabilities"])
  if (Array.isArray(add)) {
    const allowed = add.filter((capability) => capability === "NET_BIND_SERVICE")
    context["capabilities"] = { ...capabilities, ...(allowed.length === 0 ? {} : { add: allowed }) }
  }
  return { ...container, securityContext: context }
}
