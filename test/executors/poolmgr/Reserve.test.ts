import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../../src/Errors.ts"
import { Environments, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import * as ReserveWorld from "./ReserveWorld.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** A test in an executor with a reserve, which had time to fill it. */
const withReserve = <A, E>(
  options: Parameters<typeof ReserveWorld.make>[0],
  test: (world: ReserveWorld.ReserveWorld) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) => Effect.flatMap(ReserveWorld.make(options), (world) => running(world, test(world)))

describe("the size of the reserve", () => {
  it.effect("22.2: is that of the setting, and its pods carry the marks of a reserve and no function", () =>
    withReserve({ reserve: 2, poolSize: 6, warm: 6 }, (world) =>
      Effect.sync(() => {
        assert.deepStrictEqual(world.marked(), ["warm-1", "warm-2"])
        const { annotations = {}, labels = {} } = world.pod("warm-1")?.metadata ?? {}
        assert.strictEqual(labels?.["managed"], "false")
        assert.strictEqual(labels?.["environmentUid"], world.pooled.metadata.uid)
        assert.match(annotations?.["executorInstanceId"] ?? "", /^[\da-z]{8}$/u)
        assert.match(annotations?.["fission.io/runtime-fingerprint"] ?? "", /^[\da-f]{16}$/u)
        assert.strictEqual(annotations?.["cluster-autoscaler.kubernetes.io/safe-to-evict"], "true")
        for (const name of ["functionUid", "functionName", "fission.io/served"]) assert.notProperty(labels, name)
        assert.notProperty(annotations, "svcHost")
      })
    )
  )

  it.effect("is half the pool where the setting asks for more than the pool has", () =>
    withReserve({ reserve: 50, poolSize: 4, warm: 4 }, (world) =>
      Effect.sync(() => assert.strictEqual(world.marked().length, 2))
    )
  )

  it.effect("22.2: is nothing for a pod that functions share", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make({ EXECUTOR_WARM_RESERVE: "1" })
      const shared = { poolsize: 4, allowedFunctionsPerContainer: "infinite" }
      for (const index of [1, 2]) world.warmPod(world.environment({ spec: shared }), `warm-${index}`, `10.0.0.${index}`)
      yield* running(world, TestClock.adjust("1 minute"))
      assert.deepStrictEqual(world.api.lines("patch"), [])
    })
  )

  it.effect("is kept when pods become warm one after the other", () =>
    withReserve({ reserve: 2, poolSize: 4, warm: 0 }, (world) =>
      Effect.gen(function* () {
        for (const number of [1, 2, 3, 4]) {
          world.warm(number)
          yield* settle
        }
        assert.deepStrictEqual(world.marked(), ["warm-1", "warm-2"])
      })
    )
  )

  it.effect("is kept when pods are handed out, with two writes for each cold start but the first", () =>
    withReserve({ reserve: 1, warm: 3 }, (world) =>
      Effect.gen(function* () {
        const fn = world.fn()
        yield* settle
        yield* ask(fn)
        yield* settle
        assert.deepStrictEqual(world.marked(), ["warm-2"])
        const before = writes(world).length
        yield* ask(fn)
        yield* settle
        assert.deepStrictEqual(world.marked(), ["warm-3"])
        assert.deepStrictEqual(writes(world).slice(before), ["patch pods default/warm-2", "patch pods default/warm-3"])
      })
    )
  )

  it.effect("shrinks with the pool: what is too much goes, as idle", () =>
    withReserve({ reserve: 3 }, (world) =>
      Effect.gen(function* () {
        world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 2 } })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.marked(), ["warm-1"])
        assert.deepStrictEqual(yield* groundsOf("warm-2"), ["Idle"])
      })
    )
  )
})

it.effect("a reserve that shrinks lets no pod go that is handed out at that moment", () =>
  withReserve({ reserve: 3 }, (world) =>
    Effect.gen(function* () {
      const fn = world.fn({ spec: { concurrency: 3 } })
      yield* settle
      world.answer(() => Effect.sleep("1 second"))
      world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 0 } })
      const asked = yield* Effect.forEach([1, 2], () => Effect.forkChild(ask(fn)))
      yield* TestClock.adjust("10 seconds")
      const addresses = yield* Effect.forEach(asked, (fiber) => Effect.map(Fiber.join(fiber), ({ address }) => address))
      const pods = world.api.list(Pods).map(({ metadata }) => metadata.annotations?.["svcHost"])
      assert.includeMembers(pods, addresses)
    })
  )
)

