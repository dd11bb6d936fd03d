import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Functions, Pods } from "../../../src/fission/ResourceKind.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"

const infinite = { version: 2, allowedFunctionsPerContainer: "infinite" }

/** An `infinite` Environment with its one pod, and two functions of it. */
const sharedWorld = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make()
  const environment = world.environment({ spec: infinite })
  world.warmPod(environment, "shared-1", "10.0.0.1")
  return { ...world, pooled: environment, hello: world.fn(), other: world.fn({ name: "other" }) }
})

const askAll = (...functions: ReadonlyArray<FissionFunction>) =>
  Effect.map(Effect.forEach(functions, ask), (services) => services.map(({ address }) => address))

const answered = (status: number, text: string) => new SpecializeError({ reason: "Answered", status, text })

/** The next generation of a function, with another Package. */
const withOtherCode = (world: ExecutorInMemory.ExecutorInMemory, name: string) =>
  world.fn({
    name,
    spec: { package: { packageref: { name: `${name}-pkg`, namespace: "default", resourceversion: "9" } } }
  })

const reference = (name: string) => ({ namespace: "default", name })

describe("W05: the pod of an infinite Environment", () => {
  it.effect("serves every function, stays in its pool and is loaded with each of them once", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          assert.deepStrictEqual(
            new Set(yield* askAll(world.hello, world.other, world.hello, world.other)),
            new Set(["10.0.0.1:8888"])
          )
          yield* settle
          assert.strictEqual(world.specialized.length, 2)
          const { annotations, labels } = world.pod("shared-1")?.metadata ?? {}
          assert.deepInclude(labels, { managed: "true", "fission.io/served": "true" })
          assert.strictEqual(labels?.["functionUid"], undefined)
          assert.strictEqual(annotations?.["svcHost"], "10.0.0.1:8888")
          const other = world.api.find(Functions, reference("other"))
          assert.include(JSON.stringify(other?.["status"]), "function is serving via specialized pod shared-1")
        })
      )
    })
  )

  it.effect("loads functions one after the other, and waits for no other function's load to serve a loaded one", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.hello)
          let finish = () => {}
          world.answer(() => Effect.callback<void>((resume) => void (finish = () => resume(Effect.void))))
          const first = yield* Effect.forkChild(ask(world.other))
          const second = yield* Effect.forkChild(ask(world.fn({ name: "third" })))
          yield* settle
          assert.strictEqual(world.specialized.length, 2)
          assert.strictEqual((yield* ask(world.hello)).address, "10.0.0.1:8888")
          finish()
          yield* settle
          assert.strictEqual((yield* Fiber.join(first)).address, "10.0.0.1:8888")
          assert.strictEqual(world.specialized.length, 3)
          finish()
          yield* settle
          assert.strictEqual((yield* Fiber.join(second)).address, "10.0.0.1:8888")
        })
      )
    })
  )

  it.effect("loads a function once although many ask for it first", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      world.answer(() => Effect.sleep("1 second"))
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.forkChild(ask(world.hello)))
          yield* TestClock.adjust("2 seconds")
          yield* Effect.forEach(asked, Fiber.join)
          assert.strictEqual(world.specialized.length, 1)
        })
      )
    })
  )

  it.effect("is never idle, and neither is the code in it", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          yield* (yield* ask(world.hello)).release
          yield* TestClock.adjust("1 hour")
          assert.strictEqual((yield* ask(world.hello)).address, "10.0.0.1:8888")
          assert.strictEqual(world.specialized.length, 1)
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
      )
    })
  )

  it.effect("is not touched by the deletion of a function in it", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          yield* askAll(world.hello, world.other)
          world.api.remove(Functions, reference("hello"))
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(yield* askAll(world.other), ["10.0.0.1:8888"])
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
      )
    })
  )

  it.effect("is forgotten for all its functions when another one takes its place", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          yield* askAll(world.hello, world.other)
          world.api.remove(Pods, reference("shared-1"))
          world.warmPod(world.pooled, "shared-2", "10.0.0.2")
          yield* settle
          assert.deepStrictEqual(yield* askAll(world.hello, world.other), ["10.0.0.2:8888", "10.0.0.2:8888"])
          assert.strictEqual(world.specialized.length, 4)
        })
      )
    })
  )

  it.effect("stays with the others when one function cannot be loaded", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(
        world,
        Effect.gen(function* () {
          yield* ask(world.hello)
          world.answer(() => Effect.fail(answered(500, "error specializing function pod: failed - {}")))
          assert.strictEqual((yield* Effect.flip(ask(world.other))).status, 500)
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual((yield* Effect.flip(ask(world.other))).status, 500)
          assert.deepStrictEqual(yield* askAll(world.hello), ["10.0.0.1:8888"])
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
      )
    })
  )

  it.effect("is used by the next function after a load whose caller left", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      world.answer(() => Effect.never)
      yield* running(
        world,
        Effect.gen(function* () {
          const left = yield* Effect.forkChild(ask(world.hello))
          yield* settle
          yield* Fiber.interrupt(left)
          world.answer(() => undefined)
          assert.deepStrictEqual(yield* askAll(world.other), ["10.0.0.1:8888"])
        })
      )
    })
  )
})

