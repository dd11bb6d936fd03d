import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, type WatchEvent } from "../../src/kubernetes/KubernetesApi.ts"
import * as Failures from "../fakes/Failures.ts"
import { withRandom } from "../fakes/FixedRandom.ts"
import * as KubernetesApiFake from "../fakes/KubernetesApiFake.ts"

import { environment, inMemory, namespace, reflecting, seconds } from "../fakes/Reflecting.ts"

describe("a reflector", () => {
  it.effect("lists once, then follows every change", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      memory.put(Environments, environment("a"))
      const { changes, reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      memory.put(Environments, environment("b"))
      memory.merge(Environments, { namespace, name: "a" }, { spec: { poolsize: 9 } })
      memory.remove(Environments, { namespace, name: "a" })
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(changes, ["Upsert a", "Upsert b", "Upsert a", "Delete a"])
      assert.strictEqual(reflector.store.size(), 1)
      assert.deepStrictEqual(memory.lines(), ["list environments team-a", "watch environments team-a"])
    })
  )

  it.effect("misses nothing that happened while its watch was broken", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      memory.put(Environments, environment("a"))
      const { changes } = yield* start()
      yield* TestClock.adjust("1 second")
      for (const watch of memory.watches()) watch.fail(Failures.connectionReset)
      memory.remove(Environments, { namespace, name: "a" })
      memory.put(Environments, environment("b"))
      yield* seconds(2)
      assert.deepStrictEqual(changes, ["Upsert a", "Delete a", "Upsert b"])
      assert.strictEqual(memory.lines("list").length, 1)
    })
  )

  it.effect("lists again when its version is too old, and finds the difference", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      for (const name of ["a", "b"]) memory.put(Environments, environment(name))
      const { changes } = yield* start()
      yield* TestClock.adjust("1 second")
      for (const watch of memory.watches()) watch.fail(Failures.connectionReset)
      memory.remove(Environments, { namespace, name: "a" })
      memory.put(Environments, environment("c"))
      memory.store.compact()
      memory.put(Environments, environment("d"))
      yield* seconds(5)
      assert.deepStrictEqual(changes.slice(2), ["Upsert c", "Upsert d", "Delete a"])
      assert.strictEqual(memory.lines("list").length, 3, "the third reads one object, to prove that all is well")
    })
  )

  it.effect("bounds the rate of lists when every version is too old at once", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      memory.intercept((call) => (call.verb === "watch" ? Effect.fail(Failures.expired(call)) : undefined))
      yield* start()
      yield* seconds(300)
      const lists = memory.lines("list").length
      assert.isTrue(lists >= 10 && lists <= 30, `${lists} lists in 300 s`)
    }).pipe(withRandom(0.5))
  )

  it.effect("goes on from the last bookmark", () =>
    Effect.gen(function* () {
      const versions: Array<string> = []
      const bookmark: WatchEvent = { type: "BOOKMARK", object: { metadata: { name: "", resourceVersion: "77" } } }
      const withoutVersion: WatchEvent = { type: "BOOKMARK", object: { metadata: { name: "" } } }
      const layer = KubernetesApiFake.layer({
        list: () => Effect.succeed({ resourceVersion: "5", continue: undefined, items: [], bytes: 0 }),
        watch: (_, options) => {
          versions.push(options.resourceVersion)
          return versions.length === 1 ? Stream.make(bookmark, withoutVersion) : Stream.never
        }
      })
      yield* reflecting().pipe(Effect.provide(layer))
      yield* seconds(2)
      assert.deepStrictEqual(versions, ["5", "77"])
    })
  )

  it.effect("asks the server to end a watch after 5 to 10 minutes", () =>
    Effect.gen(function* () {
      const asked: Array<number> = []
      const layer = KubernetesApiFake.layer({
        list: () => Effect.succeed({ resourceVersion: "5", continue: undefined, items: [], bytes: 0 }),
        watch: (_, options) => {
          asked.push(Duration.toMinutes(Duration.fromInputUnsafe(options.timeout)))
          return Stream.never
        }
      })
      yield* reflecting().pipe(Effect.provide(layer), withRandom(0.5))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(asked, [7.5])
    })
  )
})

