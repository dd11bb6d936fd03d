import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, Deployments, ReplicaSets, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { configMap, environment, kindOf, pod, workload } from "./Objects.ts"
import { contract, furnish } from "./Servers.ts"

contract("patches", (it) => {
  it.effect("by merge patch remove what is null and replace lists", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("merge")
      yield* api.create(ConfigMaps, configMap(namespace, "one", { labels: { a: "b", c: "d" } }))
      const body = { metadata: { labels: { a: null } }, data: { a: null, b: "3" } }
      const patched = yield* api.patch(ConfigMaps, { namespace, name: "one" }, { type: "merge", body })
      assert.deepStrictEqual(patched["data"], { b: "3" })
      assert.deepStrictEqual(patched.metadata.labels, { c: "d" })
      yield* api.create(WorkloadPods, pod(namespace, "pod"))
      const finalizers = { metadata: { finalizers: ["example.com/b"] } }
      yield* api.patch(WorkloadPods, { namespace, name: "pod" }, { type: "merge", body: finalizers })
      const again = { metadata: { finalizers: ["example.com/c"] } }
      const replaced = yield* api.patch(WorkloadPods, { namespace, name: "pod" }, { type: "merge", body: again })
      assert.deepStrictEqual(replaced.metadata.finalizers, ["example.com/c"])
    })
  )

  it.effect("by strategic patch merge the lists of a Pod by their keys", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("strategic")
      const reference = { namespace, name: "pod" }
      yield* api.create(WorkloadPods, pod(namespace, "pod", { finalizers: ["example.com/a"] }))
      const patched = yield* api.patch(WorkloadPods, reference, {
        type: "strategic",
        body: {
          metadata: { labels: { new: "yes" }, finalizers: ["example.com/b"] },
          spec: { containers: [{ name: "side", image: "c" }] }
        }
      })
      assert.deepStrictEqual([...(patched.metadata.finalizers ?? [])].sort(), ["example.com/a", "example.com/b"])
      const containers = at(patched, "spec", "containers")
      const images = [0, 1].map((index) => [at(containers, index, "name"), at(containers, index, "image")])
      assert.deepStrictEqual(images, [
        ["main", "a"],
        ["side", "c"]
      ])
      const status = {
        status: {
          conditions: [
            { type: "A", status: "True" },
            { type: "B", status: "False" }
          ]
        }
      }
      yield* api.patch(WorkloadPods, reference, { type: "strategic", subresource: "status", body: status })
      const changed = { status: { conditions: [{ type: "B", status: "True" }] } }
      const merged = yield* api.patch(WorkloadPods, reference, {
        type: "strategic",
        subresource: "status",
        body: changed
      })
      const conditions = at(merged, "status", "conditions")
      const states = [0, 1].map((index) => [at(conditions, index, "type"), at(conditions, index, "status")])
      assert.sameDeepMembers(states, [
        ["A", "True"],
        ["B", "True"]
      ])
    })
  )

  it.effect("by strategic patch merge and remove elements of a workload's template", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("templates")
      for (const kind of [Deployments, ReplicaSets]) {
        yield* api.create(kind, workload(namespace, "web"))
        const patch = (containers: ReadonlyArray<object>) =>
          api.patch(
            kind,
            { namespace, name: "web" },
            {
              type: "strategic",
              body: { spec: { template: { spec: { containers } } } }
            }
          )
        const env = [
          { name: "A", value: "1" },
          { name: "B", value: "2" }
        ]
        yield* patch([{ name: "main", env, volumeMounts: [] }])
        yield* patch([{ name: "main", env: [{ name: "A", value: "3" }], ports: [{ containerPort: 80 }] }])
        const two = yield* patch([
          { name: "side", image: "b" },
          { name: "main", ports: [{ containerPort: 81 }], env: [{ name: "B", $patch: "delete" }] }
        ])
        const containers = at(two, "spec", "template", "spec", "containers")
        const main = [0, 1].map((index) => at(containers, index)).find((one) => at(one, "name") === "main")
        assert.strictEqual(at(containers, "length"), undefined)
        assert.deepStrictEqual(at(main, "env"), [{ name: "A", value: "3" }])
        const ports = at(main, "ports")
        assert.sameMembers([at(ports, 0, "containerPort"), at(ports, 1, "containerPort")], [80, 81])
        const left = yield* patch([{ name: "side", $patch: "delete" } as const])
        assert.strictEqual(at(left, "spec", "template", "spec", "containers", 0, "name"), "main")
        assert.isUndefined(at(left, "spec", "template", "spec", "containers", 1))
      }
    })
  )

  it.effect("by strategic patch order lists, and retain fields", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("orders")
      const reference = { namespace, name: "web" }
      yield* api.create(Deployments, workload(namespace, "web"))
      const patch = (template: object, more: object = {}) =>
        api.patch(Deployments, reference, {
          type: "strategic",
          body: { spec: { template: { spec: template }, ...more } }
        })
      const named = (...names: ReadonlyArray<string>) => names.map((name) => ({ name }))
      const names = (object: unknown) => {
        const containers = at(object, "spec", "template", "spec", "containers")
        return Array.isArray(containers) ? containers.map((container: unknown) => at(container, "name")) : []
      }
      const added = yield* patch({ containers: [{ name: "first", image: "b" }] })
      assert.deepStrictEqual(names(added), ["first", "main"])
      const ordered = yield* patch({
        "$setElementOrder/containers": named("last", "main"),
        containers: [{ name: "last", image: "c" }]
      })
      assert.deepStrictEqual(names(ordered), ["last", "first", "main"])
      const recreated = yield* patch({}, { strategy: { $retainKeys: ["type"], type: "Recreate" } })
      assert.deepStrictEqual(at(recreated, "spec", "strategy"), { type: "Recreate" })
    })
  )

  it.effect("by strategic patch merge volumes, mounts, pull secrets and owners by their keys", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("keys")
      const reference = { namespace, name: "web" }
      const owner = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", name, uid: name })
      const part = (name: string) => ({
        metadata: { ownerReferences: [owner(name)] },
        spec: {
          template: {
            spec: {
              volumes: [{ name, emptyDir: {} }],
              imagePullSecrets: [{ name }],
              containers: [{ name: "main", image: "a", volumeMounts: [{ name, mountPath: `/${name}` }] }]
            }
          }
        }
      })
      yield* api.create(Deployments, workload(namespace, "web"))
      yield* api.patch(Deployments, reference, { type: "strategic", body: part("a") })
      const both = yield* api.patch(Deployments, reference, { type: "strategic", body: part("b") })
      const spec = at(both, "spec", "template", "spec")
      const named = (list: unknown, key: string) => [at(list, 0, key), at(list, 1, key)]
      assert.sameMembers(named(both.metadata.ownerReferences, "uid"), ["a", "b"])
      assert.sameMembers(named(at(spec, "volumes"), "name"), ["a", "b"])
      assert.sameMembers(named(at(spec, "imagePullSecrets"), "name"), ["a", "b"])
      assert.sameMembers(named(at(spec, "containers", 0, "volumeMounts"), "mountPath"), ["/a", "/b"])
    })
  )

  it.effect("by strategic patch merge the ports of a Service", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("services")
      const services = kindOf("Service")
      yield* api.create(services, {
        metadata: { namespace, name: "web" },
        spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80 }] }
      })
      const body = {
        spec: {
          ports: [
            { name: "admin", port: 81 },
            { port: 80, targetPort: 8080 }
          ]
        }
      }
      const patched = yield* api.patch(services, { namespace, name: "web" }, { type: "strategic", body })
      const ports = at(patched, "spec", "ports")
      const named = [0, 1].map((index) => [at(ports, index, "name"), at(ports, index, "targetPort")])
      assert.sameDeepMembers(named, [
        ["http", 8080],
        ["admin", 81]
      ])
    })
  )

  it.effect("by strategic patch do not reach custom resources", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("custom")
      yield* api.create(Environments, environment(namespace, "one"))
      const refused = api.patch(Environments, { namespace, name: "one" }, { type: "strategic", body: {} })
      assert.include(
        (yield* Effect.flip(refused)).message,
        "unknown format - accepted media types include: application/json-patch+json"
      )
    })
  )
})
