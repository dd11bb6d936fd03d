import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import { Environments, Functions, Pods, Secrets } from "../../../src/fission/ResourceKind.ts"
import { ask, type ExecutorServices, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout } from "../../fakes/Failures.ts"
import * as ReplicaRole from "../../fakes/ReplicaRole.ts"
import * as ProvisionedWorld from "./ProvisionedWorld.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** Time for what follows from a change. */
const moment = Effect.andThen(TestClock.adjust("1 second"), settle)

/** A test in an executor that had a second for what the cluster asks of it. */
const withPods = <A, E>(
  warm: number,
  prepare: (world: ProvisionedWorld.ProvisionedWorld) => void,
  test: (world: ProvisionedWorld.ProvisionedWorld) => Effect.Effect<A, E, ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.gen(function* () {
    const world = yield* ProvisionedWorld.make(warm, variables)
    prepare(world)
    return yield* running(world, Effect.andThen(settle, test(world)))
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

const seriesOf = (name: string) =>
  Effect.map(Metric.snapshot, (metrics) =>
    metrics
      .filter(({ id }) => id === name)
      .map(({ attributes, state }) => ({ outcome: attributes?.["outcome"], ...state }))
  )

const isRefused = () => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text: "no such handler" }))

describe("the floor", () => {
  it.effect("12: is warmed anew when a Secret changes, and only then the pods that were given the old one go", () =>
    withPods(
      2,
      (world) => {
        world.api.put(Secrets, { metadata: reference("db") })
        world.asking({ target: 2 }, { secrets: [reference("db")], functionTimeout: 30 })
      },
      (world) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(world.held(), ["warm-1", "warm-2"])
          world.api.merge(Secrets, reference("db"), { metadata: { annotations: { rotated: "yes" } } })
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.held(), ["warm-1", "warm-2"])
          world.warm(3, 4)
          yield* moment
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(world.held(), ["warm-3", "warm-4"])
          assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
          assert.deepStrictEqual(yield* groundsOf("warm-2"), ["Superseded"])
        })
    )
  )

  it.effect("17: is made before any request, and a request finds it warm", () =>
    withPods(
      3,
      (world) => void world.asking({ target: 2 }),
      (world) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(world.held(), ["warm-1", "warm-2"])
          assert.strictEqual(world.told(), "True ProvisionedSatisfied: 2 of 2, base 2")
          const { address } = yield* ask(
            world.fn({ spec: { provisionedConcurrency: { target: 2 }, idletimeout: 3600 } })
          )
          assert.include(["10.0.0.1:8888", "10.0.0.2:8888"], address)
          assert.strictEqual(world.specialized.length, 2)
        })
    )
  )

  it.effect("W19: once it is held, nothing more is written, however often it is looked at", () =>
    withPods(
      3,
      (world) => void world.asking({ target: 2 }),
      (world) =>
        Effect.gen(function* () {
          const before = writes(world).length
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(writes(world).length, before)
        })
    )
  )

  it.effect("is held whatever the idle time of its pods", () =>
    withPods(
      1,
      (world) => void world.asking({ target: 1 }, { idletimeout: 1, functionTimeout: 1 }),
      (world) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(world.held(), ["warm-1"])
        })
    )
  )

  it.effect("holds pods that serve already before it makes new ones", () =>
    withPods(
      3,
      () => {},
      (world) =>
        Effect.gen(function* () {
          const service = yield* ask(world.asking(undefined))
          yield* service.release
          yield* settle
          world.ask({ target: 1 })
          // The change made a new generation: the pod of the former one goes in its own time.
          yield* moment
          assert.deepStrictEqual(world.held(), ["warm-2"])
          world.userDeletes(Pods, "warm-2")
          yield* moment
          assert.deepStrictEqual(world.held(), ["warm-3"])
        })
    )
  )

  it.effect("is held of pods that requests made, where there are some", () =>
    withPods(
      3,
      (world) => void world.asking({ target: 1 }),
      (world) =>
        Effect.gen(function* () {
          const fn = world.asking({ target: 1 })
          const first = yield* ask(fn)
          const second = yield* ask(fn)
          assert.notStrictEqual(first.address, second.address)
          yield* settle
          world.userDeletes(Pods, "warm-1")
          yield* moment
          assert.deepStrictEqual(world.held(), ["warm-2"])
          assert.strictEqual(world.specialized.length, 2)
        })
    )
  )

  it.effect("a pod that dies is replaced", () =>
    withPods(
      3,
      (world) => void world.asking({ target: 2 }),
      (world) =>
        Effect.gen(function* () {
          world.userDeletes(Pods, "warm-1")
          yield* moment
          assert.deepStrictEqual(world.held(), ["warm-2", "warm-3"])
          assert.strictEqual(world.told(), "True ProvisionedSatisfied: 2 of 2, base 2")
        })
    )
  )

  it.effect("goes with what asked for it", () =>
    withPods(
      2,
      (world) => void world.asking({ target: 2 }, { idletimeout: 120 }),
      (world) =>
        Effect.gen(function* () {
          world.ask(null)
          yield* moment
          assert.deepStrictEqual(world.held(), [])
          assert.strictEqual(world.told(), "False ProvisionedDisabled: 0 of 0, base 0")
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(
            world.api.list(Pods).map(({ metadata }) => metadata.name),
            []
          )
          assert.include([["Superseded"], ["Idle"]].flat(), (yield* groundsOf("warm-1"))[0])
        })
    )
  )

  it.effect("goes with its function, whose status is left alone and whose metrics end", () =>
    withPods(
      2,
      (world) => void world.asking({ target: 2 }),
      (world) =>
        Effect.gen(function* () {
          const before = world.statusWrites()
          world.userDeletes(Functions, "hello")
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(world.api.list(Pods), [])
          assert.strictEqual(world.statusWrites(), before)
          assert.deepStrictEqual(yield* seriesOf("fission_provisioned_target"), [])
          assert.deepStrictEqual(yield* seriesOf("fission_provisioned_eager_specializations_total"), [])
        })
    )
  )

  it.effect("is held for the generation that is asked for now, and the former one is released", () =>
    withPods(
      3,
      (world) => void world.asking({ target: 1 }),
      (world) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(world.held(), ["warm-1"])
          world.api.merge(Functions, reference("hello"), { spec: { functionTimeout: 50 } })
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(world.held(), ["warm-2"])
          assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
        })
    )
  )

  it.effect("is not for functions that use a pod once, nor for pods that several share", () =>
    Effect.gen(function* () {
      const nothingHeld = (world: ProvisionedWorld.ProvisionedWorld) =>
        Effect.sync(() => {
          assert.deepStrictEqual(world.specialized, [])
          assert.isUndefined(world.told())
        })
      yield* withPods(2, (world) => void world.asking({ target: 1 }, { onceOnly: true }), nothingHeld)
      const share = (world: ProvisionedWorld.ProvisionedWorld) => {
        world.environment({ spec: { poolsize: 1, allowedFunctionsPerContainer: "infinite" } })
        world.asking({ target: 1 })
      }
      yield* withPods(1, share, nothingHeld)
    })
  )
})

