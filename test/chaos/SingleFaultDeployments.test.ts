import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { FissionFunction } from "../../src/fission/Function.ts"
import {
  Deployments,
  Environments,
  Functions,
  FunctionVersions,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Secrets,
  Services
} from "../../src/fission/ResourceKind.ts"
import { listOf } from "../../src/podspec/Json.ts"
import * as DeploymentWorld from "../executors/deployments/DeploymentWorld.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { seconds } from "../fakes/Reflecting.ts"
import { at } from "../podspec/StockObjects.ts"
import * as OneFault from "./OneFault.ts"

interface World extends DeploymentWorld.DeploymentWorld {
  readonly hello: FissionFunction
}

const reference = (name: string) => ({ namespace: "default", name })
const version = reference("hello-v1")
const objectKinds = ["Service", "Deployment", "HorizontalPodAutoscaler"]

const areMade = (world: World) => DeploymentWorld.kinds.every((kind) => world.only(kind, "newdeploy") !== undefined)
const areGone = (world: World) => DeploymentWorld.kinds.every((kind) => world.only(kind, "newdeploy") === undefined)
const containers = (world: World) =>
  listOf(at(world.only(Deployments, "newdeploy"), "spec", "template", "spec", "containers"))
const hasVariable = (name: string) => (world: World) =>
  containers(world).some(({ env }) => listOf(env).some((variable) => variable["name"] === name))
const hasCondition = (world: World) =>
  JSON.stringify(world.api.find(Functions, reference("hello"))?.["status"] ?? {}).includes("Ready")

/** Made, available, and everything written that follows from it. */
const settled = (world: World): OneFault.Acting => Effect.andThen(Effect.andThen(seconds(1), world.bringUp), seconds(2))

const changed =
  (spec: { readonly [field: string]: unknown }) =>
  (world: World): OneFault.Acting =>
    Effect.sync(() => world.change(spec))

/** Asked for as the router does: again after every answer that is no address. */
const served = (fn: FissionFunction): OneFault.Acting =>
  Effect.catch(ExecutorInMemory.ask(fn), () =>
    Effect.andThen(
      Effect.sleep("1 second"),
      Effect.suspend(() => served(fn))
    )
  )

/** What is made from now on is not seen before its watch is given up. */
const unseen = (kind: ResourceKind) => (world: World) => {
  for (const watch of world.api.watches(kind.plural)) watch.mute()
}
const lateFunction = (world: World, environment = "nodejs") =>
  world.fn({
    name: "late",
    environment,
    spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1 } } }
  })
const hasLate = (world: World) =>
  world.api.list(Deployments).some(({ metadata }) => metadata.labels?.["functionName"] === "late")

const atZero = (world: World): OneFault.Acting =>
  Effect.gen(function* () {
    yield* settled(world)
    const { metadata } = world.only(Deployments, "newdeploy") ?? {}
    world.api.merge(Deployments, DeploymentWorld.referenceOf(metadata), { spec: { replicas: 0 } })
    yield* world.bringUp
  })

const ledAstray = (world: World): OneFault.Acting =>
  Effect.sync(() => {
    const { metadata } = world.only(Services) ?? {}
    world.api.merge(Services, DeploymentWorld.referenceOf(metadata), { spec: { selector: { functionUid: "x" } } })
  })
const isRepaired = (world: World) => at(world.only(Services), "spec", "selector", "functionUid") !== "x"

const deleted = (world: World): OneFault.Acting => Effect.sync(() => world.userDeletes(Functions, "hello"))

const rotated = (world: World): OneFault.Acting =>
  Effect.sync(() => world.api.merge(Secrets, reference("settings"), { metadata: { annotations: { rotated: "1" } } }))

const versionMade = (world: World): OneFault.Acting =>
  Effect.gen(function* () {
    yield* settled(world)
    world.api.put(FunctionVersions, {
      metadata: version,
      spec: { functionUID: world.hello.metadata.uid, functionGeneration: 1 }
    })
    const { metadata } = world.hello
    const labels = { "fission.io/function-version": version.name }
    const asked = yield* Effect.forkChild(ExecutorInMemory.ask({ ...world.hello, metadata: { ...metadata, labels } }))
    yield* seconds(1)
    yield* world.bringUp
    yield* seconds(2)
    return asked
  })
const versionGone = (world: World): OneFault.Acting => Effect.sync(() => world.api.remove(FunctionVersions, version))
const ofVersion = (world: World) =>
  world.api
    .list(Deployments)
    .filter(({ metadata }) => metadata.labels?.["fission.io/function-version"] === version.name).length

