/** A JSON object of which only some fields are known. */
export type Json = { readonly [field: string]: unknown }

/** Whether the value is an object and no list. */
export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The value as an object; empty when it is none. */
export const objectOf = (value: unknown): Json => (isObject(value) ? value : {})

/** The value as a list of objects; empty when it is none. */
export const listOf = (value: unknown): ReadonlyArray<Json> => (Array.isArray(value) ? value.map(objectOf) : [])

/** Whether the field says nothing. An explicit 0 or false says something: most such fields of a pod are pointers in Go. */
export const isUnset = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  (typeof value === "object" && Object.keys(value).length === 0)

/** Values that are there more than once, each given once. */
export const duplicatesOf = (values: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...new Set(values.filter((value, index) => values.indexOf(value) !== index))
]
