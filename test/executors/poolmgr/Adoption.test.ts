import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { PoolCache } from "../../../src/caches/PoolCache.ts"
import { Environments, Functions, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import { reference, request } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

const spec = { idletimeout: 3600, requestsPerPod: 1 }

/** What one executor left behind: a pod that serves `hello`, and another warm one. */
const left = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make()
  const environment = world.environment()
  for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
  const fn = world.fn({ spec })
  yield* running(world, Effect.andThen(request(fn), settle))
  return { ...world, function: fn }
})

/** Functions and generations for which the next executor hands the old pod out. */
const adopted = Effect.map(PoolCache, (cache) =>
  cache.snapshot().flatMap(({ fn, pods }) => pods.map(({ address }) => `${fn.name} ${fn.generation} ${address}`))
)

/** What the next executor takes in, after a change made while none ran. */
const afterwards = (change: (world: World) => void) =>
  Effect.gen(function* () {
    const world = yield* left
    change(world)
    const before = writes(world).length
    return yield* running(
      world,
      Effect.gen(function* () {
        yield* settle
        const left = writes(world)
          .slice(before)
          .filter((line) => / pods /u.test(line))
        return { pods: yield* adopted, writes: left }
      })
    )
  })

const pod = (world: World, change: { readonly [field: string]: unknown }) =>
  void world.api.merge(Pods, reference("warm-1"), change)

describe("section 23: adoption takes in", () => {
  it.effect.each<readonly [what: string, change: (world: World) => void, generation: number]>([
    ["a pod that serves", () => {}, 1],
    [
      "one that is not Ready at the moment",
      (world) =>
        pod(world, {
          status: {
            containerStatuses: [
              { name: "runtime", ready: false },
              { name: "fetcher", ready: true }
            ]
          }
        }),
      1
    ],
    [
      "one of the generation that its label says, not that of the Function",
      (world) => pod(world, { metadata: { labels: { "fission.io/function-generation": "7" } } }),
      7
    ],
    [
      "one without that label, as of the generation that the Function has",
      (world) => pod(world, { metadata: { labels: { "fission.io/function-generation": null } } }),
      1
    ],
    [
      "one of an outdated template, which serves until its pool has rolled out",
      (world) =>
        void world.api.merge(Environments, reference("nodejs"), { spec: { runtime: { image: "node-env:2" } } }),
      1
    ]
  ])("%s", ([, change, generation]) =>
    Effect.gen(function* () {
      const taken = yield* afterwards(change)
      assert.deepStrictEqual(taken.pods, [`hello ${generation} 10.0.0.1:8888`])
      assert.deepStrictEqual(taken.writes, [])
    })
  )
})

describe("section 23: adoption leaves alone", () => {
  it.effect.each<readonly [what: string, change: (world: World) => void]>([
    ["one that has ended", (world) => pod(world, { status: { phase: "Failed" } })],
    [
      "one whose load was never finished",
      (world) => pod(world, { metadata: { annotations: { svcHost: null }, labels: { "fission.io/served": null } } })
    ],
    [
      "one of an Environment that was made anew under its name",
      (world) => {
        world.api.remove(Environments, reference("nodejs"))
        world.environment()
      }
    ],
    [
      "one without a generation whose Function is gone",
      (world) => {
        pod(world, { metadata: { labels: { "fission.io/function-generation": null } } })
        world.api.remove(Functions, reference("hello"))
      }
    ]
  ])("%s", ([, change]) => Effect.map(afterwards(change), ({ pods }) => assert.deepStrictEqual(pods, [])))
})

it.effect("section 23: a pod that was busy at the restart is handed out once more, and not twice", () =>
  Effect.gen(function* () {
    const world = yield* left
    yield* running(
      world,
      Effect.gen(function* () {
        yield* settle
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
      })
    )
  })
)

describe("section 23: requests that the router admits by itself", () => {
  it.effect("are not cut off: tapped 30 s ago with a time-out of 60 s, a pod of idle time 1 stays", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn({ spec: { idletimeout: 1, functionTimeout: 60 } })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(fn)
          yield* TestClock.adjust("30 seconds")
          assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["fission.io/served"], "true")
        })
      )
    })
  )

  it.effect("have their whole time-out in a drain, also one of 15 minutes", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn({ spec: { idletimeout: 1, functionTimeout: 900 } })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* request(fn)
          yield* TestClock.adjust("910 seconds")
          assert.isUndefined(world.pod("warm-1")?.metadata.labels?.["fission.io/served"])
          yield* TestClock.adjust("880 seconds")
          assert.isDefined(world.pod("warm-1"))
          yield* TestClock.adjust("30 seconds")
          assert.isUndefined(world.pod("warm-1"))
        })
      )
    })
  )
})