describe("trouble", () => {
  it.effect("is reported until something succeeds, also while it is being tried again", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      let failures = 2
      memory.intercept((call) =>
        call.verb === "list" && failures-- > 0 ? Effect.fail(Failures.etcdTimeout(call)) : undefined
      )
      const { statuses } = yield* start()
      yield* seconds(5)
      assert.deepStrictEqual(
        statuses.map(({ failures, nextAttempt, state }) => [
          state,
          failures,
          nextAttempt === undefined ? undefined : Duration.toMillis(nextAttempt)
        ]),
        [
          ["Listing", 0, undefined],
          ["BackingOff", 1, 400],
          ["BackingOff", 1, undefined],
          ["BackingOff", 2, 800],
          ["BackingOff", 2, undefined],
          ["Watching", 0, undefined]
        ]
      )
    }).pipe(withRandom(0.5))
  )

  it.effect("of a watch is over when the watch is accepted and one object can be read, not with a list alone", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      const { reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      memory.intercept((call) => (call.verb === "watch" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
      for (const watch of memory.watches()) watch.fail(Failures.connectionReset)
      yield* seconds(60)
      assert.isTrue(memory.lines("list").length > 1)
      assert.strictEqual(reflector.status().state, "BackingOff")
      const lists = memory.lines("list").length
      memory.intercept()
      yield* seconds(20)
      assert.deepStrictEqual(reflector.status(), { state: "Watching", failures: 0 })
      assert.isAtMost(memory.lines("list").length, lists + 2)
    }).pipe(withRandom(0.5))
  )

  it.effect("of a watch that is accepted and stays silent lasts until something is heard", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      const { reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      memory.intercept((call) => (call.verb === "list" ? Effect.never : undefined))
      for (const watch of memory.watches()) watch.fail(Failures.connectionReset)
      yield* seconds(40)
      assert.strictEqual(reflector.status().state, "BackingOff")
      memory.put(Environments, environment("a"))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(reflector.status(), { state: "Watching", failures: 0 })
    }).pipe(withRandom(0.5))
  )

  it.effect("is left at once when something shows that the API answers again", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      memory.intercept((call) => Effect.fail(Failures.tooManyRequests(3600)(call)))
      const { reflector } = yield* start()
      yield* seconds(2)
      memory.intercept()
      yield* reflector.retryNow
      yield* TestClock.adjust(0)
      assert.isTrue(reflector.store.isSynced())
    })
  )
})

describe("a watch", () => {
  it.effect("that ends cleanly at once is opened again after growing pauses", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const layer = KubernetesApiFake.layer({
        list: () => Effect.succeed({ resourceVersion: "5", continue: undefined, items: [], bytes: 0 }),
        watch: () =>
          Stream.fromEffect(Effect.map(Clock.currentTimeMillis, (now) => at.push(now))).pipe(
            Stream.flatMap(() => Stream.empty)
          )
      })
      yield* reflecting().pipe(Effect.provide(layer))
      yield* Effect.repeat(TestClock.adjust("500 millis"), { times: 79 })
      const pauses = at.slice(1).map((now, index) => now - (at[index] ?? 0))
      assert.deepStrictEqual(pauses, [550, 1050, 2050, 4050, 8050, 15_050])
    }).pipe(withRandom(0.5))
  )

  it.effect("without a line for 100 s is given up and resumed from its last version", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      const { statuses } = yield* start()
      yield* TestClock.adjust("90 seconds")
      for (const watch of memory.watches()) watch.mute()
      yield* seconds(80)
      const trouble = statuses.find((status) => status.state === "BackingOff")
      assert.include(trouble?.error?.message ?? "", "the stream is silent [Connection]")
      assert.strictEqual(memory.lines("watch").length, 2)
      assert.strictEqual(memory.lines("list").length, 2, "the second reads one object, to prove that all is well")
    })
  )

  it.effect("of a version that the server never reaches is doubted after three minutes, and listed again", () =>
    Effect.gen(function* () {
      const lists: Array<number> = []
      const { memory } = yield* inMemory
      const inFuture = KubernetesApi.use((api) =>
        Effect.succeed(
          KubernetesApiFake.layer({
            list: (kind, options) =>
              Effect.gen(function* () {
                if (options.limit !== 1) lists.push(yield* Clock.currentTimeMillis)
                const page = yield* api.list(kind, options)
                return lists.length === 1 ? { ...page, resourceVersion: "999999" } : page
              }),
            watch: api.watch
          })
        )
      ).pipe(Effect.provide(memory.layer))
      const { changes } = yield* reflecting().pipe(Effect.provide(yield* inFuture))
      yield* TestClock.adjust(0)
      memory.put(Environments, environment("a"))
      yield* Effect.repeat(TestClock.adjust("100 millis"), { times: 1820 })
      assert.deepStrictEqual(changes, ["Upsert a"])
      assert.deepStrictEqual(lists, [0, 180_400])
    }).pipe(withRandom(0.5))
  )
})

describe("a list that somebody asked for", () => {
  it.effect("is made at once, and at most once a minute", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      const { reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      for (let second = 0; second < 61; second++) {
        yield* reflector.relist
        yield* TestClock.adjust("1 second")
      }
      assert.strictEqual(memory.lines("list").length, 3)
    })
  )

  it.effect("is not forgotten when it was asked for while the watch was broken", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      const { reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      for (const watch of memory.watches()) watch.fail(Failures.connectionReset)
      yield* TestClock.adjust("1 millis")
      yield* reflector.relist
      yield* seconds(2)
      assert.strictEqual(memory.lines("list").length, 2)
    }).pipe(withRandom(0.5))
  )
})

it.effect("a throw while changes are told ends the run after all were told, and the next run goes on", () =>
  Effect.gen(function* () {
    const { memory } = yield* inMemory
    for (const name of ["a", "b", "c"]) memory.put(Environments, environment(name))
    let bugs = 1
    const { changes, fiber, reflector } = yield* reflecting(() => {
      if (bugs-- > 0) throw new Error("a bug")
    }).pipe(Effect.provide(memory.layer))
    yield* TestClock.adjust(0)
    assert.isTrue(Exit.hasDies(yield* Fiber.await(fiber)))
    assert.deepStrictEqual(changes, ["Upsert a", "Upsert b", "Upsert c"])
    yield* Effect.forkScoped(reflector.run)
    yield* TestClock.adjust("1 second")
    assert.isTrue(reflector.store.isSynced())
    assert.deepStrictEqual(changes.length, 3)
  })
)
