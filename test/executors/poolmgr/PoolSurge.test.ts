import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../../src/Config.ts"
import { sourceOf } from "../../../src/executors/poolmgr/FunctionPod.ts"
import { PoolSurge } from "../../../src/executors/poolmgr/PoolSurge.ts"
import { WarmPods } from "../../../src/executors/poolmgr/WarmPods.ts"
import { Deployments } from "../../../src/fission/ResourceKind.ts"
import { supervisorLayer } from "../../fakes/ExecutorTypeFake.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import * as ImageWorld from "./ImageWorld.ts"

interface SurgeWorld extends ExecutorInMemory.ExecutorInMemory {
  /** Requests of as many functions begin to wait; nothing is warm yet. */
  readonly wait: (
    requests: number
  ) => Effect.Effect<ReadonlyArray<Fiber.Fiber<unknown, unknown>>, never, ExecutorInMemory.ExecutorServices>
  /** Makes as many pods of the pool warm. */
  readonly warm: (pods: number) => void
  readonly replicas: () => number
  /** Somebody else scales the pool. */
  readonly scale: (replicas: number) => void
  /** Updates of the pool's Deployment that we made. */
  readonly updates: () => number
}

/** A test with a pool of two without a warm pod, in an executor that may enlarge it by as many pods. */
const withPool = <A, E>(
  surge: string,
  test: (world: SurgeWorld) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>,
  spec: { readonly [field: string]: unknown } = {}
) =>
  Effect.gen(function* () {
    const made = yield* ExecutorInMemory.make({ EXECUTOR_POOL_SURGE: surge })
    const environment = made.environment({ spec })
    let functions = 0
    let pods = 0
    const world: SurgeWorld = {
      ...made,
      wait: (requests) =>
        Effect.forEach(Array.from({ length: requests }), () =>
          Effect.forkChild(ask(made.fn({ name: `fn-${++functions}` })))
        ).pipe(Effect.tap(TestClock.adjust("200 millis")), Effect.tap(settle)),
      warm: (more) => {
        for (let left = more; left > 0; left--) made.warmPod(environment, `warm-${++pods}`, `10.0.0.${pods}`)
      },
      replicas: () => JSON.parse(JSON.stringify(made.pools()[0]?.["spec"])).replicas,
      scale: (replicas) => {
        const name = made.pools()[0]?.metadata.name ?? ""
        made.api.merge(Deployments, { namespace: "default", name }, { spec: { replicas } })
      },
      updates: () => writes(made).filter((line) => line.startsWith("update deployments")).length
    }
    return yield* running(world, test(world))
  })

it.effect("a pool keeps its size without the setting, however many requests wait", () =>
  withPool("0", (world) =>
    Effect.gen(function* () {
      yield* world.wait(9)
      assert.strictEqual(world.replicas(), 2)
      assert.strictEqual(world.updates(), 0)
    })
  )
)

describe("with the setting", () => {
  it.effect("a pool grows by what is missing, with one write for requests that come together", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        yield* world.wait(5)
        assert.strictEqual(world.replicas(), 5)
        assert.strictEqual(world.updates(), 1)
      })
    )
  )

  it.effect("and by no more than the setting says", () =>
    withPool("2", (world) =>
      Effect.gen(function* () {
        yield* world.wait(9)
        assert.strictEqual(world.replicas(), 4)
        yield* world.wait(9)
        assert.strictEqual(world.replicas(), 4)
        assert.strictEqual(world.updates(), 1)
      })
    )
  )

  it.effect("it stays as it is while the pool has a pod for each request that waits", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        yield* world.wait(2)
        assert.strictEqual(world.replicas(), 2)
        assert.strictEqual(world.updates(), 0)
      })
    )
  )

  it.effect("it goes back when nobody has waited for a while, by one write", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        const asked = yield* world.wait(5)
        world.warm(5)
        yield* settle
        yield* Effect.forEach(asked, Fiber.join)
        yield* TestClock.adjust("50 seconds")
        assert.strictEqual(world.replicas(), 5)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.replicas(), 2)
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(world.updates(), 2)
      })
    )
  )

  it.effect("it stays large while requests go on waiting", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        yield* world.wait(5)
        yield* TestClock.adjust("100 seconds")
        assert.strictEqual(world.replicas(), 5)
        assert.strictEqual(world.updates(), 1)
      })
    )
  )

  it.effect("the next burst makes it grow again", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        for (const round of [1, 2]) {
          const asked = yield* world.wait(5)
          assert.strictEqual(world.replicas(), 5)
          world.warm(5)
          yield* settle
          yield* Effect.forEach(asked, Fiber.join)
          yield* TestClock.adjust("3 minutes")
          assert.strictEqual(world.updates(), 2 * round)
        }
      })
    )
  )

  it.effect("a pod that functions share stays alone", () =>
    withPool(
      "10",
      (world) =>
        Effect.gen(function* () {
          yield* world.wait(5)
          assert.strictEqual(world.replicas(), 1)
        }),
      { poolsize: 1, allowedFunctionsPerContainer: "infinite" }
    )
  )
})

