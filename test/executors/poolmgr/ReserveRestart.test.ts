import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import type * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { connectionRefused } from "../../fakes/Failures.ts"
import { seconds } from "../../fakes/Reflecting.ts"
import * as ReserveWorld from "./ReserveWorld.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** The executor vanishes: nothing that it does from now on reaches the API. */
const crash = (world: ExecutorInMemory.ExecutorInMemory) =>
  Effect.sync(() => world.api.intercept((call) => Effect.fail(connectionRefused(call))))

const idOf = (world: ExecutorInMemory.ExecutorInMemory, name: string) =>
  world.pod(name)?.metadata.annotations?.["executorInstanceId"]

/**
 * An executor with a reserve of three that crashed: `warm-1` was handed out and recorded, `warm-2` handed out and not
 * recorded, `warm-3` untouched.
 */
const afterCrash = Effect.gen(function* () {
  const world = yield* ReserveWorld.make({ reserve: 3, warm: 3 })
  const spec = { idletimeout: 3600 }
  const [recorded, unrecorded] = [world.fn({ name: "recorded", spec }), world.fn({ name: "unrecorded" })]
  yield* running(
    world,
    Effect.gen(function* () {
      yield* ask(recorded)
      yield* settle
      world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(connectionRefused(call)) : undefined))
      yield* ask(unrecorded)
      yield* crash(world)
    })
  )
  world.api.intercept()
  return { ...world, recorded, unrecorded }
})

describe("after a crash", () => {
  it.effect("22.2: only the pod whose labels were written is handed out again", () =>
    Effect.gen(function* () {
      const world = yield* afterCrash
      assert.deepStrictEqual(world.marked(), ["warm-2", "warm-3"])
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual((yield* ask(world.recorded)).address, "10.0.0.1:8888")
          assert.deepStrictEqual(world.specialized, ["10.0.0.1", "10.0.0.2"])
        })
      )
    })
  )

  it.effect("22.2: no function gets a pod of the lost reserve, neither another nor its own", () =>
    Effect.gen(function* () {
      const world = yield* afterCrash
      world.warm(4, 5, 6, 7)
      yield* running(
        world,
        Effect.gen(function* () {
          for (const fn of [world.unrecorded, world.fn({ name: "other" }), world.fn({ name: "another" })]) {
            assert.include(
              ["10.0.0.4:8888", "10.0.0.5:8888", "10.0.0.6:8888", "10.0.0.7:8888"],
              (yield* ask(fn)).address
            )
          }
        })
      )
    })
  )

  it.effect("22.2, W04: the pods of the lost reserve are deleted after twice a specialization's time", () =>
    Effect.gen(function* () {
      const world = yield* afterCrash
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("258 seconds")
          assert.deepStrictEqual(world.marked(), ["warm-2", "warm-3"])
          yield* TestClock.adjust("3 seconds")
          assert.deepStrictEqual([world.pod("warm-2"), world.pod("warm-3")], [undefined, undefined])
          assert.deepStrictEqual(
            [yield* groundsOf("warm-2"), yield* groundsOf("warm-3")],
            [["FailedClaim"], ["FailedClaim"]]
          )
          assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["fission.io/served"], "true")
        })
      )
    })
  )
})

/** An executor with a reserve of two that was stopped in order, after it handed out a third pod. */
const afterShutdown = (poolSize = 6) =>
  Effect.gen(function* () {
    const world = yield* ReserveWorld.make({ reserve: 2, poolSize, warm: 3 })
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.fn())
        yield* settle
      })
    )
    return world
  })

