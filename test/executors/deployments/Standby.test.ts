import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Deployments, Services } from "../../../src/fission/ResourceKind.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as ReplicaRole from "../../fakes/ReplicaRole.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const addressOf = (fn: FissionFunction) => Dispatcher.use((dispatcher) => dispatcher.addressInView(fn))

/** A function that a leader brought up before it went away, seen by a stand-by. */
const afterLeader = <A, E>(
  type: string,
  test: (
    world: DeploymentWorld.DeploymentWorld,
    fn: FissionFunction,
    address: string
  ) => Effect.Effect<A, E, Dispatcher>
) =>
  Effect.gen(function* () {
    const world = yield* DeploymentWorld.make()
    const fn = world.function(type)
    const lead = Effect.gen(function* () {
      const asked = yield* Effect.forkChild(ask(fn))
      yield* settle
      yield* world.bringUp
      return yield* Fiber.join(asked)
    })
    const { address } = yield* running(world, lead)
    const { become, layer } = yield* ReplicaRole.make
    become("Standby")
    yield* running(world, test(world, fn, address), layer)
  })

describe("a stand-by's view", () => {
  it.effect.each(["newdeploy", "container"])("gives the address of a function of type %s without a call", (type) =>
    afterLeader(type, (world, fn, address) =>
      Effect.gen(function* () {
        const calls = world.api.calls.length
        assert.strictEqual(yield* addressOf(fn), address)
        assert.strictEqual(world.api.calls.length, calls)
      })
    )
  )

  it.effect("gives none while no pod is available", () =>
    afterLeader("newdeploy", (world, fn) =>
      Effect.gen(function* () {
        const deployment = DeploymentWorld.referenceOf(world.only(Deployments)?.metadata)
        world.api.merge(Deployments, deployment, { status: { availableReplicas: 0 } })
        yield* settle
        assert.isUndefined(yield* addressOf(fn))
      })
    )
  )

  it.effect("gives none while the Service is gone", () =>
    afterLeader("newdeploy", (world, fn) =>
      Effect.gen(function* () {
        world.userDeletes(Services, world.only(Services)?.metadata.name ?? "")
        yield* settle
        assert.isUndefined(yield* addressOf(fn))
      })
    )
  )

  it.effect("gives none for poolmgr, whose slots the leader counts", () =>
    afterLeader("newdeploy", (world) =>
      Effect.gen(function* () {
        const environment = world.environment({ name: "warm" })
        world.warmPod(environment, "warm-1", "10.0.0.1")
        assert.isUndefined(yield* addressOf(world.fn({ name: "pooled", environment: "warm" })))
      })
    )
  )
})

describe("a replica that leads again", () => {
  it.effect("scales nothing down that it has not seen idle itself", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy", { MinScale: 0 }, { idletimeout: 60 })
      const { become, layer } = yield* ReplicaRole.make
      const test = Effect.gen(function* () {
        const asked = yield* Effect.forkChild(ask(fn))
        yield* settle
        yield* world.bringUp
        yield* Fiber.join(asked)
        become("Standby")
        yield* TestClock.adjust("1 hour")
        become("Leader")
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(world.replicas(), 1)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(world.replicas(), 0)
      })
      yield* running(world, test, layer)
    })
  )
})
