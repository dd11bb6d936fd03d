import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../src/Errors.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import { Deployments, Environments, Functions, Pods } from "../../src/fission/ResourceKind.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { conflict } from "../fakes/Failures.ts"

const settle = TestClock.adjust("10 millis")

const running = <A, E>(
  world: ExecutorInMemory.ExecutorInMemory,
  test: Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>
) => Effect.andThen(TestClock.adjust("1 second"), test).pipe(Effect.provide(world.executor()))

const reference = (name: string) => ({ namespace: "default", name })

const specialized = (metadata: { readonly [field: string]: unknown } = {}, variables = {}) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make(variables)
    const environment = world.environment()
    const fn = world.fn({ metadata })
    world.warmPod(environment, "warm-1", "10.0.0.1")
    const ask = Effect.flatMap(Dispatcher, (dispatcher) => dispatcher.getService(fn, "request-1"))
    return { ...world, ask }
  })

const groundsOf = (name: string) =>
  Effect.map(
    Effect.flatMap(DecisionLog, (log) => log.recent()),
    (decisions) => decisions.flatMap((decision) => (decision.name === name && decision.ground ? [decision.ground] : []))
  )

it.effect("makes one pool per Environment, of the size it asks for, with the stock executor's labels", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment({ spec: { poolsize: 3 } })
    yield* running(
      world,
      Effect.sync(() => {
        const [pool, ...others] = world.pools()
        assert.deepStrictEqual(others, [])
        assert.strictEqual(pool?.metadata.name, `poolmgr-nodejs-default-${environment.metadata.resourceVersion}`)
        assert.strictEqual(pool?.metadata.labels?.["environmentUid"], environment.metadata.uid)
        assert.deepInclude(pool?.["spec"], { replicas: 3 })
      })
    )
  })
)

it.effect("W26: a restart after the Environment was touched finds the pool again and changes nothing", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    yield* running(world, Effect.void)
    const [before] = world.pools()
    world.api.merge(Environments, reference("nodejs"), {
      metadata: { annotations: { "kubectl.kubernetes.io/x": "1" } }
    })
    yield* running(world, settle)
    assert.deepStrictEqual(world.pools(), before === undefined ? [] : [before])
    assert.strictEqual(world.pools().length, 1)
  })
)

it.effect("resizes the pool by a guarded update of the live object, keeping what others wrote", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    yield* running(
      world,
      Effect.gen(function* () {
        const name = world.pools()[0]?.metadata.name ?? ""
        world.api.merge(Deployments, reference(name), { spec: { progressDeadlineSeconds: 99 } })
        world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 1 } })
        yield* settle
        assert.deepInclude(world.pools()[0]?.["spec"], { replicas: 1, progressDeadlineSeconds: 99 })
        assert.deepStrictEqual(yield* groundsOf(name), ["Superseded"])
      })
    )
  })
)

it.effect("a new image gives the pool a new template, once", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.merge(Environments, reference("nodejs"), { spec: { runtime: { image: "node-env:2" } } })
        yield* settle
        const [pool] = world.pools()
        assert.include(JSON.stringify(pool), "node-env:2")
        const version = pool?.metadata.resourceVersion
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(world.pools()[0]?.metadata.resourceVersion, version)
      })
    )
  })
)

it.effect("W20: a pool that somebody deletes comes back", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    yield* running(
      world,
      Effect.gen(function* () {
        const name = world.pools()[0]?.metadata.name ?? ""
        yield* TestClock.adjust("1 minute")
        world.api.remove(Deployments, reference(name))
        yield* settle
        assert.strictEqual(world.pools().length, 1)
      })
    )
  })
)

it.effect("W07: pool size 0 removes the pool", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 0 } })
        yield* settle
        assert.deepStrictEqual(world.pools(), [])
      })
    )
  })
)

it.effect("a create whose answer was lost makes no second pool", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.api.interceptAnswers((call) =>
      call.verb === "create" && world.pools().length === 1
        ? Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: true }))
        : undefined
    )
    world.environment()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(world.pools().length, 1)
      })
    )
  })
)

it.effect("a deleted Function with the stock finalizer loses its pods, then the finalizer, and nothing else", () =>
  Effect.gen(function* () {
    const world = yield* specialized({ finalizers: ["fission.io/function-cleanup", "other.io/keep"] }, finalizers)
    yield* running(
      world,
      Effect.gen(function* () {
        yield* world.ask
        yield* settle
        const served = world.api.find(Functions, reference("hello"))
        world.userDeletes(Functions, "hello")
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["OwnerDeleting"])
        const left = world.api.find(Functions, reference("hello"))
        assert.deepStrictEqual(left?.metadata.finalizers, ["other.io/keep"])
        assert.deepStrictEqual(left?.["spec"], served?.["spec"])
        assert.strictEqual((yield* Effect.flip(world.ask)).status, 404)
      })
    )
  })
)

