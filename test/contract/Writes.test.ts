import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, Deployments, metadataOf, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { bind, configMap, environment, kindOf, pod, tagOf, workload } from "./Objects.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

contract("writes", (it) => {
  it.effect("take a stale version for a conflict, with every verb", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("stale")
      const reference = { namespace, name: "one" }
      const first = yield* api.create(Environments, environment(namespace, "one"))
      const { metadata } = first
      const resourceVersion = metadata.resourceVersion ?? ""
      const uid = metadata.uid ?? ""
      yield* api.patch(Environments, reference, { type: "merge", body: { spec: { poolsize: 2 } } })

      const conflict = "KubernetesConflict"
      assert.strictEqual(yield* tagOf(api.update(Environments, first)), conflict)
      assert.strictEqual(yield* tagOf(api.update(Environments, first, { subresource: "status" })), conflict)
      const body = { metadata: { resourceVersion }, spec: { poolsize: 3 } }
      assert.strictEqual(yield* tagOf(api.patch(Environments, reference, { type: "merge", body })), conflict)
      const status = { metadata: { resourceVersion }, status: { observedGeneration: 1 } }
      const patched = api.patch(Environments, reference, { type: "merge", subresource: "status", body: status })
      assert.strictEqual(yield* tagOf(patched), conflict)
      assert.strictEqual(yield* tagOf(deletion.delete(Environments, reference, { uid, resourceVersion })), conflict)
    })
  )

  it.effect("take another UID for a conflict, with every verb", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("others")
      const reference = { namespace, name: "one" }
      const first = yield* api.create(ConfigMaps, configMap(namespace, "one"))
      const uid = "00000000-0000-0000-0000-000000000000"
      const conflict = "KubernetesConflict"
      const other = { ...first, metadata: { namespace, name: "one", uid } }
      assert.strictEqual(yield* tagOf(api.update(ConfigMaps, other)), conflict)
      const body = { metadata: { uid }, data: { a: "2" } }
      assert.strictEqual(yield* tagOf(api.patch(ConfigMaps, reference, { type: "merge", body })), conflict)
      assert.strictEqual(yield* tagOf(deletion.delete(ConfigMaps, reference, { uid })), conflict)
    })
  )

  it.effect("that change nothing keep the version", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("same")
      const reference = { namespace, name: "one" }
      const first = yield* api.create(Environments, environment(namespace, "one"))
      const body = { spec: { version: 3 } }
      const again = yield* api.patch(Environments, reference, { type: "merge", body })
      assert.strictEqual(again.metadata.resourceVersion, first.metadata.resourceVersion)
    })
  )

  it.effect("without a version replace a built-in object and no custom resource", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("blind")
      yield* api.create(ConfigMaps, configMap(namespace, "one"))
      const replaced = yield* api.update(ConfigMaps, { metadata: { namespace, name: "one" }, data: { c: "3" } })
      assert.deepStrictEqual(replaced["data"], { c: "3" })
      yield* api.create(Environments, environment(namespace, "one"))
      const refused = yield* Effect.flip(api.update(Environments, environment(namespace, "one")))
      const required = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
      assert.include(refused.message, required)
      const status = { ...environment(namespace, "one"), status: { observedGeneration: 1 } }
      const refusedStatus = yield* Effect.flip(api.update(Environments, status, { subresource: "status" }))
      assert.include(refusedStatus.message, required)
    })
  )

  it.effect("make up a name from generateName", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("generated")
      const { send } = yield* ServerUnderTest
      const body = { metadata: { generateName: "made-" } }
      const made = yield* send({ method: "POST", path: `/api/v1/namespaces/${namespace}/configmaps`, body })
      const name = String(at(made.json, "metadata", "name"))
      assert.match(name, /^made-[a-z0-9]{5}$/u)
      assert.strictEqual((yield* api.get(ConfigMaps, { namespace, name })).metadata.name, name)
    })
  )

  it.effect("of a name that is taken are told so", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("taken")
      yield* api.create(ConfigMaps, configMap(namespace, "one"))
      assert.strictEqual(yield* tagOf(api.create(ConfigMaps, configMap(namespace, "one"))), "KubernetesAlreadyExists")
    })
  )

  it.effect("of a name whose object is about to go are told that too", () =>
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

  it.effect("with propagation in the background take the owner at once, and leave what it owns", () =>
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

  it.effect("store nothing for lists and maps of metadata that are empty", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("empties")
      const empty = { labels: {}, annotations: {}, finalizers: [], ownerReferences: [] }
      const { metadata } = yield* api.create(ConfigMaps, configMap(namespace, "one", empty))
      assert.doesNotHaveAnyKeys(metadata, Object.keys(empty))
    })
  )

  it.effect("leave a pod its grace period until it is deleted without one", () =>
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

  it.effect("give a pod one node", () =>
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

  it.effect("store owners as they are given, even those that do not exist", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("owners")
      const owner = { apiVersion: "fission.io/v1", kind: "Function", name: "absent", uid: "made-up", controller: true }
      const made = yield* api.create(ConfigMaps, configMap(namespace, "one", { ownerReferences: [owner] }))
      assert.deepStrictEqual(made.metadata.ownerReferences, [owner])
    })
  )

  it.effect("count changes of the spec in the generation, and neither metadata nor status", () =>
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

  it.effect("count changes of a Pod, and its deletion", () =>
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

  it.effect("of a status leave the spec and the labels alone, and those of a spec the status", () =>
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

  it.effect("of a scale change the replicas, under its preconditions", () =>
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

  it.effect("of a Lease want times with six digits", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("leases")
      const leases = kindOf("Lease")
      const lease = (name: string, renewTime: string) => ({
        metadata: { namespace, name },
        spec: { holderIdentity: "a", leaseDurationSeconds: 15, renewTime }
      })
      const made = yield* api.create(leases, lease("good", "2026-01-01T00:00:00.123456Z"))
      assert.strictEqual(at(made, "spec", "renewTime"), "2026-01-01T00:00:00.123456Z")
      const refused = yield* Effect.flip(api.create(leases, lease("bad", "2026-01-01T00:00:00.123Z")))
      assert.include(refused.message, 'cannot parse ".123Z" as ".000000"')
    })
  )

  it.effect("give as much of the object back as was asked for", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("partial")
      const partial = metadataOf({ ...Environments, status: true, scale: false, generation: true, shortNames: [] })
      yield* api.create(Environments, environment(namespace, "one"))
      const body = { metadata: { annotations: { a: "b" } } }
      const patched = yield* api.patch(partial, { namespace, name: "one" }, { type: "merge", body })
      assert.strictEqual(patched.kind, "PartialObjectMetadata")
      assert.notProperty(patched, "spec")
      const whole = yield* api.get(Environments, { namespace, name: "one" })
      assert.strictEqual(whole.kind, "Environment")
      assert.deepStrictEqual(whole.metadata.annotations, { a: "b" })
    })
  )

  it.effect("into a namespace that does not exist find no namespace", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const refused = yield* Effect.flip(
        api.create(Functions, { metadata: { namespace: "nowhere", name: "a" }, spec: {} })
      )
      assert.strictEqual(refused._tag, "KubernetesNotFound")
    })
  )
})
