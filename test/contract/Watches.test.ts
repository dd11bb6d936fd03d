import { assert } from "@effect/vitest"
import { Duration, Effect, Fiber, Queue, Stream } from "effect"
import { ConfigMaps } from "../../src/devcluster/Kinds.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, type WatchOptions } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { recorded, recordedLines, withoutChance } from "./Recorded.ts"
import { create, list, relabel, remove } from "./ConfigMapCalls.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

/** Events of a watch as they come: `ADDED name`; a bookmark is no event here. */
const watching = (namespace: string, options: Partial<WatchOptions> & { readonly resourceVersion: string }) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const events = yield* Queue.unbounded<string>()
    const opened = yield* Queue.unbounded<void>()
    const run = api
      .watch(ConfigMaps, {
        namespace,
        timeout: "1 minute",
        silence: "1 minute",
        opened: Effect.asVoid(Queue.offer(opened, undefined)),
        ...options
      })
      .pipe(
        Stream.filter(({ type }) => type !== "BOOKMARK"),
        Stream.runForEach(({ object, type }) => Queue.offer(events, `${type} ${object.metadata.name}`))
      )
    yield* Effect.forkScoped(run)
    yield* Queue.take(opened)
    return Queue.take(events)
  })

const version = Effect.map(list({ namespace: "default" }), ({ resourceVersion }) => resourceVersion)

