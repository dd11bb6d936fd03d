import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { FissionError } from "../../../src/Errors.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, warmWorld } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout } from "../../fakes/Failures.ts"

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
        world.api.intercept((call) => Effect.fail(etcdTimeout(call)))
        assert.strictEqual((yield* ask(world.function)).address, first.address)
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

it.effect("W16: answers with the pod's own status and text, at once, and deletes the pod", () =>
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
