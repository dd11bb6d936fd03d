import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { bind, configMap, pod, tagOf } from "./Objects.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

contract("deletes", (it) => {
  it.effect("show in the refusal of an object of the same name", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("going")
      const going = configMap(namespace, "one", { finalizers: ["example.com/a"] })
      const { metadata } = yield* api.create(ConfigMaps, going)
      yield* deletion.delete(ConfigMaps, { namespace, name: "one" }, { uid: metadata.uid ?? "" })
      const refused = yield* Effect.flip(api.create(ConfigMaps, configMap(namespace, "one")))
      assert.strictEqual(refused._tag, "KubernetesAlreadyExists")
      assert.include(refused.message, 'object is being deleted: configmaps "one" already exists')
    })
  )

  it.effect("in the background take the owner at once, and leave what it owns", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("propagation")
      const { metadata } = yield* api.create(ConfigMaps, configMap(namespace, "owner"))
      const uid = metadata.uid ?? ""
      const owner = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid }
      yield* api.create(ConfigMaps, configMap(namespace, "owned", { ownerReferences: [owner] }))
      yield* deletion.delete(ConfigMaps, { namespace, name: "owner" }, { uid, propagationPolicy: "Background" })
      assert.strictEqual(yield* tagOf(api.get(ConfigMaps, { namespace, name: "owner" })), "KubernetesNotFound")
      const owned = yield* api.get(ConfigMaps, { namespace, name: "owned" })
      assert.deepStrictEqual(owned.metadata.ownerReferences, [owner])
    })
  )

  it.effect("are answered with a Status, or with the object where something holds it", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("deleted")
      const { send } = yield* ServerUnderTest
      yield* api.create(ConfigMaps, configMap(namespace, "free"))
      yield* api.create(ConfigMaps, configMap(namespace, "held", { finalizers: ["example.com/a"] }))
      const remove = (name: string) =>
        send({ method: "DELETE", path: `/api/v1/namespaces/${namespace}/configmaps/${name}` })
      const free = yield* remove("free")
      assert.deepStrictEqual([at(free.json, "kind"), at(free.json, "status")], ["Status", "Success"])
      const held = yield* remove("held")
      assert.deepStrictEqual([held.status, at(held.json, "kind")], [200, "ConfigMap"])
      assert.isString(at(held.json, "metadata", "deletionTimestamp"))
    })
  )

  it.effect("leave a pod its grace period until there is none", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("grace")
      const reference = { namespace, name: "pod" }
      const { metadata } = yield* api.create(WorkloadPods, pod(namespace, "pod"))
      const uid = metadata.uid ?? ""
      assert.strictEqual((yield* bind(namespace, "pod")).status, 201)
      const remove = (gracePeriodSeconds?: number) =>
        deletion.delete(WorkloadPods, reference, { uid, gracePeriodSeconds })
      const grace = Effect.map(api.get(WorkloadPods, reference), (live) =>
        at(live, "metadata", "deletionGracePeriodSeconds")
      )
      yield* remove()
      assert.strictEqual(yield* grace, 7)
      yield* remove(3)
      assert.strictEqual(yield* grace, 3)
      yield* remove(9)
      assert.strictEqual(yield* grace, 3)
      yield* remove(0)
      assert.strictEqual(yield* tagOf(api.get(WorkloadPods, reference)), "KubernetesNotFound")
    })
  )

  it.effect("remove a pod at once that has no node", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("unbound")
      const { metadata } = yield* api.create(WorkloadPods, pod(namespace, "pod"))
      yield* deletion.delete(WorkloadPods, { namespace, name: "pod" }, { uid: metadata.uid ?? "" })
      assert.strictEqual(yield* tagOf(api.get(WorkloadPods, { namespace, name: "pod" })), "KubernetesNotFound")
    })
  )

  it.effect("keep what has finalizers until the last one is gone, and take no new ones", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("finalizers")
      const reference = { namespace, name: "one" }
      const { metadata } = yield* api.create(ConfigMaps, configMap(namespace, "one", { finalizers: ["example.com/a"] }))
      yield* deletion.delete(ConfigMaps, reference, { uid: metadata.uid ?? "", propagationPolicy: "Background" })
      const held = yield* api.get(ConfigMaps, reference)
      assert.isString(held.metadata.deletionTimestamp)
      yield* deletion.delete(ConfigMaps, reference, { uid: metadata.uid ?? "" })
      assert.deepStrictEqual(yield* api.get(ConfigMaps, reference), held)
      const setFinalizers = (finalizers: ReadonlyArray<string> | null) =>
        api.patch(ConfigMaps, reference, { type: "merge", body: { metadata: { finalizers } } })
      const refused = yield* Effect.flip(setFinalizers(["example.com/a", "example.com/b"]))
      assert.include(refused.message, "no new finalizers can be added if the object is being deleted")
      yield* setFinalizers(null)
      assert.strictEqual(yield* tagOf(api.get(ConfigMaps, reference)), "KubernetesNotFound")
    })
  )
})
