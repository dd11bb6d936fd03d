import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Environments, Packages, Pods } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion, type WatchEvent } from "../../src/kubernetes/KubernetesApi.ts"
import { etcdTimeout } from "./Failures.ts"
import * as KubernetesApiInMemory from "./KubernetesApiInMemory.ts"

const environment = (name: string) => ({ metadata: { namespace: "team-a", name }, spec: { version: 3, runtime: {} } })

it.effect("lists in pages and watches on from the list's version", () =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make({ namespaces: ["team-a"] })
    for (const name of ["a", "b", "c"]) memory.put(Environments, environment(name))
    yield* Effect.gen(function* () {
      const api = yield* KubernetesApi
      const first = yield* api.list(Environments, { namespace: "team-a", limit: 2 })
      const second = yield* api.list(Environments, { namespace: "team-a", limit: 2, continue: first.continue })
      assert.deepStrictEqual(
        [...first.items, ...second.items].map(({ metadata }) => metadata.name),
        ["a", "b", "c"]
      )
      assert.isUndefined(second.continue)

      const events: Array<WatchEvent> = []
      yield* api
        .watch(Environments, {
          namespace: "team-a",
          resourceVersion: second.resourceVersion,
          timeout: "5 minutes",
          silence: "100 seconds"
        })
        .pipe(
          Stream.runForEach((event) => Effect.sync(() => events.push(event))),
          Effect.forkChild
        )
      yield* TestClock.adjust(0)
      memory.merge(Environments, { namespace: "team-a", name: "a" }, { spec: { poolsize: 5 } })
      memory.remove(Environments, { namespace: "team-a", name: "b" })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        events.map(({ type, object }) => `${type} ${object.metadata.name}`),
        ["MODIFIED a", "DELETED b", "BOOKMARK "]
      )
    }).pipe(Effect.provide(memory.layer))
  })
)

it.effect("records calls in order and lets a test fail one after its effect", () =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make({ namespaces: ["team-a"] })
    memory.interceptAnswers((call) => (call.verb === "create" ? Effect.fail(etcdTimeout(call)) : undefined))
    yield* Effect.gen(function* () {
      const api = yield* KubernetesApi
      const error = yield* Effect.flip(api.create(Environments, environment("a")))
      assert.strictEqual(error._tag, "KubernetesTimeoutError")
      const created = yield* api.get(Environments, { namespace: "team-a", name: "a" })
      const wrong = yield* Effect.flip(
        (yield* KubernetesDeletion).delete(Environments, { namespace: "team-a", name: "a" }, { uid: "another" })
      )
      assert.strictEqual(wrong._tag, "KubernetesConflict")
      assert.strictEqual(created.metadata.name, "a")
    }).pipe(Effect.provide(memory.layer))
    assert.deepStrictEqual(memory.lines(), [
      "create environments team-a/a",
      "get environments team-a/a",
      "delete environments team-a/a"
    ])
  })
)

it.effect("answers a hanging call with the deadline that the real door has", () =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make({ intercept: () => Effect.never })
    const fiber = yield* KubernetesApi.use((api) => api.list(Pods, { namespace: "team-a" })).pipe(
      Effect.flip,
      Effect.provide(memory.layer),
      Effect.forkChild
    )
    yield* TestClock.adjust("30500 millis")
    const error = yield* Fiber.join(fiber)
    assert.include(error.message, "no answer within 30s [Deadline]")
  })
)

it.effect("gives metadata only where the kind asks for no more", () =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make()
    memory.put(Packages, { metadata: { namespace: "team-a", name: "code" }, spec: { secret: "literal" } })
    memory.put(Deployments, { metadata: { namespace: "team-a", name: "pool" }, spec: { replicas: 3 } })
    yield* Effect.gen(function* () {
      const api = yield* KubernetesApi
      assert.notProperty(yield* api.get(Packages, { namespace: "team-a", name: "code" }), "spec")
      assert.property(yield* api.get(Deployments, { namespace: "team-a", name: "pool" }), "spec")
    }).pipe(Effect.provide(memory.layer))
  })
)

it.effect("breaks, ends and mutes open watches when a test says so", () =>
  Effect.gen(function* () {
    const memory = yield* KubernetesApiInMemory.make({ namespaces: ["team-a"] })
    const watching = yield* KubernetesApi.use((api) =>
      api
        .watch(Pods, { namespace: "team-a", resourceVersion: "1", timeout: "5 minutes", silence: "100 seconds" })
        .pipe(Stream.runDrain)
    ).pipe(Effect.flip, Effect.provide(memory.layer), Effect.forkChild)
    yield* TestClock.adjust(0)
    memory.watches("pods", "team-a")[0]?.mute()
    yield* TestClock.adjust("100 seconds")
    assert.include((yield* Fiber.join(watching)).message, "the stream is silent [Connection]")
    assert.deepStrictEqual(memory.watches(), [])
  })
)
