import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { labels } from "../../../src/fission/Labels.ts"
import { FunctionVersions, Pods, Services } from "../../../src/fission/ResourceKind.ts"
import { objectOf } from "../../../src/podspec/Json.ts"
import type * as CapturedLog from "../../fakes/CapturedLog.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, settle } from "../../fakes/ExecutorInMemory.ts"

/** An object of the namespace `default`. */
export const reference = (name: string) => ({ namespace: "default", name })

/** Functions have Services. */
export const on = { ENABLE_FUNCTION_SERVICES: "true" }

/** One function and two warm pods for it, where functions have Services. */
export const served = (
  variables: { readonly [name: string]: string } = {},
  spec: { readonly [field: string]: unknown } = {},
  log?: CapturedLog.CapturedLog
) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make({ ...on, ...variables }, log?.layer)
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    return { ...world, function: world.fn({ spec: { idletimeout: 10, functionTimeout: 30, ...spec } }) }
  })

type World = ExecutorInMemory.ExecutorInMemory

/** Lets everything that is due happen, and the views show what it has written. */
export const shown = Effect.repeat(settle, { times: 9 })

/** A request from its beginning to its end. */
export const request = (fn: Parameters<typeof ask>[0]) => Effect.flatMap(ask(fn), ({ release }) => release)

/** The Services of a namespace, as they are stored. */
export const services = (world: World, namespace = "default") =>
  world.api.list(Services, namespace).filter(({ metadata }) => metadata.labels?.[labels.executorType] !== "newdeploy")

/** The one Service there is; fails the test where there is none, or more. */
export const only = (world: World) => {
  const [service, ...others] = services(world)
  assert.deepStrictEqual(others, [])
  if (service === undefined) throw new Error("there is no Service")
  return service
}

/** What the pods of a Service are labelled with. */
export const selectorOf = (service: { readonly [field: string]: unknown }) =>
  objectOf(objectOf(service["spec"])["selector"])

/** The generation to which the one Service leads. */
export const generationOf = (world: World) => selectorOf(only(world))[labels.functionGeneration]

/** Calls that concern Services, watches apart. */
export const calls = (world: World) => world.api.lines().filter((line) => /^(?!list|watch)\w+ services /u.test(line))

/** The pods that a Service leads to. */
export const led = (world: World, service: { readonly [field: string]: unknown }) =>
  world.api
    .list(Pods, "default")
    .filter(({ metadata }) =>
      Object.entries(selectorOf(service)).every(([label, value]) => metadata.labels?.[label] === value)
    )
    .map(({ metadata }) => metadata.name)

/** The same function as a published version, which routers send in its place. */
export const published = (world: World, fn: Parameters<typeof ask>[0], name: string, snapshot = {}) => {
  const spec = {
    functionName: "hello",
    functionUID: fn.metadata.uid,
    functionGeneration: fn.metadata.generation,
    snapshot
  }
  world.api.put(FunctionVersions, { metadata: reference(name), spec })
  return { ...fn, metadata: { ...fn.metadata, labels: { [labels.functionVersion]: name } } }
}
