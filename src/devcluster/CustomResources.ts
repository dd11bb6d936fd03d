import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"
import type { ServedKind } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"
import { isJson } from "./StoredObject.ts"
import { conform, problemsOf, type Schema } from "./StructuralSchema.ts"

/** A column that `kubectl get` shows. */
export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly jsonPath: string
}

/** What a CustomResourceDefinition says about its kind. */
export interface CustomResource {
  readonly served: ServedKind
  readonly schema: Schema
  readonly columns: ReadonlyArray<PrinterColumn>
}

interface Definition {
  readonly spec: {
    readonly group: string
    readonly scope: "Namespaced" | "Cluster"
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames?: ReadonlyArray<string> }
    readonly versions: ReadonlyArray<{
      readonly name: string
      readonly subresources?: { readonly status?: object }
      readonly schema: { readonly openAPIV3Schema: Schema }
      readonly additionalPrinterColumns?: ReadonlyArray<PrinterColumn>
    }>
  }
}

const folder = fileURLToPath(new URL("../../deploy/crds", import.meta.url))

/** Files of the CustomResourceDefinitions that this package brings, for clusters without Fission's chart. */
export const definitionFiles: ReadonlyArray<string> = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .sort()
  .map((name) => join(folder, name))

const load = (file: string): ReadonlyArray<CustomResource> => {
  const { spec }: Definition = parse(readFileSync(file, "utf8"))
  const { kind, plural, shortNames = [] } = spec.names
  const namespaced = spec.scope === "Namespaced"
  return spec.versions.map(({ additionalPrinterColumns: columns = [], name: version, schema, subresources }) => {
    const status = subresources?.status !== undefined
    const parts = { status, scale: false, generation: true }
    const served = { group: spec.group, version, kind, plural, namespaced, shortNames, ...parts }
    return { served, schema: schema.openAPIV3Schema, columns }
  })
}

/** The custom resources of the embedded server. */
export const customResources: ReadonlyArray<CustomResource> = definitionFiles.flatMap(load)

const byKind = new Map(customResources.map((definition) => [definition.served.kind, definition]))

/** What is defined about a kind; undefined for built-in ones. */
export const definitionOf = ({ group, kind }: ServedKind): CustomResource | undefined =>
  group === "fission.io" ? byKind.get(kind) : undefined

/** An object as it is stored, and the unknown fields that it loses by that. Objects of built-in kinds keep everything. */
export const conformed = (kind: ServedKind, object: Status.Json) => {
  const definition = definitionOf(kind)
  if (definition === undefined) return { stored: object, unknown: [] }
  const { unknown, value } = conform(definition.schema, object)
  return { stored: isJson(value) ? { ...value, metadata: object["metadata"] } : object, unknown }
}

/** Everything that is wrong with an object: what was found before, and what its definition finds. */
export const definedProblems = (
  kind: ServedKind,
  object: Status.Json,
  previous: Status.Json | undefined,
  found: ReadonlyArray<Status.Cause>
): ReadonlyArray<Status.Cause> => {
  const definition = definitionOf(kind)
  return definition === undefined ? found : problemsOf(definition.schema, object, previous, found)
}
