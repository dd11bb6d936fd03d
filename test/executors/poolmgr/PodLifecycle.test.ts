import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import { Deployments, FunctionAliases, FunctionVersions, Pods } from "../../../src/fission/ResourceKind.ts"
import { DecisionLog } from "../../../src/safeguards/DecisionLog.ts"
import * as CapturedLog from "../../fakes/CapturedLog.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"

/** A cluster in which an earlier executor has specialized two pods for one function, and died. */
const afterCrash = (spec: { readonly [field: string]: unknown } = {}) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    const fn = world.fn({ spec: { concurrency: 2, ...spec } })
    world.warmPod(environment, "warm-1", "10.0.0.1")
    world.warmPod(environment, "warm-2", "10.0.0.2")
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(fn)
        yield* ask(fn)
        yield* settle
      })
    )
    return { ...world, pooled: environment, function: fn, writesBefore: writes(world).length }
  })

const decisions = Effect.flatMap(DecisionLog, (log) => log.recent())

it.effect("W01: 18.5: pods of an earlier executor are handed out again, and adopting them writes nothing", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash()
    yield* running(
      world,
      Effect.gen(function* () {
        const addresses = [(yield* ask(world.function)).address, (yield* ask(world.function)).address]
        assert.sameMembers(addresses, ["10.0.0.1:8888", "10.0.0.2:8888"])
        assert.strictEqual((yield* Effect.flip(ask(world.function))).status, 429)
        assert.strictEqual(writes(world).length, world.writesBefore)
        assert.strictEqual(world.specialized.length, 2)
      })
    )
  })
)

it.effect("the first request after a restart finds adopted pods although the queue has not come to them", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash()
    yield* Effect.gen(function* () {
      const dispatcher = yield* Dispatcher
      while (!(yield* dispatcher.ready)) yield* TestClock.adjust("1 millis")
      assert.include(["10.0.0.1:8888", "10.0.0.2:8888"], (yield* ask(world.function)).address)
      assert.strictEqual(world.specialized.length, 2)
    }).pipe(Effect.provide(world.executor()))
  })
)

it.effect("an adopted pod that nobody uses is reaped after its drain", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("4 minutes")
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.strictEqual(world.pod("warm-2"), undefined)
      })
    )
  })
)

/** What the Deployment controller reports once every pod runs the current template. */
const rolledOut = (world: ExecutorInMemory.ExecutorInMemory) => {
  for (const { metadata } of world.pools()) {
    const status = { observedGeneration: metadata.generation, replicas: 2, updatedReplicas: 2 }
    world.api.merge(Deployments, { namespace: "default", name: metadata.name }, { status })
  }
}

it.effect("pods of a changed Environment serve until its pool is rolled out, then drain one after the other", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ idletimeout: 3600 })
    const environment = world.environment({ spec: { runtime: { image: "node-env:2" } } })
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        yield* (yield* ask(world.function)).release
        assert.strictEqual(world.specialized.length, 2)
        world.warmPod(environment, "new-1", "10.0.0.9")
        rolledOut(world)
        yield* settle
        const drained = ["warm-1", "warm-2"].filter(
          (name) => world.pod(name)?.metadata.labels?.["fission.io/served"] === undefined
        )
        assert.strictEqual(drained.length, 1)
        yield* TestClock.adjust("3 minutes")
        assert.deepStrictEqual([world.pod("warm-1"), world.pod("warm-2")], [undefined, undefined])
        const deleted = (yield* decisions).filter(({ action }) => action === "Deleted")
        assert.deepStrictEqual(
          deleted.map(({ ground }) => ground),
          ["Superseded", "Superseded"]
        )
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.9:8888")
      })
    )
  })
)

it.effect("the last pod of a changed Environment's function stays while no warm pod can take over", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ idletimeout: 3600 })
    world.environment({ spec: { runtime: { image: "node-env:2" } } })
    yield* running(
      world,
      Effect.gen(function* () {
        rolledOut(world)
        yield* TestClock.adjust("5 minutes")
        const left = ["warm-1", "warm-2"].filter((name) => world.pod(name) !== undefined)
        assert.strictEqual(left.length, 1)
        assert.strictEqual(world.pod(left[0] ?? "")?.metadata.labels?.["fission.io/served"], "true")
      })
    )
  })
)

it.effect("W11: a new generation drains the pods of the old one, evicting them first", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ idletimeout: 3600 })
    yield* running(
      world,
      Effect.gen(function* () {
        world.warmPod(world.pooled, "warm-3", "10.0.0.3")
        const changed = world.fn({ spec: { idletimeout: 3600, concurrency: 3 } })
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* ask(changed)).address, "10.0.0.3:8888")
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(world.pod("warm-1") ?? world.pod("warm-2"), undefined)
        assert.notStrictEqual(world.pod("warm-3"), undefined)
      })
    )
  })
)

it.effect("W01: a drain that an earlier executor began ends with a whole grace", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ functionTimeout: 40 })
    world.api.merge(
      Pods,
      { namespace: "default", name: "warm-1" },
      { metadata: { labels: { "fission.io/served": null } } }
    )
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("38 seconds")
        assert.notStrictEqual(world.pod("warm-1"), undefined)
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(world.pod("warm-1"), undefined)
        assert.notStrictEqual(world.pod("warm-2"), undefined)
      })
    )
  })
)

