import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import { ask, type ExecutorServices, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as ImageWorld from "./ImageWorld.ts"

/** Time for what follows from a change. */
const moment = Effect.andThen(TestClock.adjust("1 second"), settle)

/** A test with a function that has its code in an image and wants two pods, and a generic pod that is free. */
const withFloor = <A, E>(test: (world: ImageWorld.ImageWorld) => Effect.Effect<A, E, ExecutorServices>) =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make({ EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "true" })
    world.warmPod(world.environment(), "generic-1", "10.0.0.1")
    world.fn({ archive: ImageWorld.oci(), spec: { provisionedConcurrency: { target: 2 }, idletimeout: 3600 } })
    return yield* running(world, Effect.andThen(moment, test(world)))
  })

const held = (world: ImageWorld.ImageWorld) =>
  world.api
    .list(Pods)
    .filter(({ metadata }) => metadata.labels?.["fission.io/provisioned"] === "true")
    .map(({ metadata }) => metadata.name)

describe("the floor of a function whose code is in an image", () => {
  it.effect("is made of pods of the pool for its image, one after the other, and of no generic pod", () =>
    withFloor((world) =>
      Effect.gen(function* () {
        assert.strictEqual(world.imagePools().length, 1)
        world.bringUp("image-1", "10.0.1.1")
        yield* moment
        assert.deepStrictEqual(held(world), ["image-1"])
        world.bringUp("image-2", "10.0.1.2")
        yield* moment
        assert.deepStrictEqual(held(world), ["image-1", "image-2"])
        assert.deepStrictEqual(
          world.runtimeCalls.map(({ podAddress }) => podAddress),
          ["10.0.1.1", "10.0.1.2"]
        )
        assert.deepStrictEqual(world.specialized, [])
      })
    )
  )

  it.effect("leaves the next pod of its pool to a request", () =>
    withFloor((world) =>
      Effect.gen(function* () {
        world.bringUp("image-1", "10.0.1.1")
        yield* moment
        const asked = yield* Effect.forkChild(ask(world.fn({ name: "other", archive: ImageWorld.oci() })))
        yield* moment
        world.bringUp("image-2", "10.0.1.2")
        yield* moment
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.1.2:8888")
        assert.deepStrictEqual(held(world), ["image-1"])
        world.bringUp("image-3", "10.0.1.3")
        yield* moment
        assert.deepStrictEqual(held(world), ["image-1", "image-3"])
      })
    )
  )
})
