import { assert, describe, it } from "@effect/vitest"
import { mergePatch } from "../../src/devcluster/MergePatch.ts"
import { ResourceStore, type StoreEvent } from "../../src/devcluster/ResourceStore.ts"
import { type Json, StatusError } from "../../src/devcluster/Status.ts"
import { all, at, served } from "./ClusterFixture.ts"

const functions = served("Function")
const pods = served("Pod")
const configMaps = served("ConfigMap")

const makeStore = (history?: number) => {
  let uids = 0
  const store = new ResourceStore({
    now: () => new Date("2026-01-02T03:04:05.678Z"),
    uid: () => `uid-${++uids}`,
    suffix: () => `x${uids}`,
    ...(history === undefined ? {} : { history })
  })
  store.create(served("Namespace"), undefined, { metadata: { name: "default" } })
  return store
}

const refusal = (run: () => unknown): StatusError => {
  try {
    run()
  } catch (error) {
    if (error instanceof StatusError) return error
    throw error
  }
  throw new Error("nothing was refused")
}

const createFunction = (store: ResourceStore, metadata: Json = {}) =>
  store.create(functions, "default", { metadata: { name: "hello", ...metadata }, spec: { a: 1 } })

const merge = (store: ResourceStore, patch: Json, part: "main" | "status" = "main") =>
  store.update(functions, "default", "hello", part, (current) => ({
    ...current,
    ...Object(mergePatch(current, patch))
  }))

const createPod = (store: ResourceStore, metadata: Json = {}) =>
  store.create(pods, "default", {
    metadata: { name: "pod-1", ...metadata },
    spec: { nodeName: "embedded", terminationGracePeriodSeconds: 20 }
  })

describe("create", () => {
  it("gives the object its identity and its first generation, and drops the status of a custom resource", () => {
    const store = makeStore()
    const created = store.create(functions, "default", { metadata: { name: "hello" }, spec: {}, status: { x: 1 } })
    assert.deepStrictEqual(created, {
      apiVersion: "fission.io/v1",
      kind: "Function",
      metadata: {
        name: "hello",
        namespace: "default",
        uid: "uid-2",
        resourceVersion: "3",
        generation: 1,
        creationTimestamp: "2026-01-02T03:04:05Z"
      },
      spec: {}
    })
  })

  it("names an object that brings only a prefix, and keeps the prefix", () => {
    const created = makeStore().create(configMaps, "default", { metadata: { name: "", generateName: "cm-" } })
    assert.strictEqual(created.metadata.name, "cm-x1")
    assert.strictEqual(created.metadata["generateName"], "cm-")
  })

  it("refuses a name that is taken, and a namespace that is absent or ending", () => {
    const store = makeStore()
    createFunction(store)
    const create = (namespace: string, name: string) => () => store.create(functions, namespace, { metadata: { name } })
    assert.strictEqual(refusal(create("default", "hello")).reason, "AlreadyExists")
    assert.strictEqual(refusal(create("absent", "a")).message, 'namespaces "absent" not found')
    store.create(served("Namespace"), undefined, { metadata: { name: "ending", finalizers: ["a"] } })
    store.delete(served("Namespace"), undefined, "ending", {})
    assert.include(refusal(create("ending", "a")).message, "because it is being terminated")
    assert.strictEqual(at(all(store, "Namespace")[1], "status", "phase"), "Terminating")
  })
})

describe("update", () => {
  it("counts a generation for a change of the spec, not for one of metadata or status", () => {
    const store = makeStore()
    createFunction(store)
    assert.strictEqual(merge(store, { metadata: { labels: { a: "b" } } }).metadata.generation, 1)
    assert.strictEqual(merge(store, { status: { a: 1 } }, "status").metadata.generation, 1)
    assert.strictEqual(merge(store, { spec: { a: 2 } }).metadata.generation, 2)
  })

  it("keeps the version when nothing changes, whatever the order of the fields", () => {
    const store = makeStore()
    const created = store.create(functions, "default", { metadata: { name: "hello" }, spec: { a: { b: 1, c: 2 } } })
    const same = store.update(functions, "default", "hello", "main", () => ({
      spec: { a: { c: 2, b: 1 } },
      metadata: { name: "hello" }
    }))
    assert.strictEqual(same.metadata.resourceVersion, created.metadata.resourceVersion)
  })

  it("leaves the status to its subresource, and everything else to the object", () => {
    const store = makeStore()
    createFunction(store)
    merge(store, { status: { ready: true }, spec: { a: 9 } }, "status")
    const written = merge(store, { status: { ready: false }, spec: { a: 2 } })
    assert.deepStrictEqual(written["status"], { ready: true })
    assert.deepStrictEqual(written["spec"], { a: 2 })
  })

  it("refuses another UID and an old version", () => {
    const store = makeStore()
    createFunction(store)
    assert.include(
      refusal(() => merge(store, { metadata: { uid: "another" } })).message,
      "UID in precondition: another"
    )
    assert.strictEqual(refusal(() => merge(store, { metadata: { resourceVersion: "1" } })).reason, "Conflict")
  })

  it("cannot change what belongs to the server", () => {
    const store = makeStore()
    const { creationTimestamp } = createFunction(store).metadata
    const written = merge(store, { metadata: { creationTimestamp: "2000-01-01T00:00:00Z", generation: 9 } })
    assert.strictEqual(written.metadata.creationTimestamp, creationTimestamp)
    assert.strictEqual(written.metadata.generation, 1)
  })
})

