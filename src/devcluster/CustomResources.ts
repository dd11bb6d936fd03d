import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parse } from "yaml"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
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
  readonly served: Pick<ServedKind, "kind" | "plural" | "namespaced" | "status" | "shortNames">
  readonly schema: Schema
  readonly columns: ReadonlyArray<PrinterColumn>
}

interface Definition {
  readonly spec: {
    readonly scope: "Namespaced" | "Cluster"
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames?: ReadonlyArray<string> }
    readonly versions: ReadonlyArray<{
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

const load = (file: string): ReadonlyArray<readonly [string, CustomResource]> => {
  const { spec }: Definition = parse(readFileSync(file, "utf8"))
  const { kind, plural, shortNames = [] } = spec.names
  return spec.versions.map(({ additionalPrinterColumns: columns = [], schema, subresources }) => {
    const namespaced = spec.scope === "Namespaced"
    const served = { kind, plural, namespaced, status: subresources?.status !== undefined, shortNames }
    return [kind, { served, schema: schema.openAPIV3Schema, columns }]
  })
}

/** The custom resources of the embedded server by their kinds. */
export const customResources: ReadonlyMap<string, CustomResource> = new Map(definitionFiles.flatMap(load))

/**
 * A custom resource as it is stored: without unknown fields, with defaults. Objects of other kinds pass as they are.
 * Throws a `StatusError`: 422 with every problem; 400 for unknown fields when they are to be refused.
 */
export const admitted = (
  kind: ServedKind,
  name: string,
  object: Status.Json,
  previous: Status.Json | undefined,
  unknownFields: "drop" | "refuse"
): Status.Json => {
  const definition = kind.group === "fission.io" ? customResources.get(kind.kind) : undefined
  if (definition === undefined) return object
  const { unknown, value } = conform(definition.schema, object)
  if (unknownFields === "refuse" && unknown.length > 0) throw Status.unknownFields(kind, unknown)
  const stored = isJson(value) ? { ...value, metadata: object["metadata"] } : object
  const problems = problemsOf(definition.schema, stored, previous)
  if (problems.length > 0) throw Status.invalidFields(kind, name, problems)
  return stored
}
