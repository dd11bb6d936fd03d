import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../../src/Errors.ts"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import { Environments, Pods } from "../../../src/fission/ResourceKind.ts"
import { DecisionLog } from "../../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, warmWorld } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout } from "../../fakes/Failures.ts"

const decisions = Effect.flatMap(DecisionLog, (log) => log.recent())

it.effect("I14: an idle pod is taken away after max(idle time, function timeout), not before", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { idletimeout: 1, functionTimeout: 60 } })
    yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* ask(fn)
        yield* service.release
        yield* TestClock.adjust("55 seconds")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["fission.io/served"], "true")
        yield* TestClock.adjust("12 seconds")
        const draining = world.pod("warm-1")?.metadata
        assert.strictEqual(draining?.labels?.["fission.io/served"], undefined)
        assert.isString(draining?.annotations?.["fission.io/draining-since"])
        yield* TestClock.adjust("50 seconds")
        assert.notStrictEqual(world.pod("warm-1"), undefined)
        yield* TestClock.adjust("12 seconds")
        assert.strictEqual(world.pod("warm-1"), undefined)
        const deleted = (yield* decisions).find(({ action }) => action === "Deleted")
        assert.strictEqual(deleted?.ground, "Idle")
      })
    )
  })
)

it.effect("a pod with a request in progress is never idle", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { idletimeout: 1, functionTimeout: 10 } })
    yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* ask(fn)
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["fission.io/served"], "true")
        yield* service.release
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)

it.effect("a tap keeps a pod from being idle", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { idletimeout: 20, functionTimeout: 10 } })
    yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* ask(fn)
        yield* service.release
        const dispatcher = yield* Dispatcher
        for (let round = 0; round < 20; round++) {
          yield* TestClock.adjust("15 seconds")
          yield* dispatcher.tap([{ executorType: "poolmgr", metadata: fn.metadata, address: service.address }])
        }
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["fission.io/served"], "true")
      })
    )
  })
)

it.effect("I7: a pod is deleted only after the API accepted that it takes no new requests", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { idletimeout: 1, functionTimeout: 1 } })
    yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* ask(fn)
        yield* service.release
        yield* settle
        world.api.intercept((call) =>
          call.verb === "patch"
            ? Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: true }))
            : undefined
        )
        yield* TestClock.adjust("10 minutes")
        assert.notStrictEqual(world.pod("warm-1"), undefined)
        world.api.intercept()
        yield* TestClock.adjust("6 minutes")
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)

it.effect("W34: a onceOnly function gets a pod for each request, which goes away when the request has ended", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const fn = world.fn({ spec: { onceOnly: true, concurrency: 2 } })
    world.warmPod(environment, "warm-1", "10.0.0.1")
    world.warmPod(environment, "warm-2", "10.0.0.2")
    yield* running(
      world,
      Effect.gen(function* () {
        const first = yield* ask(fn)
        const second = yield* ask(fn)
        assert.notStrictEqual(first.address, second.address)
        assert.strictEqual((yield* Effect.flip(ask(fn))).status, 429)
        const dispatcher = yield* Dispatcher
        yield* dispatcher.unTap({ executorType: "poolmgr", metadata: fn.metadata, address: first.address })
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.notStrictEqual(world.pod("warm-2"), undefined)
        const deleted = (yield* decisions).find(({ action }) => action === "Deleted")
        assert.strictEqual(deleted?.ground, "Idle")
      })
    )
  })
)

it.effect("W18: 50 minutes with a pod in use and a warm one cost no request but watches", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        yield* TestClock.adjust("1 minute")
        const before = world.api.calls.length
        yield* TestClock.adjust("50 minutes")
        const verbs = new Set(world.api.calls.slice(before).map(({ verb }) => verb))
        assert.deepStrictEqual([...verbs], ["watch"])
      })
    )
  })
)

it.effect("W21: the pod that took the name of one to be deleted stays", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    const reference = { namespace: "default", name: "warm-1" }
    yield* running(
      world,
      Effect.gen(function* () {
        yield* (yield* ask(world.function)).release
        yield* TestClock.adjust("130 seconds")
        assert.isString(world.pod("warm-1")?.metadata.annotations?.["fission.io/draining-since"])
        for (const watch of world.api.watches("pods")) watch.mute()
        world.api.remove(Pods, reference)
        world.warmPod(world.environment(), "warm-1", "10.0.0.9")
        const { uid } = world.pod("warm-1")?.metadata ?? {}
        yield* TestClock.adjust("65 seconds")
        assert.deepStrictEqual(world.api.lines("delete"), ["delete pods default/warm-1"])
        assert.strictEqual(world.pod("warm-1")?.metadata.uid, uid)
      })
    )
  })
)

it.effect("W28: a delete that fails is tried until it succeeds", () =>
  Effect.gen(function* () {
    const world = yield* warmWorld
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        yield* settle
        world.api.intercept((call) => (call.verb === "delete" ? Effect.fail(etcdTimeout(call)) : undefined))
        world.api.remove(Environments, { namespace: "default", name: "nodejs" })
        yield* TestClock.adjust("20 minutes")
        assert.notStrictEqual(world.pod("warm-1"), undefined)
        world.api.intercept()
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)
