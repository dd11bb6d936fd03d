import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, type Fiber, Latch, Random, Result } from "effect"
import { TestClock } from "effect/testing"
import { isWrite } from "../../src/Errors.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
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
  isOf,
  makeWorld,
  namespaces,
  request,
  allHealthy,
  insisted,
  timeUntil,
  type World
} from "./TenNamespaces.ts"

/*
 * The fault classes that were recorded from real servers (test/data/apiserver-faults), each for as long as it takes, in
 * virtual time. The same against a process and in real time: `npm run test:chaos`.
 */

interface Scenario {
  readonly fault: string
  /** Seconds. */
  readonly lasts: number
  readonly begin: (world: World) => Effect.Effect<void>
  /** Done every second while it lasts. */
  readonly again?: (world: World) => void
  /** Default: every call goes through again. */
  readonly end?: (world: World) => void
  /** Hits one namespace only: cold starts in the others go on. */
  readonly only?: string
}

/** A server that goes away, and what it answers first when it is back. */
const restarted = (watchesEnd: (world: World) => void) => (world: World) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const begun = clock.currentTimeMillisUnsafe()
    watchesEnd(world)
    world.api.intercept((call) => {
      const second = (clock.currentTimeMillisUnsafe() - begun) / 1000
      if (second < 6) return Effect.fail(Failures.connectionRefused(call))
      const starting = second < 8 ? Failures.answered(401, "Unauthorized", "Unauthorized") : Failures.forbidden
      return Effect.fail(starting(call))
    })
  })

const frozen = (world: World) =>
  Effect.sync(() => {
    const thawed = Latch.makeUnsafe()
    world.api.intercept(() => thawed.await)
    return thawed
  })

const scenarios: ReadonlyArray<Scenario> = [
  (() => {
    let thawed = Latch.makeUnsafe()
    return {
      fault: "frozen etcd",
      lasts: 60,
      begin: (world: World) => Effect.map(frozen(world), (latch) => void (thawed = latch)),
      end: (world: World) => {
        world.api.intercept()
        thawed.openUnsafe()
      }
    }
  })(),
  { fault: "killed etcd", lasts: 60, begin: failing(Failures.gatewayTimeout) },
  {
    fault: "lost quorum",
    lasts: 60,
    begin: (world) =>
      Effect.andThen(
        Effect.sync(() => breakWatches(world, Failures.expired)),
        Effect.sync(() =>
          world.api.intercept((call) =>
            Effect.fail(
              ["list", "watch"].includes(call.verb) ? Failures.tooManyRequests(1)(call) : Failures.etcdTimeout(call)
            )
          )
        )
      )
  },
  {
    fault: "API server stopped by SIGTERM and started again",
    lasts: 10,
    begin: restarted((world) => {
      for (const watch of world.api.watches()) watch.end()
    })
  },
  {
    fault: "API server killed and started again",
    lasts: 10,
    begin: restarted((world) => breakWatches(world, Failures.connectionReset))
  },
  {
    fault: "half-open connections",
    lasts: 30,
    begin: ({ api }) =>
      Effect.sync(() => {
        for (const watch of api.watches()) watch.mute()
        api.intercept(() => Effect.never)
      })
  },
  {
    fault: "a storm of 429 with Retry-After",
    lasts: 60,
    begin: (world) =>
      Effect.andThen(
        Effect.sync(() => breakWatches(world, Failures.connectionReset)),
        failing(Failures.tooManyRequests(2))(world)
      )
  },
  {
    fault: "history compacted every five seconds",
    lasts: 60,
    begin: () => Effect.void,
    again: (() => {
      let second = 0
      return (world: World) => {
        if (second++ % 5 !== 0) return
        world.api.store.compact()
        breakWatches(world, Failures.expired)
      }
    })()
  },
  {
    fault: "rights withdrawn and returned",
    lasts: 9,
    begin: (world) =>
      Effect.andThen(
        Effect.sync(() => breakWatches(world, Failures.forbidden)),
        failing(Failures.forbidden)(world)
      )
  },
  {
    fault: "a lagging replica that has none of the Functions",
    lasts: 45,
    begin: (world) =>
      Effect.sync(() => {
        world.api.hide((kind) => kind.plural === Functions.plural)
        for (const watch of world.api.watches("functions")) watch.fail(Failures.expired)
      }),
    end: ({ api }) => api.hide()
  },
  {
    fault: "writes that are applied and answered 504",
    lasts: 20,
    begin: ({ api }) =>
      Effect.sync(() =>
        api.interceptAnswers((call) => (isWrite(call) ? Effect.fail(Failures.gatewayTimeout(call)) : undefined))
      ),
    end: ({ api }) => api.interceptAnswers()
  },
  {
    fault: "GET and PUT of Deployments answered 500",
    lasts: 10,
    begin: failing(
      Failures.answered(500, "InternalError", "Internal error occurred"),
      (call) => isOf("get", "deployments")(call) || isOf("update", "deployments")(call)
    )
  },
  {
    fault: "patches of pods failing",
    lasts: 30,
    begin: failing(Failures.etcdTimeout, isOf("patch", "pods"))
  },
  {
    fault: "one namespace of ten failing for half an hour",
    lasts: 1800,
    only: hit,
    begin: (world) =>
      Effect.andThen(
        Effect.sync(() => {
          for (const watch of world.api.watches(undefined, hit)) watch.fail(Failures.connectionReset)
        }),
        failing(Failures.etcdTimeout, isIn(hit))(world)
      )
  }
]

