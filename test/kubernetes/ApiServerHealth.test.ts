import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Random } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../src/fission/ResourceKind.ts"
import { ApiServerHealth } from "../../src/kubernetes/ApiServerHealth.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { Circuits } from "../../src/namespaces/Circuits.ts"
import * as GuardedKubernetesApi from "../../src/namespaces/GuardedKubernetesApi.ts"
import { connectionRefused, etcdTimeout } from "../fakes/Failures.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"
import { seconds } from "../fakes/Reflecting.ts"

const names = (count: number) => Array.from({ length: count }, (_, index) => `team-${String(index).padStart(3, "0")}`)

/** Namespaces that have joined, the guarded API over one in memory, and the namespaces as they are released. */
const joined = (count: number) =>
  Effect.gen(function* () {
    const namespaces = names(count)
    const memory = yield* KubernetesApiInMemory.make({ namespaces })
    const context = yield* Layer.build(
      GuardedKubernetesApi.layer.pipe(
        Layer.provideMerge(Circuits.layer),
        Layer.provideMerge(ApiServerHealth.layer),
        Layer.provide(memory.layer)
      )
    )
    const server = yield* Effect.provide(ApiServerHealth, context)
    const api = yield* Effect.provide(KubernetesApi, context)
    const circuits = yield* Effect.provide(Circuits, context)
    const released: Array<string> = []
    for (const name of namespaces) {
      server.join({ name, callsTo: [name], onRelease: Effect.sync(() => void released.push(name)) })
    }
    /** Reads of one namespace, five of which open its circuit. */
    const readFive = (namespace: string) =>
      Effect.repeat(Effect.ignore(api.get(Pods, { namespace, name: "pod-1" })), { times: 4 })
    return { namespaces, memory, server, api, circuits, released, readFive }
  })

/** The calls of each whole second, from the first on. */
const perSecond = (calls: ReadonlyArray<{ readonly at: number }>, from: number, length: number) =>
  Array.from(
    { length },
    (_, second) => calls.filter(({ at }) => at >= from + second * 1000 && at < from + (second + 1) * 1000).length
  )

