import { readdirSync, readFileSync } from "node:fs"
import { Effect, Result } from "effect"
import { Settings } from "../../src/Config.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { isObject, type Json, objectOf } from "../../src/podspec/Json.ts"

const data = new URL("../data/stock-objects/", import.meta.url)

const text = (file: string) => readFileSync(new URL(file, data), "utf8")

/** The object in a file that was recorded of the stock executor. */
export const read = (file: string) => JSON.parse(text(file))

/** The files that hold one object each. */
export const recordedObjects = (): ReadonlyArray<string> => readdirSync(new URL("objects", data))

/** The exchanges in a file, one a line. */
export const lines = (file: string): ReadonlyArray<Json> =>
  text(file)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line))

/** The Environment as it was stored, from the manifest and from what its pool says about it. */
export const environmentOf = (name: string, spec: Partial<Environment["spec"]> = {}): Environment => {
  const manifest = read(`crs/${name}.json`)
  const pool = read(`objects/${name}-pool-deployment.json`)
  const resourceVersion = String(pool.metadata.name).split("-").at(-1)
  return frozen(
    Result.getOrThrow(
      Environments.decode({
        ...manifest,
        metadata: { ...manifest.metadata, uid: pool.metadata.labels.environmentUid, resourceVersion },
        spec: { ...manifest.spec, ...spec }
      })
    )
  )
}

/** The settings that the stock executor ran with: those of the chart. */
const chartVariables = {
  FETCHER_IMAGE: "ghcr.io/fission/fetcher:v1.27.0",
  FETCHER_IMAGE_PULL_POLICY: "IfNotPresent",
  FETCHER_MINCPU: "10m",
  FETCHER_MINMEM: "16Mi",
  OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
  OTEL_TRACES_SAMPLER_ARG: "0.1",
  OTEL_PROPAGATORS: "tracecontext,baggage",
  RUNTIME_IMAGE_PULL_POLICY: "IfNotPresent"
}

/** Those settings, with others besides. */
export const chartSettings = (variables: { readonly [name: string]: string } = {}) =>
  Effect.provide(Settings, Settings.layer({ ...chartVariables, ...variables })).pipe(Effect.map(frozen))

/** The value, in which nothing can be changed any more. */
export const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(frozen)
  }
  return value
}

/** A field in which ours may differ from the stock executor's. */
export interface Permitted {
  readonly path: ReadonlyArray<string>
  /** Ours may lack the field; where it has it, it must be equal all the same. */
  readonly mayLack?: true
  /** Names of the recordings in which it may; every one where absent. */
  readonly of?: ReadonlyArray<string>
  readonly reason: string
}

/** Paths at which ours differs from what was recorded; a field that `isDefault` explains may be missing in ours. */
export const differences = (
  recording: string,
  ours: unknown,
  stock: unknown,
  permitted: ReadonlyArray<Permitted>,
  isDefault: (field: string, value: unknown) => boolean = () => false
): ReadonlyArray<string> => {
  const may = (path: ReadonlyArray<string>, isLacking: boolean) =>
    permitted.some(
      (difference) =>
        same(difference.path, path) &&
        (difference.of ?? [recording]).includes(recording) &&
        (isLacking || difference.mayLack === undefined)
    )
  const compare = (left: unknown, right: unknown, path: ReadonlyArray<string>): ReadonlyArray<string> => {
    if (may(path, left === undefined)) return []
    if (Array.isArray(left) && Array.isArray(right) && left.length === right.length) {
      return left.flatMap((element, index) => compare(element, right[index], [...path, String(index)]))
    }
    if (isObject(left) && isObject(right)) {
      return [...new Set([...Object.keys(left), ...Object.keys(right)])]
        .filter((field) => field in left || !isDefault(field, right[field]))
        .flatMap((field) => compare(left[field], right[field], [...path, field]))
    }
    return same(left, right) ? [] : [`${path.join("/")}: ${JSON.stringify(left)}, not ${JSON.stringify(right)}`]
  }
  return compare(ours, stock, [])
}

const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

/** The value at a path, undefined where there is none. */
export const at = (value: unknown, ...path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>((inner, key) => objectOf(inner)[key], value)
