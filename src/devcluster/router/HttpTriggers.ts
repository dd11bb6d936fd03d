import { Result, Schema } from "effect"
import { keyOf, ObjectMeta, optional } from "../../fission/ObjectMeta.ts"
import type { ResourceKind } from "../../fission/ResourceKind.ts"

const HttpTrigger = Schema.Struct({
  metadata: ObjectMeta,
  spec: Schema.Struct({
    host: optional(Schema.String),
    relativeurl: optional(Schema.String),
    prefix: optional(Schema.String),
    keepPrefix: optional(Schema.Boolean),
    method: optional(Schema.String),
    methods: optional(Schema.Array(Schema.String)),
    functionref: Schema.Struct({
      type: Schema.Literals(["name", "function-weights"]),
      name: optional(Schema.String),
      alias: optional(Schema.String),
      version: optional(Schema.String),
      functionweights: optional(Schema.Record(Schema.String, Schema.Int))
    })
  })
})
type HttpTrigger = typeof HttpTrigger.Type

/** A function that a trigger names, and where it is not the function as it is now, an alias or a version of it. */
export interface Target {
  readonly name: string
  readonly alias?: string | undefined
  readonly version?: string | undefined
}

/** A target and its share of the requests. */
export interface WeightedTarget extends Target {
  readonly weight: number
}

/**
 * A trigger made ready to be asked. A prefix goes before a relative URL; the function sees what follows the prefix, or
 * everything with `keepPrefix`, and `/` for a relative URL.
 */
export interface CompiledTrigger {
  readonly metadata: ObjectMeta
  /** Lower case; empty for every host. */
  readonly host: string
  /** Empty for every method. */
  readonly methods: ReadonlyArray<string>
  /** What is taken from a path; undefined for another one. */
  readonly match: (path: string) => PathMatch | undefined
  readonly targets: ReadonlyArray<WeightedTarget>
  readonly isPrefix: boolean
  /** Length of its path without placeholders. */
  readonly literalLength: number
}

/** What a trigger takes from a path. */
export interface PathMatch {
  /** The path that the function sees. */
  readonly path: string
  /** Path parameters by name, as text that a header can hold. */
  readonly parameters: { readonly [name: string]: string }
}

const compile = ({ metadata, spec }: HttpTrigger): CompiledTrigger => {
  const { isPrefix, pattern } = patternOf(spec)
  const methods = spec.methods?.length ? spec.methods : [spec.method ?? ""]
  return {
    metadata,
    host: (spec.host ?? "").toLowerCase(),
    methods: methods.filter((method) => method !== ""),
    match: isPrefix ? below(pattern.replace(/\/$/u, ""), spec.keepPrefix === true) : exactly(pattern),
    targets: targetsOf(spec.functionref),
    isPrefix,
    literalLength: pattern.replace(placeholder, "").length
  }
}

const patternOf = ({ prefix, relativeurl }: HttpTrigger["spec"]) =>
  prefix ? { isPrefix: true, pattern: prefix } : { isPrefix: false, pattern: relativeurl ?? "" }

const targetsOf = (reference: HttpTrigger["spec"]["functionref"]): ReadonlyArray<WeightedTarget> => {
  const { alias, functionweights, name, type, version } = reference
  const named = { name: name ?? "", alias: alias || undefined, version: version || undefined, weight: 1 }
  const weighted = Object.entries(functionweights ?? {}).map(([name, weight]) => ({ name, weight }))
  return (type === "name" ? [named] : weighted).filter(({ name, weight }) => name !== "" && weight > 0)
}

/** Why a trigger can never route anything; undefined when it can. */
const problemOf = ({ spec }: HttpTrigger): string | undefined => {
  const { isPrefix, pattern } = patternOf(spec)
  if (!pattern.startsWith("/") || pattern === "/") return `the path "${pattern}" is not below /`
  if (targetsOf(spec.functionref).length === 0) return "functionref names no function"
  if (spec.functionref.alias && spec.functionref.version) return "functionref names both an alias and a version"
  try {
    if (!isPrefix) exactly(pattern)
    return undefined
  } catch (cause) {
    return `the path "${pattern}" cannot be used: ${String(cause)}`
  }
}