const finalizers = { FINALIZER_ENABLED: "true" }

it.effect(
  "18.9: every Function gets the finalizer by a patch that changes nothing else, where that is switched on",
  () =>
    Effect.gen(function* () {
      const world = yield* specialized({}, finalizers)
      yield* running(
        world,
        Effect.sync(() => {
          const stored = world.api.find(Functions, reference("hello"))
          assert.deepStrictEqual(stored?.metadata.finalizers, ["fission.io/function-cleanup"])
          assert.strictEqual(stored?.metadata.generation, 1)
        })
      )
    })
)

it.effect("18.9: a Function loses the finalizer where it is switched off, though others write it twice meanwhile", () =>
  Effect.gen(function* () {
    const held = { finalizers: ["fission.io/function-cleanup", "example.com/other"] }
    const world = yield* specialized(held, { FINALIZER_ENABLED: "false" })
    let conflicts = 0
    world.api.intercept((call) =>
      call.verb === "patch" && call.resource === "functions" && conflicts++ < 2
        ? Effect.fail(conflict(call))
        : undefined
    )
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        assert.isAbove(conflicts, 2)
        assert.deepStrictEqual(world.api.find(Functions, reference("hello"))?.metadata.finalizers, [
          "example.com/other"
        ])
      })
    )
  })
)

it.effect("18.9: a finalizer that cannot be written is written later, and the Function goes away then", () =>
  Effect.gen(function* () {
    const world = yield* specialized({ finalizers: ["fission.io/function-cleanup"] }, finalizers)
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.intercept((call) =>
          call.verb === "patch"
            ? Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: true }))
            : undefined
        )
        world.userDeletes(Functions, "hello")
        yield* TestClock.adjust("5 minutes")
        assert.notStrictEqual(world.api.find(Functions, reference("hello")), undefined)
        world.api.intercept()
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(world.api.find(Functions, reference("hello")), undefined)
      })
    )
  })
)

it.effect("a Function without finalizer that is deleted loses its pods after one live 404", () =>
  Effect.gen(function* () {
    const world = yield* specialized()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* world.ask
        yield* settle
        world.api.remove(Functions, reference("hello"))
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["OwnerAbsent"])
      })
    )
  })
)

it.effect("18.8: a Function that is deleted and made again under its name takes the old one's pods with it", () =>
  Effect.gen(function* () {
    const world = yield* specialized()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* world.ask
        yield* settle
        world.api.remove(Functions, reference("hello"))
        world.fn()
        yield* settle
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["OwnerAbsent"])
      })
    )
  })
)

it.effect("R4: a time-out while looking for a deleted Environment tears nothing down", () =>
  Effect.gen(function* () {
    const world = yield* specialized()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* world.ask
        yield* settle
        let broken = true
        world.api.intercept((call) =>
          broken && call.verb === "get"
            ? Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: false }))
            : undefined
        )
        world.api.remove(Environments, reference("nodejs"))
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(world.pools().length, 1)
        assert.notStrictEqual(world.pod("warm-1"), undefined)
        broken = false
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual(world.pools(), [])
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)

it.effect("W12: an Environment that went away while nobody ran is found by the sweep, after two live 404s", () =>
  Effect.gen(function* () {
    const world = yield* specialized()
    yield* running(world, Effect.andThen(world.ask, settle))
    world.api.remove(Environments, reference("nodejs"))
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("50 seconds")
        assert.strictEqual(world.pools().length, 1)
        yield* TestClock.adjust("20 seconds")
        assert.deepStrictEqual(world.pools(), [])
        assert.strictEqual(world.api.find(Pods, reference("warm-1")), undefined)
      })
    )
  })
)

it.effect("W07: an Environment of pool size 0 gets a pool of one for a request, and loses it a minute later", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment({ spec: { poolsize: 0 } })
    const fn = world.fn()
    yield* running(
      world,
      Effect.gen(function* () {
        assert.deepStrictEqual(world.pools(), [])
        const dispatcher = yield* Dispatcher
        const asked = yield* Effect.forkChild(dispatcher.getService(fn, "request-1"))
        yield* settle
        assert.deepInclude(world.pools()[0]?.["spec"], { replicas: 1 })
        yield* TestClock.adjust("5 seconds")
        world.warmPod(environment, "warm-1", "10.0.0.1")
        yield* settle
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
        yield* TestClock.adjust("50 seconds")
        assert.strictEqual(world.pools().length, 1)
        yield* TestClock.adjust("15 seconds")
        assert.deepStrictEqual(world.pools(), [])
        assert.notStrictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)
