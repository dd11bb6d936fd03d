import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Deployments } from "../../../src/fission/ResourceKind.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"
import { referenceOf } from "./DeploymentWorld.ts"

/** A function of three replicas that is idle ten seconds after its last request. */
const idling = (strategy = {}, variables = {}) =>
  Effect.map(DeploymentWorld.make(variables), (world) => {
    const fn = world.function("newdeploy", strategy, { idletimeout: 10, functionTimeout: 5 })
    const begin = Effect.gen(function* () {
      yield* settle
      world.api.merge(Deployments, referenceOf(world.only(Deployments)?.metadata), { spec: { replicas: 3 } })
      yield* settle
      yield* world.bringUp
      yield* ask(fn)
    })
    return { world, fn, begin }
  })

const tap = (fn: FissionFunction, address: string) =>
  Dispatcher.use((dispatcher) => dispatcher.tap([{ executorType: "newdeploy", metadata: fn.metadata, address }]))

describe("a function that nobody uses", () => {
  it.effect.each([
    [0, 0],
    [2, 2]
  ])("is scaled to MinScale %i, by one write, and stays (section 11)", ([MinScale, replicas]) =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling({ MinScale })
      const test = Effect.gen(function* () {
        yield* begin
        const before = world.objectWrites().length
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(world.replicas(), 3)
        yield* TestClock.adjust("8 seconds")
        assert.strictEqual(world.replicas(), replicas)
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(
          world
            .objectWrites()
            .slice(before)
            .map((line) => line.split(" ").slice(0, 2).join(" ")),
          ["patch deployments/scale"]
        )
        assert.deepStrictEqual(yield* groundsOf(world.only(Deployments)?.metadata.name ?? ""), ["Idle"])
      })
      yield* running(world, test)
    })
  )

  it.effect("is not idle while its address is tapped", () =>
    Effect.gen(function* () {
      const { begin, fn, world } = yield* idling()
      const test = Effect.gen(function* () {
        yield* begin
        const { address } = yield* ask(fn)
        for (let round = 0; round < 10; round++) {
          yield* TestClock.adjust("8 seconds")
          yield* tap(fn, address)
        }
        assert.strictEqual(world.replicas(), 3)
      })
      yield* running(world, test)
    })
  )

  it.effect("25.12: is not idle while it is busy under its new generation, or asked for under the old one", () =>
    Effect.gen(function* () {
      const { begin, fn, world } = yield* idling()
      const test = Effect.gen(function* () {
        yield* begin
        const newer = world.change({ concurrency: 7 })
        yield* settle
        const { address } = yield* ask(newer)
        yield* ask(fn)
        for (let round = 0; round < 10; round++) {
          yield* TestClock.adjust("8 seconds")
          yield* tap(fn, address)
        }
        assert.strictEqual(world.replicas(), 3)
      })
      yield* running(world, test)
    })
  )

  it.effect("18.10: may still run a request for as long as its requests may run (section 11.4)", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling()
      const test = Effect.gen(function* () {
        yield* begin
        world.change({ functionTimeout: 40 })
        yield* TestClock.adjust("35 seconds")
        assert.strictEqual(world.replicas(), 3)
        yield* TestClock.adjust("15 seconds")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test)
    })
  )

  it.effect("of an earlier process is scaled down as well, without a request in this one", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling()
      yield* running(world, begin)
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test)
    })
  )

  it.effect("is looked at as often as its type says", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling({}, { NEWDEPLOY_OBJECT_REAPER_INTERVAL: "60" })
      const test = Effect.gen(function* () {
        yield* begin
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual(world.replicas(), 3)
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test)
    })
  )

  it.effect("is only named in a dry run", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling({}, { EXECUTOR_REAPER: "dry-run" })
      const test = Effect.gen(function* () {
        yield* begin
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.replicas(), 3)
        assert.deepStrictEqual(yield* groundsOf(world.only(Deployments)?.metadata.name ?? ""), ["Idle"])
      })
      yield* running(world, test)
    })
  )

  it.effect("18.10: is scaled up again when somebody came while it was being scaled down", () =>
    Effect.gen(function* () {
      const { begin, fn, world } = yield* idling()
      const test = Effect.gen(function* () {
        yield* begin
        const { address } = yield* ask(fn)
        world.api.interceptAnswers((call) =>
          call.resource === "deployments/scale"
            ? Effect.asVoid(tap(fn, address).pipe(Effect.provideService(Dispatcher, dispatcher)))
            : undefined
        )
        const dispatcher = yield* Dispatcher
        yield* TestClock.adjust("17 seconds")
        assert.strictEqual(world.replicas(), 3)
      })
      yield* running(world, test)
    })
  )

  it.effect("is left alone while the API does not say what there is, and scaled down afterwards", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* idling()
      const test = Effect.gen(function* () {
        yield* begin
        world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.replicas(), 3)
        world.api.intercept()
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test)
    })
  )
})
