import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ApiServer } from "../../../src/devcluster/ApiServer.ts"
import { Namespaces, WorkloadPods } from "../../../src/devcluster/Kinds.ts"
import * as Informer from "../../../src/devcluster/Informer.ts"
import { type Capacity, plenty } from "../../../src/devcluster/kubelet/Capacity.ts"
import { KubeletPods } from "../../../src/devcluster/kubelet/PodObject.ts"
import * as Scheduler from "../../../src/devcluster/kubelet/Scheduler.ts"
import type { ResourceStore } from "../../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../../src/devcluster/Status.ts"
import { KubernetesApi, KubernetesDeletion } from "../../../src/kubernetes/KubernetesApi.ts"
import { all, at, clientLayer, eventually, served } from "../ClusterFixture.ts"

/** A scheduler of a node, and nobody who runs pods there. */
const scheduling = (capacity: Partial<Capacity>) =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const api = yield* KubernetesApi
    yield* api.create(Namespaces, { metadata: { name: "default" } })
    const pods = yield* Informer.make({ kind: KubeletPods })
    yield* Scheduler.run({ nodeName: "node-1", capacity: { ...plenty, ...capacity }, pods })
    return store
  })

const createPod = (name: string, resources: Json = {}) =>
  KubernetesApi.use((api) =>
    api.create(WorkloadPods, {
      metadata: { namespace: "default", name },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "main", image: "a", resources }] }
    })
  )

const podOf = (store: ResourceStore, name: string) => all(store, "Pod").find(({ metadata }) => metadata.name === name)

const nodeOf = (store: ResourceStore, name: string) => at(podOf(store, name), "spec", "nodeName")

const scheduled = (store: ResourceStore, name: string) => eventually(store, () => nodeOf(store, name))

/** The condition of a pod that has no place. */
const refused = (store: ResourceStore, name: string) =>
  eventually(store, () => {
    const condition = at(podOf(store, name), "status", "conditions", 0)
    return at(condition, "reason") === "Unschedulable" ? condition : undefined
  })

const withRequests = (requests: Json): Json => ({ requests })

it.live("gives a pod its node, and says so", () =>
  Effect.gen(function* () {
    const store = yield* scheduling({})
    yield* createPod("a")
    assert.strictEqual(yield* scheduled(store, "a"), "node-1")
    const event = yield* eventually(store, () => all(store, "Event")[0])
    assert.deepInclude(event, {
      type: "Normal",
      reason: "Scheduled",
      message: "Successfully assigned default/a to node-1"
    })
  }).pipe(Effect.provide(clientLayer))
)

it.live.each([
  ["pods", { pods: "1" }, {}, "1 Too many pods"],
  ["CPU", { cpu: "1500m" }, { cpu: "1" }, "1 Insufficient cpu"],
  ["memory", { memory: "1Gi" }, { memory: "600Mi" }, "1 Insufficient memory"],
  ["both", { cpu: "1", memory: "1Gi" }, { cpu: "0.6", memory: "600Mi" }, "1 Insufficient cpu, 1 Insufficient memory"]
] as const)("leaves a pod unscheduled for which there is no room, by %s", ([, capacity, requests, why]) =>
  Effect.gen(function* () {
    const store = yield* scheduling(capacity)
    yield* createPod("a", withRequests(requests))
    yield* scheduled(store, "a")
    yield* createPod("b", withRequests(requests))
    const message = `0/1 nodes are available: ${why}.`
    assert.deepInclude(yield* refused(store, "b"), {
      type: "PodScheduled",
      status: "False",
      reason: "Unschedulable",
      message
    })
    const event = yield* eventually(store, () => all(store, "Event").find(({ type }) => type === "Warning"))
    assert.deepInclude(event, { reason: "FailedScheduling", message })
    assert.strictEqual(at(event, "involvedObject", "name"), "b")
    assert.isUndefined(nodeOf(store, "b"))
  }).pipe(Effect.provide(clientLayer))
)

it.live("schedules a pod that waits once another has gone, or has ended", () =>
  Effect.gen(function* () {
    const store = yield* scheduling({ pods: "1" })
    const deletion = yield* KubernetesDeletion
    const { metadata } = yield* createPod("a")
    yield* scheduled(store, "a")
    yield* createPod("b")
    yield* refused(store, "b")
    yield* deletion.delete(WorkloadPods, { namespace: "default", name: "a" }, { uid: metadata.uid ?? "" })
    yield* scheduled(store, "b")
    yield* createPod("c")
    yield* refused(store, "c")
    store.update(served("Pod"), "default", "b", "status", (pod) => ({ ...pod, status: { phase: "Succeeded" } }))
    yield* scheduled(store, "c")
  }).pipe(Effect.provide(clientLayer))
)

it.live("never gives away more than there is, however many pods come at once", () =>
  Effect.gen(function* () {
    const store = yield* scheduling({ cpu: "3" })
    const names = Array.from({ length: 10 }, (_, index) => `pod-${index}`)
    yield* Effect.forEach(names, (name) => createPod(name, withRequests({ cpu: "1" })), { concurrency: "unbounded" })
    yield* eventually(store, () => {
      const waiting = names.filter((name) => nodeOf(store, name) === undefined)
      const told = all(store, "Pod").filter((pod) => at(pod, "status", "conditions", 0, "status") === "False")
      return waiting.length === 7 && told.length === 7 ? true : undefined
    })
  }).pipe(Effect.provide(clientLayer))
)

it.live("tells a pod once for as long as nothing changes, and counts the Event", () =>
  Effect.gen(function* () {
    const store = yield* scheduling({ pods: "0" })
    yield* createPod("a")
    yield* refused(store, "a")
    const version = podOf(store, "a")?.metadata.resourceVersion
    const { metadata } = yield* createPod("b")
    yield* refused(store, "b")
    yield* KubernetesDeletion.use((door) =>
      door.delete(WorkloadPods, { namespace: "default", name: "b" }, { uid: metadata.uid ?? "" })
    )
    yield* eventually(store, () => all(store, "Event").find((event) => event["count"] === 2))
    assert.strictEqual(podOf(store, "a")?.metadata.resourceVersion, version)
  }).pipe(Effect.provide(clientLayer))
)
