import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { ApiServer } from "../../../src/devcluster/ApiServer.ts"
import { ControllersLayer } from "../../../src/devcluster/controllers/Controllers.ts"
import { Faults } from "../../../src/devcluster/Faults.ts"
import { ConfigMaps, Deployments, Namespaces, WorkloadPods } from "../../../src/devcluster/Kinds.ts"
import { mergePatch } from "../../../src/devcluster/MergePatch.ts"
import type { ResourceStore, StoredObject } from "../../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../../src/devcluster/Status.ts"
import { Functions } from "../../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../../src/kubernetes/KubernetesApi.ts"
import { all, at, clientLayer, deployment, eventually, functionSpec, served } from "../ClusterFixture.ts"

const clusterLayer = ControllersLayer.pipe(Layer.provideMerge(clientLayer))

/** A cluster with controllers and without a kubelet: pods are what the test says they are. */
const inCluster = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name: "default" } })),
    self
  ).pipe(Effect.provide(clusterLayer))

const create = (name: string, spec: Json = {}) =>
  KubernetesApi.use((api) => {
    const { metadata, spec: whole } = deployment(name, spec)
    return api.create(Deployments, { metadata: { ...Object(metadata), name }, spec: whole })
  })

const change = (name: string, patch: Json) =>
  KubernetesApi.use((api) => api.patch(Deployments, { namespace: "default", name }, { type: "merge", body: patch }))

const setImage = (name: string, image: string) =>
  change(name, { spec: { template: { spec: { containers: [{ name: "main", image }] } } } })

/** The pods once they are so many; those that are being deleted do not count. */
const podsWhen = (store: ResourceStore, condition: (pods: ReadonlyArray<StoredObject>) => boolean) =>
  eventually(store, () => {
    const pods = all(store, "Pod", "default").filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    return condition(pods) ? pods : undefined
  })

/** What a kubelet would write. */
const setReady = (store: ResourceStore, pod: StoredObject, isReady = true) =>
  Effect.sync(() => {
    const status = {
      phase: "Running",
      conditions: [
        { type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: pod.metadata.creationTimestamp }
      ]
    }
    store.update(served("Pod"), "default", pod.metadata.name, "status", (current) => ({ ...current, status }))
  })

const merge = (store: ResourceStore, kind: string, name: string, patch: Json) =>
  Effect.sync(() =>
    store.update(served(kind), "default", name, "main", (current) => ({
      ...current,
      ...Object(mergePatch(current, patch))
    }))
  )

const statusOf = (store: ResourceStore, name: string) => at(store.get(served("Deployment"), "default", name), "status")

const owned = (pods: ReadonlyArray<StoredObject>) =>
  pods.filter(({ metadata }) => (metadata.ownerReferences ?? []).length > 0)

