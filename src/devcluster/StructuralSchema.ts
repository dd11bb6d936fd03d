import { isDeepStrictEqual } from "node:util"
import { type Rule, rules } from "./SchemaRules.ts"
import type * as Status from "./Status.ts"
import { isJson } from "./StoredObject.ts"

/** The part of a structural schema (OpenAPI v3) that our custom resources use. */
export interface Schema {
  readonly type: "object" | "array" | "string" | "integer" | "boolean"
  readonly properties?: { readonly [field: string]: Schema }
  readonly required?: ReadonlyArray<string>
  readonly items?: Schema
  readonly nullable?: boolean
  readonly default?: unknown
  readonly enum?: ReadonlyArray<string>
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean
  readonly "x-kubernetes-list-map-keys"?: ReadonlyArray<string>
  readonly "x-kubernetes-validations"?: ReadonlyArray<{ readonly message: string }>
}

/** A value as it is stored, and the paths of the fields that were dropped because the schema does not know them. */
export interface Conformed {
  readonly value: unknown
  readonly unknown: ReadonlyArray<string>
}

const inside = (path: string, field: string): string => (path === "" ? field : `${path}.${field}`)

/** Drops unknown fields and `null` where it is not allowed, and fills in defaults. Idempotent. */
export const conform = (schema: Schema, value: unknown, path = ""): Conformed => {
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema
    const elements = value.map((element: unknown, index) => conform(items, element, `${path}[${index}]`))
    return { value: elements.map((element) => element.value), unknown: elements.flatMap((element) => element.unknown) }
  }
  if (!isJson(value) || schema.type !== "object") return { value, unknown: [] }

  const { properties = {} } = schema
  const keepsAll = schema["x-kubernetes-preserve-unknown-fields"] === true || schema.properties === undefined
  const kept: { [field: string]: unknown } = {}
  const unknown: Array<string> = []
  for (const [field, given] of Object.entries(value)) {
    const known = properties[field]
    if (known === undefined) {
      if (keepsAll) kept[field] = given
      else unknown.push(inside(path, field))
    } else if (given !== null || known.nullable === true) {
      const conformed = conform(known, given, inside(path, field))
      kept[field] = conformed.value
      unknown.push(...conformed.unknown)
    }
  }
  for (const [field, known] of Object.entries(properties)) {
    if (known.default !== undefined && kept[field] === undefined) kept[field] = known.default
  }
  return { value: kept, unknown }
}

/** Why rules are not looked at: they may rely on what these problems are about. */
const blocking = new Set(["FieldValueRequired", "FieldValueTypeInvalid", "FieldValueNotSupported", "FieldValueTooLong"])

const unchecked: Status.Cause = {
  reason: "FieldValueInvalid",
  message:
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
  field: "<nil>"
}

/**
 * Everything that is wrong with an object: what was found before, its shape, and, where that allows to look, its rules.
 */
export const problemsOf = (
  schema: Schema,
  object: Status.Json,
  previous: Status.Json | undefined,
  found: ReadonlyArray<Status.Cause>
): ReadonlyArray<Status.Cause> => {
  const problems = [...found, ...shapeProblems(schema, object, "")]
  if (problems.some(({ reason }) => blocking.has(reason))) return [...problems, unchecked]
  return [...problems, ...ruleProblems(schema, object, previous, "")]
}

const shapeProblems = (schema: Schema, value: unknown, path: string): ReadonlyArray<Status.Cause> => {
  if (value === null && schema.nullable === true) return []
  const found = typeOf(value)
  if (found !== schema.type) return [wrongType(path, schema.type, found, found)]
  if (typeof value === "string") return textProblems(schema, value, path)
  if (typeof value === "number") return amountProblems(schema, value, path)
  if (Array.isArray(value)) return listProblems(schema, value, path)
  if (!isJson(value)) return []
  const missing = (schema.required ?? [])
    .filter((field) => value[field] === undefined)
    .map((field) => ({ reason: "FieldValueRequired", message: "Required value", field: inside(path, field) }))
  const nested = Object.entries(schema.properties ?? {}).flatMap(([field, known]) =>
    value[field] === undefined ? [] : shapeProblems(known, value[field], inside(path, field))
  )
  return [...missing, ...nested]
}

const typeOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "array"
  return typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value
}

