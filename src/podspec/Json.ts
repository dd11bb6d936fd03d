/** A JSON object of which only some fields are known. */
export type Json = { readonly [field: string]: unknown }

/** The value as an object; empty when it is none. */
export const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}

/** The value as a list of objects; empty when it is none. */
export const listOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.map(objectOf) : [])

/** Whether Go would leave the field out as empty. */
export const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === 0 ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0)