describe("without the switch", () => {
  const off = { EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "false" }

  it.effect("nothing is made or told", () =>
    withPods(
      2,
      (world) => void world.asking({ target: 2 }),
      (world) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(
            writes(world).filter((line) => line.startsWith("patch")),
            []
          )
        }),
      off
    )
  )

  it.effect("what was held is released, and the status stays as it was", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(1)
      world.asking({ target: 1 })
      yield* running(world, settle)
      const before = world.statusWrites()
      const executor = () => world.executor(undefined, off)
      yield* running({ ...world, executor }, moment)
      assert.deepStrictEqual(world.held(), [])
      assert.strictEqual(world.statusWrites(), before)
    })
  )
})

describe("a restart", () => {
  it.effect("finds the floor as it was: no pod is made, and nothing is written", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(4)
      world.asking({ target: 2 })
      yield* running(world, moment)
      const before = writes(world).length
      yield* running(world, TestClock.adjust("1 minute"))
      assert.strictEqual(writes(world).length, before)
      assert.strictEqual(world.specialized.length, 2)
    })
  )

  it.effect("23: restores a floor that lost pods meanwhile", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(4)
      world.asking({ target: 2 })
      yield* running(world, moment)
      world.userDeletes(Pods, "warm-1")
      yield* running(world, moment)
      assert.deepStrictEqual(world.held(), ["warm-2", "warm-3"])
    })
  )

  it.effect("holds a pod that served and was not held yet", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(4)
      world.asking({ target: 1 })
      yield* running(world, moment)
      world.api.merge(Pods, reference("warm-1"), { metadata: { labels: { "fission.io/provisioned": null } } })
      yield* running(world, moment)
      assert.deepStrictEqual(world.held(), ["warm-1"])
      assert.strictEqual(world.specialized.length, 1)
    })
  )
})

