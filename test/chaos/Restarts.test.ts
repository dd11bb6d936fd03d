import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Random, Result } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"
import {
  failing,
  breakWatches,
  collections,
  healthyDeleted,
  hit,
  isIn,
  makeWorld,
  request,
  allHealthy,
  timeUntil,
  type World
} from "./TenNamespaces.ts"

/** Lists of one namespace, or all. */
const listsFail = (failure: Failures.Failure, namespace?: string) => (call: KubernetesCall) =>
  call.verb === "list" && (namespace === undefined || call.namespace === namespace)
    ? Effect.fail(failure(call))
    : undefined

/** A world in which an earlier executor left a specialized pod in each namespace. */
const leftByAnother = Effect.gen(function* () {
  const world = yield* makeWorld
  yield* ExecutorInMemory.running(
    world,
    Effect.andThen(
      Effect.forEach(world.functions, ({ warm }) => request(warm)),
      seconds(3)
    )
  )
  return { ...world, loaded: world.specialized.length }
})

/** Every function that was warm for the earlier executor is, and no pod was loaded again or deleted. */
const isAdopted = Effect.fnUntraced(function* (world: World & { readonly loaded: number }) {
  const answers = yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
  assert.isTrue(answers.every(Result.isSuccess))
  assert.strictEqual(world.specialized.length, world.loaded)
  assert.deepStrictEqual(yield* healthyDeleted, [])
})

describe("a start", () => {
  it.effect("during an outage serves two seconds after its end, with every pod of the executor before", () =>
    Effect.gen(function* () {
      const world = yield* leftByAnother
      world.api.intercept((call) => Effect.fail(Failures.connectionRefused(call)))
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* seconds(60)
          world.api.intercept()
          yield* seconds(2)
          assert.isTrue(Result.isSuccess(yield* request(world.functions[0]?.warm ?? world.fn())))
          yield* timeUntil(world, allHealthy, 5)
          yield* isAdopted(world)
        })
      )
    }).pipe(Random.withSeed("start"))
  )

  it.effect("in the middle of whose adoption the API goes away adopts the rest afterwards", () =>
    Effect.gen(function* () {
      const world = yield* leftByAnother
      let lists = 0
      world.api.intercept((call) =>
        call.verb === "list" && ++lists > collections / 2 ? Effect.fail(Failures.etcdTimeout(call)) : undefined
      )
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          world.api.intercept((call) => Effect.fail(Failures.etcdTimeout(call)))
          yield* seconds(30)
          world.api.intercept()
          yield* timeUntil(world, allHealthy, 5)
          yield* isAdopted(world)
        })
      )
    }).pipe(Random.withSeed("middle"))
  )

  it.effect("whose lists fail in one namespace adopts the nine others at once and the tenth later", () =>
    Effect.gen(function* () {
      const world = yield* leftByAnother
      world.api.intercept(listsFail(Failures.gatewayTimeout, hit))
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* seconds(9)
          for (const { namespace, warm } of world.functions) {
            assert.strictEqual(Result.isSuccess(yield* request(warm)), namespace !== hit, namespace)
          }
          yield* Effect.repeat(seconds(60), { times: 19 })
          assert.deepStrictEqual(yield* healthyDeleted, [])
          world.api.intercept()
          yield* timeUntil(world, allHealthy, 40)
          yield* isAdopted(world)
        })
      )
    }).pipe(Random.withSeed("one list"))
  )
})

describe("rights of one namespace withdrawn for an hour", () => {
  it.effect("block it and nobody else, and it is back within six minutes of their return", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
          yield* seconds(3)
          for (const watch of world.api.watches(undefined, hit)) watch.fail(Failures.forbidden)
          yield* failing(Failures.forbidden, isIn(hit))(world)
          const { cells } = yield* Supervisor
          for (let minute = 0; minute < 60; minute++) {
            yield* seconds(60)
            const answers = yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
            assert.isTrue(answers.every(Result.isSuccess))
            for (const cell of cells) {
              assert.strictEqual(cell.health().state, cell.view.namespace === hit ? "Blocked" : "Healthy")
            }
          }
          world.api.intercept()
          yield* timeUntil(world, allHealthy, 360)
          assert.deepStrictEqual(yield* healthyDeleted, [])
        })
      )
    }).pipe(Random.withSeed("rights"))
  )
})

describe("a clock that jumps", () => {
  it.effect.each([
    ["forward", 3_600_000],
    ["back", -3_600_000]
  ] as const)("%s by an hour changes nothing", ([, jump]) =>
    TestClock.testClockWith((clock) => {
      let offset = 0
      const wall = () => clock.currentTimeMillisUnsafe() + 7_200_000 + offset
      const jumping = { ...clock, currentTimeMillisUnsafe: wall, currentTimeMillis: Effect.sync(wall) }
      return Effect.gen(function* () {
        const world = yield* makeWorld
        yield* ExecutorInMemory.running(
          world,
          Effect.gen(function* () {
            yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
            yield* seconds(3)
            const specialized = world.specialized.length
            const before = world.api.calls.length
            offset = jump
            yield* Effect.repeat(seconds(60), { times: 4 })
            const answers = yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
            assert.isTrue(answers.every(Result.isSuccess))
            assert.strictEqual(world.specialized.length, specialized)
            assert.deepStrictEqual(yield* healthyDeleted, [])
            const calls = world.api.calls.slice(before).filter(({ verb }) => verb !== "watch")
            assert.deepStrictEqual(calls, [], "calls because of it")
          })
        )
      }).pipe(Effect.provideService(Clock.Clock, jumping), Random.withSeed("jump"))
    })
  )
})

describe("twenty outages in a row", () => {
  it.effect("leave nothing behind: no item, no watch, no circuit", () =>
    Effect.gen(function* () {
      const world = yield* makeWorld
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
          const { cells } = yield* Supervisor
          const leftovers: Array<string> = []
          for (let round = 0; round < 20; round++) {
            breakWatches(world, Failures.connectionReset)
            world.api.intercept((call) => Effect.fail(Failures.connectionRefused(call)))
            for (let second = 0; second < 10; second++) {
              const answers = yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
              assert.isTrue(answers.every(Result.isSuccess))
              yield* TestClock.adjust("1 second")
            }
            world.api.intercept()
            yield* timeUntil(world, allHealthy, 60)
            // The longest back-off of a watch that broke again and again.
            yield* seconds(31)
            const queued = cells.reduce((sum, cell) => sum + cell.queueSize(), 0)
            leftovers.push(`${queued} items, ${world.api.watches().length} watches`)
          }
          assert.deepStrictEqual([...new Set(leftovers)], [`0 items, ${collections} watches`])
          assert.deepStrictEqual(yield* healthyDeleted, [])
        })
      )
    }).pipe(Random.withSeed("rounds"))
  )
})