it.effect(
  "W04: a claim that nobody finished is given up after twice a specialization's time, on ground FailedClaim",
  () =>
    Effect.gen(function* () {
      const world = yield* afterCrash()
      world.api.merge(
        Pods,
        { namespace: "default", name: "warm-1" },
        { metadata: { labels: { "fission.io/served": null }, annotations: { svcHost: null } } }
      )
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("258 seconds")
          assert.notStrictEqual(world.pod("warm-1"), undefined)
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(world.pod("warm-1"), undefined)
          const deleted = (yield* decisions).find(({ action, name }) => action === "Deleted" && name === "warm-1")
          assert.strictEqual(deleted?.ground, "FailedClaim")
        })
      )
    })
)

it.effect("a pod that stopped being Ready is not handed out, and is handed out again when it is Ready", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash()
    const ready = (value: boolean) =>
      world.api.merge(
        Pods,
        { namespace: "default", name: "warm-1" },
        { status: { containerStatuses: [{ name: "runtime", ready: value }] } }
      )
    world.api.remove(Pods, { namespace: "default", name: "warm-2" })
    yield* running(
      world,
      Effect.gen(function* () {
        const first = yield* ask(world.function)
        yield* first.release
        ready(false)
        yield* settle
        world.warmPod(world.pooled, "warm-3", "10.0.0.3")
        yield* settle
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.3:8888")
        world.api.remove(Pods, { namespace: "default", name: "warm-3" })
        ready(true)
        yield* settle
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect("a pod that is deleted by somebody is forgotten at once", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ concurrency: 2 })
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.remove(Pods, { namespace: "default", name: "warm-1" })
        yield* settle
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
        world.warmPod(world.pooled, "warm-3", "10.0.0.3")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.3:8888")
      })
    )
  })
)

it.effect("V3: 18.5: pods of an older generation stay while an alias leads to it, and go when it does not", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ idletimeout: 5, functionTimeout: 5 })
    world.api.put(FunctionVersions, {
      metadata: { namespace: "default", name: "hello-v1" },
      spec: { functionUID: world.function.metadata.uid, functionGeneration: 1 }
    })
    world.api.put(FunctionAliases, {
      metadata: { namespace: "default", name: "prod" },
      spec: { functionName: "hello", version: "hello-v1" }
    })
    const changed = world.fn({ spec: { idletimeout: 5, functionTimeout: 5, concurrency: 9 } })
    world.warmPod(world.pooled, "warm-3", "10.0.0.3")
    yield* running(
      world,
      Effect.gen(function* () {
        yield* (yield* ask(changed)).release
        yield* TestClock.adjust("3 minutes")
        const left = ["warm-1", "warm-2", "warm-3"].filter((name) => world.pod(name) !== undefined)
        assert.strictEqual(left.length, 1)
        assert.notDeepEqual(left, ["warm-3"])
        world.api.remove(FunctionAliases, { namespace: "default", name: "prod" })
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(
          ["warm-1", "warm-2"].filter((name) => world.pod(name) !== undefined),
          []
        )
      })
    )
  })
)

it.effect("ADOPT_EXISTING_RESOURCES=false deletes nothing: pods are adopted all the same, which is logged once", () =>
  Effect.gen(function* () {
    const log = yield* CapturedLog.make
    const world = yield* ExecutorInMemory.make({ ADOPT_EXISTING_RESOURCES: "false" }, log.layer)
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn()
    yield* running(world, Effect.andThen(ask(fn), settle))
    yield* running(
      world,
      Effect.gen(function* () {
        assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.specialized.length, 1)
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
    )
    const mentions = log.lines.filter(({ message }) => message.includes("ADOPT_EXISTING_RESOURCES"))
    assert.deepStrictEqual(
      mentions.map(({ level }) => level),
      ["Warn", "Warn"]
    )
  })
)

it.effect("a pod that somebody takes out of service gets no request any more, and goes after a whole grace", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ functionTimeout: 30, concurrency: 9 })
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.merge(
          Pods,
          { namespace: "default", name: "warm-1" },
          { metadata: { labels: { "fission.io/served": null } } }
        )
        yield* settle
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
        world.warmPod(world.pooled, "warm-3", "10.0.0.3")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.3:8888")
        yield* TestClock.adjust("25 seconds")
        assert.isDefined(world.pod("warm-1"))
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined(world.pod("warm-1"))
      })
    )
  })
)

it.effect("W04: a claim that another executor finishes late makes an ordinary pod", () =>
  Effect.gen(function* () {
    const world = yield* afterCrash({ idletimeout: 3600 })
    const change = (served: string | null, svcHost: string | null) => {
      const metadata = { labels: { "fission.io/served": served }, annotations: { svcHost } }
      world.api.merge(Pods, { namespace: "default", name: "warm-1" }, { metadata })
    }
    change(null, null)
    yield* running(
      world,
      Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        change("true", "10.0.0.1:8888")
        yield* TestClock.adjust("10 minutes")
        const addresses = [(yield* ask(world.function)).address, (yield* ask(world.function)).address]
        assert.sameMembers(addresses, ["10.0.0.1:8888", "10.0.0.2:8888"])
      })
    )
  })
)
