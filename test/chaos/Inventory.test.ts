import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Result } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Functions } from "../../src/fission/ResourceKind.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const minutes = (count: number) => Effect.repeat(seconds(60), { times: count - 1 })

const isReady = Dispatcher.use((dispatcher) => dispatcher.ready)
const stateOf = (namespace: string) => Supervisor.use(({ cell }) => Effect.succeed(cell(namespace)?.health().state))
const serve = (fn: FissionFunction) => Effect.result(Effect.tap(ExecutorInMemory.ask(fn), (service) => service.release))
const deleted = Effect.map(
  DecisionLog.use((log) => log.recent()),
  (decisions) =>
    decisions.filter(({ action }) => action === "Deleted").map(({ name, namespace }) => `${namespace}/${name}`)
)

/** Two namespaces with an Environment, a function and a warm pod each. */
const twoNamespaces = Effect.gen(function* () {
  const namespaces = ["team-a", "team-b"]
  const world = yield* ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: namespaces.join(",") })
  const [mine, other] = namespaces.map((namespace, index) => {
    world.warmPod(world.environment({ namespace }), `pod-${namespace}`, `10.0.0.${index}`)
    return world.fn({ namespace })
  })
  return { ...world, mine: mine ?? world.fn(), other: other ?? world.fn() }
})

const isList = (call: KubernetesCall, resource: string, namespace: string) =>
  call.verb === "list" && call.resource === resource && call.namespace === namespace

describe("boot", () => {
  it.effect(
    "B1: 18.1: without an API server for ten minutes nothing ends, and ten seconds after it is there all is ready",
    () =>
      Effect.gen(function* () {
        const world = yield* twoNamespaces
        world.api.intercept((call) => Effect.fail(Failures.connectionRefused(call)))
        yield* ExecutorInMemory.running(
          world,
          Effect.gen(function* () {
            yield* minutes(10)
            assert.isFalse(yield* isReady)
            world.api.intercept()
            yield* seconds(10)
            assert.isTrue(yield* isReady)
            assert.isTrue(Result.isSuccess(yield* serve(world.mine)))
          })
        )
      }).pipe(Random.withSeed("B1"))
  )

  it.effect(
    "B4: 18.2: a namespace that is forbidden from the start keeps no other from being ready and reconciled",
    () =>
      Effect.gen(function* () {
        const world = yield* twoNamespaces
        world.api.intercept((call) => (call.namespace === "team-b" ? Effect.fail(Failures.forbidden(call)) : undefined))
        yield* ExecutorInMemory.running(
          world,
          Effect.gen(function* () {
            yield* seconds(20)
            assert.isTrue(yield* isReady)
            assert.strictEqual(yield* stateOf("team-b"), "Blocked")
            assert.strictEqual(world.pools("team-a").length, 1)
            assert.isTrue(Result.isSuccess(yield* serve(world.mine)))
          })
        )
      }).pipe(Random.withSeed("B4"))
  )

  it.effect("B4: what an API server says in its first seconds blocks no namespace", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      const states = new Set<string>()
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* seconds(5)
          let failure: Failures.Failure = Failures.connectionRefused
          world.api.intercept((call) => Effect.fail(failure(call)))
          for (const watch of world.api.watches()) watch.fail(Failures.connectionReset)
          yield* seconds(10)
          const starting = [
            Failures.forbidden,
            Failures.answered(401, "Unauthorized", "Unauthorized"),
            Failures.answered(404, "NotFound", "the server could not find the requested resource")
          ]
          for (const next of starting) {
            failure = next
            for (let second = 0; second < 8; second++) {
              yield* seconds(1)
              for (const namespace of ["team-a", "team-b"]) states.add((yield* stateOf(namespace)) ?? "")
            }
          }
          world.api.intercept()
          yield* seconds(15)
          assert.notInclude([...states], "Blocked")
          assert.deepStrictEqual([yield* stateOf("team-a"), yield* stateOf("team-b")], ["Healthy", "Healthy"])
        })
      )
    }).pipe(Random.withSeed("restart"))
  )
})

