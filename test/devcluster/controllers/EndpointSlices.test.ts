import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { classifyAnswer } from "../../../src/kubernetes/Classify.ts"
import type { StoredObject } from "../../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../../src/devcluster/Status.ts"
import { all, at, served } from "../ClusterFixture.ts"
import { make } from "./VirtualCluster.ts"

const service = (spec: Json = {}): Json => ({
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8888 }], ...spec }
})

const pod = (name: string, more: Json = {}): Json => ({
  metadata: { name, labels: { app: "web" } },
  spec: {
    nodeName: "node-1",
    containers: [{ name: "main", ports: [{ name: "serve", containerPort: 9000 }] }],
    ...more
  }
})

/** A Service and two pods of it, of which the first is ready. */
const cluster = (spec: Json = {}) =>
  Effect.gen(function* () {
    const virtual = yield* make
    yield* virtual.create("Service", service(spec))
    for (const name of ["a", "b"]) yield* virtual.create("Pod", pod(name))
    const [a, b] = virtual.pods()
    if (a !== undefined) yield* virtual.setStatus(a, true, { podIP: "127.1.0.1" })
    if (b !== undefined) yield* virtual.setStatus(b, false, { podIP: "127.1.0.2" })
    const slices = () => all(virtual.store, "EndpointSlice")
    return { ...virtual, slices, endpoints: () => endpointsOf(slices()[0]) }
  })

const endpointsOf = (slice: StoredObject | undefined) => {
  const endpoints = slice?.["endpoints"]
  return Array.isArray(endpoints)
    ? endpoints.map((endpoint) => [at(endpoint, "addresses", 0), at(endpoint, "conditions")])
    : []
}

it.effect("a Service has a slice of the pods that it selects", () =>
  Effect.gen(function* () {
    const { slices, store } = yield* cluster()
    const [slice, ...others] = slices()
    assert.deepStrictEqual(others, [])
    assert.strictEqual(slice?.metadata.labels?.["kubernetes.io/service-name"], "web")
    assert.deepInclude(slice?.metadata.ownerReferences?.[0], { kind: "Service", name: "web", controller: true })
    assert.deepStrictEqual(slice?.["ports"], [{ name: "http", port: 8888, protocol: "TCP" }])
    assert.deepStrictEqual(at(slice, "endpoints", 0), {
      addresses: ["127.1.0.1"],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: "node-1",
      targetRef: {
        kind: "Pod",
        namespace: "default",
        name: "a",
        uid: store.get(served("Pod"), "default", "a").metadata.uid
      }
    })
  })
)

it.effect("a slice has the labels of its Service, as they are now", () =>
  Effect.gen(function* () {
    const { create, settle, slices, store } = yield* cluster()
    const label = (labels: Json) => {
      const change = (current: Json) => ({ ...current, metadata: { ...Object(current["metadata"]), labels } })
      store.update(served("Service"), "default", "web", "main", change)
    }
    label({ team: "a", tier: "front" })
    yield* settle
    assert.deepInclude(slices()[0]?.metadata.labels, { team: "a", tier: "front" })
    label({ team: "b" })
    yield* settle
    assert.deepStrictEqual(slices()[0]?.metadata.labels, {
      team: "b",
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"
    })
    yield* create("Service", { metadata: { name: "alone" }, spec: { selector: { app: "web" }, clusterIP: "None" } })
    assert.strictEqual(slices()[0]?.metadata.labels?.["service.kubernetes.io/headless"], "")
  })
)

it.effect("an endpoint is ready when its pod is", () =>
  Effect.gen(function* () {
    const { endpoints, pods, setStatus } = yield* cluster()
    const unready = { ready: false, serving: false, terminating: false }
    assert.deepStrictEqual(endpoints()[1], ["127.1.0.2", unready])
    for (const pod of pods().slice(1)) yield* setStatus(pod, true, { podIP: "127.1.0.2" })
    assert.deepStrictEqual(endpoints()[1], ["127.1.0.2", { ready: true, serving: true, terminating: false }])
  })
)

