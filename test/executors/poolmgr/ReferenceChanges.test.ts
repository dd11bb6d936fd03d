import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { ConfigMaps, FunctionAliases, Functions, Packages, Pods, Secrets } from "../../../src/fission/ResourceKind.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { published, reference, request } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

const spec = {
  secrets: [{ namespace: "default", name: "db" }],
  configmaps: [{ namespace: "default", name: "app" }],
  idletimeout: 3600,
  functionTimeout: 30
}

/** A function with a Secret and a ConfigMap, and so many warm pods `warm-1` and so on; no executor runs yet. */
const referring = (pods: number) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    for (let index = 1; index <= pods; index++) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    world.api.put(Secrets, { metadata: reference("db") })
    world.api.put(ConfigMaps, { metadata: reference("app") })
    return { ...world, function: world.fn({ spec }) }
  })

const rotate = (world: World) =>
  world.api.merge(Secrets, reference("db"), { metadata: { annotations: { rotated: "yes" } } })

const isServed = (world: World, name: string) => world.pod(name)?.metadata.labels?.["fission.io/served"] === "true"

/** Those of the pods that were taken out of service. */
const outOfService = (world: World, pods: number) =>
  Array.from({ length: pods }, (_, index) => `warm-${index + 1}`).filter((name) => !isServed(world, name))

describe("a Secret or ConfigMap that changes (poolmgr.md section 12)", () => {
  it.effect(
    "W11: drains the pods that were given it, out of the cache first, and the next request gets a new one",
    () =>
      Effect.gen(function* () {
        const world = yield* referring(2)
        yield* running(
          world,
          Effect.gen(function* () {
            yield* request(world.function)
            yield* settle
            rotate(world)
            yield* settle
            assert.isFalse(isServed(world, "warm-1"))
            assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
            yield* TestClock.adjust("31 seconds")
            assert.isUndefined(world.pod("warm-1"))
            assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
            assert.isTrue(isServed(world, "warm-2"))
          })
        )
      })
  )

  it.effect("does so for a ConfigMap", () =>
    Effect.gen(function* () {
      const world = yield* referring(2)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          world.api.merge(ConfigMaps, reference("app"), { data: { a: "b" } })
          yield* settle
          assert.isFalse(isServed(world, "warm-1"))
        })
      )
    })
  )

  it.effect("takes a quarter of the pods out of service at a time", () =>
    Effect.gen(function* () {
      const world = yield* referring(9)
      yield* running(
        world,
        Effect.gen(function* () {
          for (let pod = 0; pod < 8; pod++) yield* ask(world.function)
          yield* settle
          rotate(world)
          yield* settle
          assert.strictEqual(outOfService(world, 8).length, 2)
          yield* TestClock.adjust("41 seconds")
          assert.strictEqual(outOfService(world, 8).length, 4)
          yield* TestClock.adjust("5 minutes")
          assert.strictEqual(outOfService(world, 8).length, 8)
        })
      )
    })
  )

  it.effect("section 23: spares no generation, retained ones neither", () =>
    Effect.gen(function* () {
      const world = yield* referring(3)
      yield* running(
        world,
        Effect.gen(function* () {
          const version = published(world, world.function, "hello-v1")
          world.api.put(FunctionAliases, {
            metadata: reference("prod"),
            spec: { functionName: "hello", version: "hello-v1" }
          })
          yield* request(version)
          const newer = world.fn({ spec: { ...spec, concurrency: 7 } })
          yield* request(newer)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(outOfService(world, 2), [])
          rotate(world)
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(outOfService(world, 2), ["warm-1", "warm-2"])
        })
      )
    })
  )

  it.effect("is noticed by the next executor when none ran, and nothing is else", () =>
    Effect.gen(function* () {
      const world = yield* referring(2)
      yield* running(world, Effect.andThen(request(world.function), settle))
      const before = writes(world).length
      yield* running(world, TestClock.adjust("1 minute"))
      assert.strictEqual(writes(world).length, before)
      rotate(world)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("12 seconds")
          assert.isFalse(isServed(world, "warm-1"))
        })
      )
    })
  )

  it.effect("drains pods of an executor that did not write down what they were given, from then on", () =>
    Effect.gen(function* () {
      const world = yield* referring(2)
      yield* running(world, Effect.andThen(request(world.function), settle))
      const annotations = { "fission.io/references": null }
      world.api.merge(Pods, reference("warm-1"), { metadata: { annotations } })
      rotate(world)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.isTrue(isServed(world, "warm-1"))
          rotate(world)
          world.api.merge(Secrets, reference("db"), { metadata: { annotations: { rotated: "twice" } } })
          yield* settle
          assert.isFalse(isServed(world, "warm-1"))
        })
      )
    })
  )

  it.effect("drains a pod that was loading it at that moment, once it serves", () =>
    Effect.gen(function* () {
      const world = yield* referring(2)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 second")
          world.answer(() => Effect.sleep("5 seconds"))
          const asked = yield* Effect.forkChild(ask(world.function))
          yield* TestClock.adjust("2 seconds")
          rotate(world)
          yield* TestClock.adjust("4 seconds")
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
          yield* settle
          assert.isFalse(isServed(world, "warm-1"))
          assert.isDefined(world.pod("warm-1"))
        })
      )
    })
  )

  it.effect("changes nothing when it is deleted, or is nobody's", () =>
    Effect.gen(function* () {
      const world = yield* referring(1)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          const written = writes(world).length
          world.api.remove(Secrets, reference("db"))
          world.api.put(Secrets, { metadata: reference("unrelated") })
          world.api.merge(Secrets, reference("unrelated"), { metadata: { labels: { a: "b" } } })
          yield* TestClock.adjust("10 minutes")
          assert.isTrue(isServed(world, "warm-1"))
          assert.strictEqual(writes(world).length, written)
        })
      )
    })
  )

  it.effect("is noticed for a pod that loaded it before the Secrets were listed", () =>
    Effect.gen(function* () {
      const world = yield* referring(2)
      world.api.intercept((call) => (call.verb === "list" && call.resource === "secrets" ? Effect.never : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* settle
          assert.isUndefined(world.pod("warm-1")?.metadata.annotations?.["fission.io/references"])
          world.api.intercept()
          yield* TestClock.adjust("5 minutes")
          assert.isTrue(isServed(world, "warm-1"))
          rotate(world)
          yield* settle
          assert.isFalse(isServed(world, "warm-1"))
        })
      )
    })
  )
})

