import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Deployments, Environments } from "../../../src/fission/ResourceKind.ts"
import { listOf, objectOf } from "../../../src/podspec/Json.ts"
import type { ExecutorServices } from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout } from "../../fakes/Failures.ts"
import * as ImageWorld from "./ImageWorld.ts"

const archive = ImageWorld.oci()

/** With the default pod-ready timeout of 300 s a pool stays for six minutes. */
const idleTime = "6 minutes"

const reference = (name: string) => ({ namespace: "default", name })

/** A world in which the function `hello` was served once, by a pod of the pool for its image, which is gone again. */
const afterUse = <A, E>(
  test: (world: ImageWorld.ImageWorld, fn: FissionFunction, pool: string) => Effect.Effect<A, E, ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make(variables)
    world.environment()
    const fn = world.fn({ archive, spec: { onceOnly: true } })
    return yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* world.serve(fn, "image-1", "10.0.1.1")
        yield* service.release
        yield* settle
        return yield* test(world, fn, world.imagePools()[0]?.metadata.name ?? "")
      })
    )
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

/** How often something was counted. */
const counted = (name: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics.reduce((sum, { id, state }) => (id === name && "count" in state ? sum + Number(state.count) : sum), 0)
  )

describe("the pool of an image that nobody uses (section 14.2)", () => {
  it.effect("stays for six minutes after its last use, then goes, and is counted", () =>
    afterUse((world, _fn, pool) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(world.imagePools().length, 1)
        yield* TestClock.adjust("70 seconds")
        assert.deepStrictEqual(world.imagePools(), [])
        assert.deepStrictEqual(yield* groundsOf(pool), ["Idle"])
        assert.strictEqual(yield* counted("fission_executor_oci_pools_reaped_total"), 1)
        assert.strictEqual(world.pools().length, 1)
      })
    )
  )

  it.effect("stays for as long as the operator says", () =>
    afterUse(
      (world) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("19 minutes")
          assert.strictEqual(world.imagePools().length, 1)
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(world.imagePools(), [])
        }),
      { OCI_POOL_IDLE_REAP_TIME: "20m" }
    )
  )

  it.effect("stays while a pod of it serves a function, whatever other pools do", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const [busy, idle] = [world.fn({ archive }), world.fn({ name: "idle", archive: ImageWorld.oci("code/idle") })]
      yield* running(
        world,
        Effect.gen(function* () {
          yield* world.serve(busy, "image-1", "10.0.1.1")
          const idleCall = yield* Effect.forkChild(ask(idle))
          yield* settle
          assert.strictEqual(world.imagePools().length, 2)
          yield* Fiber.interrupt(idleCall)
          yield* TestClock.adjust("20 minutes")
          assert.deepStrictEqual(
            world.imagePools().map(({ metadata }) => metadata.labels?.["ociImageHash"]),
            [world.pod("image-1")?.metadata.labels?.["ociImageHash"]]
          )
        })
      )
    })
  )

  it.effect("stays while a request waits for a pod of it", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make({ POD_READY_TIMEOUT: "30m" })
      world.environment()
      const fn = world.fn({ archive, spec: { InvokeStrategy: { ExecutionStrategy: { SpecializationTimeout: 3600 } } } })
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(fn))
          yield* TestClock.adjust("29 minutes")
          assert.strictEqual(world.imagePools().length, 1)
          yield* Fiber.interrupt(asked)
        })
      )
    })
  )

  it.effect("is made again for the next request, even before the view shows that it is gone", () =>
    afterUse((world, fn) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 minutes")
        for (const watch of world.api.watches("deployments")) watch.mute()
        yield* TestClock.adjust("70 seconds")
        assert.deepStrictEqual(world.imagePools(), [])
        assert.strictEqual((yield* world.serve(fn, "image-2", "10.0.1.2")).address, "10.0.1.2:8888")
        assert.strictEqual(world.imagePools().length, 1)
      })
    )
  )

  it.effect("P21: is tried again when its removal fails, and the failures are counted", () =>
    afterUse((world) =>
      Effect.gen(function* () {
        world.api.intercept((call) => (call.verb === "delete" ? etcdTimeout(call) : undefined))
        yield* TestClock.adjust(idleTime)
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(world.imagePools().length, 1)
        assert.isAtLeast(yield* counted("fission_executor_oci_pool_reap_failures_total"), 1)
        world.api.intercept()
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.imagePools(), [])
      })
    )
  )

  it.effect("is only named in a dry run", () =>
    afterUse(
      (world) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("20 minutes")
          assert.strictEqual(world.imagePools().length, 1)
        }),
      { EXECUTOR_REAPER: "dry-run" }
    )
  )

  it.effect("stays while the view is too old to tell", () =>
    afterUse(
      (world) =>
        Effect.gen(function* () {
          for (const watch of world.api.watches("pods")) watch.mute()
          world.api.intercept((call) => (call.resource === "pods" ? etcdTimeout(call) : undefined))
          yield* TestClock.adjust("4 minutes")
          const pass = writes(world).length
          yield* TestClock.adjust("30 minutes")
          assert.deepStrictEqual(
            writes(world)
              .slice(pass)
              .filter((line) => line.startsWith("delete deployments")),
            []
          )
        }),
      { OCI_POOL_IDLE_REAP_TIME: "15m" }
    )
  )
})

