import { readFileSync } from "node:fs"
// By their own paths: the whole client takes half a second to load, and every user of the settings would pay for it.
import { V1Container } from "@kubernetes/client-node/dist/gen/models/V1Container.js"
import { V1PodSpec } from "@kubernetes/client-node/dist/gen/models/V1PodSpec.js"
import { Result } from "effect"
import { parseDocument } from "yaml"

/** Fields of a pod spec that the operator lays over that of every pool; empty: none. */
export type PodSpecPatch = { readonly [field: string]: unknown }

/**
 * The patch in a file; empty when there is no file. Fails with one line for a person where the file cannot be read or
 * is not exactly a pod spec: a patch that is understood by half is worse than none (poolmgr.md section 6.6).
 */
export const readPodSpecPatch = (file: string): Result.Result<PodSpecPatch, string> => {
  const text = Result.try({ try: () => readFileSync(file, "utf8"), catch: (cause) => cause })
  const orEmpty = Result.orElse(text, (cause) => (isMissing(cause) ? Result.succeed("") : Result.fail(String(cause))))
  return Result.flatMap(orEmpty, parsePodSpecPatch)
}

const isMissing = (cause: unknown): boolean => cause instanceof Error && "code" in cause && cause.code === "ENOENT"

/** The patch in a text of strict YAML: one document, no key twice, no field that pods or containers do not have. */
export const parsePodSpecPatch = (text: string): Result.Result<PodSpecPatch, string> => {
  const document = parseDocument(text)
  const [problem] = [...document.errors, ...document.warnings]
  if (problem?.code === "MULTIPLE_DOCS") return Result.fail("it holds more than one document")
  // The first line of a message says where; the lines after it show the place.
  if (problem !== undefined) return Result.fail(problem.message.replace(/:?\n[^]*$/u, ""))
  // Aliases that lead nowhere, or to more than anybody wrote by hand.
  const value = Result.try({ try: (): unknown => document.toJS() ?? {}, catch: String })
  return Result.flatMap(value, checked)
}

const checked = (value: unknown): Result.Result<PodSpecPatch, string> => {
  if (!isObject(value)) return Result.fail("it is no pod spec")
  const problems = strangeFields(V1PodSpec, value, "")
  for (const list of ["initContainers", "containers"]) {
    const containers: unknown = value[list] ?? []
    for (const [index, container] of (Array.isArray(containers) ? containers : []).entries()) {
      const path = `${list}[${index}]`
      if (!isObject(container) || typeof container["name"] !== "string") problems.push(`${path} has no name`)
      else problems.push(...strangeFields(V1Container, container, `${path}.`))
    }
  }
  return problems.length === 0 ? Result.succeed(value) : Result.fail(problems.join("; "))
}

const isObject = (value: unknown): value is PodSpecPatch =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A class of the Kubernetes client, which knows the fields of one kind of object. */
interface Model {
  readonly getAttributeTypeMap: () => ReadonlyArray<{ readonly baseName: string; readonly type: string }>
}

const strangeFields = (model: Model, object: PodSpecPatch, path: string): Array<string> => {
  const types = new Map(model.getAttributeTypeMap().map(({ baseName, type }) => [baseName, type]))
  return Object.entries(object).flatMap(([field, value]) => {
    const type = types.get(field)
    if (type === undefined) return [`unknown field ${path}${field}`]
    return value === null || isOf(type, value) ? [] : [`${path}${field} is no ${type}`]
  })
}

const isOf = (type: string, value: unknown): boolean => {
  if (type.startsWith("Array<")) return Array.isArray(value)
  return ["boolean", "number", "string"].includes(type) ? typeof value === type : isObject(value)
}
