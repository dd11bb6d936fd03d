import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Deployments } from "../../src/fission/ResourceKind.ts"
import * as DeploymentWorld from "../executors/deployments/DeploymentWorld.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

/** A function of three replicas, which have been available for a while, and an API that is away from then on. */
const cutOff = (idletimeout: number) =>
  Effect.gen(function* () {
    const world = yield* DeploymentWorld.make()
    const fn = world.function("newdeploy", {}, { idletimeout, functionTimeout: 5 })
    const begin = Effect.gen(function* () {
      yield* ExecutorInMemory.settle
      const { metadata } = world.only(Deployments) ?? {}
      world.api.merge(Deployments, DeploymentWorld.referenceOf(metadata), { spec: { replicas: 3 } })
      yield* ExecutorInMemory.settle
      yield* world.bringUp
      yield* ExecutorInMemory.ask(fn)
      world.api.intercept((call) => Effect.fail(Failures.etcdTimeout(call)))
      for (const watch of world.api.watches()) watch.fail(Failures.connectionReset)
    })
    return { world, fn, begin }
  })

describe("a function with a Deployment, while the API is away", () => {
  it.effect("N1: is served from its cached address for half an hour, and nothing of it goes", () =>
    Effect.gen(function* () {
      const { begin, fn, world } = yield* cutOff(7200)
      const test = Effect.gen(function* () {
        yield* begin
        for (let minute = 0; minute < 30; minute++) {
          yield* seconds(60)
          assert.isDefined((yield* ExecutorInMemory.ask(fn)).address)
        }
        assert.strictEqual(world.replicas(), 3)
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
      yield* ExecutorInMemory.running(world, test)
    })
  )

  it.effect("I4, I5: 18.10: is not scaled down on a view older than ten minutes, and is when there is a new one", () =>
    Effect.gen(function* () {
      const { begin, world } = yield* cutOff(700)
      const test = Effect.gen(function* () {
        yield* begin
        const before = world.api.lines("patch").length
        yield* seconds(1200)
        assert.strictEqual(world.api.lines("patch").length, before)
        world.api.intercept()
        yield* seconds(120)
        assert.strictEqual(world.replicas(), 0)
      })
      yield* ExecutorInMemory.running(world, test)
    })
  )
})