describe("Deployment", () => {
  it.live("makes a ReplicaSet of its template and as many pods as it asks for", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 3 })
      const pods = yield* podsWhen(store, ({ length }) => length === 3)
      const [set] = all(store, "ReplicaSet")
      const hash = set?.metadata.labels?.["pod-template-hash"] ?? ""
      assert.strictEqual(set?.metadata.name, `web-${hash}`)
      assert.strictEqual(at(set?.metadata.ownerReferences, 0, "kind"), "Deployment")
      assert.strictEqual(set?.metadata.annotations?.["deployment.kubernetes.io/revision"], "1")
      for (const { metadata } of pods) {
        assert.match(metadata.name, new RegExp(`^web-${hash}-`, "u"))
        assert.deepStrictEqual(metadata.labels, { app: "web", "pod-template-hash": hash })
        assert.strictEqual(at(metadata.ownerReferences, 0, "uid"), set?.metadata.uid)
      }
    }).pipe(inCluster)
  )

  it.live("reports its replicas, and that it is available once they are ready", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 2 })
      const pods = yield* podsWhen(store, ({ length }) => length === 2)
      yield* eventually(store, () => (at(statusOf(store, "web"), "replicas") === 2 ? true : undefined))
      assert.strictEqual(at(statusOf(store, "web"), "conditions", 0, "status"), "False")
      for (const pod of pods) yield* setReady(store, pod)
      const status = yield* eventually(store, () => {
        const status = statusOf(store, "web")
        return at(status, "availableReplicas") === 2 ? status : undefined
      })
      assert.strictEqual(at(status, "observedGeneration"), 1)
      assert.strictEqual(at(status, "readyReplicas"), 2)
      assert.strictEqual(at(status, "conditions", 0, "reason"), "MinimumReplicasAvailable")
      assert.strictEqual(at(status, "conditions", 1, "reason"), "NewReplicaSetAvailable")
    }).pipe(inCluster)
  )

  it.live("scales down, and gives up first what is not ready", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 3 })
      const pods = yield* podsWhen(store, ({ length }) => length === 3)
      const [first, , third] = pods
      for (const pod of [first, third]) if (pod !== undefined) yield* setReady(store, pod)
      yield* eventually(store, () => (at(statusOf(store, "web"), "readyReplicas") === 2 ? true : undefined))
      yield* change("web", { spec: { replicas: 2 } })
      const left = yield* podsWhen(store, ({ length }) => length === 2)
      assert.deepStrictEqual(
        left.map(({ metadata }) => metadata.name),
        [first?.metadata.name, third?.metadata.name]
      )
    }).pipe(inCluster)
  )

  it.live("rolls to a new template without falling below what must be available", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 3 })
      const old = yield* podsWhen(store, ({ length }) => length === 3)
      for (const pod of old) yield* setReady(store, pod)
      yield* eventually(store, () => (at(statusOf(store, "web"), "availableReplicas") === 3 ? true : undefined))
      let fewestReady = 3
      const unsubscribe = store.subscribe(() => {
        const ready = all(store, "Pod").filter((pod) => at(pod, "status", "conditions", 0, "status") === "True")
        fewestReady = Math.min(fewestReady, ready.length)
      })
      yield* setImage("web", "example.com/program:2")
      const isNew = (pod: StoredObject) => at(pod, "spec", "containers", 0, "image") === "example.com/program:2"
      for (const count of [1, 2, 3]) {
        const pods = yield* podsWhen(store, (pods) => pods.filter(isNew).length >= count)
        assert.isAtMost(pods.length, 4)
        for (const pod of pods.filter(isNew)) yield* setReady(store, pod)
      }
      yield* podsWhen(store, (pods) => pods.length === 3 && pods.every(isNew))
      unsubscribe()
      assert.strictEqual(fewestReady, 3)
      const annotations = yield* eventually(store, () => {
        const { annotations } = store.get(served("Deployment"), "default", "web").metadata
        return annotations?.["deployment.kubernetes.io/revision"] === "2" ? annotations : undefined
      })
      assert.isDefined(annotations)
      assert.strictEqual(all(store, "ReplicaSet").length, 2)
    }).pipe(inCluster)
  )

  it.live("returns to an earlier template by its ReplicaSet, which is the newest then", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const original = yield* create("web")
      yield* podsWhen(store, ({ length }) => length === 1)
      yield* setImage("web", "example.com/program:2")
      yield* eventually(store, () => all(store, "ReplicaSet")[1])
      yield* change("web", { spec: { template: at(original, "spec", "template") } })
      const sets = yield* eventually(store, () => {
        const sets = all(store, "ReplicaSet")
        const revisions = sets.map(({ metadata }) => metadata.annotations?.["deployment.kubernetes.io/revision"])
        return revisions.includes("3") ? sets : undefined
      })
      assert.strictEqual(sets.length, 2)
    }).pipe(inCluster)
  )

  it.live("keeps no more old ReplicaSets than it is told to", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 0, revisionHistoryLimit: 0 })
      yield* eventually(store, () => all(store, "ReplicaSet")[0])
      yield* setImage("web", "example.com/program:2")
      yield* eventually(store, () => {
        const [set, ...others] = all(store, "ReplicaSet")
        return others.length === 0 && set?.metadata.annotations?.["deployment.kubernetes.io/revision"] === "2"
          ? true
          : undefined
      })
    }).pipe(inCluster)
  )
})

