import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Namespaces, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { PodLogs } from "../../src/devcluster/PodLogs.ts"
import { Environments } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at, clientLayer, request, served, userAgent } from "./ClusterFixture.ts"

/** A namespace of this test alone. */
const freshNamespace = (name: string) =>
  KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name } })).pipe(Effect.as(name))

const environment = (namespace: string, name: string) => ({
  metadata: { namespace, name },
  spec: { version: 3, runtime: { image: "node" } }
})

layer(clientLayer, { excludeTestServices: true })("ApiServer", (it) => {
  describe("objects", () => {
    it.effect("creates, reads, updates, patches and deletes", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("objects")
        const reference = { namespace, name: "node" }
        const created = yield* api.create(Environments, environment(namespace, "node"))
        assert.deepStrictEqual(yield* api.get(Environments, reference), created)
        const spec = { version: 3, runtime: { image: "other" } }
        const updated = yield* api.update(Environments, { ...created, spec })
        assert.strictEqual(updated.metadata.generation, 2)
        const patched = yield* api.patch(Environments, reference, { type: "merge", body: { spec: { poolsize: 1 } } })
        assert.deepStrictEqual(patched["spec"], { ...spec, poolsize: 1, terminationGracePeriod: 90 })
        yield* (yield* KubernetesDeletion).delete(Environments, reference, { uid: created.metadata.uid ?? "" })
        assert.strictEqual((yield* Effect.flip(api.get(Environments, reference)))._tag, "KubernetesNotFound")
      })
    )
  })

  describe("everything else", () => {
    it.effect("tells a resource that nobody serves from an object that is not there", () =>
      Effect.gen(function* () {
        const { url } = yield* ApiServer
        const unserved = yield* request(`${url}/apis/example.com/v1/namespaces/default/things`)
        assert.deepStrictEqual([unserved.status, unserved.text], [404, "404 page not found\n"])
        assert.strictEqual((yield* request(`${url}/api/v1/namespaces/%zz/pods`)).status, 404)
        const missing = yield* request(`${url}/api/v1/namespaces/default/configmaps/missing`)
        assert.deepStrictEqual(missing.json, {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          message: 'configmaps "missing" not found',
          reason: "NotFound",
          details: { name: "missing", kind: "configmaps" },
          code: 404
        })
      })
    )

    it.effect("says what it serves", () =>
      Effect.gen(function* () {
        const { url } = yield* ApiServer
        const { json } = yield* request(`${url}/apis/apps/v1`)
        const resources = at(json, "resources")
        assert.isTrue(Array.isArray(resources) && resources.some((entry) => at(entry, "name") === "deployments/scale"))
        assert.strictEqual((yield* request(`${url}/readyz`)).text, "ok")
        assert.isString(at((yield* request(`${url}/version`)).json, "gitVersion"))
      })
    )

    it.effect("counts requests by client", () =>
      Effect.gen(function* () {
        const { requests, url } = yield* ApiServer
        yield* request(`${url}/api/v1/namespaces/counts/secrets`, "GET", undefined, { "user-agent": "counted/2" })
        yield* request(`${url}/api/v1/namespaces/counts/secrets/a`, "GET", undefined, { "user-agent": "other" })
        assert.deepStrictEqual([...requests("counted/")], [["list secrets counts", 1]])
        assert.strictEqual(requests().get("get secrets counts"), 1)
        assert.isAbove(requests(userAgent).size, 0)
      })
    )

    it.effect("shows the last lines of a container", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const logs = yield* PodLogs
        const { url } = yield* ApiServer
        const namespace = yield* freshNamespace("logs")
        const containers = ["main", "fetcher"].map((name) => ({ name, image: "a" }))
        yield* api.create(WorkloadPods, { metadata: { namespace, name: "pod-1" }, spec: { containers } })
        for (const line of ["one", "two", "three"]) logs.append({ namespace, pod: "pod-1", container: "main" }, line)
        const path = `${url}/api/v1/namespaces/${namespace}/pods/pod-1/log`
        assert.strictEqual((yield* request(`${path}?container=main`)).text, "one\ntwo\nthree\n")
        assert.strictEqual((yield* request(`${path}?container=main&tailLines=2`)).text, "two\nthree\n")
        assert.include((yield* request(path)).text, "choose one of: [main fetcher]")
      })
    )

    it.effect("labels a namespace with its name and holds it until somebody empties it", () =>
      Effect.gen(function* () {
        const { store } = yield* ApiServer
        const namespace = yield* freshNamespace("held")
        const created = store.get(served("Namespace"), undefined, namespace)
        assert.strictEqual(created.metadata.labels?.["kubernetes.io/metadata.name"], namespace)
        yield* (yield* KubernetesDeletion).delete(Namespaces, { name: namespace }, { uid: created.metadata.uid })
        assert.strictEqual(at(store.get(served("Namespace"), undefined, namespace), "status", "phase"), "Terminating")
      })
    )
  })
})
