/** Any JSON object. */
export type Json = { readonly [field: string]: unknown }

/** Whether this is an object with fields. */
export const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What stands at a path of fields; undefined as soon as one is missing. */
export const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((held, field) => (isJson(held) ? held[field] : undefined), value)

/** The text at a path of fields; empty when there is none. */
export const textAt = (value: unknown, ...path: ReadonlyArray<string>): string => {
  const found = at(value, ...path)
  return typeof found === "string" ? found : ""
}

/** The list at a path of fields; empty when there is none. */
export const listAt = (value: unknown, ...path: ReadonlyArray<string>): ReadonlyArray<unknown> => {
  const found = at(value, ...path)
  return Array.isArray(found) ? found : []
}
