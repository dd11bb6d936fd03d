import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { seconds } from "../fakes/Reflecting.ts"
import * as OneFault from "./OneFault.ts"

interface World extends ExecutorInMemory.ExecutorInMemory {
  readonly function: FissionFunction
}

const reference = (name: string) => ({ namespace: "default", name })
const podNames = ["warm-1", "warm-2"]

const isServing = (world: World) =>
  podNames.some((name) => world.pod(name)?.metadata.labels?.["fission.io/served"] === "true")
const onePodIsGone = (world: World) => podNames.filter((name) => world.pod(name) !== undefined).length === 1
const hasReplicas = (replicas: number) => (world: World) => {
  const spec = world.pools()[0]?.["spec"]
  return typeof spec === "object" && spec !== null && "replicas" in spec && spec.replicas === replicas
}
const functionOf = (world: World) => world.api.find(Functions, reference("hello"))

/** Asks as the router does: again after every answer that is no address. */
const served = (world: World): OneFault.Acting =>
  ExecutorInMemory.ask(world.function).pipe(
    Effect.flatMap((service) => service.release),
    Effect.catch(() =>
      Effect.andThen(
        Effect.sleep("1 second"),
        Effect.suspend(() => served(world))
      )
    )
  )
const resized = (world: World): OneFault.Acting =>
  Effect.sync(() => world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 5 } }))
const environmentGone = (world: World): OneFault.Acting =>
  Effect.sync(() => world.api.remove(Environments, reference("nodejs")))
const functionGone = (world: World): OneFault.Acting =>
  Effect.sync(() => world.api.remove(Functions, reference("hello")))
/** Served, and everything written that follows from it. */
const settled = (world: World): OneFault.Acting => Effect.andThen(served(world), seconds(2))

const rows: ReadonlyArray<OneFault.Row<World>> = [
  ...["functions", "environments", "pods", "deployments", "packages"].map((resource) => ({
    id: `B4, A1, A3, A4, I1, I2, I3: list ${resource}`,
    call: { verb: "list", resource } as const,
    isDone: (world: World) => hasReplicas(2)(world) && podNames.every((name) => world.pod(name) !== undefined),
    mayGo: []
  })),
  ...["functions", "environments", "pods", "deployments"].map((resource) => ({
    id: `B5: watch ${resource}`,
    call: { verb: "watch", resource } as const,
    act: (world: World) =>
      Effect.gen(function* () {
        for (const watch of world.api.watches(resource)) watch.end()
        yield* seconds(3)
        yield* resized(world)
        yield* served(world)
      }),
    isDone: (world: World) => isServing(world) && hasReplicas(5)(world),
    mayGo: []
  })),
  {
    id: "P3: create a pool",
    call: { verb: "create", resource: "deployments" },
    isDone: hasReplicas(2),
    mayGo: []
  },
  {
    id: "P3: update a pool",
    call: { verb: "update", resource: "deployments" },
    act: resized,
    isDone: hasReplicas(5),
    mayGo: []
  },
  {
    id: "P6: claim a pod",
    call: { verb: "patch", resource: "pods" },
    act: served,
    isDone: isServing,
    mayGo: []
  },
  {
    id: "P6: claim a pod for the reserve",
    call: { verb: "patch", resource: "pods" },
    variables: { EXECUTOR_WARM_RESERVE: "1" },
    isDone: (world) => podNames.some((name) => world.pod(name)?.metadata.labels?.["fission.io/claimed"] === "true"),
    mayGo: []
  },
  {
    id: "P10: label a pod that was handed out of the reserve",
    call: { verb: "patch", resource: "pods" },
    variables: { EXECUTOR_WARM_RESERVE: "1" },
    before: () => seconds(1),
    act: served,
    isDone: isServing,
    mayGo: []
  },
  {
    id: "P11: patch the status of a Function",
    call: { verb: "patch", resource: "functions/status" },
    act: served,
    isDone: (world) => JSON.stringify(functionOf(world)?.["status"] ?? {}).includes("Ready"),
    mayGo: []
  },
  {
    id: "P17: delete the pool of an Environment that is gone",
    call: { verb: "delete", resource: "deployments" },
    act: environmentGone,
    isDone: (world) => world.pools().length === 0,
    mayGo: ["Deployment"]
  },
  {
    id: "R4: look whether an Environment is gone",
    call: { verb: "get", resource: "environments" },
    act: environmentGone,
    isDone: (world) => world.pools().length === 0,
    mayGo: ["Deployment"]
  },
  {
    id: "R1: look whether a Function is gone",
    call: { verb: "get", resource: "functions" },
    before: settled,
    act: functionGone,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "P9, P19, A7: delete the pod of a Function that is gone",
    call: { verb: "delete", resource: "pods" },
    before: settled,
    act: functionGone,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "R2: patch the finalizer of a Function",
    call: { verb: "patch", resource: "functions" },
    variables: { FINALIZER_ENABLED: "true" },
    isDone: (world) => (functionOf(world)?.metadata.finalizers ?? []).length === 1,
    mayGo: []
  },
  {
    id: "I7: take an idle pod out of service",
    call: { verb: "patch", resource: "pods" },
    before: settled,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "I8: delete an idle pod",
    call: { verb: "delete", resource: "pods" },
    before: settled,
    isDone: onePodIsGone,
    mayGo: podNames
  }
]

const stage: OneFault.Stage<World> = {
  make: (variables) =>
    Effect.map(ExecutorInMemory.make(variables), (made) => {
      const environment = made.environment()
      for (const [index, name] of podNames.entries()) made.warmPod(environment, name, `10.0.0.${index + 1}`)
      return { ...made, function: made.fn() }
    })
}

describe("after one fault everything happens all the same, and nothing wrong is deleted", () => {
  it.effect.each(OneFault.casesOf(rows))("%s", ([, row, fault]) => OneFault.run(stage, row, OneFault.fails(fault)))
})

describe("a write that was applied although its answer was lost is not made twice", () => {
  it.effect.each(OneFault.writesOf(rows))("%s", ([, row]) => OneFault.run(stage, row, OneFault.losesAnswer))
})

it.effect("B5: a watch that falls silent is given up and resumed, and nothing is missed", () =>
  OneFault.run(
    stage,
    {
      id: "B5",
      call: { verb: "watch", resource: "environments" },
      act: (world) =>
        Effect.gen(function* () {
          for (const watch of world.api.watches("environments")) watch.mute()
          yield* resized(world)
        }),
      isDone: hasReplicas(5),
      mayGo: []
    },
    ({ api }, isFirst) => api.intercept((call) => (isFirst(call) ? Effect.void : undefined))
  )
)