/** How the messages name a field: from the status on when it is in there. */
const shown = (path: string): string => path.replace(/^status\./u, "")

const wrongType = (path: string, type: string, found: string, value: string): Status.Cause => ({
  reason: "FieldValueTypeInvalid",
  message: `Invalid value: "${value}": ${shown(path)} in body must be of type ${type}: "${found}"`,
  field: path
})

const outOfBounds = (path: string, value: unknown, problem: string): Status.Cause => ({
  reason: "FieldValueInvalid",
  message: `Invalid value: ${JSON.stringify(value)}: ${shown(path)} in body should ${problem}`,
  field: path
})

const textProblems = (schema: Schema, value: string, path: string): ReadonlyArray<Status.Cause> => {
  const problems: Array<Status.Cause> = []
  const { enum: allowed, format, maxLength, minLength, pattern } = schema
  if (format === "date-time" && !dateTime.test(value)) problems.push(wrongType(path, format, value, value))
  if (format === "byte" && !base64.test(value)) problems.push(wrongType(path, format, value, value))
  if (minLength !== undefined && value.length < minLength) {
    problems.push(outOfBounds(path, value, `be at least ${minLength} chars long`))
  }
  if (maxLength !== undefined && value.length > maxLength) {
    problems.push({
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${maxLength} bytes`,
      field: path
    })
  }
  if (pattern !== undefined && !new RegExp(pattern, "u").test(value)) {
    problems.push(outOfBounds(path, value, `match '${pattern}'`))
  }
  if (allowed !== undefined && !allowed.includes(value)) {
    const supported = allowed.map((one) => JSON.stringify(one)).join(", ")
    problems.push({
      reason: "FieldValueNotSupported",
      message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`,
      field: path
    })
  }
  return problems
}

const dateTime = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/u
const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u

const amountProblems = ({ maximum, minimum }: Schema, value: number, path: string): ReadonlyArray<Status.Cause> => [
  ...(minimum !== undefined && value < minimum
    ? [outOfBounds(path, value, `be greater than or equal to ${minimum}`)]
    : []),
  ...(maximum !== undefined && value > maximum ? [outOfBounds(path, value, `be less than or equal to ${maximum}`)] : [])
]

const listProblems = (schema: Schema, value: ReadonlyArray<unknown>, path: string): ReadonlyArray<Status.Cause> => {
  const { items, maxItems, "x-kubernetes-list-map-keys": keys } = schema
  const nested = value.flatMap((element, index) =>
    items === undefined ? [] : shapeProblems(items, element, `${path}[${index}]`)
  )
  const identities = value.map((element) => keys && isJson(element) && keys.map((key) => element[key]))
  const duplicates = identities.flatMap((identity, index) => {
    if (!identity || identities.findIndex((other) => isDeepStrictEqual(other, identity)) === index) return []
    const named = Object.fromEntries((keys ?? []).map((key, at) => [key, identity[at]]))
    return [
      {
        reason: "FieldValueDuplicate",
        message: `Duplicate value: ${JSON.stringify(named)}`,
        field: `${path}[${index}]`
      }
    ]
  })
  const tooMany =
    maxItems !== undefined && value.length > maxItems
      ? [
          {
            reason: "FieldValueTooMany",
            message: `Too many: ${value.length}: must have at most ${maxItems} items`,
            field: path
          }
        ]
      : []
  return [...tooMany, ...nested, ...duplicates]
}

const ruleProblems = (schema: Schema, value: unknown, previous: unknown, path: string): ReadonlyArray<Status.Cause> => {
  const broken = (schema["x-kubernetes-validations"] ?? []).filter(({ message }) => {
    const rule: Rule | undefined = rules[message]
    if (rule === undefined) throw new Error(`no check stands for the rule "${message}"`)
    return !rule(value, previous)
  })
  const own = broken.map(({ message }) => ({
    reason: "FieldValueInvalid",
    message: `Invalid value: ${typeof value === "object" ? "" : `${JSON.stringify(value)}: `}${message}`,
    field: path
  }))
  if (!isJson(value)) return own
  const before = isJson(previous) ? previous : {}
  const nested = Object.entries(schema.properties ?? {}).flatMap(([field, known]) =>
    value[field] === undefined || value[field] === null
      ? []
      : ruleProblems(known, value[field], before[field], inside(path, field))
  )
  return [...own, ...nested]
}
