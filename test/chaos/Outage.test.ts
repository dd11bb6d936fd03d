import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Random, Result } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Environments } from "../../src/fission/ResourceKind.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { connectionRefused, connectionReset, etcdTimeout, type Failure, gatewayTimeout } from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const namespaces = ["team-a", "team-b", "team-c", "team-d", "team-e"]
const variables = { FISSION_RESOURCE_NAMESPACES: namespaces.join(",") }

/** Asks for an address and gives its slot back, as a request that has ended. */
const request = (fn: FissionFunction) =>
  Effect.result(Effect.tap(ExecutorInMemory.ask(fn), (service) => service.release))

const deletions = Effect.map(
  DecisionLog.use((log) => log.recent()),
  (decisions) => decisions.filter(({ action }) => action === "Deleted" || action === "ScaledDown")
)

/** Two warm functions in each namespace, and a third that has never been asked for, with a warm pod left for it. */
const warmWorld = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make(variables)
  const warm: Array<FissionFunction> = []
  const cold: Array<FissionFunction> = []
  for (const [index, namespace] of namespaces.entries()) {
    const environment = world.environment({ namespace })
    for (const pod of [1, 2, 3]) world.warmPod(environment, `warm-${pod}`, `10.${index}.0.${pod}`)
    warm.push(world.fn({ namespace, name: "one" }), world.fn({ namespace, name: "two" }))
    cold.push(world.fn({ namespace, name: "cold" }))
  }
  const warmUp = Effect.forEach(warm, (fn) => Effect.flatMap(ExecutorInMemory.ask(fn), (service) => service.release))
  return { ...world, warm, cold, warmUp: Effect.andThen(Effect.orDie(warmUp), seconds(1)) }
})

/** Everything fails from now on, and what is open breaks; each pool is just about to be resized. */
const goDown = Effect.fnUntraced(function* ({ api }: ExecutorInMemory.ExecutorInMemory, failure: Failure) {
  api.intercept((call) => Effect.fail(failure(call)))
  for (const namespace of namespaces) {
    api.merge(Environments, { namespace, name: "nodejs" }, { spec: { poolsize: 7 } })
  }
  yield* ExecutorInMemory.settle
  for (const watch of api.watches()) watch.fail(connectionReset)
})

const replicasOf = ({ api }: ExecutorInMemory.ExecutorInMemory) =>
  api.list(Deployments).map((pool) => {
    const spec = pool["spec"]
    return typeof spec === "object" && spec !== null && "replicas" in spec ? spec.replicas : undefined
  })

const allHealthy = Effect.map(Supervisor, ({ cells }) => cells.every((cell) => cell.health().state === "Healthy"))