const play = (scenario: Scenario) =>
  Effect.gen(function* () {
    const world = yield* makeWorld
    yield* ExecutorInMemory.running(
      world,
      Effect.gen(function* () {
        yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
        yield* seconds(3)
        const before = world.api.calls.length

        yield* scenario.begin(world)
        const starting = yield* Effect.forEach(world.functions, ({ during }) => Effect.forkChild(insisted(during)))
        for (let second = 0; second < scenario.lasts; second++) {
          scenario.again?.(world)
          const answers = yield* Effect.forEach(world.functions, ({ warm }) => request(warm))
          assert.isTrue(answers.every(Result.isSuccess), `a warm request failed in second ${second}`)
          world.refill()
          yield* TestClock.adjust("1 second")
        }
        const callsOfFault = world.api.calls.length - before
        if (scenario.only !== undefined) {
          for (const [index, { namespace }] of world.functions.entries()) {
            const isHit = namespace === scenario.only
            assert.strictEqual(starting[index]?.pollUnsafe() === undefined, isHit, namespace)
            const state = (yield* Supervisor).cell(namespace)?.health().state
            assert.strictEqual(state === "Healthy", !isHit, namespace)
          }
        }
        assert.isAtMost(callsOfFault / scenario.lasts, 100, "calls a second while it lasts")

        if (scenario.end === undefined) world.api.intercept()
        else scenario.end(world)
        const lifted = world.api.calls.length
        const resumed = yield* Effect.forkChild(insisted(world.functions[0]?.afterwards ?? world.fn()))
        const isOver = (fiber: Fiber.Fiber<void>) => Effect.sync(() => fiber.pollUnsafe() !== undefined)
        yield* timeUntil(world, isOver(resumed), 2)
        // A silent watch is given up after 100 s, and until then nobody hears of new pods.
        for (const started of starting) yield* timeUntil(world, isOver(started), 100)
        yield* timeUntil(world, allHealthy, 60)
        yield* seconds(70)
        assert.deepStrictEqual(yield* healthyDeleted, [])
        const lists = world.api.calls.slice(lifted).filter(({ verb }) => verb === "list").length
        assert.isAtMost(lists, 2 * collections, "lists during the recovery")
        assert.strictEqual(world.api.watches().length, collections)
        assert.strictEqual(world.pools(hit).length, 1)
        const pods = new Set(world.specialized)
        assert.isAtLeast(pods.size, 2 * namespaces.length)
      })
    )
  }).pipe(Random.withSeed(scenario.fault))

describe("warm requests are answered, nothing is deleted, and work goes on within two seconds", () => {
  it.effect.each(scenarios.map((scenario) => [scenario.fault, scenario] as const))(
    "%s",
    ([, scenario]) => play(scenario),
    60_000
  )
})
