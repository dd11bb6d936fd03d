import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesError } from "../../src/Errors.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import type { ListOptions, ListPage, WatchEvent } from "../../src/kubernetes/KubernetesApi.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as Failures from "../fakes/Failures.ts"
import * as KubernetesApiFake from "../fakes/KubernetesApiFake.ts"

import { environment, inMemory, namespace, reflecting, seconds } from "../fakes/Reflecting.ts"

describe("a list in pages", () => {
  /** Answers lists from a script, and records what was asked. */
  const paged = (answers: ReadonlyArray<ListPage | Failures.Failure>) => {
    const asked: Array<Pick<ListOptions, "limit" | "continue">> = []
    const layer = KubernetesApiFake.layer({
      list: (kind, { continue: token, limit, namespace }) => {
        const answer = answers[asked.length]
        asked.push({ limit, continue: token } as Pick<ListOptions, "limit" | "continue">)
        if (answer === undefined) return Effect.never
        return typeof answer === "function"
          ? Effect.fail<KubernetesError>(answer({ verb: "list", resource: kind.plural, namespace }))
          : Effect.succeed(answer)
      },
      watch: () => Stream.never
    })
    return { asked, layer }
  }
  const page = (names: ReadonlyArray<string>, token?: string, bytes = 100): ListPage => ({
    resourceVersion: "50",
    continue: token,
    items: names.map((name) => ({
      ...environment(name),
      metadata: { namespace, name, uid: `uid-${name}`, resourceVersion: "7" }
    })),
    bytes
  })

  it.effect("asks for fewer objects after pages that were large", () =>
    Effect.gen(function* () {
      const { asked, layer } = paged([page(["a", "b"], "next", 1024 * 1024), page(["c"])])
      const { reflector } = yield* reflecting().pipe(Effect.provide(layer))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(asked, [
        { limit: 500, continue: undefined },
        { limit: 16, continue: "next" }
      ])
      assert.strictEqual(reflector.store.size(), 3)
      assert.isTrue(reflector.store.isSynced())
    })
  )

  it.effect("is not synced before its last page", () =>
    Effect.gen(function* () {
      const { layer } = paged([page(["a"], "next")])
      const { reflector } = yield* reflecting().pipe(Effect.provide(layer))
      yield* TestClock.adjust(0)
      assert.strictEqual(reflector.store.size(), 1)
      assert.isFalse(reflector.store.isSynced())
    })
  )

  it.effect("begins again when its continue token has expired, and removes nothing for it", () =>
    Effect.gen(function* () {
      const { asked, layer } = paged([page(["a"], "old"), Failures.expired, page(["a", "b"])])
      const { changes, statuses } = yield* reflecting().pipe(Effect.provide(layer))
      yield* seconds(2)
      assert.deepStrictEqual(
        asked.map((one) => one.continue),
        [undefined, "old", undefined]
      )
      assert.deepStrictEqual(changes, ["Upsert a", "Upsert b"])
      assert.deepStrictEqual(
        statuses.filter((status) => status.failures > 0),
        []
      )
    })
  )

  it.effect("begins again after a failure in its middle", () =>
    Effect.gen(function* () {
      const { asked, layer } = paged([page(["a"], "next"), Failures.etcdTimeout, page(["b"])])
      const { changes } = yield* reflecting().pipe(Effect.provide(layer))
      yield* seconds(2)
      assert.deepStrictEqual(
        asked.map((one) => one.continue),
        [undefined, "next", undefined]
      )
      assert.deepStrictEqual(changes, ["Upsert a", "Upsert b", "Delete a"])
    })
  )
})

describe("an object that cannot be read", () => {
  const broken = { metadata: { namespace, name: "broken" }, spec: { version: "three", runtime: {} } }

  it.effect("is left out with one warning per version, and everything else goes on", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const { memory, start } = yield* inMemory
      memory.put(Environments, environment("a"))
      memory.put(Environments, broken)
      const { changes, reflector } = yield* Effect.provide(start(), log.layer)
      yield* TestClock.adjust("1 second")
      for (let round = 0; round < 3; round++) {
        memory.store.compact()
        memory.put(Environments, environment(`new-${round}`))
        for (const watch of memory.watches()) watch.fail(Failures.expired)
        yield* seconds(40)
      }
      assert.deepStrictEqual(changes, ["Upsert a", "Upsert new-0", "Upsert new-1", "Upsert new-2"])
      assert.isUndefined(reflector.store.get(namespace, "broken"))
      const warnings = log.lines.filter((line) => line.level === "Warn")
      assert.strictEqual(warnings.length, 1)
      assert.strictEqual(warnings[0]?.message, "object cannot be read and is left out of the view")
      assert.deepInclude(warnings[0]?.fields, { kind: "Environment", namespace, name: "broken" })
      assert.include(String(warnings[0]?.fields["problem"]), "version")

      memory.merge(Environments, { namespace, name: "broken" }, { spec: { version: "four" } })
      yield* TestClock.adjust(0)
      assert.strictEqual(log.lines.filter((line) => line.level === "Warn").length, 2)
      memory.merge(Environments, { namespace, name: "broken" }, { spec: { version: 4 } })
      yield* TestClock.adjust(0)
      assert.isDefined(reflector.store.get(namespace, "broken"))
    })
  )

  it.effect("keeps its older form in the view, through a new list too, until it is deleted", () =>
    Effect.gen(function* () {
      const { memory, start } = yield* inMemory
      memory.put(Environments, environment("a", 5))
      const { changes, reflector } = yield* start()
      yield* TestClock.adjust("1 second")
      memory.merge(Environments, { namespace, name: "a" }, { spec: { poolsize: "many" } })
      yield* reflector.relist
      yield* TestClock.adjust("1 second")
      assert.strictEqual(memory.lines("list").length, 2)
      assert.strictEqual(reflector.store.get(namespace, "a")?.spec.poolsize, 5)
      memory.remove(Environments, { namespace, name: "a" })
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(changes, ["Upsert a", "Delete a"])
    })
  )

  it.effect("of any shape kills nothing", () =>
    Effect.gen(function* () {
      const shapes: ReadonlyArray<unknown> = [
        null,
        7,
        "text",
        [],
        { spec: null },
        { metadata: { name: 7, labels: [] } }
      ]
      const events = shapes.map((shape, index): WatchEvent => {
        const metadata = { name: `odd-${index}`, namespace, resourceVersion: String(10 + index) }
        return {
          type: index % 2 === 0 ? "ADDED" : "DELETED",
          object: { metadata, spec: shape, ...(typeof shape === "object" ? shape : {}) }
        }
      })
      const layer = KubernetesApiFake.layer({
        list: () => Effect.succeed({ resourceVersion: "5", continue: undefined, items: [], bytes: 0 }),
        watch: () => Stream.concat(Stream.fromArray(events), Stream.never)
      })
      const { fiber, reflector } = yield* reflecting().pipe(Effect.provide(layer))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(reflector.store.size(), 0)
    })
  )
})
