import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Packages, type ResourceKind } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, type ListOptions } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { create, list, relabel, remove } from "./ConfigMapCalls.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

const names = (options: ListOptions, kind?: ResourceKind) =>
  Effect.map(list(options, kind), ({ items }) => items.map(({ metadata }) => metadata.name))

contract("lists", (it) => {
  it.effect("select by labels", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("labels")
      yield* create(namespace, "a", { app: "web", tier: "front" })
      yield* create(namespace, "b", { app: "web" })
      yield* create(namespace, "c", { app: "db" })
      yield* create(namespace, "d")
      const selected = (labelSelector: string) => names({ namespace, labelSelector })
      assert.deepStrictEqual(yield* selected("app=web"), ["a", "b"])
      assert.deepStrictEqual(yield* selected("app==web,tier!=front"), ["b"])
      assert.deepStrictEqual(yield* selected("app in (web, db),tier"), ["a"])
      assert.deepStrictEqual(yield* selected("app notin (web)"), ["c", "d"])
      assert.deepStrictEqual(yield* selected("!app"), ["d"])
      assert.deepStrictEqual(yield* selected("app,!tier"), ["b", "c"])
    })
  )

  it.effect("select by the fields that a kind has for it", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("fields")
      for (const name of ["a", "b"]) {
        yield* api.create(WorkloadPods, {
          metadata: { namespace, name },
          spec: { containers: [{ name: "main", image: "a" }] }
        })
      }
      const selected = (fieldSelector: string) => names({ namespace, fieldSelector }, WorkloadPods)
      assert.deepStrictEqual(yield* selected("metadata.name=a"), ["a"])
      assert.deepStrictEqual(yield* selected("metadata.name!=a,status.phase=Pending"), ["b"])
      assert.deepStrictEqual(yield* selected("spec.nodeName="), ["a", "b"])
    })
  )

  it.effect("come in pages that show one moment", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("pages")
      for (const name of ["e", "a", "c"]) yield* create(namespace, name)
      const first = yield* list({ namespace, limit: 2 })
      assert.deepStrictEqual(
        first.items.map(({ metadata }) => metadata.name),
        ["a", "c"]
      )
      yield* create(namespace, "d")
      yield* remove(namespace, "e")
      const second = yield* list({ namespace, limit: 2, continue: first.continue })
      assert.deepStrictEqual(
        second.items.map(({ metadata }) => metadata.name),
        ["e"]
      )
      assert.isUndefined(second.continue)
      assert.strictEqual(second.resourceVersion, first.resourceVersion)
      assert.deepStrictEqual(yield* names({ namespace }), ["a", "c", "d"])
    })
  )

  it.effect("say how many objects are left", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("remaining")
      const { send } = yield* ServerUnderTest
      for (const name of ["a", "b", "c"]) yield* create(namespace, name)
      const { json } = yield* send({ path: `/api/v1/namespaces/${namespace}/configmaps?limit=1` })
      assert.strictEqual(at(json, "metadata", "remainingItemCount"), 2)
      assert.strictEqual(at(json, "kind"), "ConfigMapList")
      assert.isUndefined(at(json, "items", 0, "kind"))
      assert.strictEqual(at(json, "items", 0, "metadata", "name"), "a")
    })
  )

  it.effect("ignore the limit with version 0", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("zero")
      for (const name of ["a", "b", "c"]) yield* create(namespace, name)
      const page = yield* list({ namespace, limit: 1, resourceVersion: "0" })
      assert.isUndefined(page.continue)
    })
  )

  it.effect("show the past with resourceVersionMatch=Exact", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("exact")
      yield* create(namespace, "a", { a: "1" })
      const then = yield* list({ namespace })
      yield* create(namespace, "b")
      yield* relabel(namespace, "a", { a: "2" })
      const { resourceVersion } = then
      const past = yield* list({ namespace, resourceVersion, resourceVersionMatch: "Exact" })
      assert.deepStrictEqual(past, then)
      const now = yield* list({ namespace, resourceVersion, resourceVersionMatch: "NotOlderThan" })
      assert.strictEqual(now.items.length, 2)
    })
  )

  it.effect("hold only metadata where that is wanted", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("metadata")
      const { send } = yield* ServerUnderTest
      yield* create(namespace, "a", { x: "y" })
      const { json } = yield* send({
        path: `/api/v1/namespaces/${namespace}/configmaps`,
        accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
      })
      assert.deepStrictEqual(
        [at(json, "kind"), at(json, "apiVersion")],
        ["PartialObjectMetadataList", "meta.k8s.io/v1"]
      )
      assert.deepStrictEqual(at(json, "items", 0, "metadata", "labels"), { x: "y" })
      assert.notProperty(at(json, "items", 0), "data")
    })
  )

  it.effect("of metadata hold null instead of no objects, which a client takes for none", () =>
    Effect.gen(function* () {
      const namespace = yield* furnish("empty")
      const { send } = yield* ServerUnderTest
      const path = `/apis/fission.io/v1/namespaces/${namespace}/packages`
      const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
      assert.isNull(at((yield* send({ path, accept })).json, "items"))
      assert.deepStrictEqual(at((yield* send({ path })).json, "items"), [])
      assert.deepStrictEqual((yield* list({ namespace }, Packages)).items, [])
    })
  )

  it.effect("of all namespaces hold those of each", () =>
    Effect.gen(function* () {
      for (const namespace of ["first", "second"])
        yield* create(yield* furnish(namespace), "both", { everywhere: "yes" })
      const { items } = yield* list({ labelSelector: "everywhere" })
      assert.deepStrictEqual(
        items.map(({ metadata }) => metadata.namespace),
        ["first", "second"]
      )
    })
  )
})