contract("watches", (it) => {
  it.effect("from a version tell what happened since, and go on", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("since")
      const resourceVersion = yield* version
      yield* create(namespace, "a")
      const next = yield* watching(namespace, { resourceVersion })
      assert.strictEqual(yield* next, "ADDED a")
      yield* relabel(namespace, "a", { b: "c" })
      assert.strictEqual(yield* next, "MODIFIED a")
      yield* remove(namespace, "a")
      assert.strictEqual(yield* next, "DELETED a")
    })
  )

  it.effect("from 0 begin with what is there", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("from-zero")
      yield* create(namespace, "a")
      yield* create(namespace, "b")
      const next = yield* watching(namespace, { resourceVersion: "0" })
      assert.sameMembers([yield* next, yield* next], ["ADDED a", "ADDED b"])
      yield* create(namespace, "c")
      assert.strictEqual(yield* next, "ADDED c")
    })
  )

  it.effect("with a selector see objects come and go", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("selected")
      const resourceVersion = yield* version
      const next = yield* watching(namespace, { resourceVersion, labelSelector: "app=web" })
      yield* create(namespace, "other", { app: "db" })
      yield* create(namespace, "a", { app: "web" })
      assert.strictEqual(yield* next, "ADDED a")
      yield* relabel(namespace, "a", { app: "db" })
      assert.strictEqual(yield* next, "DELETED a")
      yield* relabel(namespace, "a", { app: "web" })
      assert.strictEqual(yield* next, "ADDED a")
    })
  )

  it.effect("show an object that leaves the selection as it was, at the version at which it left", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("leaving")
      const { lines } = yield* ServerUnderTest
      const from = yield* version
      yield* create(namespace, "a", { app: "web" })
      const left = yield* relabel(namespace, "a", { app: "db" })
      const query = `watch=1&timeoutSeconds=1&labelSelector=app%3Dweb&resourceVersion=${from}`
      const [, last] = yield* lines(`/api/v1/namespaces/${namespace}/configmaps?${query}`)
      assert.strictEqual(at(last, "type"), "DELETED")
      assert.deepStrictEqual(at(last, "object", "metadata", "labels"), { app: "web" })
      assert.strictEqual(at(last, "object", "metadata", "resourceVersion"), left.metadata.resourceVersion)
    })
  )

  it.effect("end cleanly, after a bookmark for those who want one", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("bookmarks")
      const { lines } = yield* ServerUnderTest
      const { metadata } = yield* create(namespace, "a")
      const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&resourceVersion=0`
      const [plain, marked, partial] = yield* Effect.all(
        [
          lines(`${path}&timeoutSeconds=1`),
          lines(`${path}&timeoutSeconds=3&allowWatchBookmarks=true`),
          lines(
            `${path}&timeoutSeconds=3&allowWatchBookmarks=true`,
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
          )
        ],
        { concurrency: 3 }
      )
      assert.deepStrictEqual(
        plain.map((line) => at(line, "type")),
        ["ADDED"]
      )
      assert.deepStrictEqual(
        marked.map((line) => [at(line, "type"), at(line, "object", "kind")]),
        [
          ["ADDED", "ConfigMap"],
          ["BOOKMARK", "ConfigMap"]
        ]
      )
      const reached = BigInt(String(at(marked[1], "object", "metadata", "resourceVersion")))
      assert.isTrue(reached >= BigInt(metadata.resourceVersion ?? 0))
      assert.deepStrictEqual(
        partial.map((line) => [at(line, "type"), at(line, "object", "kind")]),
        [
          ["ADDED", "PartialObjectMetadata"],
          ["BOOKMARK", "PartialObjectMetadata"]
        ]
      )
      assert.notProperty(at(partial[0], "object"), "data")
    })
  )

  it.effect("of custom resources show the same", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("custom")
      const { lines } = yield* ServerUnderTest
      yield* api.create(Environments, {
        metadata: { namespace, name: "a" },
        spec: { version: 3, runtime: { image: "node" } }
      })
      const path = `/apis/fission.io/v1/namespaces/${namespace}/environments?watch=1&resourceVersion=0&timeoutSeconds=3`
      const found = yield* lines(`${path}&allowWatchBookmarks=true`)
      assert.deepStrictEqual(
        found.map((line) => [at(line, "type"), at(line, "object", "kind"), at(line, "object", "apiVersion")]),
        [
          ["ADDED", "Environment", "fission.io/v1"],
          ["BOOKMARK", "Environment", "fission.io/v1"]
        ]
      )
    })
  )

  it.effect("can list and watch in one, with a mark in between", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("initial")
      const { lines } = yield* ServerUnderTest
      yield* create(namespace, "a")
      const path = `/api/v1/namespaces/${namespace}/configmaps?watch=1&sendInitialEvents=true&timeoutSeconds=1`
      const found = yield* lines(`${path}&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan`)
      assert.deepStrictEqual(
        found.map((line) => [at(line, "type"), at(line, "object", "metadata", "annotations")]),
        [
          ["ADDED", undefined],
          ["BOOKMARK", { "k8s.io/initial-events-end": "true" }]
        ]
      )
    })
  )

  it.effect("from the future stay silent until they end", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("future")
      const { lines } = yield* ServerUnderTest
      const query = "watch=1&timeoutSeconds=1&resourceVersion=999999999"
      const watched = yield* Effect.forkScoped(lines(`/api/v1/namespaces/${namespace}/configmaps?${query}`))
      yield* create(namespace, "a")
      assert.deepStrictEqual(yield* Fiber.join(watched), [])
    })
  )

  it.effect("lose nothing for a slow reader", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("slow")
      const resourceVersion = yield* version
      const padding = "x".repeat(20_000)
      const seen = yield* Effect.forkScoped(
        api.watch(ConfigMaps, { namespace, resourceVersion, timeout: "1 minute", silence: "1 minute" }).pipe(
          Stream.filter(({ type }) => type !== "BOOKMARK"),
          Stream.tap(() => Effect.sleep(Duration.millis(2))),
          Stream.take(200),
          Stream.runFold(
            () => new Array<string>(),
            (found, { object }) => [...found, object.metadata.name]
          )
        )
      )
      const wanted = Array.from({ length: 200 }, (_, index) => `item-${index}`)
      yield* Effect.forEach(wanted, (name) =>
        api.create(ConfigMaps, { metadata: { namespace, name }, data: { padding } })
      )
      assert.deepStrictEqual(yield* Fiber.join(seen), wanted)
    })
  )

  it.effect("from a past that is gone answer 410, as do pages and exact lists", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("gone")
      const { compact, lines, name, send } = yield* ServerUnderTest
      for (const one of ["a", "b", "c"]) yield* create(namespace, one)
      const path = `/api/v1/namespaces/${namespace}/configmaps`
      const first = yield* list({ namespace, limit: 1 })
      yield* relabel(namespace, "a", { x: "y" })
      yield* compact

      const watched = yield* lines("/apis/fission.io/v1/environments?watch=1&timeoutSeconds=5&resourceVersion=1")
      assert.deepStrictEqual(withoutChance(watched), withoutChance(recordedLines("gone-watch-error-event")))
      // A real server knows pages of the last minute or so from its cache, whatever etcd has forgotten.
      const page = name === "real" ? oldToken : (first.continue ?? "")
      const next = yield* send({ path: `${path}?limit=1&continue=${page}` })
      assert.strictEqual(next.status, 410)
      assert.deepStrictEqual(withoutChance(next.json), withoutChance(recorded("gone-list-continue").body))
      const again = String(at(next.json, "metadata", "continue"))
      assert.strictEqual((yield* send({ path: `${path}?limit=1&continue=${again}` })).status, 200)
      const exact = yield* send({ path: `${path}?resourceVersion=2&resourceVersionMatch=Exact` })
      assert.strictEqual(exact.status, 410)
      assert.deepStrictEqual(exact.json, recorded("gone-list-exact").body)
    })
  )
})

/** A token as the real server makes them, of a version that is compacted. */
const oldToken = Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: 2, start: "/a\u0000" })).toString("base64url")
