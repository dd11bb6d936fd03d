import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { Functions, Pods } from "../../../src/fission/ResourceKind.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import type * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, warmWorld } from "../../fakes/ExecutorInMemory.ts"
import { connectionRefused, etcdTimeout, forbidden, tooManyRequests } from "../../fakes/Failures.ts"
import type { Interceptor } from "../../fakes/KubernetesApiInMemory.ts"
import * as ReserveWorld from "./ReserveWorld.ts"

const withReserve = <A, E>(
  options: Parameters<typeof ReserveWorld.make>[0],
  test: (world: ReserveWorld.ReserveWorld) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) => Effect.flatMap(ReserveWorld.make(options), (world) => running(world, test(world)))

/** What of a pod's metadata tells what it is. */
const marksOf = (world: ExecutorInMemory.ExecutorInMemory, name: string) => {
  const { annotations, labels } = world.pod(name)?.metadata ?? {}
  const { executorInstanceId, functionResourceVersion, ...others } = annotations ?? {}
  const { environmentUid, functionUid, ...names } = labels ?? {}
  const ofThisRun = [executorInstanceId, functionResourceVersion, environmentUid, functionUid]
  return {
    annotations: others,
    labels: names,
    isComplete: ofThisRun.every(Boolean)
  }
}

/** Time until so many pods are in the reserve: two minutes at most. */
const filled = (world: ReserveWorld.ReserveWorld, pods: number) =>
  Effect.repeat(TestClock.adjust("1 second"), { until: () => world.marked().length === pods, times: 120 })

describe("a cold start from the reserve", () => {
  it.effect("22.2: makes no call to the API before its pod is asked, and waits for none afterwards", () =>
    withReserve({ reserve: 1 }, (world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        yield* settle
        const calls = world.api.calls.length
        let callsBeforeLoad: number | undefined
        world.answer(() => {
          callsBeforeLoad = world.api.calls.length - calls
          return undefined
        })
        world.api.intercept(() => Effect.never)
        assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
        assert.strictEqual(callsBeforeLoad, 0)
        world.api.intercept()
      })
    )
  )

  it.effect("22.2: leaves a pod like that of any other cold start, free of the marks of the reserve", () =>
    Effect.gen(function* () {
      const ordinary = yield* warmWorld
      yield* running(ordinary, Effect.andThen(ask(ordinary.function), settle))
      yield* withReserve({ reserve: 1 }, (world) =>
        Effect.gen(function* () {
          yield* ask(world.fn())
          yield* settle
          assert.deepStrictEqual(marksOf(world, "warm-1"), marksOf(ordinary, "warm-1"))
          assert.isTrue(marksOf(world, "warm-1").isComplete)
        })
      )
    })
  )

  it.effect("takes five requests at most, the writes of its refill and of the Function's condition among them", () =>
    withReserve({ reserve: 1, warm: 3 }, (world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        yield* settle
        const calls = world.api.calls.length
        yield* ask(fn)
        yield* TestClock.adjust("10 seconds")
        // The first function pod of a namespace also begins its two watches of web sockets.
        const lines = world.api.lines().slice(calls)
        assert.sameMembers(
          lines.filter((line) => !/^(list|watch) events /u.test(line)),
          ["patch pods default/warm-1", "patch functions/status default/hello", "patch pods default/warm-2"]
        )
        assert.isAtMost(lines.filter((line) => !line.startsWith("watch ")).length, 5)
      })
    )
  )

  it.effect("takes a pod of the reserve before a warm one, and a warm one when the reserve is empty", () =>
    withReserve({ reserve: 1, warm: 3 }, (world) =>
      Effect.gen(function* () {
        world.api.intercept((call) => (call.verb === "patch" && call.name === "warm-2" ? Effect.never : undefined))
        const [one, two] = [world.fn({ name: "one" }), world.fn({ name: "two" })]
        assert.strictEqual((yield* ask(one)).address, "10.0.0.1:8888")
        yield* settle
        assert.strictEqual((yield* ask(two)).address, "10.0.0.3:8888")
        world.api.intercept()
      })
    )
  )

  it.effect(
    "W35: goes on with another pod when the first does not answer, and the first is never handed out again",
    () =>
      withReserve({ reserve: 2 }, (world) =>
        Effect.gen(function* () {
          const lost = new SpecializeError({ reason: "AnswerLost", status: 0, text: "ECONNRESET" })
          world.answer((call) => (call.podAddress === "10.0.0.1" ? Effect.fail(lost) : undefined))
          assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.2:8888")
          yield* settle
          assert.isUndefined(world.pod("warm-1"))
          assert.deepStrictEqual(yield* groundsOf("warm-1"), ["FailedClaim"])
        })
      )
  )

  it.effect("22.2: a pod that may have received code is never returned to the reserve", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        world.api.intercept((call) => Effect.fail(etcdTimeout(call)))
        world.answer(() => Effect.never)
        const asked = yield* Effect.forkChild(ask(world.fn({ name: "gone" })))
        yield* settle
        yield* Fiber.interrupt(asked)
        world.answer(() => undefined)
        const other = yield* Effect.forkChild(ask(world.fn({ name: "other" })))
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
        yield* Fiber.interrupt(other)
        world.api.intercept()
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["FailedClaim"])
      })
    )
  )

  it.effect("22.2: a pod that is labelled is not handed out again while the view has yet to show that", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        const [one, other] = [world.fn({ name: "one" }), world.fn({ name: "other" })]
        yield* settle
        world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(etcdTimeout(call)) : undefined))
        yield* ask(one)
        world.api.merge(Pods, { namespace: "default", name: "warm-1" }, { status: { message: "probed" } })
        yield* settle
        for (const watch of world.api.watches("pods")) watch.mute()
        world.api.intercept()
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["functionName"], "one")
        const asked = yield* Effect.forkChild(ask(other))
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined(asked.pollUnsafe())
        assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
      })
    )
  )

  it.effect("of a function that is deleted before its labels were written leaves nothing behind", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        yield* settle
        world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(etcdTimeout(call)) : undefined))
        yield* (yield* ask(fn)).release
        yield* settle
        world.api.intercept()
        world.api.remove(Functions, { namespace: "default", name: "hello" })
        yield* TestClock.adjust("5 minutes")
        assert.isUndefined(world.pod("warm-1"))
      })
    )
  )
})

