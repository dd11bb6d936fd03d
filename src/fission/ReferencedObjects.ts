import type { FissionFunction } from "./Function.ts"

/** Names of the Secrets and ConfigMaps of a Function's namespace that it refers to, each once. */
export interface ReferencedObjects {
  readonly secrets: ReadonlyArray<string>
  readonly configMaps: ReadonlyArray<string>
}

/** What a Function refers to by its lists and by its variables (newdeploy-and-container.md section 11). */
export const referencedObjects = ({ metadata, spec }: FissionFunction): ReferencedObjects => {
  const named = (references: FissionFunction["spec"]["secrets"], key: string, source: string) => {
    const listed = (references ?? []).filter(({ namespace }) => namespace === metadata.namespace)
    const names = [
      ...listed.map(({ name }) => name),
      ...(spec.env ?? []).map((variable) => textAt(variable, "valueFrom", key, "name")),
      ...(spec.envFrom ?? []).map((from) => textAt(from, source, "name"))
    ]
    return [...new Set(names.filter((name) => name !== ""))]
  }
  return {
    secrets: named(spec.secrets, "secretKeyRef", "secretRef"),
    configMaps: named(spec.configmaps, "configMapKeyRef", "configMapRef")
  }
}

/** The text at a path in JSON; empty where there is none. */
const textAt = (value: unknown, ...path: ReadonlyArray<string>): string => {
  const found = path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value
  )
  return typeof found === "string" ? found : ""
}

/** resourceVersions of Secrets and ConfigMaps of one namespace, by `secret/<name>` and `configmap/<name>`. */
export type ReferenceVersions = ReadonlyMap<string, string>

/** Versions as text for an annotation, the same for the same versions. */
export const referenceText = (versions: ReferenceVersions): string =>
  [...versions]
    .map(([reference, version]) => `${reference}=${version}`)
    .toSorted()
    .join(",")

/** The versions that such a text names; what is none of them is passed over. */
export const referencesIn = (text: string): ReferenceVersions =>
  new Map(
    text.split(",").flatMap((part) => {
      const [reference = "", version = ""] = part.split("=")
      return reference === "" || version === "" ? [] : [[reference, version] as const]
    })
  )

/** The sum of resourceVersions; what is no number, or not there, counts 0. */
export const versionSum = (versions: Iterable<string | null | undefined>): bigint => {
  let sum = 0n
  for (const version of versions) if (/^\d+$/u.test(version ?? "")) sum += BigInt(version ?? "")
  return BigInt.asIntN(64, sum)
}

/** Why a Function may not have what it lists: nothing of another namespace is ever mounted (poolmgr.md section 8, W38). */
export const foreignReferences = ({ metadata, spec }: FissionFunction): ReadonlyArray<string> =>
  [
    { kind: "configmap", references: spec.configmaps },
    { kind: "secret", references: spec.secrets }
  ].flatMap(({ kind, references }) =>
    (references ?? [])
      .filter(({ namespace }) => namespace !== metadata.namespace)
      .map(({ name }) => `${kind} ${name} must be in same namespace as function namespace`)
  )
