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
  throw badRequest(`unable to parse requirement: found '${text}', expected a label requirement`)
}

/** A label selector as text; empty selects everything. Throws a 400 `StatusError` when it is none. */
export const labelSelector = (text: string): Matches => {
  const parts = text.match(/[^,(]+(\([^)]*\))?/gu) ?? []
  const requirements = parts.map((part) => requirement(part.trim()))
  return (object) => requirements.every((matches) => matches(object))
}

/** A field selector: paths of strings compared with `=`, `==` or `!=`. Throws a 400 `StatusError` when it is none. */
export const fieldSelector = (text: string): Matches => {
  const terms = text === "" ? [] : text.split(",")
  const tests = terms.map((term): Matches => {
    const parsed = /^([\w.]+)(==|=|!=)(.*)$/u.exec(term.trim())
    if (parsed === null) throw badRequest(`invalid field selector "${text}"`)
    const [, path = "", operator, value = ""] = parsed
    return (object) => ((at(object, path.split(".")) ?? "") === value) === (operator !== "!=")
  })
  return (object) => tests.every((matches) => matches(object))
}