describe("an API server that is away", () => {
  it.effect("is asked once a second for the whole process, and by no namespace for itself", () =>
    Effect.gen(function* () {
      const { api, memory, namespaces, readFive, server } = yield* joined(100)
      memory.intercept((call) => Effect.fail(connectionRefused(call)))
      yield* Effect.forEach(namespaces, readFive)
      yield* TestClock.adjust(0)
      assert.strictEqual(server.status().state, "Away")
      const background = Effect.forever(
        Effect.andThen(Effect.forEach(namespaces, readFive), Effect.sleep("200 millis"))
      )
      yield* Effect.forkScoped(background)
      yield* Effect.forkScoped(
        Effect.forEach(namespaces, (namespace) => Effect.ignore(api.list(Pods, { namespace })), {
          concurrency: "unbounded"
        })
      )
      const before = memory.calls.length
      yield* seconds(60)
      const sent = memory.calls.slice(before)
      assert.isTrue(sent.every(({ verb }) => verb === "list"))
      assert.isTrue(
        perSecond(sent, 0, 60).every((count) => count <= 1),
        String(perSecond(sent, 0, 60))
      )
      assert.isAtLeast(sent.length, 59)
    })
  )

  it.effect("is asked once a second although no read is answered, and found back by the next", () =>
    Effect.gen(function* () {
      const { memory, namespaces, readFive, server } = yield* joined(3)
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* Effect.forEach(namespaces, readFive)
      yield* TestClock.adjust(0)
      memory.intercept(() => Effect.never)
      const before = memory.calls.length
      yield* seconds(10)
      assert.strictEqual(memory.calls.length - before, 10)
      memory.intercept()
      yield* TestClock.adjust("1 second")
      assert.strictEqual(server.status().state, "Answering")
    })
  )

  it.effect("closes all circuits when it answers, and releases 50 namespaces a second with up to 1 s of jitter", () =>
    Effect.gen(function* () {
      const { circuits, memory, namespaces, readFive, released, server } = yield* joined(200)
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* Effect.forEach(namespaces, readFive)
      yield* TestClock.adjust("500 millis")
      memory.intercept()
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(server.status().state, "Answering")
      assert.isFalse(namespaces.some(circuits.isOpen))
      const counts: Array<number> = []
      for (let second = 0; second < 5; second++) {
        yield* TestClock.adjust("1 second")
        counts.push(released.length - counts.reduce((sum, count) => sum + count, 0))
      }
      assert.isTrue(
        counts.every((count) => count <= 75),
        String(counts)
      )
      assert.strictEqual(released.length, 200)
    }).pipe(Random.withSeed("release"))
  )

  it.effect("releases namespaces first for which a request waits", () =>
    Effect.gen(function* () {
      const { api, memory, namespaces, readFive, released } = yield* joined(200)
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* Effect.forEach(namespaces, readFive)
      yield* TestClock.adjust(0)
      const last = namespaces.at(-1) ?? ""
      yield* Effect.flip(api.get(Pods, { namespace: last, name: "pod-1" }, { priority: "request" }))
      memory.intercept()
      yield* TestClock.adjust("2 seconds")
      assert.isBelow(released.length, 100)
      assert.include(released, last)
    })
  )

  it.effect("holds lists and watches of every namespace until its turn", () =>
    Effect.gen(function* () {
      const { api, memory, namespaces, readFive } = yield* joined(3)
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* Effect.forEach(namespaces, readFive)
      yield* TestClock.adjust(0)
      const listing = yield* Effect.forkChild(api.list(Pods, { namespace: "team-000" }))
      yield* seconds(30)
      assert.isUndefined(listing.pollUnsafe())
      memory.intercept()
      yield* seconds(3)
      assert.strictEqual(listing.pollUnsafe()?._tag, "Success")
    })
  )

  it.effect("is suspected for lists alone that keep timing out", () =>
    Effect.gen(function* () {
      const { api, memory, namespaces, server } = yield* joined(3)
      memory.intercept((call) => Effect.fail(connectionRefused(call)))
      for (const namespace of namespaces) {
        yield* Effect.repeat(Effect.flip(api.list(Pods, { namespace })), { times: 4 })
      }
      yield* TestClock.adjust(0)
      assert.strictEqual(server.status().state, "Away")
    })
  )

  it.effect("is found at once where one namespace is all there is, and asked every second", () =>
    Effect.gen(function* () {
      const { circuits, memory, readFive, server } = yield* joined(1)
      memory.intercept((call) => Effect.fail(etcdTimeout(call)))
      yield* readFive("team-000")
      yield* TestClock.adjust("3 minutes")
      assert.strictEqual(server.status().state, "Away")
      memory.intercept()
      yield* TestClock.adjust("1 second")
      assert.isFalse(circuits.isOpen("team-000"))
    })
  )

  it.effect("that answers others is not away: broken namespaces keep their own probes", () =>
    Effect.gen(function* () {
      const { api, circuits, memory, namespaces, readFive, server } = yield* joined(10)
      const broken = new Set(namespaces.slice(0, 4))
      for (const namespace of namespaces) yield* api.list(Pods, { namespace })
      memory.intercept((call) => (broken.has(call.namespace ?? "") ? Effect.fail(etcdTimeout(call)) : undefined))
      yield* Effect.forEach(broken, readFive)
      yield* TestClock.adjust(0)
      assert.strictEqual(server.status().state, "Answering")
      assert.isTrue(circuits.isOpen("team-000"))
      const before = memory.calls.length
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(readFive("team-000"), Effect.sleep("1 second"))))
      yield* seconds(30)
      const sent = memory.calls.slice(before)
      assert.isAtLeast(sent.length, 1)
      assert.isTrue(sent.every(({ namespace }) => namespace === "team-000"))
    })
  )

  it.effect("is never suspected for one failing namespace of ten", () =>
    Effect.gen(function* () {
      const { memory, readFive, server } = yield* joined(10)
      memory.intercept((call) => (call.namespace === "team-003" ? Effect.fail(etcdTimeout(call)) : undefined))
      for (let minute = 0; minute < 10; minute++) {
        yield* readFive("team-003")
        assert.strictEqual(server.status().state, "Answering")
        yield* TestClock.adjust("1 minute")
      }
      assert.isTrue(memory.calls.every(({ namespace, verb }) => namespace === "team-003" && verb === "get"))
    })
  )
})
