import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { type FunctionService, make } from "../../src/caches/FunctionServiceCache.ts"
import { PoolCache } from "../../src/caches/PoolCache.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import { podOf } from "./PoolRequests.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"

const service = (
  generation: number,
  given: Partial<FunctionService> & { readonly version?: string } = {}
): FunctionService => {
  const { version = "", ...others } = given
  const fn = { uid: "uid", generation, name: "fn", namespace: "default", version }
  const name = version === "" ? "fn" : `fn-${version}`
  const idle = { minScale: 0, idleThreshold: Duration.minutes(2) }
  return { fn, address: `${name}.svc.`, name, namespace: "default", deploymentUid: `uid-${name}`, ...idle, ...others }
}

const identity = (generation: number, version = "") => ({ uid: "uid", generation, version })

/** Live generation 5, and version fn-v1 of generation 2, added last. */
const withVersion = Effect.gen(function* () {
  const cache = yield* make
  const [live, version] = [service(5), service(2, { version: "fn-v1" })]
  cache.add(live)
  cache.add(version)
  return { cache, live, version }
})

/** More than any age of zero: an age must be exceeded to count. */
const later = TestClock.adjust("1 second")

describe("the function service cache", () => {
  it.effect("F1 finds what was added, by function, as live and by address", () =>
    Effect.gen(function* () {
      const cache = yield* make
      const added = service(1)
      cache.add(added)
      assert.deepStrictEqual(cache.find(identity(1)), added)
      assert.deepStrictEqual(cache.live("uid"), added)
      assert.isTrue(cache.touch(added.address))
    })
  )

  it.effect("F2 knows no resourceVersion: the same generation again is the same entry", () =>
    Effect.gen(function* () {
      const cache = yield* make
      cache.add(service(1))
      cache.add(service(1))
      assert.strictEqual(cache.ofFunction("uid").length, 1)
    })
  )

  it.effect("F3 keeps the live function and a version of it apart", () =>
    Effect.gen(function* () {
      const { cache, live, version } = yield* withVersion
      assert.strictEqual(cache.find(identity(5))?.address, live.address)
      assert.strictEqual(cache.find(identity(2, "fn-v1"))?.address, version.address)
      assert.strictEqual(cache.live("uid")?.fn.generation, 5)
      assert.strictEqual(cache.ofFunction("uid").length, 2)
    })
  )

  it.effect("F4 lists a version by its namespace and name", () =>
    Effect.gen(function* () {
      const { cache, version } = yield* withVersion
      assert.deepStrictEqual(cache.ofVersion("default", "fn-v1"), [version])
      assert.deepStrictEqual(cache.ofVersion("default", "fn-v2"), [])
      assert.deepStrictEqual(cache.ofVersion("other-ns", "fn-v1"), [])
    })
  )

  it.effect("F5 keeps the live function when a version is forgotten", () =>
    Effect.gen(function* () {
      const { cache, live, version } = yield* withVersion
      assert.isTrue(cache.remove(version))
      yield* later
      assert.deepStrictEqual(cache.live("uid"), live)
      assert.deepStrictEqual(cache.ofFunction("uid"), [live])
      assert.deepStrictEqual(
        cache.idle(Duration.zero).map((idle) => idle.service),
        [live]
      )
    })
  )

  it.effect("F6 keeps a version when the live function is forgotten", () =>
    Effect.gen(function* () {
      const { cache, live, version } = yield* withVersion
      assert.isTrue(cache.remove(live))
      yield* later
      assert.deepStrictEqual(cache.ofFunction("uid"), [version])
      assert.deepStrictEqual(
        cache.idle(Duration.zero).map((idle) => idle.service),
        [version]
      )
      assert.deepStrictEqual(cache.find(identity(2, "fn-v1")), version)
      assert.isUndefined(cache.live("uid"))
    })
  )

  it.effect("F7 lists every entry that has not been forgotten", () =>
    Effect.gen(function* () {
      const { cache, live, version } = yield* withVersion
      const other = { ...service(1, { address: "other.svc.", name: "other" }), fn: { ...live.fn, uid: "other" } }
      cache.add(other)
      yield* later
      cache.remove(version)
      assert.deepStrictEqual(
        cache.idle(Duration.zero).map((idle) => idle.service),
        [live, other]
      )
    })
  )

  it.effect(
    "F8 forgets an older generation of the same objects: they are not idle while the newer one is busy (C3)",
    () =>
      Effect.gen(function* () {
        const cache = yield* make
        cache.add(service(1))
        yield* TestClock.adjust("1 hour")
        cache.add(service(2))
        assert.deepStrictEqual(cache.idle(Duration.minutes(1)), [])
        assert.isUndefined(cache.find(identity(1)))
      })
  )

  it.effect("takes a request for an older generation of the same objects as an access of the newer one (C3)", () =>
    Effect.gen(function* () {
      const cache = yield* make
      cache.add(service(2))
      yield* TestClock.adjust("1 hour")
      cache.add(service(1))
      assert.deepStrictEqual(cache.ofFunction("uid"), [service(2)])
      assert.deepStrictEqual(cache.idleFor(service(2)), Duration.zero)
      assert.isTrue(cache.touch(service(2).address))
    })
  )

  it.effect("F9 keeps the taps of an address whose older owner is forgotten (C4)", () =>
    Effect.gen(function* () {
      const cache = yield* make
      const [older, newer] = [service(1, { name: "old" }), service(2)]
      cache.add(older)
      cache.add(newer)
      cache.remove(older)
      yield* TestClock.adjust("1 hour")
      assert.isTrue(cache.touch(newer.address))
      assert.deepStrictEqual(cache.idleFor(newer), Duration.zero)
    })
  )

  it.effect("F10 takes the highest of live generations that have different objects", () =>
    Effect.gen(function* () {
      const cache = yield* make
      for (const generation of [4, 3]) {
        cache.add(service(generation, { name: `fn-${generation}`, address: `fn-${generation}.svc.` }))
      }
      assert.strictEqual(cache.live("uid")?.fn.generation, 4)
    })
  )

  it.effect("F11 forgets an entry only if it is old enough", () =>
    Effect.gen(function* () {
      const cache = yield* make
      const added = service(1)
      cache.add(added)
      yield* TestClock.adjust("1 minute")
      assert.isFalse(cache.remove(added, Duration.minutes(2)))
      assert.isTrue(cache.remove(added, Duration.zero))
    })
  )

  it.effect("F13 never gives a version the address of the live function of its generation (C32)", () =>
    Effect.gen(function* () {
      const cache = yield* make
      cache.add(service(5))
      assert.isUndefined(cache.find(identity(5, "fn-v1")))
      cache.add(service(6))
      assert.isUndefined(cache.find(identity(5, "fn-v1")))
      const version = service(5, { version: "fn-v1" })
      cache.add(version)
      assert.deepStrictEqual(cache.find(identity(5, "fn-v1")), version)
    })
  )

  it.effect("F14 never gives the live function the address of a version of its generation (C32)", () =>
    Effect.gen(function* () {
      const cache = yield* make
      const version = service(5, { version: "fn-v1" })
      cache.add(version)
      assert.isUndefined(cache.find(identity(5)))
      assert.isUndefined(cache.live("uid"))
      cache.add(service(5))
      assert.strictEqual(cache.live("uid")?.fn.generation, 5)
      assert.deepStrictEqual(cache.find(identity(5, "fn-v1")), version)
    })
  )

  it.effect("takes other objects of the same generation in the place of those it held, and keeps their taps (C6)", () =>
    Effect.gen(function* () {
      const cache = yield* make
      const [first, second] = [service(1), service(1, { address: "again.svc.", deploymentUid: "again" })]
      cache.add(first)
      cache.add(second)
      assert.deepStrictEqual(cache.find(identity(1)), second)
      assert.deepStrictEqual([cache.touch(first.address), cache.touch(second.address)], [false, true])
      assert.isFalse(cache.remove(first))
    })
  )

  it.effect("counts the look at a function as an access, but none of the others (C2)", () =>
    Effect.gen(function* () {
      const { cache, live, version } = yield* withVersion
      yield* TestClock.adjust("1 minute")
      cache.live("uid")
      cache.ofFunction("uid")
      cache.find(identity(2, "fn-v1"))
      assert.deepStrictEqual(cache.idleFor(live), Duration.minutes(1))
      assert.deepStrictEqual(cache.idleFor(version), Duration.zero)
    })
  )
})

describe("a tap", () => {
  it.effect("F12 of an address that only the pool cache knows reaches it", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      const tapped = Effect.gen(function* () {
        const cache = yield* PoolCache
        const dispatcher = yield* Dispatcher
        cache.adopt(podOf("a"), { requestsPerPod: 1, retainPods: 0 })
        const { fn } = podOf("a")
        const { touched } = yield* dispatcher.tap([{ executorType: "poolmgr", metadata: fn, address: "a:8888" }])
        assert.strictEqual(touched, 1)
      })
      yield* ExecutorInMemory.running(world, tapped)
    })
  )
})