describe("a replica that does not lead", () => {
  it.effect("makes nothing, and does so as soon as it leads", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(2)
      world.asking({ target: 1 })
      const replica = yield* ReplicaRole.make
      replica.become("Standby")
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.specialized, [])
          replica.become("Leader")
          yield* moment
          assert.deepStrictEqual(world.held(), ["warm-1"])
        }),
        replica.layer
      )
    })
  )
})

describe("the bounds", () => {
  it.effect("W19: no more are loaded at a time than the setting says, and those in flight count", () =>
    withPods(
      8,
      () => {},
      (world) =>
        Effect.gen(function* () {
          world.answer(() => Effect.sleep("40 seconds"))
          world.asking({ target: 5 })
          yield* moment
          assert.strictEqual(world.specialized.length, 2)
          // Two looks at the interval find them on their way.
          yield* TestClock.adjust("35 seconds")
          assert.strictEqual(world.specialized.length, 2)
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(world.specialized.length, 4)
          yield* TestClock.adjust("2 minutes")
          assert.strictEqual(world.specialized.length, 5)
          assert.strictEqual(world.held().length, 5)
        }),
      { EXECUTOR_PROVISIONED_MAX_INFLIGHT_PER_FUNCTION: "2" }
    )
  )

  it.effect("W19: the cap of the setting holds, and is the reason that is told", () =>
    withPods(
      4,
      (world) => void world.asking({ target: 9 }),
      (world) =>
        Effect.gen(function* () {
          yield* moment
          assert.strictEqual(world.held().length, 3)
          assert.strictEqual(world.told(), "True ProvisionedClamped: 3 of 3, base 9")
          assert.include(
            JSON.stringify(world.api.find(Functions, reference("hello"))),
            "spec target 9 exceeds the namespace cap; effective target clamped to 3"
          )
        }),
      { EXECUTOR_PROVISIONED_MAX_PER_FUNCTION: "3" }
    )
  )

  it.effect("the function's own concurrency holds, too", () =>
    withPods(
      4,
      (world) => void world.asking({ target: 3 }, { concurrency: 1 }),
      (world) =>
        Effect.sync(() => {
          assert.strictEqual(world.held().length, 1)
          assert.strictEqual(world.told(), "True ProvisionedClamped: 1 of 1, base 3")
        })
    )
  )

  it.effect("above what the pool gives it takes what is there, and the rest as it becomes warm", () =>
    withPods(
      1,
      (world) => void world.asking({ target: 3 }),
      (world) =>
        Effect.gen(function* () {
          assert.strictEqual(world.told(), "False ProvisionedWarming: 1 of 3, base 3")
          world.warm(2)
          yield* settle
          assert.deepStrictEqual(world.held(), ["warm-1", "warm-2"])
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(world.told(), "False ProvisionedWarming: 2 of 3, base 3")
          world.warm(3)
          yield* settle
          assert.strictEqual(world.told(), "True ProvisionedSatisfied: 3 of 3, base 3")
        })
    )
  )

  it.effect("a request that waits for a pod comes first", () =>
    withPods(
      0,
      (world) => void world.asking({ target: 3 }),
      (world) =>
        Effect.gen(function* () {
          const other = world.fn({ name: "other" })
          const asked = yield* Effect.forkChild(ask(other))
          yield* settle
          world.warm(1)
          yield* settle
          assert.isDefined(asked.pollUnsafe())
          assert.deepStrictEqual(world.held(), [])
        })
    )
  )

  it.effect("the reserve is left to requests", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(0, { EXECUTOR_WARM_RESERVE: "1" })
      world.warm(1)
      yield* running(
        world,
        Effect.gen(function* () {
          const reserved = () =>
            world.api.list(Pods).filter(({ metadata }) => metadata.labels?.["fission.io/claimed"] === "true").length
          assert.strictEqual(reserved(), 1)
          world.asking({ target: 2 })
          yield* moment
          assert.strictEqual(reserved(), 1)
          world.warm(2, 3)
          yield* moment
          assert.strictEqual(reserved(), 1)
          assert.strictEqual(world.held().length, 2)
        })
      )
    })
  )

  it.effect("a pool of size 0 gets a pod for it", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(0)
      world.environment({ spec: { poolsize: 0 } })
      world.asking({ target: 1 })
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual(world.pools().length, 1)
          world.warm(1)
          yield* settle
          assert.deepStrictEqual(world.held(), ["warm-1"])
        })
      )
    })
  )
})