const decode = Schema.decodeUnknownResult(HttpTrigger.check(Schema.makeFilter((trigger) => problemOf(trigger) ?? true)))

/** `httptriggers.fission.io/v1`, ready to be asked; one that can never route anything cannot be read. */
export const HttpTriggers: ResourceKind<CompiledTrigger> = {
  group: "fission.io",
  version: "v1",
  kind: "HTTPTrigger",
  plural: "httptriggers",
  namespaced: true,
  metadataOnly: false,
  decode: (raw) => Result.map(decode(raw), compile)
}

type Match = CompiledTrigger["match"]

const below =
  (prefix: string, keepPrefix: boolean): Match =>
  (path) => {
    if (path !== prefix && !path.startsWith(`${prefix}/`)) return undefined
    return { path: keepPrefix ? path : path.slice(prefix.length) || "/", parameters: {} }
  }

/** `{name}` is one segment of a path, `{name:expression}` what the regular expression matches. */
const placeholder = /\{([^{}:]+)(?::((?:[^{}]|\{[^{}]*\})+))?\}/gu

/** Throws for a regular expression that is none. */
const exactly = (pattern: string): Match => {
  const names: Array<string> = []
  let source = ""
  let from = 0
  for (const found of pattern.matchAll(placeholder)) {
    const [text, name = "", expression = "[^/]+"] = found
    source += `${literally(pattern.slice(from, found.index))}(?<p${names.length}>${expression})`
    names.push(name)
    from = found.index + text.length
  }
  const expression = new RegExp(`^${source}${literally(pattern.slice(from))}$`, "u")

  return (path) => {
    const match = expression.exec(path)
    if (match === null) return undefined
    const parameters = names.map((name, index) => [name, headerText(match.groups?.[`p${index}`] ?? "")] as const)
    return { path: "/", parameters: Object.fromEntries(parameters) }
  }
}

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/gu, String.raw`\$&`)

/** Decoded, unless that is more than a header can hold. */
const headerText = (encoded: string): string => {
  try {
    const text = decodeURIComponent(encoded)
    return /^[\x20-\x7e]*$/u.test(text) ? text : encoded
  } catch {
    return encoded
  }
}

/** A request as triggers see it. */
export interface TriggerRequest {
  readonly method: string
  /** Without its port. */
  readonly host: string
  readonly path: string
}

/** What triggers say about a request: no such path, a path for other methods, or where it goes. */
export type Verdict =
  | { readonly _tag: "NoPath" }
  | { readonly _tag: "OtherMethod" }
  | ({ readonly _tag: "Matched"; readonly trigger: CompiledTrigger } & PathMatch)

/** The order in which triggers are asked, of which the first that matches counts: exact before prefix, long before short. */
export const inOrder = (triggers: Iterable<CompiledTrigger>): ReadonlyArray<CompiledTrigger> =>
  [...triggers].sort(
    (a, b) =>
      Number(a.isPrefix) - Number(b.isPrefix) ||
      b.literalLength - a.literalLength ||
      (keyOf(a.metadata) < keyOf(b.metadata) ? -1 : 1)
  )

/** Asks triggers, given in order. */
export const verdict = (triggers: ReadonlyArray<CompiledTrigger>, request: TriggerRequest): Verdict => {
  let otherMethod = false
  for (const trigger of triggers) {
    if (trigger.host !== "" && trigger.host !== request.host.toLowerCase()) continue
    const match = trigger.match(request.path)
    if (match === undefined) continue
    if (trigger.methods.length === 0 || trigger.methods.includes(request.method)) {
      return { _tag: "Matched", trigger, ...match }
    }
    otherMethod = true
  }
  return { _tag: otherMethod ? "OtherMethod" : "NoPath" }
}

/** The function that gets a request, by weight. `point` is from 0 up to, but not including, 1. */
export const pick = (targets: ReadonlyArray<WeightedTarget>, point: number): Target => {
  let left = point * targets.reduce((sum, { weight }) => sum + weight, 0)
  for (const { weight, ...target } of targets) {
    left -= weight
    if (left < 0) return target
  }
  return { name: "" }
}