describe("W20: somebody else's scaling", () => {
  it.effect("ends it: the pool gets the size of its Environment by one write, and keeps it while requests wait", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        yield* world.wait(5)
        world.scale(8)
        yield* settle
        assert.strictEqual(world.replicas(), 2)
        yield* world.wait(9)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(world.replicas(), 2)
        assert.strictEqual(world.updates(), 2)
      })
    )
  )

  it.effect("costs one write each time, and no more, when an autoscaler goes on with it", () =>
    withPool("10", (world) =>
      Effect.gen(function* () {
        yield* world.wait(5)
        for (let round = 1; round <= 5; round++) {
          world.scale(8)
          yield* TestClock.adjust("15 seconds")
          assert.strictEqual(world.updates(), 1 + round)
        }
      })
    )
  )

  it.effect("before it began keeps it from beginning until the pool has its size again", () =>
    Effect.gen(function* () {
      const environment = (yield* ExecutorInMemory.make()).environment()
      const { sizing } = yield* PoolSurge
      const { take } = yield* WarmPods
      const source = sourceOf({ environment }, () => [])
      for (let left = 5; left > 0; left--) yield* Effect.forkChild(take(source))
      yield* settle
      assert.deepStrictEqual(yield* sizing(environment, 1), { size: 2, lookAgainIn: undefined })
      assert.deepStrictEqual(yield* sizing(environment, 8), { size: 2, lookAgainIn: undefined })
      assert.strictEqual((yield* sizing(environment, 2)).size, 5)
    }).pipe(
      Effect.provide(
        PoolSurge.layer.pipe(
          Layer.provideMerge(WarmPods.layer),
          Layer.provide([Settings.layer({ EXECUTOR_POOL_SURGE: "10" }), supervisorLayer([])])
        )
      )
    )
  )
})

it.effect("the pool of an image has one pod, however many requests wait for it (poolmgr.md section 18)", () =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make({ EXECUTOR_POOL_SURGE: "10" })
    world.environment()
    const replicas = () =>
      world
        .pools()
        .map(({ metadata, spec }) => [
          metadata.labels?.["ociImageHash"] !== undefined,
          JSON.parse(JSON.stringify(spec)).replicas
        ])
    yield* running(
      world,
      Effect.gen(function* () {
        for (const name of ["a", "b", "c", "d"]) {
          yield* Effect.forkChild(ask(world.fn({ name, archive: ImageWorld.oci() })))
        }
        yield* TestClock.adjust("200 millis")
        yield* settle
        assert.deepStrictEqual(replicas(), [
          [false, 2],
          [true, 1]
        ])
      })
    )
  })
)

it.effect("a restart during it brings the pool back to its size", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make({ EXECUTOR_POOL_SURGE: "10" })
    world.environment()
    const replicas = () => JSON.parse(JSON.stringify(world.pools()[0]?.["spec"])).replicas
    yield* running(
      world,
      Effect.gen(function* () {
        for (const name of ["a", "b", "c", "d"]) yield* Effect.forkChild(ask(world.fn({ name })))
        yield* TestClock.adjust("200 millis")
        yield* settle
        assert.strictEqual(replicas(), 4)
      })
    )
    yield* running(world, settle)
    assert.strictEqual(replicas(), 2)
  })
)
