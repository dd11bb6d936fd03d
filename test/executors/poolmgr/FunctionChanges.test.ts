import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Functions, Packages, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** A function with so many pods of its own, `warm-1` and so on; the test goes on in the executor that made them. */
const withPods = <A, E>(
  count: number,
  test: (
    world: ExecutorInMemory.ExecutorInMemory,
    names: ReadonlyArray<string>
  ) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const fn = world.fn({ spec: { idletimeout: 3600, functionTimeout: 3600 } })
    const names = Array.from({ length: count }, (_, index) => `warm-${index + 1}`)
    for (const [index, name] of names.entries()) world.warmPod(environment, name, `10.0.0.${index + 1}`)
    return yield* running(
      world,
      Effect.gen(function* () {
        for (const _ of names) yield* ask(fn)
        yield* settle
        return yield* test(world, names)
      })
    )
  })

/** How many of the pods were taken out of service. */
const outOfService = (world: ExecutorInMemory.ExecutorInMemory, names: ReadonlyArray<string>) =>
  names.filter((name) => world.pod(name)?.metadata.labels?.["fission.io/served"] !== "true").length

it.effect("labels and annotations of a Function change nothing about its pods", () =>
  withPods(2, (world, names) =>
    Effect.gen(function* () {
      const written = writes(world).length
      world.api.merge(Functions, reference("hello"), { metadata: { labels: { a: "b" }, annotations: { c: "d" } } })
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(outOfService(world, names), 0)
      assert.strictEqual(writes(world).length, written)
    })
  )
)

it.effect("a change of a Package changes nothing until the Function refers to it", () =>
  withPods(1, (world, names) =>
    Effect.gen(function* () {
      world.api.merge(Packages, reference("hello-pkg"), { metadata: { annotations: { built: "again" } } })
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(outOfService(world, names), 0)
    })
  )
)

it.effect("a new generation takes a quarter of the pods out of service at a time", () =>
  withPods(8, (world, names) =>
    Effect.gen(function* () {
      world.api.merge(Functions, reference("hello"), { spec: { functionTimeout: 30, idletimeout: 3600 } })
      yield* settle
      assert.strictEqual(outOfService(world, names), 2)
      yield* TestClock.adjust("32 seconds")
      assert.strictEqual(names.filter((name) => world.pod(name) === undefined).length, 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(outOfService(world, names), 4)
    })
  )
)

it.effect("the pods of a Function that switches to another executor type drain, the last one too", () =>
  withPods(2, (world, names) =>
    Effect.gen(function* () {
      const strategy = { ExecutionStrategy: { ExecutorType: "newdeploy" } }
      world.api.merge(Functions, reference("hello"), { spec: { InvokeStrategy: strategy, functionTimeout: 30 } })
      yield* settle
      assert.strictEqual(outOfService(world, names), 1)
      yield* TestClock.adjust("25 seconds")
      assert.strictEqual(names.filter((name) => world.pod(name) === undefined).length, 0)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(names.filter((name) => world.pod(name) === undefined).length, 2)
      assert.deepStrictEqual([yield* groundsOf("warm-1"), yield* groundsOf("warm-2")], [["Superseded"], ["Superseded"]])
    })
  )
)

it.effect("W36: a Function whose executor type becomes empty stays with poolmgr", () =>
  withPods(1, (world, names) =>
    Effect.gen(function* () {
      world.warmPod(world.environment(), "warm-9", "10.0.0.9")
      const emptied = world.fn({ spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: "" } } } })
      yield* settle
      assert.strictEqual((yield* ask(emptied)).address, "10.0.0.9:8888")
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(yield* groundsOf(names[0] ?? ""), ["Superseded"])
      assert.notStrictEqual(world.pod("warm-9"), undefined)
    })
  )
)

it.effect("a pod that takes the name of one with unfinished business is a new pod", () =>
  withPods(1, (world) =>
    Effect.gen(function* () {
      const environment = world.environment()
      world.api.intercept((call) => (call.verb === "patch" && call.name === "warm-2" ? Effect.never : undefined))
      world.warmPod(environment, "warm-2", "10.0.0.2")
      const asked = yield* Effect.forkChild(ask(world.fn({ name: "second" })))
      yield* settle
      world.api.remove(Pods, reference("warm-2"))
      world.warmPod(environment, "warm-2", "10.0.0.3")
      world.api.intercept()
      yield* settle
      world.answer(() => Effect.sleep("5 seconds"))
      const third = yield* Effect.forkChild(ask(world.fn({ name: "third" })))
      yield* settle
      yield* Fiber.interrupt(asked)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(third)).address, "10.0.0.3:8888")
      assert.deepStrictEqual(world.api.lines("delete"), [])
    })
  )
)
