import { assert, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Stream } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { type Fault, Faults } from "../../src/devcluster/Faults.ts"
import { ConfigMaps, Namespaces } from "../../src/devcluster/Kinds.ts"
import type { KubernetesError } from "../../src/Errors.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { all, at, clientLayer, request } from "./ClusterFixture.ts"

const inNamespace = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name: "default" } })),
    self
  ).pipe(Effect.provide(clientLayer))

const post = (fault: Fault) =>
  ApiServer.use(({ url }) => request(`${url}/faults`, "POST", fault)).pipe(Effect.map(({ json }) => at(json, "id")))

const createConfigMap = (name: string) =>
  KubernetesApi.use((api) => api.create(ConfigMaps, { metadata: { namespace: "default", name } }))

const getConfigMap = (name: string) => KubernetesApi.use((api) => api.get(ConfigMaps, { namespace: "default", name }))

it.live("lists what is in force, lifts one, and lifts all", () =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    const first = yield* post({ resource: "pods", action: { type: "reset" } })
    yield* post({ resource: "secrets", action: { type: "reset" } })
    const { json } = yield* request(`${url}/faults`)
    assert.deepStrictEqual(at(json, 0), { id: first, met: 0, resource: "pods", action: { type: "reset" } })
    assert.strictEqual((yield* request(`${url}/faults/${String(first)}`, "DELETE")).status, 200)
    assert.strictEqual((yield* request(`${url}/faults/${String(first)}`, "DELETE")).status, 404)
    yield* request(`${url}/faults`, "DELETE")
    assert.deepStrictEqual((yield* request(`${url}/faults`)).json, [])
  }).pipe(inNamespace)
)

it.live("refuses what is no fault", () =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    const refused = yield* request(`${url}/faults`, "POST", { action: { type: "explode" } })
    assert.strictEqual(refused.status, 400)
    assert.include(refused.text, "this is no fault")
    assert.strictEqual((yield* request(`${url}/faults`, "PUT", {})).status, 405)
  }).pipe(inNamespace)
)

it.live("answers with an error instead, and says when to come back", () =>
  Effect.gen(function* () {
    yield* post({ verb: "get", action: { type: "error", preset: "tooManyRequests", retryAfterSeconds: 7 } })
    const error = yield* Effect.flip(getConfigMap("a"))
    assert.strictEqual(error._tag, "KubernetesTimeoutError")
    if (error._tag !== "KubernetesTimeoutError") return
    assert.strictEqual(error.kind, "Throttled")
    assert.deepStrictEqual(error.retryAfter, Duration.seconds(7))
  }).pipe(inNamespace)
)

it.live("applies a write and answers with an error all the same", () =>
  Effect.gen(function* () {
    yield* post({ name: "a", action: { type: "applyThenError", preset: "etcdTimeout" } })
    const error = yield* Effect.flip(createConfigMap("a"))
    assert.include(error.message, "etcdserver: request timed out")
    assert.strictEqual((yield* getConfigMap("a")).metadata.name, "a")
    yield* createConfigMap("b")
  }).pipe(inNamespace)
)

it.live("holds a request until the fault is lifted, then answers it", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const { requests, store } = yield* ApiServer
    yield* createConfigMap("a")
    const id = yield* faults.inject({ verb: "get", action: { type: "hang" } })
    const fiber = yield* Effect.forkChild(getConfigMap("a"))
    yield* Effect.repeat(Effect.yieldNow, { until: () => requests().has("get configmaps default") })
    yield* createConfigMap("b")
    assert.isUndefined(fiber.pollUnsafe())
    assert.strictEqual(all(store, "ConfigMap").length, 2)
    yield* faults.lift(id)
    assert.strictEqual((yield* Fiber.join(fiber)).metadata.name, "a")
  }).pipe(inNamespace)
)

it.live("delays a request", () =>
  Effect.gen(function* () {
    yield* createConfigMap("a")
    yield* post({ verb: "get", action: { type: "delay", milliseconds: 150 } })
    const [lasted] = yield* Effect.timed(getConfigMap("a"))
    assert.isAtLeast(Duration.toMillis(lasted), 145)
  }).pipe(inNamespace)
)

