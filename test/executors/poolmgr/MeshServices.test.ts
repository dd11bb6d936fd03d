import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Functions, Services } from "../../../src/fission/ResourceKind.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as DeploymentWorld from "../deployments/DeploymentWorld.ts"
import { reference, selectorOf, shown } from "./ServedWorld.ts"

/** One function and two warm pods for it in a mesh. */
const meshed = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make({ ENABLE_ISTIO: "true", EXECUTOR_WARM_RESERVE: "1" })
  const environment = world.environment()
  for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
  return { ...world, function: world.fn({ spec: { concurrency: 5 } }) }
})

const host = "istio-hello-default.default"

describe("with ENABLE_ISTIO (poolmgr.md section 11)", () => {
  it.effect("a function has a Service from its creation on, and its pod is loaded and reached by that name", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      yield* running(
        world,
        Effect.gen(function* () {
          yield* settle
          const [service, ...others] = world.api.list(Services, "default")
          assert.deepStrictEqual(others, [])
          assert.strictEqual(service?.metadata.name, "istio-hello-default")
          const uid = world.function.metadata.uid
          assert.deepStrictEqual(service === undefined ? {} : selectorOf(service), {
            functionName: "hello",
            functionUid: uid
          })
          assert.strictEqual((yield* ask(world.function)).address, `${host}:8888`)
          assert.deepStrictEqual(world.specialized, [host])
          yield* shown
          assert.strictEqual(world.pod("warm-1")?.metadata.annotations?.["svcHost"], `${host}:8888`)
        })
      )
    })
  )

  it.effect("a cold start deletes the function's older pod first", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.function)
          yield* shown
          yield* ask(world.function)
          yield* shown
          assert.isUndefined(world.pod("warm-1"))
          assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
          assert.strictEqual(world.pod("warm-2")?.metadata.labels?.["fission.io/served"], "true")
        })
      )
    })
  )

  it.effect("the next request that has room finds the pod by its name, and so does the next executor", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      const again = Effect.flatMap(ask(world.function), ({ address, release }) => Effect.as(release, address))
      yield* running(world, Effect.andThen(Effect.andThen(again, again), shown))
      assert.strictEqual(yield* running(world, again), `${host}:8888`)
      assert.deepStrictEqual(world.specialized, [host])
    })
  )

  it.effect("what a mesh answers before it knows the pod is asked again, and the pod's own answer is not", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      const unknown = new SpecializeError({ reason: "Answered", status: 503, text: "no healthy upstream" })
      const refused = new SpecializeError({
        reason: "Answered",
        status: 503,
        text: "error specializing function pod: busy"
      })
      world.answer(() => (world.specialized.length <= 2 ? Effect.fail(unknown) : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(world.function))
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(asked)
          assert.strictEqual(world.specialized.length, 3)
          world.answer(() => Effect.fail(refused))
          yield* Effect.flip(ask(world.fn({ name: "other" })))
          assert.strictEqual(world.specialized.length, 4)
        })
      )
    })
  )

  it.effect("its Service comes back, and goes with the function", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      const there = () => world.api.find(Services, reference("istio-hello-default")) !== undefined
      yield* running(
        world,
        Effect.gen(function* () {
          yield* settle
          world.api.remove(Services, reference("istio-hello-default"))
          yield* shown
          assert.isTrue(there())
          world.api.remove(Functions, reference("hello"))
          yield* TestClock.adjust("5 minutes")
          assert.isFalse(there())
        })
      )
    })
  )

  it.effect("it goes when another executor type has taken the function over", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make({ ENABLE_ISTIO: "true" })
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.function("poolmgr")
      yield* running(
        world,
        Effect.gen(function* () {
          yield* Effect.flatMap(ask(fn), ({ release }) => release)
          yield* shown
          const asked = yield* Effect.forkChild(
            ask(world.change({ InvokeStrategy: { ExecutionStrategy: { ExecutorType: "container" } } }))
          )
          yield* shown
          assert.isDefined(world.api.find(Services, reference("istio-hello-default")))
          yield* world.bringUp
          yield* Fiber.join(asked)
          yield* TestClock.adjust("10 minutes")
          assert.isUndefined(world.api.find(Services, reference("istio-hello-default")))
        })
      )
    })
  )

  it.effect("a Service of the stock executor is taken over, one of somebody else's is left alone", () =>
    Effect.gen(function* () {
      const world = yield* meshed
      const selector = { functionName: "hello", functionUid: world.function.metadata.uid }
      const ports = [{ name: "http-env", port: 8888, targetPort: 8888 }]
      world.api.put(Services, { metadata: reference("istio-hello-default"), spec: { ports, selector } })
      world.fn({ name: "other" })
      world.api.put(Services, { metadata: reference("istio-other-default"), spec: { ports, selector: { app: "x" } } })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* shown
          const labelsOf = (name: string) => world.api.find(Services, reference(name))?.metadata.labels
          assert.strictEqual(labelsOf("istio-hello-default")?.["functionUid"], world.function.metadata.uid)
          assert.isUndefined(labelsOf("istio-other-default"))
        })
      )
    })
  )
})

it.effect("without a mesh there is no such Service", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        yield* shown
        assert.deepStrictEqual(world.api.list(Services, "default"), [])
      })
    )
  })
)