describe("ReplicaSet", () => {
  it.live("releases a pod whose labels no longer match, and replaces it", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("pool", { replicas: 2 })
      const [claimed] = yield* podsWhen(store, ({ length }) => length === 2)
      const name = claimed?.metadata.name ?? ""
      yield* merge(store, "Pod", name, { metadata: { labels: { app: "specialized" } } })
      yield* podsWhen(store, (pods) => pods.length === 3 && owned(pods).length === 2)
      assert.isUndefined(store.get(served("Pod"), "default", name).metadata.ownerReferences)
    }).pipe(inCluster)
  )

  it.live("adopts a pod with its labels, and gives up one that is too many", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("pool", { replicas: 1 })
      const [first] = yield* podsWhen(store, ({ length }) => length === 1)
      const api = yield* KubernetesApi
      yield* merge(store, "Pod", first?.metadata.name ?? "", { metadata: { labels: { app: "other" } } })
      const [, second] = yield* podsWhen(store, (pods) => pods.length === 2 && owned(pods).length === 1)
      assert.isDefined(second)
      yield* api.create(WorkloadPods, {
        metadata: { namespace: "default", name: "orphan", labels: first?.metadata.labels },
        spec: { containers: [{ name: "main", image: "example.com/program:1" }] }
      })
      yield* podsWhen(store, (pods) => owned(pods).length === 1 && pods.length === 2)
    }).pipe(inCluster)
  )

  it.live("replaces a pod that is deleted or has ended", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("pool", { replicas: 1 })
      const [first] = yield* podsWhen(store, ({ length }) => length === 1)
      const name = first?.metadata.name ?? ""
      store.delete(served("Pod"), "default", name, {})
      const [second] = yield* podsWhen(store, (pods) => pods.length === 1 && pods[0]?.metadata.name !== name)
      store.update(served("Pod"), "default", second?.metadata.name ?? "", "status", (pod) => ({
        ...pod,
        status: { phase: "Failed" }
      }))
      yield* podsWhen(store, ({ length }) => length === 2)
    }).pipe(inCluster)
  )

  it.live("makes no pod twice while its watch is broken", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const faults = yield* Faults
      yield* create("pool", { replicas: 1 })
      yield* eventually(store, () => (at(statusOf(store, "pool"), "replicas") === 1 ? true : undefined))
      const fault = yield* faults.inject({ resource: "pods", action: { type: "dropWatch" } })
      yield* change("pool", { spec: { replicas: 3 } })
      yield* podsWhen(store, ({ length }) => length === 3)
      yield* faults.lift(fault)
      yield* eventually(store, () => (at(statusOf(store, "pool"), "replicas") === 3 ? true : undefined))
      assert.strictEqual(all(store, "Pod").length, 3)
    }).pipe(inCluster)
  )

  it.live("puts up with writes that fail, or are applied all the same", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const faults = yield* Faults
      yield* faults.inject({ verb: "create", count: 2, action: { type: "applyThenError", preset: "etcdTimeout" } })
      yield* faults.inject({ verb: "create", count: 2, action: { type: "error", preset: "unavailable" } })
      yield* faults.inject({ verb: "patch", count: 3, action: { type: "error", preset: "timeout" } })
      yield* Effect.ignore(create("pool", { replicas: 2 }))
      yield* eventually(store, () => (at(statusOf(store, "pool"), "replicas") === 2 ? true : undefined))
    }).pipe(inCluster)
  )
})