describe("a total outage of five minutes under warm load", () => {
  it.effect.each([
    ["nobody listens", connectionRefused],
    ["etcd does not answer", gatewayTimeout]
  ] as const)(
    "answers every warm request, deletes nothing, stays small, and is over within a minute: %s",
    ([, failure]) =>
      Effect.gen(function* () {
        const world = yield* warmWorld
        yield* ExecutorInMemory.running(
          world,
          Effect.gen(function* () {
            yield* world.warmUp
            yield* goDown(world, failure)
            const before = world.api.calls.length
            const { cells } = yield* Supervisor
            let largestQueue = 0
            for (let second = 0; second < 300; second++) {
              const answers = yield* Effect.forEach(world.warm, request)
              assert.isTrue(answers.every(Result.isSuccess), `second ${second}`)
              largestQueue = Math.max(largestQueue, ...cells.map((cell) => cell.queueSize()))
              yield* TestClock.adjust("1 second")
            }
            assert.deepStrictEqual(yield* deletions, [])
            // Two functions, two pods, an Environment and a pool that waits to be resized.
            assert.isTrue(largestQueue >= 1 && largestQueue <= 6, String(largestQueue))
            const perSecond = (from: number, to: number) =>
              world.api.calls.slice(before).filter(({ at }) => at >= from && at < to).length / ((to - from) / 1000)
            const now = world.api.calls.at(-1)?.at ?? 0
            assert.isAtMost(perSecond(now - 240_000, now), 1)

            world.api.intercept()
            yield* seconds(60)
            assert.isTrue(yield* allHealthy)
            assert.deepStrictEqual(replicasOf(world), [7, 7, 7, 7, 7])
            assert.isTrue(Result.isSuccess(yield* request(world.cold[0] ?? world.fn())))
            assert.deepStrictEqual(yield* deletions, [])
          })
        )
      }).pipe(Random.withSeed("outage"))
  )

  it.effect("refuses cold starts within ten seconds with 503, tears nothing down, and serves them afterwards", () =>
    Effect.gen(function* () {
      const world = yield* warmWorld
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* world.warmUp
          yield* goDown(world, connectionRefused)
          for (let minute = 0; minute < 5; minute++) {
            const asked = yield* Effect.forkChild(Effect.forEach(world.cold, request, { concurrency: "unbounded" }))
            yield* seconds(10)
            const answers = yield* Fiber.join(asked).pipe(
              Effect.timeoutOrElse({ duration: Duration.zero, orElse: () => Effect.die("no answer within 10 s") })
            )
            for (const answer of answers) {
              assert.strictEqual(Result.isFailure(answer) ? answer.failure.status : 200, 503)
            }
            yield* seconds(50)
          }
          assert.deepStrictEqual(yield* deletions, [])
          world.api.intercept()
          yield* seconds(30)
          const answers = yield* Effect.forEach(world.cold, request)
          assert.isTrue(answers.every(Result.isSuccess))
        })
      )
    }).pipe(Random.withSeed("cold starts"))
  )
})

describe("30 % random faults for ten minutes", () => {
  /** Ten minutes of pools that are resized and functions that start, and how many calls that took. */
  const tenMinutes = (share: number) =>
    Effect.gen(function* () {
      const world = yield* warmWorld
      return yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* world.warmUp
          const before = world.api.calls.length
          const random = yield* Random.Random
          world.api.intercept((call) =>
            random.nextDoubleUnsafe() < share ? Effect.fail(etcdTimeout(call)) : undefined
          )
          const starting: Array<Fiber.Fiber<Result.Result<unknown, unknown>>> = []
          for (let round = 0; round < 60; round++) {
            for (const [index, namespace] of namespaces.entries()) {
              const reference = { namespace, name: "nodejs" }
              const environment = Result.getOrThrow(
                Environments.decode(world.api.merge(Environments, reference, { spec: { poolsize: 2 + (round % 3) } }))
              )
              world.warmPod(environment, `warm-${round}-x`, `10.${index}.1.${round}`)
              starting.push(yield* Effect.forkChild(request(world.fn({ namespace, name: `fn-${round}` }))))
            }
            yield* seconds(10)
          }
          const calls = world.api.calls.length - before
          world.api.intercept()
          yield* Effect.repeat(seconds(10), { times: 11 })
          const answers = yield* Effect.forEach(starting, Fiber.join)
          return {
            calls,
            replicas: replicasOf(world),
            healthy: yield* allHealthy,
            started: answers.filter(Result.isSuccess).length
          }
        })
      )
    }).pipe(Random.withSeed("30 %"))

  it.effect(
    "converge, with at most three times the calls of a quiet server",
    () =>
      Effect.gen(function* () {
        const quiet = yield* tenMinutes(0)
        const faulty = yield* tenMinutes(0.3)
        assert.strictEqual(quiet.started, 300)
        assert.isAtMost(faulty.calls / quiet.calls, 3, `${faulty.calls} of ${quiet.calls}`)
        assert.deepStrictEqual(faulty.replicas, [4, 4, 4, 4, 4])
        assert.isTrue(faulty.healthy)
        assert.isAbove(faulty.started, 150)
      }),
    60_000
  )
})