describe("an orderly shutdown", () => {
  it.effect("22.2: gives back what was not handed out, and nothing else", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      assert.deepStrictEqual([world.marked(), world.marked("released")], [[], ["warm-2", "warm-3"]])
      assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["functionName"], "hello")
    })
  )

  it.effect("is not held up by an API that does not answer", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1 })
      const stopping = yield* Effect.forkChild(
        running(
          world,
          Effect.sync(() => world.api.intercept(() => Effect.never))
        )
      )
      yield* seconds(5)
      assert.notStrictEqual(stopping.pollUnsafe(), undefined)
      assert.deepStrictEqual(world.marked(), ["warm-1"])
    })
  )

  it.effect("22.2: the next executor claims what was given back, by a guarded write, before it hands it out", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      const before = idOf(world, "warm-2")
      const sent = world.sent.length
      yield* running(
        world,
        Effect.gen(function* () {
          assert.deepStrictEqual(world.marked(), ["warm-2", "warm-3"])
          assert.notStrictEqual(idOf(world, "warm-2"), before)
          for (const { body } of world.sent.slice(sent)) {
            const metadata = body["metadata"]
            assert.containsAllKeys(metadata, ["uid", "resourceVersion"])
          }
          const written = writes(world).length
          world.api.intercept(() => Effect.never)
          assert.strictEqual((yield* ask(world.fn({ name: "other" }))).address, "10.0.0.2:8888")
          assert.isAtMost(writes(world).length - written, 1)
          world.api.intercept()
        })
      )
    })
  )

  it.effect("22.2: what was given back is not handed out before it is claimed", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      world.api.intercept((call) => (call.verb === "patch" ? Effect.never : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(world.fn({ name: "other" })))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(world.specialized.length, 1)
          assert.isUndefined(asked.pollUnsafe())
          world.api.intercept()
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.2:8888")
        })
      )
    })
  )

  it.effect("22.2: what was given back and is not wanted any more goes, as idle", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      world.environment({ spec: { poolsize: 1 } })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual([world.pod("warm-2"), world.pod("warm-3")], [undefined, undefined])
          assert.deepStrictEqual([yield* groundsOf("warm-2"), yield* groundsOf("warm-3")], [["Idle"], ["Idle"]])
        })
      )
    })
  )

  it.effect("22.2: what was given back and has an outdated template goes, as superseded", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      const changed = world.environment({ spec: { poolsize: 6, runtime: { image: "node-env:2" } } })
      for (const number of [7, 8]) world.warmPod(changed, `new-${number}`, `10.0.0.${number}`)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.marked(), ["new-7", "new-8"])
          assert.deepStrictEqual(
            [yield* groundsOf("warm-2"), yield* groundsOf("warm-3")],
            [["Superseded"], ["Superseded"]]
          )
        })
      )
    })
  )
})

/** What the stock executor does with a pod when it starts (poolmgr.md section 15, lifecycle.md section 6.1). */
const fateUnderStock = (
  world: ExecutorInMemory.ExecutorInMemory,
  name: string
): "adopted" | "deleted" | "left alone" => {
  const { annotations = {}, labels = {} } = world.pod(name)?.metadata ?? {}
  if (labels?.["managed"] === "true") return "adopted"
  const needed = ["functionName", "functionNamespace", "functionUid", "environmentName", "environmentNamespace"]
  const isAdopted =
    needed.every((label) => labels?.[label] !== undefined) &&
    ["functionResourceVersion", "svcHost"].every((annotation) => annotations?.[annotation] !== undefined)
  if (isAdopted) return "adopted"
  return labels?.["executorType"] === "poolmgr" && annotations?.["executorInstanceId"] !== undefined
    ? "deleted"
    : "left alone"
}

describe("the stock executor, swapped in", () => {
  it.effect("22.2: keeps the pods that serve and cleans the reserve up, after an orderly shutdown", () =>
    Effect.gen(function* () {
      const world = yield* afterShutdown()
      const fates = ["warm-1", "warm-2", "warm-3"].map((name) => fateUnderStock(world, name))
      assert.deepStrictEqual(fates, ["adopted", "deleted", "deleted"])
    })
  )

  it.effect("22.2: and after a crash", () =>
    Effect.gen(function* () {
      const world = yield* afterCrash
      const fates = ["warm-1", "warm-2", "warm-3"].map((name) => fateUnderStock(world, name))
      assert.deepStrictEqual(fates, ["adopted", "deleted", "deleted"])
    })
  )
})

it.effect("22.2: a pod in another executor's reserve is not handed out, and comes to us once it is given back", () =>
  Effect.gen(function* () {
    const world = yield* ReserveWorld.make({ reserve: 1, warm: 1 })
    const labels = { managed: "false", "fission.io/claimed": "true" }
    const annotations = { executorInstanceId: "another1" }
    world.api.merge(Pods, reference("warm-1"), { metadata: { labels, annotations } })
    yield* running(
      world,
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(ask(world.fn()))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.specialized, [])
        world.api.merge(Pods, reference("warm-1"), { metadata: { labels: { "fission.io/claimed": "released" } } })
        yield* settle
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
        assert.notStrictEqual(asked.pollUnsafe(), undefined)
        yield* TestClock.adjust("10 minutes")
        assert.notStrictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)
