import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { FissionError, TimeoutError } from "../../../src/Errors.ts"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import { SpecializeError } from "../../../src/specialization/FetcherClient.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"

/** Asks for an address as the router does. */
const ask = (fn: Parameters<Dispatcher["Service"]["getService"]>[0]) =>
  Effect.flatMap(Dispatcher, (dispatcher) => dispatcher.getService(fn, "request-1"))

/** Lets everything that is due happen. */
const settle = TestClock.adjust("10 millis")

const warmWorld = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make()
  const environment = world.environment()
  const fn = world.fn()
  world.warmPod(environment, "warm-1", "10.0.0.1")
  world.warmPod(environment, "warm-2", "10.0.0.2")
  return { ...world, function: fn }
})

const running = <A, E>(
  world: ExecutorInMemory.ExecutorInMemory,
  test: Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) => Effect.andThen(TestClock.adjust("1 second"), test).pipe(Effect.provide(world.executor()))

const lost = (text: string) => new SpecializeError({ reason: "AnswerLost", status: 0, text })

it.effect("claims a warm pod with one guarded patch, loads the function and answers the pod's address", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    const before = world.pod("warm-1")
    const patches: Array<string> = []
    world.api.intercept((call) => {
      if (call.verb === "patch") patches.push(`${call.resource} ${call.name}`)
      return undefined
    })
    const service = yield* running(world, ask(world.function))
    assert.strictEqual(service.address, "10.0.0.1:8888")
    assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
    assert.deepStrictEqual(patches.slice(0, 1), ["pods warm-1"])
    const labels = world.pod("warm-1")?.metadata.labels ?? {}
    assert.strictEqual(labels["managed"], "false")
    assert.strictEqual(labels["functionUid"], world.function.metadata.uid)
    assert.strictEqual(labels["fission.io/function-generation"], "1")
    assert.strictEqual(world.pod("warm-1")?.metadata.uid, before?.metadata.uid)
  })
)

it.effect("records address and readiness on the pod after the answer, off the request's path", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        yield* settle
        const { annotations, labels } = world.pod("warm-1")?.metadata ?? {}
        assert.strictEqual(annotations?.["svcHost"], "10.0.0.1:8888")
        assert.strictEqual(annotations?.["functionResourceVersion"], world.function.metadata.resourceVersion)
        assert.strictEqual(labels?.["fission.io/served"], "true")
      })
    )
  })
)

it.effect("answers a warm request from memory, without a call to the API", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        const first = yield* ask(world.function)
        yield* first.release
        yield* settle
        const calls = world.api.calls.length
        const second = yield* ask(world.function)
        assert.strictEqual(second.address, first.address)
        assert.strictEqual(world.api.calls.length, calls)
        assert.strictEqual(world.specialized.length, 1)
      })
    )
  })
)

it.effect("answers a warm request while every call to the API fails", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        const first = yield* ask(world.function)
        yield* first.release
        yield* settle
        world.api.intercept((call) => Effect.fail(unknownOutcome(call)))
        assert.strictEqual((yield* ask(world.function)).address, first.address)
      })
    )
  })
)

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

it.effect("W35: loads another pod when the first does not answer, and deletes the first", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.answer((call) => (call.podAddress === "10.0.0.1" ? Effect.fail(lost("ECONNRESET")) : undefined))
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)

it.effect("answers with the pod's own status and text, at once, and deletes the pod", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        const text = "error specializing function pod: failed - {}"
        world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text })))
        const error = yield* Effect.flip(ask(world.function))
        assert.deepStrictEqual([error.status, error.text], [500, text])
        assert.strictEqual(world.specialized.length, 1)
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.notStrictEqual(world.pod("warm-2"), undefined)
      })
    )
  })
)

it.effect("spends no further pod on a function that does not load, until something changes", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text: "no" })))
        yield* Effect.flip(ask(world.function))
        const error = yield* Effect.flip(ask(world.function))
        assert.deepStrictEqual([error.status, error.text], [500, "no"])
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])

        world.answer(() => undefined)
        const changed = world.fn({ spec: { functionTimeout: 30 } })
        yield* settle
        assert.strictEqual((yield* ask(changed)).address, "10.0.0.2:8888")
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

it.effect("a caller that leaves during specialization leaves no pod and no slot behind", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.answer((call) => (call.podAddress === "10.0.0.1" ? Effect.never : undefined))
        const fn = world.fn({ spec: { concurrency: 1 } })
        const asked = yield* Effect.forkChild(ask(fn))
        yield* settle
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
        yield* Fiber.interrupt(asked)
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.strictEqual((yield* ask(fn)).address, "10.0.0.2:8888")
      })
    )
  })
)

it.effect("a missing Environment is a 500 that names it", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const fn = world.fn({ environment: "absent" })
    const error = yield* running(world, Effect.flip(ask(fn)))
    assert.strictEqual(error.status, 500)
    assert.strictEqual(
      error.text,
      `[hello] error creating service for function: Environment.fission.io "absent" not found`
    )
  })
)

it.effect("an Environment without an image is a 500 that says so, and makes no Deployment", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment({ spec: { runtime: {} } })
    const fn = world.fn()
    const error = yield* running(world, Effect.flip(ask(fn)))
    assert.strictEqual(error.status, 500)
    assert.include(error.text, "it has no runtime image (spec.runtime.image)")
    assert.deepStrictEqual(world.pools(), [])
  })
)

it.effect("an Environment of another namespace is refused", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const fn = world.fn({ spec: { environment: { name: "nodejs", namespace: "other" } } })
    const error = yield* running(world, Effect.flip(ask(fn)))
    assert.include(
      error.text,
      "cross-namespace environment reference is not allowed: fn.namespace=default env.namespace=other"
    )
  })
)

it.effect("W38: a Secret of another namespace is refused before a pod is taken", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    const fn = world.fn({ spec: { secrets: [{ namespace: "other", name: "db" }] } })
    const error = yield* running(world, Effect.flip(ask(fn)))
    assert.include(error.text, "secret db must be in same namespace as function namespace")
    assert.deepStrictEqual(world.specialized, [])
    assert.deepStrictEqual(world.api.lines("patch"), [])
  })
)

it.effect("a namespace that this executor does not serve is a clear error", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const fn = world.fn({ namespace: "elsewhere" })
    const error = yield* running(world, Effect.flip(ask(fn)))
    assert.strictEqual(error.status, 500)
    assert.include(error.text, `namespace "elsewhere" is not among the namespaces`)
  })
)

it.effect("a namespace whose first lists are not answered is a 503 with Retry-After", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    world.api.intercept((call) => (call.resource === "environments" ? Effect.never : undefined))
    const error = yield* running(world, Effect.flip(ask(world.function)))
    assert.instanceOf(error, FissionError)
    assert.strictEqual(error.status, 503)
    assert.strictEqual(error.retryAfterSeconds, 1)
  })
)
