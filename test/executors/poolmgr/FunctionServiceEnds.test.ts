import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { labels } from "../../../src/fission/Labels.ts"
import { FunctionAliases, Functions, FunctionVersions, Pods } from "../../../src/fission/ResourceKind.ts"
import { ask, groundsOf, running } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import { led, only, published, reference, request, served, services, shown } from "./ServedWorld.ts"

describe("a Service of a published version", () => {
  it.effect("stands beside the function's own and leads to the pods of that version", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(published(world, world.function, "hello-v1"))
          yield* shown
          const service = only(world)
          assert.match(service.metadata.name, /^fn-hello-[0-9a-f]{8}-v1$/u)
          assert.deepStrictEqual(led(world, service), ["warm-1"])
        })
      )
    })
  )

  it.effect("is not made for a version that is onceOnly", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(published(world, world.function, "hello-v1"))
          yield* TestClock.adjust("10 seconds")
          yield* request(published(world, world.function, "hello-v2", { onceOnly: true }))
          yield* TestClock.adjust("10 seconds")
          assert.match(only(world).metadata.name, /-v1$/u)
        })
      )
    })
  )

  it.effect("W25: goes with its FunctionVersion, once that is proven gone, and does not come back for its pods", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      yield* running(
        world,
        Effect.gen(function* () {
          const version = published(world, world.function, "hello-v1")
          yield* request(version)
          yield* TestClock.adjust("10 seconds")
          const { name } = only(world).metadata
          world.api.intercept((call) => (call.verb === "get" ? Effect.fail(Failures.gatewayTimeout(call)) : undefined))
          world.api.remove(FunctionVersions, reference("hello-v1"))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(only(world).metadata.name, name)
          world.api.intercept()
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(services(world), [])
          assert.deepStrictEqual(yield* groundsOf(name), ["OwnerAbsent"])
          assert.strictEqual(world.pod("warm-1")?.metadata.labels?.[labels.served], "true")
        })
      )
    })
  )

  it.effect("W25: outlives its pods for as long as an alias leads to the version", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          const version = published(world, world.function, "hello-v1")
          world.api.put(FunctionAliases, {
            metadata: reference("prod"),
            spec: { functionName: "hello", version: "hello-v1" }
          })
          yield* request(version)
          yield* TestClock.adjust("30 minutes")
          assert.isUndefined(world.pod("warm-1"))
          assert.match(only(world).metadata.name, /-v1$/u)
          world.api.remove(FunctionAliases, reference("prod"))
          yield* TestClock.adjust("11 minutes")
          assert.deepStrictEqual(services(world), [])
        })
      )
    })
  )
})

describe("the end of a Service", () => {
  it.effect("comes with the last pod where another executor type serves the function, but not that of a version", () =>
    Effect.gen(function* () {
      const world = yield* served({}, { idletimeout: 3600 })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.function)
          yield* request(published(world, world.function, "hello-v1"))
          world.api.put(FunctionAliases, {
            metadata: reference("prod"),
            spec: { functionName: "hello", version: "hello-v1" }
          })
          yield* shown
          const [own] = services(world)
          const InvokeStrategy = { ExecutionStrategy: { ExecutorType: "newdeploy" } }
          world.api.merge(Functions, reference("hello"), { spec: { InvokeStrategy } })
          world.api.remove(Pods, reference("warm-1"))
          yield* TestClock.adjust("1 minute")
          assert.match(only(world).metadata.name, /-v1$/u)
          assert.deepStrictEqual(led(world, only(world)), ["warm-2"])
          assert.deepStrictEqual(yield* groundsOf(own?.metadata.name ?? ""), ["Superseded"])
        })
      )
    })
  )

  it.effect("W25: comes ten minutes after the last pod of its function, and a new pod brings it back", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("10 minutes")
          assert.isUndefined(world.pod("warm-1"))
          const { name } = only(world).metadata
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(services(world), [])
          assert.deepStrictEqual(yield* groundsOf(name), ["Idle"])
          yield* request(world.function)
          yield* shown
          assert.deepStrictEqual(led(world, only(world)), ["warm-2"])
        })
      )
    })
  )

  it.effect("is put off by a pod that comes meanwhile", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("10 minutes")
          const { uid } = only(world).metadata
          yield* request(world.function)
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(only(world).metadata.uid, uid)
        })
      )
    })
  )

  it.effect("is only named by a reaper that runs dry", () =>
    Effect.gen(function* () {
      const world = yield* served({ EXECUTOR_REAPER: "dry-run" })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const { name } = only(world).metadata
          world.api.remove(Pods, reference("warm-1"))
          yield* TestClock.adjust("11 minutes")
          assert.strictEqual(only(world).metadata.name, name)
          assert.deepStrictEqual(yield* groundsOf(name), ["Idle"])
        })
      )
    })
  )

  it.effect("P16: comes with the Function's, before its finalizer goes", () =>
    Effect.gen(function* () {
      const world = yield* served({ FINALIZER_ENABLED: "true" })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          const { name } = only(world).metadata
          world.api.intercept((call) =>
            call.verb === "delete" && call.resource === "services"
              ? Effect.fail(Failures.gatewayTimeout(call))
              : undefined
          )
          world.userDeletes(Functions, "hello")
          yield* TestClock.adjust("10 seconds")
          assert.isDefined(world.api.find(Functions, reference("hello")))
          world.api.intercept()
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(services(world), [])
          assert.isUndefined(world.api.find(Functions, reference("hello")))
          assert.deepStrictEqual(yield* groundsOf(name), ["OwnerDeleting"])
        })
      )
    })
  )

  it.effect("comes for a Function that went away while nobody ran, after two live 404s a minute apart", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(world, Effect.andThen(request(world.function), shown))
      world.api.remove(Functions, reference("hello"))
      world.api.remove(Pods, reference("warm-1"))
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("50 seconds")
          const { name } = only(world).metadata
          yield* TestClock.adjust("12 minutes")
          assert.deepStrictEqual(services(world), [])
          assert.deepStrictEqual(yield* groundsOf(name), ["OwnerAbsent"])
        })
      )
    })
  )
})