it.live("resets a connection", () =>
  Effect.gen(function* () {
    yield* post({ count: 1, action: { type: "reset" } })
    const error = yield* Effect.flip(getConfigMap("a"))
    assert.strictEqual(error._tag === "KubernetesTimeoutError" && error.kind, "Connection")
  }).pipe(inNamespace)
)

it.live("breaks open watches at once, and refuses new ones while it is in force", () =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const { store } = yield* ApiServer
    const watch = api.watch(ConfigMaps, {
      namespace: "default",
      resourceVersion: String(store.version),
      timeout: "5 minutes",
      silence: "100 seconds"
    })
    const seen = yield* Deferred.make<void>()
    const open = yield* Effect.forkChild(Stream.runForEach(watch, () => Deferred.succeed(seen, undefined)))
    yield* createConfigMap("a")
    yield* Deferred.await(seen)
    yield* post({ namespace: "default", action: { type: "dropWatch" } })
    assert.strictEqual((yield* Effect.flip(Fiber.join(open)))._tag, "KubernetesTimeoutError")
    assert.strictEqual((yield* Effect.flip(Stream.runDrain(watch)))._tag, "KubernetesTimeoutError")
  }).pipe(inNamespace)
)

/** A watch of the ConfigMaps from now on. */
const watching = Effect.map(Effect.all([KubernetesApi, ApiServer]), ([api, { store }]) =>
  api.watch(ConfigMaps, {
    namespace: "default",
    resourceVersion: String(store.version),
    timeout: "5 minutes",
    silence: "300 millis"
  })
)

type WatchFault = "endWatch" | "expireWatch" | "silence"

const endOf = <A, R>(watch: Stream.Stream<A, KubernetesError, R>, onEvent: Effect.Effect<unknown> = Effect.void) =>
  Stream.runForEach(watch, () => onEvent).pipe(
    Effect.result,
    Effect.map((outcome) => (outcome._tag === "Success" ? "ended" : outcome.failure._tag))
  )

/** What becomes of a watch that is open when a fault is put in force. */
const openWatchMeets = (type: WatchFault) =>
  Effect.gen(function* () {
    const seen = yield* Deferred.make<void>()
    const open = yield* Effect.forkChild(endOf(yield* watching, Deferred.succeed(seen, undefined)))
    yield* createConfigMap("a")
    yield* Deferred.await(seen)
    yield* post({ verb: "watch", action: { type } })
    return yield* Fiber.join(open)
  })

it.live("ends watches as a server does that goes away in good order", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* openWatchMeets("endWatch"), "ended")
    assert.strictEqual(yield* endOf(yield* watching), "ended")
  }).pipe(inNamespace)
)

it.live("ends watches whose version is too old", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* openWatchMeets("expireWatch"), "KubernetesExpired")
    assert.strictEqual(yield* endOf(yield* watching), "KubernetesExpired")
  }).pipe(inNamespace)
)

it.live("leaves watches open and says nothing more in them", () =>
  Effect.map(openWatchMeets("silence"), (end) => assert.strictEqual(end, "KubernetesTimeoutError")).pipe(inNamespace)
)

it.live("breaks the connection within an answer", () =>
  Effect.gen(function* () {
    yield* createConfigMap("a")
    yield* post({ verb: "get", action: { type: "cut" } })
    const error = yield* Effect.flip(getConfigMap("a"))
    assert.strictEqual(error._tag === "KubernetesTimeoutError" && error.kind, "Connection")
  }).pipe(inNamespace)
)

it.live("gives an answer that was recorded", () =>
  Effect.gen(function* () {
    const body = "<html>bad gateway</html>"
    yield* post({ action: { type: "answer", status: 502, headers: { "content-type": "text/html" }, body } })
    const error = yield* Effect.flip(getConfigMap("a"))
    assert.include(error.message, `${body} (HTTP 502)`)
  }).pipe(inNamespace)
)
