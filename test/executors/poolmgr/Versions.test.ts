import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { FunctionAliases, FunctionVersions, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { published, reference, request } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

const spec = { idletimeout: 60, functionTimeout: 60 }

interface Published extends World {
  /** As the function is now, of the third generation. */
  readonly live: FissionFunction
  /** Its first and its second generation, as routers send them in its place. */
  readonly versions: readonly [FissionFunction, FissionFunction]
}

/** A function of three generations, of which two are published, and six warm pods; the test runs in an executor. */
const withVersions = <A, E>(test: (world: Published) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    for (let index = 1; index <= 6; index++) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    const first = published(world, world.fn({ spec }), "hello-v1")
    const second = published(world, world.fn({ spec: { ...spec, concurrency: 7 } }), "hello-v2")
    const live = world.fn({ spec: { ...spec, concurrency: 8 } })
    return yield* running(world, test({ ...world, live, versions: [first, second] }))
  })

const lead = (world: World, name: string, alias: { readonly [field: string]: unknown }) =>
  world.api.put(FunctionAliases, { metadata: reference(name), spec: { functionName: "hello", ...alias } })

const isServed = (world: World, name: string) => world.pod(name)?.metadata.labels?.["fission.io/served"] === "true"

/** Addresses of pods that were claimed so far, in order. */
const loaded = (world: World) => world.specialized.length

describe("a published version (poolmgr.md section 19)", () => {
  it.effect("has pods of its own, beside those of the function and of other versions, and they say which it is", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first, second] = world.versions
        for (const fn of [first, second, world.live]) yield* request(fn)
        yield* settle
        assert.deepStrictEqual(
          ["warm-1", "warm-2", "warm-3"].map((name) => {
            const { "fission.io/function-generation": generation, "fission.io/function-version": version } =
              world.pod(name)?.metadata.labels ?? {}
            return [generation, version]
          }),
          [
            ["1", "hello-v1"],
            ["2", "hello-v2"],
            ["3", undefined]
          ]
        )
      })
    )
  )

  it.effect("keeps its pod from one request to the next, although no alias leads to it, until it is idle", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first] = world.versions
        yield* request(first)
        yield* TestClock.adjust("50 seconds")
        yield* request(first)
        yield* TestClock.adjust("50 seconds")
        assert.strictEqual(loaded(world), 1)
        assert.isTrue(isServed(world, "warm-1"))
        yield* TestClock.adjust("2 minutes")
        assert.isUndefined(world.pod("warm-1"))
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Idle"])
      })
    )
  )

  it.effect("drains when its FunctionVersion goes, for its generation is an older one", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first, second] = world.versions
        yield* request(first)
        yield* request(second)
        yield* settle
        world.api.remove(FunctionVersions, reference("hello-v1"))
        yield* settle
        assert.deepStrictEqual([isServed(world, "warm-1"), isServed(world, "warm-2")], [false, true])
        yield* TestClock.adjust("59 seconds")
        assert.isDefined(world.pod("warm-1"))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
      })
    )
  )

  it.effect("drains when another generation is published under its name", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        yield* request(world.versions[0])
        yield* settle
        world.api.remove(FunctionVersions, reference("hello-v1"))
        published(world, world.live, "hello-v1")
        yield* settle
        assert.isFalse(isServed(world, "warm-1"))
      })
    )
  )
})

describe("an alias", () => {
  it.effect("keeps a pod of each version that it leads to, the second one and the resolved one too", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first, second] = world.versions
        lead(world, "prod", { version: "hello-v1", secondaryVersion: "hello-v2", weight: 90 })
        for (const fn of [first, second, world.live]) yield* request(fn)
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual([isServed(world, "warm-1"), isServed(world, "warm-2")], [true, true])
        assert.isUndefined(world.pod("warm-3"))
        yield* request(world.live)
        world.api.remove(FunctionAliases, reference("prod"))
        world.api.put(FunctionAliases, {
          metadata: reference("prod"),
          spec: { functionName: "hello", packageDigest: `sha256:${"a".repeat(64)}` },
          status: { resolvedVersion: "hello-v2" }
        })
        yield* TestClock.adjust("5 minutes")
        assert.isUndefined(world.pod("warm-1"))
        assert.isTrue(isServed(world, "warm-2"))
      })
    )
  )

  it.effect(
    "that moves away lets pods go that do not say which version they run, once their requests had their time",
    () =>
      withVersions((world) =>
        Effect.gen(function* () {
          const [first] = world.versions
          lead(world, "prod", { version: "hello-v1" })
          yield* request(first)
          yield* request(world.live)
          yield* settle
          const labels = { "fission.io/function-version": null }
          world.api.merge(Pods, reference("warm-1"), { metadata: { labels } })
          yield* TestClock.adjust("5 minutes")
          assert.isTrue(isServed(world, "warm-1"))
          lead(world, "prod", { version: "hello-v2" })
          yield* settle
          assert.isFalse(isServed(world, "warm-1"))
          yield* TestClock.adjust("59 seconds")
          assert.isDefined(world.pod("warm-1"))
          yield* TestClock.adjust("2 seconds")
          assert.isUndefined(world.pod("warm-1"))
        })
      )
  )

  it.effect("switched back and forth under load fails no request, and switching back needs no new pod", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first, second] = world.versions
        for (let round = 0; round < 20; round++) {
          const [version, fn] = round % 2 === 0 ? (["hello-v1", first] as const) : (["hello-v2", second] as const)
          lead(world, "prod", { version })
          // A router that lags behind still asks for the other one.
          for (const asked of [fn, round % 2 === 0 ? second : first, fn]) yield* request(asked)
          yield* TestClock.adjust("10 seconds")
        }
        assert.strictEqual(loaded(world), 2)
      })
    )
  )

  it.effect("that leads to nothing, to another alias or back to itself retains nothing and harms nothing", () =>
    withVersions((world) =>
      Effect.gen(function* () {
        const [first] = world.versions
        lead(world, "nowhere", { version: "hello-v9" })
        lead(world, "to-itself", { version: "to-itself" })
        lead(world, "to", { version: "fro" })
        lead(world, "fro", { version: "to", secondaryVersion: "to-itself" })
        lead(world, "empty", {})
        lead(world, "stranger", { functionName: "nobody", version: "hello-v9" })
        yield* request(first)
        yield* TestClock.adjust("5 minutes")
        assert.isUndefined(world.pod("warm-1"))
        yield* request(first)
        yield* request(world.live)
        yield* settle
        assert.deepStrictEqual([isServed(world, "warm-2"), isServed(world, "warm-3")], [true, true])
      })
    )
  )
})

it.effect("a request for a version that nobody has published is served, and its pod goes at the next look", () =>
  withVersions((world) =>
    Effect.gen(function* () {
      const [first] = world.versions
      const unknown = {
        ...first,
        metadata: { ...first.metadata, labels: { "fission.io/function-version": "no such" } }
      }
      assert.strictEqual((yield* ask(unknown)).address, "10.0.0.1:8888")
      yield* TestClock.adjust("2 minutes")
      assert.isUndefined(world.pod("warm-1"))
    })
  )
)
