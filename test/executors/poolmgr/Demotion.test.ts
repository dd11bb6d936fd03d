import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FissionError } from "../../../src/Errors.ts"
import type * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { connectionReset, etcdTimeout } from "../../fakes/Failures.ts"
import * as ReplicaRole from "../../fakes/ReplicaRole.ts"
import * as ReserveWorld from "./ReserveWorld.ts"

/** A leader with a reserve of one pod and as many other warm pods, and the end of its lead. */
const demoted = <A, E>(
  test: (
    world: ReserveWorld.ReserveWorld & { readonly become: ReplicaRole.ReplicaRole["become"] }
  ) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) =>
  Effect.gen(function* () {
    const world = yield* ReserveWorld.make({ reserve: 1 })
    const { become, layer } = yield* ReplicaRole.make
    const demotion = Effect.sync(() => become("Demoted"))
    yield* running(world, Effect.andThen(demotion, test({ ...world, become })), layer)
  })

const answerOf = ({ retryAfterSeconds, status, text }: FissionError) => ({ status, text, retryAfterSeconds })
const notTheLeader = { status: 503, text: "not the leader; retry against the executor service", retryAfterSeconds: 1 }

describe("a demoted replica", () => {
  it.effect("hands out its reserve and writes the final patch of that pod, and nothing else", () =>
    demoted((world) =>
      Effect.gen(function* () {
        const before = writes(world).length
        assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.1:8888")
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(writes(world).slice(before), ["patch pods default/warm-1"])
        const { annotations, labels } = world.pod("warm-1")?.metadata ?? {}
        assert.strictEqual(annotations?.["svcHost"], "10.0.0.1:8888")
        assert.include(labels, { functionName: "hello", "fission.io/served": "true" })
        assert.notProperty(labels, "fission.io/claimed")
      })
    )
  )

  it.effect("asks with that patch about once a second until it is accepted, and then no more", () =>
    demoted((world) =>
      Effect.gen(function* () {
        world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(etcdTimeout(call)) : undefined))
        yield* ask(world.fn())
        const before = world.api.lines("patch").length
        yield* TestClock.adjust("20 minutes")
        const attempts = world.api.lines("patch").length - before
        assert.isAtLeast(attempts, 10)
        // An open circuit lets one call a second through, a fifth sooner at the earliest.
        assert.isAtMost(attempts, (20 * 60) / 0.8)
        world.api.intercept()
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(world.marked(), [])
        const accepted = world.api.lines("patch").length
        yield* TestClock.adjust("20 minutes")
        assert.strictEqual(world.api.lines("patch").length, accepted)
      })
    )
  )

  it.effect("writes nothing again where the answer was lost and the view shows the patch", () =>
    demoted((world) =>
      Effect.gen(function* () {
        const before = writes(world).length
        world.api.interceptAnswers((call) => (call.verb === "patch" ? Effect.fail(connectionReset(call)) : undefined))
        yield* ask(world.fn())
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(writes(world).slice(before), ["patch pods default/warm-1"])
      })
    )
  )

  it.effect("sends a cold start away at once when its reserve is spent, although warm pods are there", () =>
    demoted((world) =>
      Effect.gen(function* () {
        yield* ask(world.fn())
        const before = world.api.calls.length
        const refused = yield* Effect.flip(ask(world.fn({ name: "second" })))
        assert.deepStrictEqual(answerOf(refused), notTheLeader)
        yield* settle
        assert.deepStrictEqual(
          world.api
            .lines()
            .slice(before)
            .filter((line) => line.includes("warm-2")),
          []
        )
      })
    )
  )

  it.effect("sends away the cold start that waited for a pod when the lease was lost", () =>
    demoted((world) =>
      Effect.gen(function* () {
        world.become("Leader")
        const waiting = yield* Effect.forEach([1, 2, 3], (index) =>
          Effect.forkChild(Effect.flip(ask(world.fn({ name: `fn-${index}` }))))
        )
        yield* settle
        world.become("Demoted")
        yield* settle
        const last = waiting[2]
        if (last === undefined) return assert.fail("three were asked")
        assert.deepStrictEqual(answerOf(yield* Fiber.join(last)), notTheLeader)
      })
    )
  )

  it.effect("goes on with what it put off when it leads again", () =>
    demoted((world) =>
      Effect.gen(function* () {
        yield* ask(world.fn())
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.marked(), [])
        world.become("Leader")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.marked(), ["warm-2"])
      })
    )
  )
})

describe("a replica that leads again", () => {
  it.effect("counts idle times from then on, for meanwhile the accesses went to another one", () =>
    demoted((world) =>
      Effect.gen(function* () {
        world.become("Leader")
        yield* Effect.flatMap(ask(world.fn()), ({ release }) => release)
        yield* TestClock.adjust("10 seconds")
        world.become("Standby")
        yield* TestClock.adjust("1 hour")
        world.become("Leader")
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* groundsOf("warm-1"), [])
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Idle"])
      })
    )
  )
})

describe("a demoted replica asked for a function with a Deployment", () => {
  it.effect.each(["newdeploy", "container"])("that is not there sends the caller of type %s away at once", (type) =>
    demoted((world) =>
      Effect.gen(function* () {
        const fn = world.fn({ spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: type } } } })
        yield* settle
        assert.deepStrictEqual(answerOf(yield* Effect.flip(ask(fn))), notTheLeader)
      })
    )
  )
})