describe("what was tried and failed is tried at once", () => {
  const answered = new SpecializeError({ reason: "Answered", status: 500, text: "cannot load" })

  /** A request that fails, and then another one after the change. */
  const afterFailure = (change: (world: World) => void, whileLoading: boolean) =>
    Effect.gen(function* () {
      const world = yield* referring(3)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 second")
          world.answer(() => Effect.andThen(Effect.sleep("5 seconds"), Effect.fail(answered)))
          const failed = yield* Effect.forkChild(Effect.flip(ask(world.function)))
          yield* TestClock.adjust("2 seconds")
          if (whileLoading) change(world)
          yield* TestClock.adjust("3500 millis")
          yield* Fiber.join(failed)
          world.answer(() => undefined)
          if (!whileLoading) {
            assert.include((yield* Effect.flip(ask(world.function))).text, "cannot load")
            change(world)
            yield* TestClock.adjust("1 millis")
          }
          yield* ask(world.function)
          assert.strictEqual(world.specialized.length, 2)
        })
      )
    })

  it.effect("when the Secret was corrected", () => afterFailure((world) => void rotate(world), false))

  it.effect("when the Package changed while it was loaded", () =>
    afterFailure(
      (world) =>
        void world.api.merge(Packages, reference("hello-pkg"), { metadata: { annotations: { built: "again" } } }),
      true
    )
  )
})

it.effect("section 23: a spec change spares those other generations alone that an alias retains", () =>
  Effect.gen(function* () {
    const world = yield* referring(4)
    yield* running(
      world,
      Effect.gen(function* () {
        yield* request(world.function)
        const second = world.fn({ spec: { ...spec, concurrency: 7 } })
        published(world, second, "hello-v2")
        world.api.put(FunctionAliases, {
          metadata: reference("prod"),
          spec: { functionName: "hello", version: "hello-v2" }
        })
        yield* request(second)
        yield* request(world.fn({ spec: { ...spec, concurrency: 8 } }))
        yield* TestClock.adjust("3 minutes")
        assert.deepStrictEqual(outOfService(world, 3), ["warm-1"])
      })
    )
  })
)

it.effect("pods that were kept because no alias was known go once the aliases are listed", () =>
  Effect.gen(function* () {
    const world = yield* referring(3)
    world.api.intercept((call) =>
      call.verb === "list" && call.resource === FunctionAliases.plural ? Effect.never : undefined
    )
    yield* running(
      world,
      Effect.gen(function* () {
        yield* request(world.function)
        world.api.merge(Functions, reference("hello"), { spec: { concurrency: 7 } })
        yield* TestClock.adjust("1 hour")
        assert.isTrue(isServed(world, "warm-1"))
        world.api.intercept()
        yield* TestClock.adjust("2 minutes")
        assert.isUndefined(world.pod("warm-1"))
      })
    )
  })
)