describe("delete", () => {
  it("removes an object that nothing holds", () => {
    const store = makeStore()
    createFunction(store)
    store.delete(functions, "default", "hello", {})
    assert.strictEqual(refusal(() => store.get(functions, "default", "hello")).code, 404)
  })

  it("waits for finalizers, and removes with the last of them", () => {
    const store = makeStore()
    createFunction(store, { finalizers: ["a"] })
    const held = store.delete(functions, "default", "hello", {})
    assert.strictEqual(held.metadata.deletionTimestamp, "2026-01-02T03:04:05Z")
    assert.strictEqual(store.delete(functions, "default", "hello", {}), held)
    merge(store, { metadata: { finalizers: null } })
    assert.deepStrictEqual(all(store, "Function"), [])
  })

  it("leaves a bound pod its grace period until the kubelet ends it", () => {
    const store = makeStore()
    createPod(store)
    const marked = store.delete(pods, "default", "pod-1", {})
    assert.strictEqual(marked.metadata.deletionGracePeriodSeconds, 20)
    assert.strictEqual(marked.metadata.deletionTimestamp, "2026-01-02T03:04:25Z")
    store.delete(pods, "default", "pod-1", { gracePeriodSeconds: 0 })
    assert.deepStrictEqual(all(store, "Pod"), [])
  })

  it("shortens a grace period, and never lengthens it", () => {
    const store = makeStore()
    createPod(store)
    const grace = (seconds: number) =>
      store.delete(pods, "default", "pod-1", { gracePeriodSeconds: seconds }).metadata.deletionGracePeriodSeconds
    assert.deepStrictEqual([grace(10), grace(15), grace(5)], [10, 10, 5])
  })

  it("keeps a pod that has stopped for as long as finalizers hold it", () => {
    const store = makeStore()
    createPod(store, { finalizers: ["a"] })
    store.delete(pods, "default", "pod-1", {})
    store.delete(pods, "default", "pod-1", { gracePeriodSeconds: 0 })
    assert.strictEqual(all(store, "Pod").length, 1)
    store.update(pods, "default", "pod-1", "main", (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: [] } }))
    assert.deepStrictEqual(all(store, "Pod"), [])
  })

  it("removes an unbound pod, and one that has ended, at once", () => {
    const store = makeStore()
    store.create(pods, "default", { metadata: { name: "unbound" }, spec: {} })
    store.delete(pods, "default", "unbound", {})
    createPod(store)
    store.update(pods, "default", "pod-1", "status", (pod) => ({ ...pod, status: { phase: "Succeeded" } }))
    store.delete(pods, "default", "pod-1", {})
    assert.deepStrictEqual(all(store, "Pod"), [])
  })

  it("deletes nothing but the object that the preconditions name", () => {
    const store = makeStore()
    createFunction(store)
    const uid = refusal(() => store.delete(functions, "default", "hello", { uid: "another" }))
    assert.include(uid.message, 'Function.fission.io "hello": the UID in the precondition (another) does not match')
    assert.strictEqual(refusal(() => store.delete(functions, "default", "hello", { resourceVersion: "1" })).code, 409)
  })
})

describe("events", () => {
  it("tells subscribers of each change with the form before", () => {
    const store = makeStore()
    const seen: Array<StoreEvent> = []
    const unsubscribe = store.subscribe((event) => seen.push(event))
    createFunction(store)
    merge(store, { spec: { a: 2 } })
    store.delete(functions, "default", "hello", {})
    unsubscribe()
    createFunction(store)
    assert.deepStrictEqual(
      seen.map(({ previous, type, version }) => [type, version, previous?.metadata.resourceVersion]),
      [
        ["ADDED", 3, undefined],
        ["MODIFIED", 4, "3"],
        ["DELETED", 5, "4"]
      ]
    )
  })

  it("keeps the order for all when one of them writes", () => {
    const store = makeStore()
    const seen: Array<string> = []
    store.subscribe(({ type }) => {
      if (type === "ADDED") merge(store, { spec: { a: 2 } })
    })
    store.subscribe(({ type }) => seen.push(type))
    createFunction(store)
    assert.deepStrictEqual(seen, ["ADDED", "MODIFIED"])
  })

  it("repeats what happened since a version, as far back as it remembers", () => {
    const store = makeStore(2)
    createFunction(store)
    for (const a of [2, 3, 4]) merge(store, { spec: { a } })
    assert.deepStrictEqual(
      store.since(5).map(({ version }) => version),
      [6]
    )
    assert.strictEqual(refusal(() => store.since(2)).code, 410)
    store.compact()
    assert.strictEqual(refusal(() => store.since(5)).code, 410)
    assert.deepStrictEqual(store.since(6), [])
  })
})