const away: ReadonlyArray<readonly [name: string, fault: Interceptor]> = [
  ["nobody listens", (call) => Effect.fail(connectionRefused(call))],
  ["etcd does not answer", (call) => Effect.fail(etcdTimeout(call))],
  ["it refuses everything", (call) => Effect.fail(forbidden(call))],
  ["it is overloaded", (call) => Effect.fail(tooManyRequests(20)(call))],
  ["it never answers", () => Effect.never]
]

describe("while the API is away", () => {
  it.effect.each(away)(
    "cold starts go on from the reserve, each with a pod of its own, and the labels follow when it is back: %s",
    ([, fault]) =>
      withReserve({ reserve: 5 }, (world) =>
        Effect.gen(function* () {
          const fns = Array.from({ length: 5 }, (_, index) => world.fn({ name: `fn-${index}` }))
          yield* settle
          world.api.intercept(fault)
          for (const watch of world.api.watches()) watch.fail(connectionRefused)
          yield* TestClock.adjust("1 minute")
          const services = yield* Effect.forEach(fns, ask)
          assert.strictEqual(new Set(services.map(({ address }) => address)).size, 5)
          assert.strictEqual(world.marked().length, 5)
          yield* TestClock.adjust("5 minutes")

          world.api.intercept()
          yield* TestClock.adjust("7 minutes")
          const names = world.api
            .list(Pods)
            .flatMap(({ metadata }) => (metadata.labels?.["fission.io/served"] === "true" ? [metadata] : []))
            .map(({ annotations, labels }) => `${labels?.["functionName"]} ${annotations?.["svcHost"]}`)
          assert.sameMembers(
            names,
            services.map(({ address }, index) => `fn-${index} ${address}`)
          )
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
      )
  )

  it.effect("a cold start that finds the reserve empty is a 503 with Retry-After", () =>
    withReserve({ reserve: 1, warm: 3 }, (world) =>
      Effect.gen(function* () {
        const [one, two] = [world.fn({ name: "one" }), world.fn({ name: "two" })]
        yield* settle
        world.api.intercept((call) => Effect.fail(connectionRefused(call)))
        yield* ask(one)
        const asked = yield* Effect.forkChild(Effect.flip(ask(two)))
        yield* TestClock.adjust("10 seconds")
        const { retryAfterSeconds, status } = yield* Fiber.join(asked)
        assert.deepStrictEqual([status, retryAfterSeconds], [503, 1])
        world.api.intercept()
      })
    )
  )

  it.effect(
    "22.2: with 500 pods that nobody has recorded, the next cold start waits, and is a 503 after ten seconds",
    () =>
      withReserve({ reserve: 501 }, (world) =>
        Effect.gen(function* () {
          const fns = Array.from({ length: 501 }, (_, index) => world.fn({ name: `fn-${index}` }))
          yield* filled(world, 501)
          assert.strictEqual(world.marked().length, 501)
          world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(etcdTimeout(call)) : undefined))
          const asked = yield* Effect.forEach(fns, (fn) => Effect.forkChild(Effect.result(ask(fn))))
          yield* TestClock.adjust("11 seconds")
          const answers = yield* Effect.forEach(asked, Fiber.join)
          const failures = answers.flatMap((answer) => (Result.isFailure(answer) ? [answer.failure] : []))
          assert.deepStrictEqual(
            failures.map(({ retryAfterSeconds, status }) => [status, retryAfterSeconds]),
            [[503, 1]]
          )
          assert.include(failures[0]?.text, "too many pods wait for their labels to be written")
          world.api.intercept()
        })
      )
  )

  it.effect("500 pods whose only request ended before anybody recorded them hold nobody up once they are gone", () =>
    withReserve({ reserve: 501 }, (world) =>
      Effect.gen(function* () {
        const once = world.fn({ name: "once", spec: { onceOnly: true } })
        const last = world.fn({ name: "last" })
        yield* filled(world, 501)
        world.api.intercept((call) => (call.verb === "patch" ? Effect.fail(etcdTimeout(call)) : undefined))
        yield* Effect.repeat(
          Effect.flatMap(ask(once), ({ release }) => release),
          { times: 499 }
        )
        world.api.intercept()
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(world.api.list(Pods).length, 2 * 501 - 500)
        const asked = yield* Effect.forkChild(ask(last))
        yield* TestClock.adjust("1 second")
        assert.notStrictEqual(asked.pollUnsafe(), undefined)
      })
    )
  )
})
