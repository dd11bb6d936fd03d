import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../../src/Errors.ts"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, warmWorld } from "../../fakes/ExecutorInMemory.ts"

const unknownOutcome = (call: ConstructorParameters<typeof TimeoutError>[0] | object) =>
  new TimeoutError({
    verb: "patch",
    resource: "pods",
    detail: "etcdserver: request timed out",
    kind: "Etcd",
    outcomeUnknown: true,
    ...call
  })

it.effect("W03: tries the same pod once more when only its status was written in between", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        let first = true
        world.api.intercept((call) => {
          if (call.verb !== "patch" || !first) return undefined
          first = false
          return Effect.sync(() =>
            world.api.merge(Pods, { namespace: "default", name: "warm-1" }, { status: { message: "probed" } })
          )
        })
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
        assert.deepStrictEqual(
          world.api
            .lines()
            .filter((line) => line.endsWith("pods default/warm-1"))
            .slice(0, 3),
          ["patch pods default/warm-1", "get pods default/warm-1", "patch pods default/warm-1"]
        )
      })
    )
  })
)

it.effect("W03: takes the next pod when another executor claimed the first", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        let first = true
        world.api.intercept((call) => {
          if (call.verb !== "patch" || !first) return undefined
          first = false
          return Effect.sync(() =>
            world.api.merge(
              Pods,
              { namespace: "default", name: "warm-1" },
              { metadata: { labels: { managed: "false" } } }
            )
          )
        })
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
        assert.deepStrictEqual(world.specialized, ["10.0.0.2"])
      })
    )
  })
)

it.effect("finds out that its claim was applied although the answer was lost", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        let first = true
        world.api.interceptAnswers((call) => {
          if (call.verb !== "patch" || !first) return undefined
          first = false
          return Effect.fail(unknownOutcome(call))
        })
        const asked = yield* Effect.forkChild(ask(world.function))
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect(
  "gives up ten seconds after the API fell silent, with 503; a pod that nothing was written to stays warm",
  () =>
    Effect.gen(function* () {
      const world = yield* warmWorld
      yield* running(
        world,
        Effect.gen(function* () {
          world.api.intercept(({ resource, verb }) =>
            resource === "pods" && ["get", "patch"].includes(verb) ? Effect.never : undefined
          )
          const asked = yield* Effect.forkChild(Effect.flip(ask(world.function)))
          yield* TestClock.adjust("9 seconds")
          assert.isUndefined(asked.pollUnsafe())
          yield* TestClock.adjust("1 second")
          const error = yield* Fiber.join(asked)
          assert.deepStrictEqual([error.status, error.retryAfterSeconds], [503, 1])
          world.api.intercept()
          yield* TestClock.adjust("2 minutes")
          assert.strictEqual(
            world.api.find(Pods, { namespace: "default", name: "warm-1" })?.metadata.labels?.["managed"],
            "true"
          )
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
      )
    })
)

it.effect("W04: deletes the pod when nobody can say whether its claim was applied, and answers 503", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        let broken = true
        const fault = (call: { readonly verb: string; readonly resource: string }) =>
          broken && call.resource === "pods" && call.verb !== "watch" && call.verb !== "list" && call.verb !== "delete"
            ? Effect.fail(unknownOutcome(call))
            : undefined
        world.api.interceptAnswers(fault)
        const asked = yield* Effect.forkChild(Effect.flip(ask(world.function)))
        yield* TestClock.adjust("30 seconds")
        const error = yield* Fiber.join(asked)
        assert.strictEqual(error.status, 503)
        assert.strictEqual(error.retryAfterSeconds, 1)
        assert.deepStrictEqual(world.specialized, [])
        broken = false
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)

it.effect("gives a pod back unharmed when the API refused the claim before doing anything", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.intercept((call) =>
          call.verb === "patch"
            ? Effect.fail(new TimeoutError({ ...call, detail: "refused", kind: "Connection", outcomeUnknown: false }))
            : undefined
        )
        const asked = yield* Effect.forkChild(Effect.flip(ask(world.function)))
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Fiber.join(asked)).status, 503)
        world.api.intercept()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
    )
  })
)

it.effect("gives a pod back whose patches came to nothing one after the other, for others to claim", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.intercept((call) =>
          call.verb === "patch" && call.resource === "pods" ? Effect.fail(unknownOutcome(call)) : undefined
        )
        const asked = yield* Effect.forkChild(Effect.flip(ask(world.function)))
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Fiber.join(asked)).status, 503)
        world.api.intercept()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect("waits for a pod to become Ready and takes it at once", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const fn = world.fn()
    yield* running(
      world,
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(ask(fn))
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(world.specialized, [])
        world.warmPod(environment, "warm-1", "10.0.0.1")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect("W02: a request that left takes no pod; the next in line gets it", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const [gone, waiting] = [world.fn({ name: "gone" }), world.fn({ name: "waiting" })]
    yield* running(
      world,
      Effect.gen(function* () {
        const first = yield* Effect.forkChild(ask(gone))
        const second = yield* Effect.forkChild(ask(waiting))
        yield* settle
        yield* Fiber.interrupt(first)
        world.warmPod(environment, "warm-1", "10.0.0.1")
        yield* settle
        assert.strictEqual((yield* Fiber.join(second)).address, "10.0.0.1:8888")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["functionName"], "waiting")
      })
    )
  })
)

it.effect("says why no pod became Ready when the wait is over", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const fn = world.fn()
    world.warmPod(environment, "warm-1", "10.0.0.1")
    world.api.merge(
      Pods,
      { namespace: "default", name: "warm-1" },
      {
        status: {
          containerStatuses: [
            { name: "runtime", ready: false, state: { waiting: { reason: "ErrImagePull", message: "no such image" } } }
          ]
        }
      }
    )
    yield* running(
      world,
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(Effect.flip(ask(fn)))
        yield* TestClock.adjust("129 seconds")
        const error = yield* Fiber.join(asked)
        assert.strictEqual(error.status, 500)
        assert.include(error.text, "timeout: waited too long to get a ready pod")
        assert.include(error.text, "ErrImagePull no such image")
      })
    )
  })
)

it.effect("W06: while a pool rolls, its new pods are taken first, and an old one rather than none", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "a-old", "10.0.0.1")
    const environment = world.environment({ spec: { runtime: { image: "node-env:2" } } })
    world.warmPod(environment, "b-new", "10.0.0.2")
    const fn = world.fn()
    yield* running(
      world,
      Effect.gen(function* () {
        const addresses = [(yield* ask(fn)).address, (yield* ask(fn)).address]
        assert.deepStrictEqual(addresses, ["10.0.0.2:8888", "10.0.0.1:8888"])
      })
    )
  })
)

it.effect("a pod that was lost to a claim that then came to nothing is warm for the next request", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    yield* running(
      world,
      Effect.gen(function* () {
        const touch = Effect.sync(() =>
          world.api.merge(Pods, { namespace: "default", name: "warm-1" }, { status: { message: "probed" } })
        )
        let conflicts = 2
        world.api.intercept((call) => {
          if (call.verb !== "patch" || conflicts === 0) return undefined
          conflicts--
          return Effect.andThen(touch, Effect.sleep("1 second"))
        })
        const asked = yield* Effect.forkChild(ask(world.fn()))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
      })
    )
  })
)
