import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { ConfigMaps, Namespaces, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { KubernetesApi, type WatchOptions } from "../../src/kubernetes/KubernetesApi.ts"
import { at, clientLayer, request } from "./ClusterFixture.ts"

const fromNow = Effect.gen(function* () {
  const { store } = yield* ApiServer
  const options: WatchOptions = {
    namespace: "default",
    resourceVersion: String(store.version),
    timeout: "5 minutes",
    silence: "100 seconds"
  }
  return options
})

/** Events of a watch as they come: `ADDED name version`. */
const watching = (options: WatchOptions) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const events = yield* Queue.unbounded<string>()
    const run = api
      .watch(WorkloadPods, options)
      .pipe(
        Stream.runForEach(({ object, type }) =>
          Queue.offer(events, `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`)
        )
      )
    yield* Effect.forkScoped(run)
    return Queue.take(events)
  })

const createPod = (name: string, labels: { readonly [label: string]: string } = {}, namespace = "default") =>
  KubernetesApi.use((api) =>
    api.create(WorkloadPods, {
      metadata: { namespace, name, labels },
      spec: { containers: [{ name: "main", image: "a" }] }
    })
  )

const relabel = (name: string, app: string) =>
  KubernetesApi.use((api) =>
    api.patch(WorkloadPods, { namespace: "default", name }, { type: "merge", body: { metadata: { labels: { app } } } })
  )

const inNamespace = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name: "default" } })),
    self
  ).pipe(Effect.provide(clientLayer))

it.live("repeats what happened since a version and goes on with what happens", () =>
  Effect.gen(function* () {
    const options = yield* fromNow
    const first = yield* createPod("a")
    const next = yield* watching(options)
    assert.strictEqual(yield* next, `ADDED a ${first.metadata.resourceVersion}`)
    const second = yield* createPod("b")
    assert.strictEqual(yield* next, `ADDED b ${second.metadata.resourceVersion}`)
  }).pipe(inNamespace)
)

it.live("shows an object that leaves the selection as deleted, and one that enters it as added", () =>
  Effect.gen(function* () {
    yield* createPod("a", { app: "web" })
    const next = yield* watching({ ...(yield* fromNow), labelSelector: "app=web" })
    const left = yield* relabel("a", "other")
    assert.strictEqual(yield* next, `DELETED a ${left.metadata.resourceVersion}`)
    const back = yield* relabel("a", "web")
    assert.strictEqual(yield* next, `ADDED a ${back.metadata.resourceVersion}`)
  }).pipe(inNamespace)
)

it.live("leaves other namespaces and kinds out", () =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const next = yield* watching(yield* fromNow)
    yield* api.create(Namespaces, { metadata: { name: "other" } })
    yield* createPod("a", {}, "other")
    yield* api.create(ConfigMaps, { metadata: { namespace: "default", name: "a" } })
    yield* createPod("mine")
    assert.include(yield* next, "ADDED mine")
  }).pipe(inNamespace)
)

it.live("answers a version that it no longer knows with an ERROR event of code 410", () =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const options = yield* fromNow
    yield* createPod("a")
    const { store } = yield* ApiServer
    store.compact()
    const error = yield* Effect.flip(Stream.runDrain(api.watch(WorkloadPods, options)))
    assert.strictEqual(error._tag, "KubernetesExpired")
  }).pipe(inNamespace)
)

it.live("sends nothing on a stream from a version that is not reached yet", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const future = { ...(yield* fromNow), resourceVersion: String(store.version + 2) }
    const next = yield* watching(future)
    yield* createPod("a")
    yield* createPod("b")
    const third = yield* createPod("c")
    assert.strictEqual(yield* next, `ADDED c ${third.metadata.resourceVersion}`)
  }).pipe(inNamespace)
)

it.live("lists what is there as added to a watch without a version, and ends when its time is over", () =>
  Effect.gen(function* () {
    yield* createPod("a")
    const { url } = yield* ApiServer
    const { text } = yield* request(`${url}/api/v1/pods?watch=true&timeoutSeconds=1`)
    const [line, ...rest] = text.trimEnd().split("\n")
    assert.deepStrictEqual(rest, [])
    assert.strictEqual(at(JSON.parse(line ?? ""), "type"), "ADDED")
  }).pipe(inNamespace)
)

it.live("refuses a version that is no number", () =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    assert.strictEqual((yield* request(`${url}/api/v1/pods?watch=true&resourceVersion=abc`)).status, 500)
  }).pipe(inNamespace)
)

it.live("forgets a client that leaves", () =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const fiber = yield* Effect.forkScoped(Stream.runDrain(api.watch(WorkloadPods, yield* fromNow)))
    const next = yield* watching(yield* fromNow)
    yield* Fiber.interrupt(fiber)
    yield* createPod("a")
    assert.include(yield* next, "ADDED a")
  }).pipe(inNamespace)
)