describe("adoption", () => {
  it.effect("A1, A3, A4, A6: 18.4: a namespace whose lists fail at a restart loses no object, then or later", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        seconds(5).pipe(Effect.andThen(Effect.forEach([world.mine, world.other], serve)), Effect.andThen(seconds(2)))
      )
      world.api.intercept((call) =>
        call.verb === "list" && call.namespace === "team-b" ? Effect.fail(Failures.gatewayTimeout(call)) : undefined
      )
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          // Less than the two minutes after which an unused pod goes.
          yield* minutes(1)
          assert.strictEqual(yield* stateOf("team-b"), "BackingOff")
          assert.isTrue(Result.isSuccess(yield* serve(world.mine)))
          world.api.intercept()
          yield* seconds(20)
          assert.isTrue(Result.isSuccess(yield* serve(world.other)))
          assert.isDefined(world.pod("pod-team-b", "team-b"))
          assert.notInclude(yield* deleted, "team-b/pod-team-b")
          assert.strictEqual(world.specialized.length, 2, "each pod was loaded once, by the process before")
        })
      )
    }).pipe(Random.withSeed("A1"))
  )
})

describe("the request path", () => {
  it.effect("P1, P4, P5: a cold start goes on from the views while every list and watch fails", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          world.api.intercept((call) =>
            ["list", "watch"].includes(call.verb) ? Effect.fail(Failures.etcdTimeout(call)) : undefined
          )
          for (const watch of world.api.watches()) watch.fail(Failures.connectionReset)
          yield* minutes(5)
          assert.isTrue(Result.isSuccess(yield* serve(world.mine)))
        })
      )
    }).pipe(Random.withSeed("P1"))
  )

  it.effect("P13: a cached pod is served on although nobody can look at it any more", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          const [first] = yield* Effect.forEach([world.mine], ExecutorInMemory.ask)
          yield* first?.release ?? Effect.void
          yield* seconds(2)
          world.api.intercept((call) => Effect.fail(Failures.forbidden(call)))
          for (const watch of world.api.watches()) watch.fail(Failures.connectionReset)
          for (let minute = 0; minute < 60; minute++) {
            const again = yield* ExecutorInMemory.ask(world.mine)
            yield* again.release
            assert.strictEqual(again.address, first?.address)
            yield* minutes(1)
          }
          assert.strictEqual(world.specialized.length, 1)
        })
      )
    }).pipe(Random.withSeed("P13"))
  )
})

describe("the idle reaper", () => {
  it.effect("I1, I2, I3: 18.10: one namespace whose lists fail keeps no other from being reaped", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* Effect.forEach([world.mine, world.other], serve)
          world.api.intercept((call) => (isList(call, "environments", "team-b") ? Effect.never : undefined))
          for (const watch of world.api.watches("environments", "team-b")) watch.fail(Failures.expired)
          yield* minutes(5)
          assert.include(yield* deleted, "team-a/pod-team-a")
        })
      )
    }).pipe(Random.withSeed("I1"))
  )

  it.effect("I1, I2, I3: 18.10: nothing is reaped in a namespace whose view is older than ten minutes", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          const held = yield* Effect.orDie(ExecutorInMemory.ask(world.other))
          yield* seconds(2)
          world.api.intercept((call) =>
            ["list", "watch"].includes(call.verb) && call.namespace === "team-b"
              ? Effect.fail(Failures.etcdTimeout(call))
              : undefined
          )
          for (const watch of world.api.watches(undefined, "team-b")) watch.fail(Failures.connectionReset)
          yield* minutes(11)
          yield* held.release
          yield* minutes(20)
          assert.isDefined(world.pod("pod-team-b", "team-b"))
          assert.strictEqual(yield* stateOf("team-b"), "BackingOff")
          world.api.intercept()
          yield* minutes(3)
          assert.include(yield* deleted, "team-b/pod-team-b")
        })
      )
    }).pipe(Random.withSeed("I2"))
  )
})

describe("owners", () => {
  it.effect("R1, R4: 18.6: neither 403 nor a time-out nor a refused connection proves that an owner is gone", () =>
    Effect.gen(function* () {
      const world = yield* twoNamespaces
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          yield* serve(world.mine)
          yield* seconds(2)
          let failure: Failures.Failure = Failures.forbidden
          world.api.intercept((call) => (call.verb === "get" ? Effect.fail(failure(call)) : undefined))
          world.api.remove(Functions, { namespace: "team-a", name: "hello" })
          for (failure of [Failures.forbidden, Failures.gatewayTimeout, Failures.connectionRefused]) {
            yield* TestClock.adjust("30 seconds")
            assert.isDefined(world.pod("pod-team-a", "team-a"))
          }
          assert.deepStrictEqual(yield* deleted, [])
        })
      )
    }).pipe(Random.withSeed("R1"))
  )
})