describe("filling the reserve", () => {
  it.effect("a request that waits for a pod comes before it", () =>
    withReserve({ reserve: 1, warm: 0 }, (world) =>
      Effect.gen(function* () {
        const asked = yield* Effect.forkChild(ask(world.fn()))
        yield* settle
        world.warm(1)
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
        assert.deepStrictEqual(world.marked(), [])
      })
    )
  )

  it.effect("a request that came while the last warm pod was being claimed gets that pod", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1, warm: 0 })
      yield* running(
        world,
        Effect.gen(function* () {
          world.api.intercept((call) => (call.verb === "patch" ? Effect.sleep("2 seconds") : undefined))
          world.warm(1)
          yield* settle
          const asked = yield* Effect.forkChild(ask(world.fn()))
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
        })
      )
    })
  )

  it.effect("goes on with another pod when somebody else claimed the first in between", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1 })
      let first = true
      world.api.intercept((call) => {
        if (call.verb !== "patch" || !first) return undefined
        first = false
        return Effect.sync(() =>
          world.api.merge(Pods, reference("warm-1"), { metadata: { labels: { managed: "false" } } })
        )
      })
      yield* running(world, Effect.void)
      assert.isUndefined(world.pod("warm-1")?.metadata.labels?.["fission.io/claimed"])
      assert.deepStrictEqual(world.marked("released"), ["warm-2"])
    })
  )

  it.effect("keeps the pod of a claim that was applied although its answer was lost, and claims no second one", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1 })
      let first = true
      world.api.interceptAnswers((call) => {
        if (call.verb !== "patch" || !first) return undefined
        first = false
        const lost = { detail: "etcdserver: request timed out", kind: "Etcd", outcomeUnknown: true } as const
        return Effect.fail(new TimeoutError({ ...call, ...lost }))
      })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.marked(), ["warm-1"])
          assert.strictEqual(world.api.lines("patch").length, 1)
        })
      )
    })
  )

  it.effect("repeats a claim whose answer was lost, and sends no other before the view shows what became of it", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1, poolSize: 4, warm: 4 })
      let patches = 0
      world.api.interceptAnswers((call) => {
        if (call.verb !== "patch" || call.resource !== "pods") return undefined
        if (patches++ > 0) return undefined
        for (const watch of world.api.watches("pods")) watch.mute()
        return Effect.fail(new TimeoutError({ ...call, detail: "reset", kind: "Connection", outcomeUnknown: true }))
      })
      const test = Effect.gen(function* () {
        yield* Effect.repeat(TestClock.adjust("1 second"), { times: 29 })
        assert.isAtLeast(patches, 1)
        assert.deepStrictEqual(world.marked(), ["warm-1"])
        for (const watch of world.api.watches("pods")) watch.end()
        yield* Effect.repeat(TestClock.adjust("1 second"), { times: 29 })
        assert.deepStrictEqual(world.marked(), ["warm-1"])
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
      yield* running(world, test)
    })
  )

  it.effect("begins again when the API answers again", () =>
    Effect.gen(function* () {
      const world = yield* ReserveWorld.make({ reserve: 1 })
      world.api.intercept((call) => (call.verb === "patch" ? Effect.never : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.marked(), [])
          world.api.intercept()
          yield* TestClock.adjust("2 minutes")
          assert.strictEqual(world.marked().length, 1)
        })
      )
    })
  )
})

describe("a pod of the reserve", () => {
  it.effect("that is deleted by hand is replaced", () =>
    withReserve({ reserve: 1 }, (world) =>
      Effect.gen(function* () {
        world.api.remove(Pods, reference("warm-1"))
        yield* settle
        assert.deepStrictEqual(world.marked(), ["warm-2"])
        assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.2:8888")
      })
    )
  )

  it.effect("that died is not handed out, and goes once another has taken its place", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        const died = [{ name: "runtime", ready: false }]
        world.api.merge(Pods, reference("warm-1"), { status: { containerStatuses: died } })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.marked(), ["warm-1"])
        world.warm(2)
        yield* settle
        assert.deepStrictEqual(world.marked(), ["warm-2"])
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Idle"])
        assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.2:8888")
      })
    )
  )

  it.effect("of an outgoing template is better than none, and goes once one of the new template is there", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        const changed = world.environment({ spec: { poolsize: 2, runtime: { image: "node-env:2" } } })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.marked(), ["warm-1"])
        world.warmPod(changed, "new-1", "10.0.0.9")
        yield* settle
        assert.deepStrictEqual(world.marked(), ["new-1"])
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
      })
    )
  )

  it.effect("of an outgoing template is handed out rather than nothing", () =>
    withReserve({ reserve: 1, warm: 1 }, (world) =>
      Effect.gen(function* () {
        world.environment({ spec: { poolsize: 2, runtime: { image: "node-env:2" } } })
        yield* settle
        assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.1:8888")
      })
    )
  )

  it.effect("goes with its Environment", () =>
    withReserve({ reserve: 1 }, (world) =>
      Effect.gen(function* () {
        world.api.remove(Environments, reference("nodejs"))
        yield* TestClock.adjust("1 minute")
        assert.isUndefined(world.pod("warm-1"))
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["OwnerAbsent"])
      })
    )
  )
})
