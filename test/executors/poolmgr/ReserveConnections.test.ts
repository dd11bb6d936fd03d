import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as ReplicaRole from "../../fakes/ReplicaRole.ts"
import * as ReserveWorld from "./ReserveWorld.ts"

describe("connections to the fetchers of the reserve", () => {
  it.effect("22.2: are opened when a pod comes into the reserve, to no other pod", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 2, poolSize: 6, warm: 6 })
      yield* running(world, settle)
      assert.deepStrictEqual(world.openedAhead.toSorted(), ["10.0.0.1", "10.0.0.2"])
    })
  )

  it.effect("are used once a minute, before the fetcher gives them up, until the pod is handed out", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1, poolSize: 2, warm: 1 })
      yield* running(
        world,
        Effect.gen(function* () {
          const fn = world.fn()
          yield* TestClock.adjust("150 seconds")
          assert.deepStrictEqual(world.openedAhead, ["10.0.0.1", "10.0.0.1", "10.0.0.1"])
          yield* ask(fn)
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(world.openedAhead.length, 3)
        })
      )
    })
  )

  it.effect("are kept by a replica that does not lead, which hands out its reserve, too", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1, poolSize: 2, warm: 1 })
      const replica = yield* ReplicaRole.make
      yield* running(
        { ...world, executor: () => world.executor(replica.layer) },
        Effect.gen(function* () {
          yield* settle
          replica.become("Standby")
          yield* TestClock.adjust("65 seconds")
          assert.deepStrictEqual(world.openedAhead, ["10.0.0.1", "10.0.0.1"])
        })
      )
    })
  )
})
