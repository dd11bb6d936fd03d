import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { labels } from "../../../src/fission/Labels.ts"
import { Functions, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running } from "../../fakes/ExecutorInMemory.ts"
import { calls, generationOf, led, on, only, reference, request, served, services, shown } from "./ServedWorld.ts"

describe("a function's Service", () => {
  it.effect("P12: comes with the first pod that serves, by one POST after the answer, and leads to it", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          assert.deepStrictEqual(services(world), [])
          yield* shown
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
          yield* ask(world.function)
          yield* ask(world.function)
          yield* shown
          assert.deepStrictEqual(led(world, only(world)), ["warm-1", "warm-2"])
          assert.deepStrictEqual(calls(world), [`create services default/${only(world).metadata.name}`])
        })
      )
    })
  )

  it.effect("never leads to a pod before it has the function's code", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.function)
          world.answer(() => Effect.never)
          yield* Effect.forkChild(ask(world.function))
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(world.pod("warm-2")?.metadata.labels?.[labels.functionUid], world.function.metadata.uid)
          assert.deepStrictEqual(led(world, only(world)), ["warm-1"])
        })
      )
    })
  )

  it.effect("I7: leads to an idle pod no more, long before the pod is deleted", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* TestClock.adjust("40 seconds")
          assert.deepStrictEqual(led(world, only(world)), [])
          assert.isDefined(world.pod("warm-1"))
          yield* TestClock.adjust("30 seconds")
          assert.isUndefined(world.pod("warm-1"))
        })
      )
    })
  )

  it.effect("is not made where ENABLE_FUNCTION_SERVICES is unset, nor in a service mesh (section 11)", () =>
    Effect.gen(function* () {
      for (const variables of [{ ENABLE_FUNCTION_SERVICES: "" }, { ENABLE_ISTIO: "true" }]) {
        const world = yield* served(variables)
        yield* running(world, Effect.andThen(request(world.function), TestClock.adjust("10 seconds")))
        // In a mesh the Service is that of the mesh alone.
        assert.deepStrictEqual(
          calls(world).filter((call) => !call.endsWith("/istio-hello-default")),
          []
        )
      }
    })
  )

  it.effect("is not made for a onceOnly function, nor for one that shares its pod (section 19)", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make(on)
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const spec = { version: 2, poolsize: 1, allowedFunctionsPerContainer: "infinite" }
      world.warmPod(world.environment({ name: "shared", spec }), "shared-1", "10.0.0.2")
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.fn({ spec: { onceOnly: true } }))
          yield* ask(world.fn({ name: "sharing", environment: "shared" }))
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(world.pod("shared-1")?.metadata.labels?.[labels.served], "true")
          assert.deepStrictEqual(calls(world), [])
        })
      )
    })
  )

  it.effect("lives where the pods are, without an owner in another namespace (R14)", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ ...on, FISSION_FUNCTION_NAMESPACE: "functions" })
      const environment = world.environment()
      world.warmPod(
        { ...environment, metadata: { ...environment.metadata, namespace: "functions" } },
        "warm-1",
        "10.0.0.1"
      )
      world.api.merge(
        Pods,
        { namespace: "functions", name: "warm-1" },
        {
          metadata: { labels: { [labels.environmentNamespace]: "default" } }
        }
      )
      const fn = world.fn()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(fn)
          yield* shown
          const [service] = services(world, "functions")
          assert.strictEqual(service?.metadata.labels?.[labels.functionNamespace], "default")
          assert.isUndefined(service?.metadata.ownerReferences)
          world.api.remove(Functions, reference("hello"))
          yield* shown
          assert.deepStrictEqual(services(world, "functions"), [])
        })
      )
    })
  )
})

describe("the generation of a Service", () => {
  it.effect("follows the Function at once: the next request is for the new code, in pods and in slices", () =>
    Effect.gen(function* () {
      const world = yield* served()
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(world.function)
          yield* shown
          assert.strictEqual(generationOf(world), "1")
          const changed = world.fn({ spec: { concurrency: 9 } })
          yield* shown
          assert.strictEqual(generationOf(world), "2")
          yield* request(changed)
          yield* shown
          assert.deepStrictEqual(led(world, only(world)), ["warm-2"])
        })
      )
    })
  )

  it.effect("W24: follows a router that knows more than the view, and never one that lags behind", () =>
    Effect.gen(function* () {
      const world = yield* served()
      const { metadata } = world.function
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request({ ...world.function, metadata: { ...metadata, generation: 7 } })
          yield* shown
          assert.strictEqual(generationOf(world), "7")
          yield* request(world.function)
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(generationOf(world), "7")
        })
      )
    })
  )
})