it.effect(
  "an endpoint whose pod is being deleted goes on serving, terminating and not ready, until the pod is gone",
  () =>
    Effect.gen(function* () {
      const { endpoints, settle, store } = yield* cluster()
      store.delete(served("Pod"), "default", "a", {})
      yield* settle
      assert.deepStrictEqual(endpoints()[0], ["127.1.0.1", { ready: false, serving: true, terminating: true }])
      store.delete(served("Pod"), "default", "a", { gracePeriodSeconds: 0 })
      yield* settle
      assert.deepStrictEqual(
        endpoints().map(([address]) => address),
        ["127.1.0.2"]
      )
    })
)

it.effect("a pod that has ended or lost its labels is no endpoint", () =>
  Effect.gen(function* () {
    const { endpoints, pods, setStatus, settle, store } = yield* cluster()
    for (const pod of pods().slice(1)) yield* setStatus(pod, false, { podIP: "127.1.0.2", phase: "Failed" })
    assert.strictEqual(endpoints().length, 1)
    store.update(served("Pod"), "default", "a", "main", (current) => ({
      ...current,
      metadata: { ...current.metadata, labels: { app: "other" } }
    }))
    yield* settle
    assert.deepStrictEqual(endpoints(), [])
  })
)

it.effect("publishNotReadyAddresses makes every endpoint ready", () =>
  Effect.gen(function* () {
    const { endpoints } = yield* cluster({ publishNotReadyAddresses: true })
    assert.deepStrictEqual(endpoints()[1], ["127.1.0.2", { ready: true, serving: false, terminating: false }])
  })
)

it.effect("a named target port is that of the pods", () =>
  Effect.gen(function* () {
    const { slices } = yield* cluster({ ports: [{ port: 80, targetPort: "serve" }] })
    assert.deepStrictEqual(slices()[0]?.["ports"], [{ name: "", port: 9000, protocol: "TCP" }])
  })
)

it.effect("a Service without a selector has none, and one that loses it keeps none", () =>
  Effect.gen(function* () {
    const { create, settle, slices, store } = yield* cluster()
    yield* create("Service", { metadata: { name: "external" }, spec: { ports: [{ port: 80 }] } })
    assert.strictEqual(slices().length, 1)
    store.update(served("Service"), "default", "web", "main", (current) => ({ ...current, spec: { ports: [] } }))
    yield* settle
    assert.deepStrictEqual(slices(), [])
  })
)

it.effect("the slice goes with its Service", () =>
  Effect.gen(function* () {
    const { settle, slices, store } = yield* cluster()
    store.delete(served("Service"), "default", "web", {})
    yield* settle
    assert.deepStrictEqual(slices(), [])
  })
)

it.effect("nothing is written while nothing changes", () =>
  Effect.gen(function* () {
    const { pods, setStatus, slices, store } = yield* cluster()
    const version = slices()[0]?.metadata.resourceVersion
    for (const pod of pods().slice(0, 1)) yield* setStatus(pod, true, { podIP: "127.1.0.1", message: "as before" })
    assert.strictEqual(at(store.get(served("Pod"), "default", "a"), "status", "message"), "as before")
    assert.strictEqual(slices()[0]?.metadata.resourceVersion, version)
  })
)

it.effect("a server that refuses a slice is mentioned in an Event of the Service", () =>
  Effect.gen(function* () {
    const { create, events, intercept, pods, setStatus } = yield* make
    intercept((call) =>
      call.resource === "endpointslices" && call.verb === "create"
        ? Effect.fail(classifyAnswer(call, { status: 503, headers: {}, body: "no luck" }))
        : undefined
    )
    yield* create("Service", service())
    yield* create("Pod", pod("a"))
    for (const pod of pods()) yield* setStatus(pod, true, { podIP: "127.1.0.1" })
    assert.match(events("Service").join(), /^FailedToUpdateEndpointSlices: .*no luck/u)
  })
)