describe("a shared pod after a restart", () => {
  it.effect("holds what its annotations say: nothing is loaded again, and nothing is written", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      yield* running(world, Effect.andThen(askAll(world.hello, world.other), settle))
      const before = writes(world).length
      yield* running(
        world,
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* askAll(world.hello, world.other), ["10.0.0.1:8888", "10.0.0.1:8888"])
          yield* settle
          assert.strictEqual(world.specialized.length, 2)
          assert.strictEqual(writes(world).length, before)
        })
      )
    })
  )

  it.effect("gives way to a new one when its runtime refuses what it may hold already", () =>
    Effect.gen(function* () {
      const world = yield* sharedWorld
      world.api.merge(Pods, reference("shared-1"), { metadata: { labels: { "fission.io/served": "true" } } })
      world.answer(({ podAddress }) =>
        podAddress === "10.0.0.1"
          ? Effect.fail(answered(400, "error specializing function pod: Not a generic container"))
          : undefined
      )
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(world.hello))
          yield* settle
          assert.strictEqual(world.pod("shared-1"), undefined)
          assert.deepStrictEqual(yield* groundsOf("shared-1"), ["Superseded"])
          world.warmPod(world.pooled, "shared-2", "10.0.0.2")
          yield* settle
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.2:8888")
        })
      )
    })
  )
})

it.effect("a load whose answer was lost is tried again, and refused then it needs a new shared pod", () =>
  Effect.gen(function* () {
    const world = yield* sharedWorld
    yield* running(
      world,
      Effect.gen(function* () {
        world.answer(({ podAddress }) => {
          if (podAddress !== "10.0.0.1") return undefined
          const isFirst = world.specialized.length === 1
          return Effect.fail(
            isFirst
              ? new SpecializeError({ reason: "AnswerLost", status: 0, text: "ECONNRESET" })
              : answered(400, "error specializing function pod: Not a generic container")
          )
        })
        const asked = yield* Effect.forkChild(ask(world.hello))
        yield* settle
        assert.strictEqual(world.pod("shared-1"), undefined)
        world.warmPod(world.pooled, "shared-2", "10.0.0.2")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.2:8888")
      })
    )
  })
)

it.effect("new code of a function needs a new shared pod, for the old code lies under its path", () =>
  Effect.gen(function* () {
    const world = yield* sharedWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* askAll(world.hello, world.other)
        const changed = withOtherCode(world, "hello")
        const asked = yield* Effect.forkChild(ask(changed))
        yield* settle
        assert.strictEqual(world.pod("shared-1"), undefined)
        assert.strictEqual(world.specialized.length, 2)
        world.warmPod(world.pooled, "shared-2", "10.0.0.2")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.2:8888")
        assert.deepStrictEqual(yield* askAll(world.other), ["10.0.0.2:8888"])
      })
    )
  })
)

it.effect("a new generation of the same code is not loaded again", () =>
  Effect.gen(function* () {
    const world = yield* sharedWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.hello)
        assert.deepStrictEqual(yield* askAll(world.fn({ spec: { functionTimeout: 30 } })), ["10.0.0.1:8888"])
        assert.strictEqual(world.specialized.length, 1)
      })
    )
  })
)

it.effect("a pod that was shared is nobody's own when its Environment stops sharing: the pool replaces it", () =>
  Effect.gen(function* () {
    const world = yield* sharedWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.hello)
        yield* settle
        world.api.intercept((call) => (call.verb === "delete" ? Effect.sleep("1 second") : undefined))
        const single = world.environment({ spec: { version: 2 } })
        yield* settle
        const asked = yield* Effect.forkChild(ask(world.other))
        yield* settle
        assert.strictEqual(world.specialized.length, 1)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(world.pod("shared-1"), undefined)
        world.warmPod(single, "warm-1", "10.0.0.2")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.2:8888")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["managed"], "false")
      })
    )
  })
)

it.effect("an infinite Environment of version 1 gives each function its own pod, for all have one path", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment({ spec: { ...infinite, version: 1 } }), "warm-1", "10.0.0.1")
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.fn())
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["managed"], "false")
      })
    )
  })
)

it.effect("the shared pod outlives the request of a onceOnly function", () =>
  Effect.gen(function* () {
    const world = yield* sharedWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.hello)
        const once = world.fn({ name: "other", spec: { onceOnly: true } })
        for (const _ of [1, 2]) yield* (yield* ask(once)).release
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(yield* askAll(world.hello), ["10.0.0.1:8888"])
        assert.strictEqual(world.specialized.length, 2)
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
    )
  })
)
