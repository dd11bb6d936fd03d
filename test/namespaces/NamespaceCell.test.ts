import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import { Environments, Functions, Packages } from "../../src/fission/ResourceKind.ts"
import * as Cells from "../fakes/Cells.ts"
import { connectionReset, etcdTimeout } from "../fakes/Failures.ts"
import { withRandom } from "../fakes/FixedRandom.ts"
import { seconds } from "../fakes/Reflecting.ts"

const environment = (name: string) => ({ metadata: { namespace: "team-a", name }, spec: { version: 3, runtime: {} } })

const oneCell = Effect.gen(function* () {
  const cells = yield* Cells.make(["team-a"])
  const cell = cells.supervisor.cell("team-a")
  if (cell === undefined) return yield* Effect.die(new Error("no cell"))
  return { ...cells, cell }
})

describe("a cell", () => {
  it.effect("begins to work when every required view is synced, and not before", () =>
    Effect.gen(function* () {
      const { api, cell, handled, recording, start } = yield* oneCell
      api.put(Environments, environment("node"))
      api.intercept((call) => (call.resource === "deployments" && call.verb === "list" ? Effect.never : undefined))
      yield* start(recording)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(handled, [])
      assert.strictEqual(cell.health().state, "Starting")
      api.intercept()
      yield* TestClock.adjust("40 seconds")
      assert.deepStrictEqual(handled, ["team-a/node"])
      assert.strictEqual(cell.health().state, "Healthy")
    })
  )

  it.effect("does not wait for kinds that it could do without", () =>
    Effect.gen(function* () {
      const { api, cell, recording, start } = yield* oneCell
      api.intercept((call) => (call.resource === "packages" ? Effect.fail(etcdTimeout(call)) : undefined))
      yield* start(recording)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(cell.health().state, "Healthy")
      assert.isFalse(cell.view.packages.isSynced())
      api.put(Packages, { metadata: { namespace: "team-a", name: "code" } })
    })
  )

  it.effect("watches versions and aliases from their first use only", () =>
    Effect.gen(function* () {
      const { api, cell, recording, start } = yield* oneCell
      yield* start(recording)
      yield* TestClock.adjust("10 seconds")
      assert.notInclude(api.lines("list"), "list functionversions team-a")
      cell.view.wantVersions()
      yield* TestClock.adjust(0)
      assert.includeMembers([...api.lines("list")], ["list functionversions team-a", "list functionaliases team-a"])
    })
  )

  it.effect(
    "goes on within two seconds of an hour without writes that no request waited for, after a probe a second",
    () =>
      Effect.gen(function* () {
        const { cell, circuits, start } = yield* oneCell
        let fails = true
        let sent = 0
        const done: Array<string> = []
        const write = (_: unknown, name: string) => {
          const call = { verb: "patch", resource: "pods", namespace: "team-a", name, someoneWaits: false } as const
          const patch = Effect.suspend(() => {
            sent++
            return fails ? Effect.fail(etcdTimeout(call)) : Effect.sync(() => void done.push(name))
          })
          return circuits.protect(call, patch)
        }
        yield* start({ onChange: () => [], work: { write }, loops: [] })
        const names = Array.from({ length: 20 }, (_, index) => `pod-${index}`)
        for (const name of names) cell.enqueue({ handler: "write", name })
        yield* seconds(3600)
        assert.isTrue(sent > 2400 && sent < 3700, `${sent} writes in an hour`)
        fails = false
        yield* seconds(2)
        assert.sameMembers(done, names)
        assert.strictEqual(cell.queueSize(), 0)
        assert.strictEqual(cell.health().state, "Healthy")
      }).pipe(Random.withSeed("an hour"))
  )

  it.effect("costs the API nothing but watches while nothing happens", () =>
    Effect.gen(function* () {
      const { api, recording, start } = yield* oneCell
      yield* start(recording)
      yield* TestClock.adjust("1 minute")
      const before = api.lines("list").length
      yield* Effect.repeat(TestClock.adjust("1 minute"), { times: 59 })
      assert.strictEqual(api.lines("list").length, before)
      assert.strictEqual(api.calls.length, api.lines("list").length + api.lines("watch").length)
      const watchesAnHour = api.lines("watch").length / 5
      assert.isTrue(watchesAnHour < 14, `${watchesAnHour} watches an hour and kind`)
    })
  )

  it.effect("keeps its circuit open while a broken watch is only being tried again", () =>
    Effect.gen(function* () {
      const { api, circuits, recording, start } = yield* oneCell
      yield* start(recording)
      yield* TestClock.adjust("1 second")
      api.intercept((call) => Effect.fail(etcdTimeout(call)))
      for (const watch of api.watches()) watch.fail(connectionReset)
      const call = { verb: "get", resource: "pods", namespace: "team-a", name: "x", someoneWaits: false } as const
      yield* Effect.repeat(Effect.flip(circuits.protect(call, Effect.fail(etcdTimeout(call)))), { times: 4 })
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 60 })
      assert.isTrue(circuits.isOpen("team-a"))
      api.intercept()
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 90 })
      assert.isFalse(circuits.isOpen("team-a"))
    })
  )

  it.effect("lets no view sit out its back-off once another shows that the API answers again", () =>
    Effect.gen(function* () {
      const { api, cell, recording, start } = yield* oneCell
      api.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* start(recording)
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 300 })
      api.intercept()
      const recoveredAt: Array<number> = []
      for (let second = 0; second < 31; second++) {
        yield* TestClock.adjust("1 second")
        if (cell.health().state === "Healthy") recoveredAt.push(yield* Clock.currentTimeMillis)
      }
      const firstAnswer = api.calls.find((call) => call.at > 301_000)?.at ?? 0
      assert.isTrue((recoveredAt[0] ?? Number.POSITIVE_INFINITY) - firstAnswer <= 1000)
    })
  )

  it.effect("lists a kind again when it is told that its view is contradicted", () =>
    Effect.gen(function* () {
      const { api, cell, recording, start } = yield* oneCell
      yield* start(recording)
      yield* TestClock.adjust("10 seconds")
      const before = api.lines("list").length
      yield* cell.relist("environments")
      yield* cell.relist("environments")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(api.lines("list").slice(before), ["list environments team-a"])
    })
  )

  it.effect("tells a recovered namespace's failed work to come back", () =>
    Effect.gen(function* () {
      const { api, cell, handled, recording, start } = yield* oneCell
      let fails = true
      const call = { verb: "patch", resource: "pods", namespace: "team-a", name: "x" } as const
      yield* start({
        ...recording,
        work: {
          record: (view, name) =>
            fails ? Effect.fail(etcdTimeout(call)) : (recording.work["record"]?.(view, name) ?? Effect.void)
        }
      })
      yield* TestClock.adjust("1 second")
      cell.enqueue({ handler: "record", name: "item" })
      yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 30 })
      for (const watch of api.watches()) watch.mute()
      api.intercept((call) => (call.verb === "list" || call.verb === "watch" ? Effect.never : undefined))
      yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 20 })
      assert.strictEqual(cell.health().state, "Stale")
      fails = false
      api.intercept()
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 60 })
      assert.strictEqual(cell.health().state, "Healthy")
      assert.deepStrictEqual(handled, ["team-a/item"])
    }).pipe(withRandom(0.9))
  )
})

describe("a throw while a change is told", () => {
  it.effect("restarts the cell, which has missed no other change", () =>
    Effect.gen(function* () {
      const { api, handled, log, recording, start } = yield* oneCell
      for (const name of ["a", "b", "c"]) api.put(Environments, environment(name))
      let thrown = false
      yield* start({
        ...recording,
        onChange: (view, change) => {
          if (change.change.object.metadata.name === "a" && !thrown) {
            thrown = true
            throw new Error("a bug")
          }
          return recording.onChange(view, change)
        }
      })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(handled.toSorted(), ["team-a/b", "team-a/c"])
      assert.strictEqual(log.of("team-a", "Error").length, 1)
      api.put(Functions, { metadata: { namespace: "team-a", name: "hello" }, spec: {} })
      yield* TestClock.adjust("1 second")
      assert.include(handled, "team-a/hello")
    })
  )
})