describe("owners", () => {
  it.live("takes everything along that a deleted Deployment owns", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const created = yield* create("web", { replicas: 2 })
      yield* podsWhen(store, ({ length }) => length === 2)
      yield* (yield* KubernetesDeletion).delete(
        Deployments,
        { namespace: "default", name: "web" },
        { uid: created.metadata.uid ?? "", propagationPolicy: "Background" }
      )
      yield* eventually(store, () =>
        all(store, "Pod").length + all(store, "ReplicaSet").length === 0 ? true : undefined
      )
    }).pipe(inCluster)
  )

  const functionReference = (name: string, uid: string) => ({
    apiVersion: "fission.io/v1",
    kind: "Function",
    name,
    uid
  })

  it.live("deletes what comes in with an owner that never was, or has another UID", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const { store } = yield* ApiServer
      yield* api.create(Functions, { metadata: { namespace: "default", name: "hello" }, spec: functionSpec })
      for (const [name, owner] of [
        ["absent", functionReference("absent", "1")],
        ["namesake", functionReference("hello", "1")]
      ] as const) {
        yield* api.create(ConfigMaps, { metadata: { namespace: "default", name, ownerReferences: [owner] } })
      }
      yield* eventually(store, () => {
        const names = new Set(all(store, "ConfigMap").map(({ metadata }) => metadata.name))
        return names.has("absent") || names.has("namesake") ? undefined : true
      })
    }).pipe(inCluster)
  )

  it.live("keeps what has another owner, without the one that is gone", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const { store } = yield* ApiServer
      const owner = yield* api.create(Functions, {
        metadata: { namespace: "default", name: "hello" },
        spec: functionSpec
      })
      const present = functionReference("hello", owner.metadata.uid ?? "")
      const unknown = { apiVersion: "example.com/v1", kind: "Thing", name: "thing", uid: "2" }
      yield* api.create(ConfigMaps, {
        metadata: {
          namespace: "default",
          name: "shared",
          ownerReferences: [present, functionReference("absent", "1"), unknown]
        }
      })
      const left = yield* eventually(store, () => {
        const { ownerReferences } = store.get(served("ConfigMap"), "default", "shared").metadata
        return ownerReferences?.length === 2 ? ownerReferences : undefined
      })
      assert.deepStrictEqual(left, [present, unknown])
    }).pipe(inCluster)
  )

  it.live("deletes nothing while the server does not say whether an owner is there", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const faults = yield* Faults
      const { requests, store } = yield* ApiServer
      yield* faults.inject({ verb: "get", resource: "functions", action: { type: "error", preset: "etcdTimeout" } })
      const metadata = { namespace: "default", name: "a", ownerReferences: [functionReference("absent", "1")] }
      yield* api.create(ConfigMaps, { metadata })
      yield* Effect.repeat(Effect.sleep("5 millis"), {
        until: () => (requests().get("get functions default") ?? 0) >= 3
      })
      assert.strictEqual(store.get(served("ConfigMap"), "default", "a").metadata.name, "a")
      yield* faults.liftAll
      yield* eventually(store, () =>
        all(store, "ConfigMap").every((object) => object.metadata.name !== "a") ? true : undefined
      )
    }).pipe(inCluster)
  )
})

describe("namespaces", () => {
  it.live("have a service account and the certificate of the cluster", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* eventually(store, () => all(store, "ServiceAccount", "default").find((a) => a.metadata.name === "default"))
      yield* eventually(store, () =>
        all(store, "ConfigMap").find(({ metadata }) => metadata.name === "kube-root-ca.crt")
      )
    }).pipe(inCluster)
  )

  it.live("are emptied before they go", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* create("web", { replicas: 2 })
      yield* podsWhen(store, ({ length }) => length === 2)
      const { uid } = store.get(served("Namespace"), undefined, "default").metadata
      yield* (yield* KubernetesDeletion).delete(Namespaces, { name: "default" }, { uid })
      yield* eventually(store, () => (all(store, "Namespace").length === 0 ? true : undefined))
      assert.deepStrictEqual(
        ["Deployment", "ReplicaSet", "Pod", "ConfigMap", "ServiceAccount"].flatMap((kind) => all(store, kind)),
        []
      )
    }).pipe(inCluster)
  )
})