describe("trouble", () => {
  it.effect("12: a function that cannot be loaded costs one pod at a time, ever more seldom", () =>
    withPods(
      9,
      () => {},
      (world) =>
        Effect.gen(function* () {
          world.answer(isRefused)
          world.asking({ target: 1 })
          assert.strictEqual(world.specialized.length, 0)
          yield* settle
          assert.strictEqual(world.specialized.length, 1)
          yield* TestClock.adjust("4 minutes")
          // Not before 1, 2, 4, 8, 16, 32 and 60 s after the one before.
          assert.isAtMost(world.specialized.length, 8)
          assert.isAtLeast(world.specialized.length, 4)
          assert.strictEqual(world.told(), "False ProvisionedWarming: 0 of 1, base 1")
          const [failed] = yield* seriesOf("fission_provisioned_eager_specializations_total")
          assert.strictEqual(failed?.outcome, "error")
        })
    )
  )

  it.effect("P23: a write that fails is repeated until it is made", () =>
    withPods(
      2,
      () => {},
      (world) =>
        Effect.gen(function* () {
          let refused = 0
          world.api.intercept((call) => {
            const isLabel = call.verb === "patch" && call.resource === "pods" && world.specialized.length > 0
            return isLabel && refused++ < 3 ? Effect.fail(etcdTimeout(call)) : undefined
          })
          world.asking({ target: 1 })
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(world.held(), ["warm-1"])
          assert.strictEqual(world.specialized.length, 1)
        })
    )
  )

  it.effect("an Environment that is missing is waited for", () =>
    Effect.gen(function* () {
      const world = yield* ProvisionedWorld.make(0)
      world.userDeletes(Environments, "nodejs")
      world.asking({ target: 1 })
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual(world.told(), "False ProvisionedWarming: 0 of 1, base 1")
          world.warmPod(world.environment(), "late-1", "10.0.0.9")
          yield* moment
          assert.deepStrictEqual(world.held(), ["late-1"])
        })
      )
    })
  )

  it.effect("what a function says that makes no sense keeps it from nothing else", () =>
    withPods(
      2,
      (world) =>
        void world.asking({ target: 1, windows: [{ name: "bad", start: "often", duration: "1h", target: 2 }, 7] }),
      (world) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(world.held(), ["warm-1"])
          world.ask("two")
          yield* moment
          assert.deepStrictEqual(world.held(), [])
        })
    )
  )
})
