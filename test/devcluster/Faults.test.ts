import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Random } from "effect"
import { TestClock } from "effect/testing"
import { type Fault, Faults, type FaultTarget } from "../../src/devcluster/Faults.ts"

const listEnvironments: FaultTarget = {
  verb: "list",
  resource: "environments",
  namespace: "team-a",
  name: undefined,
  client: "fission-executor/1"
}

const reset: Fault = { action: { type: "reset" } }

const meets = (target: Partial<FaultTarget> = {}) =>
  Faults.use((faults) => Effect.map(faults.meet({ ...listEnvironments, ...target }), Option.isSome))

const inject = (fault: Fault) => Faults.use((faults) => faults.inject(fault))

describe("conditions", () => {
  it.effect.each<readonly [string, Partial<Fault>, Partial<FaultTarget>]>([
    ["verb", { verb: "list" }, { verb: "get" }],
    ["resource", { resource: "environments" }, { resource: "functions" }],
    ["namespace", { namespace: "team-a" }, { namespace: "team-b" }],
    ["name", { name: "node" }, { name: "python" }],
    ["client", { client: "fission-executor/" }, { client: "embedded-cluster" }]
  ])("meets requests by %s", ([, condition, other]) =>
    Effect.gen(function* () {
      yield* inject({ ...reset, ...condition })
      assert.isTrue(yield* meets({ name: "node" }))
      assert.isFalse(yield* meets({ name: "node", ...other }))
    }).pipe(Effect.provide(Faults.layer))
  )

  it.effect("takes a resource with its subresources, and a subresource alone", () =>
    Effect.gen(function* () {
      yield* inject({ ...reset, resource: "functions", verb: "patch" })
      yield* inject({ ...reset, resource: "environments/status", verb: "patch" })
      assert.isTrue(yield* meets({ verb: "patch", resource: "functions/status" }))
      assert.isTrue(yield* meets({ verb: "patch", resource: "environments/status" }))
      assert.isFalse(yield* meets({ verb: "patch", resource: "environments" }))
    }).pipe(Effect.provide(Faults.layer))
  )

  it.effect("drops watches only, and answers nothing but writes after applying them", () =>
    Effect.gen(function* () {
      yield* inject({ action: { type: "dropWatch" } })
      yield* inject({ action: { type: "applyThenError", preset: "timeout" } })
      assert.isFalse(yield* meets())
      assert.isTrue(yield* meets({ verb: "watch" }))
      assert.isTrue(yield* meets({ verb: "update" }))
    }).pipe(Effect.provide(Faults.layer))
  )
})

it.effect("meets a share of the requests", () =>
  Effect.gen(function* () {
    yield* inject({ ...reset, share: 0.25 })
    const met = yield* Effect.forEach(Array.from({ length: 400 }), () => meets())
    const count = met.filter((isMet) => isMet).length
    assert.isTrue(count > 60 && count < 140, `met ${count} of 400`)
  }).pipe(Effect.provide(Faults.layer), Random.withSeed("share"))
)

it.effect("is over after a number of requests", () =>
  Effect.gen(function* () {
    yield* inject({ ...reset, count: 2 })
    assert.deepStrictEqual([yield* meets(), yield* meets(), yield* meets()], [true, true, false])
    assert.deepStrictEqual(yield* Faults.use((faults) => faults.active), [])
  }).pipe(Effect.provide(Faults.layer))
)

it.effect("goes on hanging those that it met, after the last of its number too", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const id = yield* faults.inject({ count: 1, action: { type: "hang" } })
    const met = Option.getOrThrow(yield* faults.meet(listEnvironments))
    assert.isFalse(yield* meets())
    const hanging = yield* Effect.forkChild(met.lifted.await)
    yield* TestClock.adjust("1 hour")
    assert.isUndefined(hanging.pollUnsafe())
    assert.isTrue(yield* faults.lift(id))
    yield* Fiber.join(hanging)
  }).pipe(Effect.provide(Faults.layer))
)

it.effect("lifts itself when its time is over, and lets go of those that hang", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* faults.inject({ seconds: 30, action: { type: "hang" } })
    const met = Option.getOrThrow(yield* faults.meet(listEnvironments))
    const hanging = yield* Effect.forkChild(met.lifted.await)
    yield* TestClock.adjust("29 seconds")
    assert.isTrue(yield* meets())
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(hanging)
    assert.isFalse(yield* meets())
  }).pipe(Effect.provide(Faults.layer))
)

it.effect("drops the open watches that it meets, each counted", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const watch = (namespace: string) =>
      Effect.forkChild(faults.watchEnded({ ...listEnvironments, verb: "watch", namespace }), {
        startImmediately: true
      })
    const [first, second, other] = [yield* watch("team-a"), yield* watch("team-a"), yield* watch("team-b")]
    yield* faults.inject({ namespace: "team-a", count: 1, action: { type: "dropWatch" } })
    yield* Fiber.join(first)
    assert.deepStrictEqual([second.pollUnsafe(), other.pollUnsafe()], [undefined, undefined])
    assert.isFalse(yield* meets({ verb: "watch" }))
  }).pipe(Effect.provide(Faults.layer))
)

it.effect("lifts one or all", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const id = yield* faults.inject(reset)
    yield* faults.inject(reset)
    assert.isTrue(yield* faults.lift(id))
    assert.isFalse(yield* faults.lift(id))
    yield* faults.liftAll
    assert.isFalse(yield* meets())
  }).pipe(Effect.provide(Faults.layer))
)
