import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Deployments, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { bind, environment, pod, tagOf, workload } from "./Objects.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

contract("parts of an object", (it) => {
  it.effect("binding gives a pod one node", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("nodes")
      yield* api.create(WorkloadPods, pod(namespace, "pod"))
      const first = yield* bind(namespace, "pod")
      assert.deepStrictEqual([first.status, at(first.json, "status")], [201, "Success"])
      const second = yield* bind(namespace, "pod")
      assert.strictEqual(second.status, 409)
      assert.include(String(at(second.json, "message")), "pod pod is already assigned to node")
    })
  )

  it.effect("generation counts changes of the spec, and neither those of metadata nor of status", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("generations")
      const reference = { namespace, name: "one" }
      for (const kind of [Environments, Deployments]) {
        const isCustom = kind.group === "fission.io"
        yield* api.create(kind, isCustom ? environment(namespace, "one") : workload(namespace, "one"))
        const patch = (body: { readonly [field: string]: unknown }, subresource?: "status") =>
          Effect.map(
            api.patch(kind, reference, { type: "merge", body, ...(subresource === undefined ? {} : { subresource }) }),
            ({ metadata }) => metadata.generation
          )
        assert.strictEqual(yield* patch({ metadata: { labels: { a: "b" } } }), 1)
        assert.strictEqual(yield* patch({ status: { observedGeneration: 1 } }, "status"), 1)
        assert.strictEqual(yield* patch({ spec: isCustom ? { poolsize: 2 } : { replicas: 2 } }), 2)
        const deletion = yield* KubernetesDeletion
        yield* patch({ metadata: { finalizers: ["example.com/a"] } })
        const { metadata } = yield* api.get(kind, reference)
        yield* deletion.delete(kind, reference, { uid: metadata.uid ?? "" })
        assert.strictEqual((yield* api.get(kind, reference)).metadata.generation, 3)
        yield* patch({ metadata: { finalizers: null } })
      }
    })
  )

  it.effect("generation counts changes of a Pod, and its deletion", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("pod-generations")
      const reference = { namespace, name: "pod" }
      const { metadata } = yield* api.create(WorkloadPods, pod(namespace, "pod", { finalizers: ["example.com/a"] }))
      const image = { spec: { containers: [{ name: "side", image: "c" }] } }
      const changed = yield* api.patch(WorkloadPods, reference, { type: "strategic", body: image })
      yield* deletion.delete(WorkloadPods, reference, { uid: metadata.uid ?? "" })
      const going = yield* api.get(WorkloadPods, reference)
      assert.deepStrictEqual(
        [metadata, changed.metadata, going.metadata].map(({ generation }) => generation),
        [1, 2, 3]
      )
    })
  )

  it.effect("status takes nothing but the status, and no other write touches it", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("statuses")
      const reference = { namespace, name: "one" }
      const made = yield* api.create(Environments, { ...environment(namespace, "one"), status: { lost: 1 } })
      assert.notProperty(made, "status")
      const body = { metadata: { labels: { a: "b" } }, spec: { poolsize: 9 }, status: { observedGeneration: 4 } }
      const written = yield* api.patch(Environments, reference, { type: "merge", subresource: "status", body })
      assert.deepStrictEqual(written["status"], { observedGeneration: 4 })
      assert.notProperty(written["spec"], "poolsize")
      assert.isUndefined(written.metadata.labels)
      const other = { spec: { poolsize: 2 }, status: { observedGeneration: 5 } }
      const changed = yield* api.patch(Environments, reference, { type: "merge", body: other })
      assert.deepStrictEqual(changed["status"], { observedGeneration: 4 })
      assert.strictEqual(at(changed, "spec", "poolsize"), 2)
    })
  )

  it.effect("scale changes the replicas, under its preconditions", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("scales")
      const reference = { namespace, name: "web" }
      const { metadata } = yield* api.create(Deployments, workload(namespace, "web"))
      const scale = (body: { readonly [field: string]: unknown }) =>
        api.patch(Deployments, reference, { type: "merge", subresource: "scale", body })
      const scaled = yield* scale({ metadata: { uid: metadata.uid }, spec: { replicas: 3 } })
      assert.strictEqual(scaled.kind, "Scale")
      assert.deepStrictEqual(scaled["spec"], { replicas: 3 })
      assert.deepStrictEqual(scaled["status"], { replicas: 0, selector: "app=web" })
      const live = yield* api.get(Deployments, reference)
      assert.deepStrictEqual([at(live, "spec", "replicas"), live.metadata.generation], [3, 2])
      const { resourceVersion } = metadata
      const stale = scale({ metadata: { resourceVersion }, spec: { replicas: 0 } })
      assert.strictEqual(yield* tagOf(stale), "KubernetesConflict")
      assert.strictEqual(
        yield* tagOf(scale({ metadata: { uid: "other" }, spec: { replicas: 0 } })),
        "KubernetesConflict"
      )
      const { send } = yield* ServerUnderTest
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/web/scale`
      const read = yield* send({ path })
      assert.strictEqual(at(read.json, "spec", "replicas"), 3)
    })
  )
})
