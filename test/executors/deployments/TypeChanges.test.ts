import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Services } from "../../../src/fission/ResourceKind.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const deploymentTypes = ["newdeploy", "container"]

const transitions = ["poolmgr", ...deploymentTypes].flatMap((from) =>
  ["poolmgr", ...deploymentTypes].filter((to) => to !== from).map((to) => [from, to] as const)
)

describe("a function that changes its executor type", () => {
  it.effect.each(transitions)("18.8: from %s to %s has an address that serves at every instant", ([from, to]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const environment = world.environment()
      world.warmPod(environment, "warm-1", "10.0.0.1")
      world.warmPod(environment, "warm-2", "10.0.0.2")
      const fn = world.function(from)
      const isServing = (type: string) =>
        type === "poolmgr" || [Deployments, Services].every((kind) => world.only(kind, type) !== undefined)

      const test = Effect.gen(function* () {
        yield* settle
        yield* world.bringUp
        yield* ask(fn)
        const changed = world.change({ InvokeStrategy: { ExecutionStrategy: { ExecutorType: to } } })
        const request = yield* Effect.forkChild(ask(changed))
        // As long as the new type has no pod, and while routers may still use the old address, that stays.
        for (let second = 0; second < 60; second++) {
          yield* DeploymentWorld.aSecond
          if (second === 30) yield* world.bringUp
          assert.isTrue(isServing(from), `${from} after ${second} s`)
        }
        assert.isDefined((yield* Fiber.join(request)).address)
        const { name = "" } = deploymentTypes.includes(from) ? (world.only(Deployments, from)?.metadata ?? {}) : {}
        yield* TestClock.adjust("3 minutes")
        for (const type of deploymentTypes) {
          assert.strictEqual(world.only(Services, type) !== undefined, type === to, type)
          assert.strictEqual(world.only(Deployments, type) !== undefined, type === to, type)
        }
        // What nobody uses meanwhile may be scaled down before it goes.
        const grounds = name === "" ? [] : yield* groundsOf(name)
        assert.deepStrictEqual(
          grounds.filter((ground) => ground !== "Idle"),
          name === "" ? [] : ["Superseded", "Superseded", "Superseded"]
        )
      })
      yield* running(world, test)
    })
  )

  it.effect("and back again before the old objects went keeps them", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const become = (ExecutorType: string) => world.change({ InvokeStrategy: { ExecutionStrategy: { ExecutorType } } })
      const test = Effect.gen(function* () {
        yield* settle
        yield* world.bringUp
        const { uid } = world.only(Deployments, "newdeploy")?.metadata ?? {}
        become("poolmgr")
        yield* TestClock.adjust("60 seconds")
        become("newdeploy")
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(world.only(Deployments, "newdeploy")?.metadata.uid, uid)
      })
      yield* running(world, test)
    })
  )
})
