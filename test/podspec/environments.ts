import { Effect, Result } from "effect"
import { Settings, type SettingsShape } from "../../src/Config.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import { type Json, listOf, objectOf } from "../../src/podspec/Json.ts"
import { podTemplate } from "../../src/podspec/PodTemplate.ts"
import { frozen } from "./StockObjects.ts"

/** An Environment in which nothing can be changed, with the given parts of its runtime, spec and metadata. */
export const environment = (
  runtime: Partial<Environment["spec"]["runtime"]> = {},
  spec: Partial<Environment["spec"]> = {},
  metadata: Partial<Environment["metadata"]> = {}
): Environment =>
  frozen({
    metadata: { name: "node", namespace: "team-a", uid: "env-1", resourceVersion: "7", ...metadata },
    spec: { version: 3, poolsize: 2, ...spec, runtime: { image: "node:1", ...runtime } }
  })

/** Settings of the given variables, in which nothing can be changed. */
export const settingsOf = (variables: { readonly [name: string]: string } = {}) =>
  Effect.provide(Settings, Settings.layer(variables)).pipe(Effect.map(frozen))

/** The default settings with a patch of the operator. */
export const patchedWith = (podSpecPatch: Json) =>
  Effect.map(settingsOf(), (settings): SettingsShape => frozen({ ...settings, podSpecPatch }))

/** The pod spec of an Environment's template, and what it ignores; dies where there is none. */
export const podOf = (environment: Environment, settings: SettingsShape) => {
  const { ignored, template } = Result.getOrThrow(podTemplate(environment, settings))
  return { podSpec: objectOf(template["spec"]), ignored }
}

/** The container of that name; empty where there is none. */
export const containerOf = (podSpec: Json, name: string): Json =>
  objectOf(listOf(podSpec["containers"]).find((container) => container["name"] === name))

/** Names of the elements of a list, in order. */
export const names = (list: unknown): ReadonlyArray<unknown> => listOf(list).map(({ name }) => name)
