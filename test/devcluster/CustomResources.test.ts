import { assert, it } from "@effect/vitest"
import { customResources, definitionOf } from "../../src/devcluster/CustomResources.ts"
import { rules } from "../../src/devcluster/SchemaRules.ts"
import type { Schema } from "../../src/devcluster/StructuralSchema.ts"
import { served } from "./ClusterFixture.ts"

const messagesOf = (schema: Schema): ReadonlyArray<string> => [
  ...(schema["x-kubernetes-validations"] ?? []).map(({ message }) => message),
  ...Object.values(schema.properties ?? {}).flatMap(messagesOf),
  ...(schema.items === undefined ? [] : messagesOf(schema.items))
]

const specOf = (kind: string) => definitionOf(served(kind))?.schema.properties?.["spec"]

it("has a check for every rule of the definitions, and no other", () => {
  const wanted = new Set(customResources.flatMap(({ schema }) => messagesOf(schema)))
  assert.sameMembers(Object.keys(rules), [...wanted])
})

it("publishes a Function as it is defined", () => {
  assert.deepStrictEqual(specOf("FunctionVersion")?.properties?.["snapshot"], specOf("Function"))
})