describe("the pool of an image that an earlier executor made (W27)", () => {
  /** The same cluster under a new process. */
  const afterRestart = <A, E>(
    test: (world: ImageWorld.ImageWorld) => Effect.Effect<A, E, ExecutorServices>,
    meanwhile: (world: ImageWorld.ImageWorld) => void = () => {}
  ) =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive, spec: { onceOnly: true } })
      const served = Effect.flatMap(world.serve(fn, "image-1", "10.0.1.1"), ({ release }) => release)
      yield* running(world, Effect.andThen(served, settle))
      meanwhile(world)
      return yield* running(
        world,
        Effect.suspend(() => test(world))
      )
    })

  it.effect("is taken over without a write, and goes once it was idle for as long under the new one", () =>
    Effect.gen(function* () {
      let before = 0
      yield* afterRestart(
        (world) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(
              writes(world)
                .slice(before)
                .filter((line) => line.includes("deployments")),
              []
            )
            yield* TestClock.adjust("5 minutes")
            assert.strictEqual(world.imagePools().length, 1)
            yield* TestClock.adjust("70 seconds")
            assert.deepStrictEqual(world.imagePools(), [])
          }),
        (world) => {
          before = writes(world).length
        }
      )
    })
  )

  it.effect("is brought to a template that its Environment got meanwhile, and keeps its image", () =>
    afterRestart(
      (world) =>
        Effect.sync(() => {
          const spec = objectOf(objectOf(objectOf(world.imagePools()[0]?.["spec"])["template"])["spec"])
          assert.strictEqual(listOf(spec["containers"])[0]?.["image"], "node-env:2")
          assert.include(JSON.stringify(spec), '"reference":"registry.example.com/code/hello:v1"')
        }),
      (world) => void world.api.merge(Environments, reference("nodejs"), { spec: { runtime: { image: "node-env:2" } } })
    )
  )
})

it.effect("the pool of an image that somebody deletes while a request waits for it comes back", () =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make()
    world.environment()
    const fn = world.fn({ archive })
    yield* running(
      world,
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(ask(fn))
        yield* settle
        world.api.remove(Deployments, reference(world.imagePools()[0]?.metadata.name ?? ""))
        yield* TestClock.adjust("31 seconds")
        world.bringUp("image-1", "10.0.1.1")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.1.1:8888")
      })
    )
  })
)

it.effect("the pools of images go with their Environment", () =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make()
    world.environment()
    const fn = world.fn({ archive })
    yield* running(
      world,
      Effect.gen(function* () {
        yield* world.serve(fn, "image-1", "10.0.1.1")
        world.userDeletes(Environments, "nodejs")
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(world.pools(), [])
      })
    )
  })
)
