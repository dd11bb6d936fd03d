import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Deployments, FunctionVersions } from "../../../src/fission/ResourceKind.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { gatewayTimeout } from "../../fakes/Failures.ts"
import { at } from "../../podspec/StockObjects.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"
import { kinds, referenceOf } from "./DeploymentWorld.ts"

type World = DeploymentWorld.DeploymentWorld

const minScale = (world: World, MinScale: number) =>
  world.change({ InvokeStrategy: { ExecutionStrategy: { MinScale } } })

/** A function of an earlier process, which was served and then scaled to that many replicas by whatever means. */
const before = (MinScale: number, replicas: number) =>
  Effect.gen(function* () {
    const world = yield* DeploymentWorld.make()
    world.function("newdeploy", { MinScale })
    yield* running(world, settle.pipe(Effect.andThen(world.bringUp), Effect.andThen(DeploymentWorld.aSecond)))
    world.api.merge(Deployments, referenceOf(world.only(Deployments)?.metadata), { spec: { replicas } })
    return world
  })

describe("MinScale", () => {
  it.effect.each([
    [0, 0, 1],
    [0, 0, 2],
    [1, 1, 3]
  ] as const)(
    "25.6: %i that was raised while no executor ran takes effect at start: %i replicas become %i",
    ([was, replicas, now]) =>
      Effect.gen(function* () {
        const world = yield* before(was, replicas)
        minScale(world, now)
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          assert.strictEqual(world.replicas(), now)
          assert.lengthOf(
            world.objectWrites().filter((line) => line.startsWith("patch deployments/scale")),
            1
          )
        })
        yield* running(world, test)
      })
  )

  it.effect("is no reason to raise at start what a person scaled down (section 13.1)", () =>
    Effect.gen(function* () {
      const world = yield* before(2, 0)
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("15 minutes")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test)
    })
  )
})

/** A version of a function that an earlier process brought up. */
const published = (snapshot: object) =>
  Effect.gen(function* () {
    const world = yield* DeploymentWorld.make()
    const fn = world.function("newdeploy")
    const reference = { namespace: "default", name: "hello-v1" }
    world.api.put(FunctionVersions, {
      metadata: reference,
      spec: { functionUID: fn.metadata.uid, functionGeneration: 1, snapshot }
    })
    const version: FissionFunction = {
      metadata: { ...fn.metadata, labels: { "fission.io/function-version": "hello-v1" } },
      spec: { ...fn.spec, ...snapshot }
    }
    yield* running(
      world,
      Effect.gen(function* () {
        yield* settle
        const request = yield* Effect.forkChild(ask(version))
        yield* settle
        yield* world.bringUp
        yield* Fiber.join(request)
        yield* DeploymentWorld.aSecond
      })
    )
    const ofVersion = () =>
      kinds.map((kind) => world.api.list(kind).find(({ metadata }) => metadata.name.endsWith("-v1")))
    return { world, version, reference, ofVersion, replicas: () => at(ofVersion()[1], "spec", "replicas") }
  })

describe("a published version that an earlier process brought up", () => {
  const snapshot = {
    idletimeout: 400,
    functionTimeout: 5,
    InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1 } }
  }

  it.effect("is scaled down by its own spec without a request in this one (section 17)", () =>
    Effect.gen(function* () {
      const { ofVersion, replicas, world } = yield* published(snapshot)
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("390 seconds")
        assert.strictEqual(replicas(), 1)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(replicas(), 0)
        assert.deepStrictEqual(yield* groundsOf(ofVersion()[1]?.metadata.name ?? ""), ["Idle"])
      })
      yield* running(world, test)
    })
  )

  it.effect("25.11: keeps the MinScale of its own spec", () =>
    Effect.gen(function* () {
      const kept = { ...snapshot, InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 1 } } }
      const { replicas, world } = yield* published(kept)
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(replicas(), 1)
      })
      yield* running(world, test)
    })
  )

  it.effect("is left alone while its spec is not known", () =>
    Effect.gen(function* () {
      const { replicas, world } = yield* published(snapshot)
      world.api.intercept((call) =>
        call.resource === FunctionVersions.plural ? Effect.fail(gatewayTimeout(call)) : undefined
      )
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(replicas(), 1)
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
      yield* running(world, test)
    })
  )

  it.effect("and that was deleted since loses its objects after two live 404s, the function keeps its own", () =>
    Effect.gen(function* () {
      const { ofVersion, reference, world } = yield* published(snapshot)
      world.api.remove(FunctionVersions, reference)
      const name = ofVersion()[1]?.metadata.name ?? ""
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("50 seconds")
        assert.isTrue(ofVersion().every((object) => object !== undefined))
        yield* TestClock.adjust("15 minutes")
        assert.deepStrictEqual(ofVersion(), [undefined, undefined, undefined])
        assert.deepStrictEqual(yield* groundsOf(name), ["OwnerAbsent", "OwnerAbsent", "OwnerAbsent"])
        for (const kind of kinds) assert.isDefined(world.only(kind), kind.kind)
      })
      yield* running(world, test)
    })
  )

  it.effect("18.6: and that a view lacks loses nothing while live looks fail: unknown is not absent", () =>
    Effect.gen(function* () {
      const { ofVersion, reference, world } = yield* published(snapshot)
      world.api.remove(FunctionVersions, reference)
      world.api.intercept((call) =>
        call.resource === FunctionVersions.plural && call.verb === "get" ? Effect.fail(gatewayTimeout(call)) : undefined
      )
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("30 minutes")
        assert.isTrue(ofVersion().every((object) => object !== undefined))
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
      yield* running(world, test)
    })
  )
})