const rows: ReadonlyArray<OneFault.Row<World>> = [
  {
    id: "N2: look for a Function that the view does not show yet",
    call: { verb: "get", resource: "functions" },
    before: settled,
    act: (world) =>
      Effect.suspend(() => {
        unseen(Functions)(world)
        return served(lateFunction(world))
      }),
    isDone: hasLate,
    mayGo: []
  },
  {
    id: "N3: look for an Environment that the view does not show yet",
    call: { verb: "get", resource: "environments" },
    before: settled,
    act: (world) =>
      Effect.suspend(() => {
        unseen(Environments)(world)
        world.environment({ name: "late" })
        return served(lateFunction(world, "late"))
      }),
    isDone: hasLate,
    mayGo: []
  },
  ...(
    [
      ["N5: create the Service of a function", "services"],
      ["N11: create the Deployment of a function", "deployments"],
      ["N16: create the autoscaler of a function", "horizontalpodautoscalers"]
    ] as const
  ).map(([id, resource]) => ({
    id,
    call: { verb: "create", resource } as const,
    isDone: areMade,
    mayGo: []
  })),
  {
    id: "N26: patch the status of a Function",
    call: { verb: "patch", resource: "functions/status" },
    isDone: hasCondition,
    mayGo: []
  },
  {
    id: "N13: scale up from zero for a request",
    call: { verb: "patch", resource: "deployments/scale" },
    before: atZero,
    act: ({ hello }) => served(hello),
    isDone: (world) => world.replicas() === 1,
    mayGo: []
  },
  {
    id: "I6: scale an idle function down",
    call: { verb: "patch", resource: "deployments/scale" },
    before: settled,
    act: changed({ idletimeout: 10 }),
    isDone: (world) => world.replicas() === 0,
    mayGo: ["Deployment"]
  },
  ...(["get", "update"] as const).map((verb) => ({
    id: `N4, N6: ${verb} a Service that somebody led astray`,
    call: { verb, resource: "services" },
    before: settled,
    act: ledAstray,
    isDone: isRepaired,
    mayGo: []
  })),
  {
    id: "N10, N21, N22: update a Deployment to the changed function",
    call: { verb: "update", resource: "deployments" },
    before: settled,
    act: changed({ env: [{ name: "A", value: "1" }] }),
    isDone: hasVariable("A"),
    mayGo: []
  },
  {
    id: "N20: update an autoscaler",
    call: { verb: "update", resource: "horizontalpodautoscalers" },
    before: settled,
    act: changed({
      InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 7 } }
    }),
    isDone: (world) => at(world.only(HorizontalPodAutoscalers), "spec", "maxReplicas") === 7,
    mayGo: []
  },
  {
    id: "N23, N24: roll with a changed Environment",
    call: { verb: "update", resource: "deployments" },
    before: settled,
    act: (world) =>
      Effect.sync(() => world.api.merge(Environments, reference("nodejs"), { spec: { runtime: { image: "new" } } })),
    isDone: (world) => containers(world).some(({ image }) => image === "new"),
    mayGo: []
  },
  {
    id: "N7, N8, R5, R6: look at a Secret that a function refers to",
    call: { verb: "get", resource: "secrets" },
    isDone: areMade,
    mayGo: []
  },
  {
    id: "N25, R5, R6: roll when a Secret changes",
    call: { verb: "update", resource: "deployments" },
    before: settled,
    act: rotated,
    isDone: (world) =>
      Number(sumOf(world)) >= Number(world.api.find(Secrets, reference("settings"))?.metadata.resourceVersion),
    mayGo: []
  },
  ...["services", "deployments", "horizontalpodautoscalers"].flatMap((resource) =>
    (["get", "delete"] as const).map((verb) => ({
      id: `N18: ${verb} ${resource} of a Function that goes`,
      call: { verb, resource },
      before: settled,
      act: deleted,
      isDone: areGone,
      mayGo: objectKinds
    }))
  ),
  {
    id: "R7: look whether a FunctionVersion is gone",
    call: { verb: "get", resource: "functionversions" },
    before: versionMade,
    act: versionGone,
    isDone: (world) => ofVersion(world) === 0,
    mayGo: objectKinds
  }
]

const sumOf = (world: World) =>
  containers(world)
    .flatMap(({ env }) => listOf(env))
    .find(({ name }) => name === "RESOURCE_VERSION_COUNT")?.["value"]

const stage: OneFault.Stage<World> = {
  make: (variables) =>
    Effect.map(DeploymentWorld.make(variables), (made) => {
      made.api.put(Secrets, { metadata: reference("settings") })
      const spec = { secrets: [reference("settings")], idletimeout: 3600, functionTimeout: 5 }
      return { ...made, hello: made.function("newdeploy", { MinScale: 0 }, spec) }
    }),
  everySecond: ({ bringUp }) => bringUp
}

describe("25.9: after one fault the objects of a function are as they should be, and nothing wrong is deleted", () => {
  it.effect.each(OneFault.casesOf(rows))("%s", ([, row, fault]) => OneFault.run(stage, row, OneFault.fails(fault)))
})

describe("a write for a function with a Deployment that was applied although its answer was lost is not made twice", () => {
  it.effect.each(OneFault.writesOf(rows))("%s", ([, row]) => OneFault.run(stage, row, OneFault.losesAnswer))
})
