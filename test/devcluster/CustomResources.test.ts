import { assert, it } from "@effect/vitest"
import { customResources } from "../../src/devcluster/CustomResources.ts"
import { rules } from "../../src/devcluster/SchemaRules.ts"
import { servedKinds } from "../../src/devcluster/ServedKinds.ts"
import type { Schema } from "../../src/devcluster/StructuralSchema.ts"

const messagesOf = (schema: Schema): ReadonlyArray<string> => [
  ...(schema["x-kubernetes-validations"] ?? []).map(({ message }) => message),
  ...Object.values(schema.properties ?? {}).flatMap(messagesOf),
  ...(schema.items === undefined ? [] : messagesOf(schema.items))
]

const specOf = (kind: string) => customResources.get(kind)?.schema.properties?.["spec"]

it("has a check for every rule of the definitions, and no other", () => {
  const wanted = new Set([...customResources.values()].flatMap(({ schema }) => messagesOf(schema)))
  assert.sameMembers(Object.keys(rules), [...wanted])
})

it("has a definition for every custom resource that it serves, and no other", () => {
  const custom = servedKinds.filter(({ group }) => group === "fission.io")
  assert.sameDeepMembers(
    custom.map(({ kind, namespaced, plural, shortNames, status }) => ({
      kind,
      namespaced,
      plural,
      shortNames,
      status
    })),
    [...customResources.values()].map(({ served }) => served)
  )
})

it("publishes a Function as it is defined", () => {
  assert.deepStrictEqual(specOf("FunctionVersion")?.properties?.["snapshot"], specOf("Function"))
})
