import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { bindingOf, Deployments, Namespaces, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { PodLogs } from "../../src/devcluster/PodLogs.ts"
import { Environments, Functions, Packages } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at, clientLayer, deployment, functionSpec, request, served, userAgent } from "./ClusterFixture.ts"

/** A namespace of this test alone. */
const freshNamespace = (name: string) =>
  KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name } })).pipe(Effect.as(name))

const environment = (namespace: string, name: string, labels: { readonly [label: string]: string } = {}) => ({
  metadata: { namespace, name, labels },
  spec: { version: 3, runtime: { image: "node" } }
})

const pod = (namespace: string, name: string) => ({
  metadata: { namespace, name },
  spec: { containers: [{ name: "main", image: "a" }] }
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

    it.effect("answers 409 to a name that is taken and to a write on an old version", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("conflicts")
        const created = yield* api.create(Environments, environment(namespace, "node"))
        const taken = yield* Effect.flip(api.create(Environments, environment(namespace, "node")))
        assert.strictEqual(taken._tag, "KubernetesAlreadyExists")
        yield* api.update(Environments, { ...created, spec: { version: 3, runtime: { image: "other" } } })
        const stale = yield* Effect.flip(api.update(Environments, created))
        assert.strictEqual(stale._tag, "KubernetesConflict")
      })
    )

    it.effect("replaces no custom resource blindly", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("blind")
        yield* api.create(Environments, environment(namespace, "node"))
        const error = yield* Effect.flip(api.update(Environments, environment(namespace, "node")))
        assert.include(error.message, "metadata.resourceVersion: Invalid value: 0: must be specified for an update")
      })
    )

    it.effect("changes a status through its subresource only", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("statuses")
        yield* api.create(Functions, {
          metadata: { namespace, name: "hello" },
          spec: functionSpec,
          status: { lost: true }
        })
        const reference = { namespace, name: "hello" }
        const body = { status: { conditions: [] } }
        assert.notProperty(yield* api.patch(Functions, reference, { type: "merge", body }), "status")
        const written = yield* api.patch(Functions, reference, { type: "merge", body, subresource: "status" })
        assert.deepStrictEqual(written["status"], body.status)
      })
    )

    it.effect("merges strategically where a kind is built in, and refuses it elsewhere", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("patches")
        yield* api.create(WorkloadPods, pod(namespace, "pod-1"))
        const body = { spec: { containers: [{ name: "main", image: "b" }] } }
        const patched = yield* api.patch(WorkloadPods, { namespace, name: "pod-1" }, { type: "strategic", body })
        assert.strictEqual(at(patched, "spec", "containers", 0, "image"), "b")
        assert.strictEqual(at(patched, "spec", "containers", 0, "imagePullPolicy"), "Always")
        yield* api.create(Environments, environment(namespace, "node"))
        const refused = api.patch(Environments, { namespace, name: "node" }, { type: "strategic", body: {} })
        assert.include(
          (yield* Effect.flip(refused)).message,
          "accepted media types include: application/json-patch+json"
        )
      })
    )

    it.effect("fills in what a real server fills in", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("defaults")
        const { metadata, spec } = deployment("web", { replicas: undefined })
        const created = yield* api.create(Deployments, { metadata: { ...Object(metadata), namespace }, spec })
        assert.strictEqual(at(created, "spec", "replicas"), 1)
        assert.strictEqual(at(created, "spec", "strategy", "rollingUpdate", "maxSurge"), "25%")
        assert.strictEqual(at(created, "spec", "template", "spec", "restartPolicy"), "Always")
        const probe = at(created, "spec", "template", "spec", "containers", 0, "readinessProbe")
        assert.strictEqual(at(probe, "failureThreshold"), 3)
        assert.strictEqual(at(probe, "periodSeconds"), 1)
      })
    )

    it.effect("keeps the selector of a Deployment", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("selectors")
        const { metadata, spec } = deployment("web")
        yield* api.create(Deployments, { metadata: { ...Object(metadata), namespace }, spec })
        const labels = { app: "other" }
        const body = { spec: { selector: { matchLabels: labels }, template: { metadata: { labels } } } }
        const error = yield* Effect.flip(api.patch(Deployments, { namespace, name: "web" }, { type: "merge", body }))
        assert.strictEqual(error._tag, "KubernetesFatalError")
        assert.include(error.message, 'Deployment.apps "web" is invalid: spec.selector')
      })
    )

    it.effect("scales through the subresource, under its preconditions", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("scales")
        const { metadata, spec } = deployment("web")
        yield* api.create(Deployments, { metadata: { ...Object(metadata), namespace }, spec })
        const reference = { namespace, name: "web" }
        const scale = (body: { readonly [field: string]: unknown }) =>
          api.patch(Deployments, reference, { type: "merge", subresource: "scale", body })
        const scaled = yield* scale({ spec: { replicas: 3 } })
        assert.strictEqual(scaled.kind, "Scale")
        assert.deepStrictEqual(scaled["status"], { replicas: 0, selector: "app=web" })
        const live = yield* api.get(Deployments, reference)
        assert.strictEqual(at(live, "spec", "replicas"), 3)
        assert.strictEqual(live.metadata.generation, 2)
        const other = yield* Effect.flip(scale({ metadata: { uid: "another" }, spec: { replicas: 0 } }))
        assert.strictEqual(other._tag, "KubernetesConflict")
        const { url } = yield* ApiServer
        const path = `${url}/apis/apps/v1/namespaces/${namespace}/deployments/web/scale`
        assert.strictEqual(
          (yield* request(path, "PUT", { metadata: { name: "web" }, spec: { replicas: -1 } })).status,
          422
        )
        assert.strictEqual(at((yield* request(path)).json, "spec", "replicas"), 3)
      })
    )

    it.effect("gives a pod one node", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("bindings")
        yield* api.create(WorkloadPods, pod(namespace, "pod-1"))
        const bind = (node: string) =>
          api.create(bindingOf("pod-1"), { metadata: { namespace, name: "pod-1" }, target: { name: node } })
        yield* bind("node-1")
        assert.strictEqual((yield* Effect.flip(bind("node-2")))._tag, "KubernetesConflict")
        const bound = yield* api.get(WorkloadPods, { namespace, name: "pod-1" })
        assert.strictEqual(at(bound, "spec", "nodeName"), "node-1")
      })
    )

    it.effect("answers a delete with a Status, and with the object where something holds it", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const { url } = yield* ApiServer
        const namespace = yield* freshNamespace("deletes")
        for (const name of ["free", "held"]) {
          const { metadata, spec } = environment(namespace, name)
          yield* api.create(Environments, {
            metadata: { ...metadata, ...(name === "held" ? { finalizers: ["example.com/a"] } : {}) },
            spec
          })
        }
        const path = `${url}/apis/fission.io/v1/namespaces/${namespace}/environments`
        const free = yield* request(`${path}/free`, "DELETE")
        assert.strictEqual(at(free.json, "status"), "Success")
        const held = yield* request(`${path}/held`, "DELETE")
        assert.isString(at(held.json, "metadata", "deletionTimestamp"))
      })
    )
  })

  describe("lists", () => {
    it.effect("pages in the order of names and stays on the version of the first page", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("pages")
        for (const name of ["c", "a", "b"]) yield* api.create(Environments, environment(namespace, name))
        const first = yield* api.list(Environments, { namespace, limit: 2 })
        assert.deepStrictEqual(
          first.items.map(({ metadata }) => metadata.name),
          ["a", "b"]
        )
        yield* api.create(Environments, environment(namespace, "d"))
        const second = yield* api.list(Environments, { namespace, limit: 2, continue: first.continue })
        assert.deepStrictEqual(
          second.items.map(({ metadata }) => metadata.name),
          ["c"]
        )
        assert.strictEqual(second.resourceVersion, first.resourceVersion)
        assert.isUndefined(second.continue)
      })
    )

    it.effect("answers 410 to a token from before the history begins, 400 to one that is none", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const { store, url } = yield* ApiServer
        const namespace = yield* freshNamespace("tokens")
        for (const name of ["a", "b"]) yield* api.create(Environments, environment(namespace, name))
        const first = yield* api.list(Environments, { namespace, limit: 1 })
        yield* api.create(Environments, environment(namespace, "c"))
        store.compact()
        const late = api.list(Environments, { namespace, limit: 1, continue: first.continue })
        assert.strictEqual((yield* Effect.flip(late))._tag, "KubernetesExpired")
        const path = `${url}/apis/fission.io/v1/environments`
        assert.strictEqual((yield* request(`${path}?continue=garbage`)).status, 400)
        assert.strictEqual((yield* request(`${path}?resourceVersion=abc`)).status, 400)
        assert.strictEqual((yield* request(`${path}?labelSelector=a=b=c`)).status, 400)
      })
    )

    it.effect("selects by labels and fields, in one namespace or in all", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const [left, right] = [yield* freshNamespace("select-1"), yield* freshNamespace("select-2")]
        yield* api.create(Environments, environment(left, "a", { app: "select" }))
        yield* api.create(Environments, environment(left, "b"))
        yield* api.create(Environments, environment(right, "c", { app: "select" }))
        const names = (options: object) =>
          Effect.map(api.list(Environments, options), ({ items }) => items.map(({ metadata }) => metadata.name))
        assert.deepStrictEqual(yield* names({ labelSelector: "app=select" }), ["a", "c"])
        assert.deepStrictEqual(yield* names({ namespace: left, labelSelector: "app=select" }), ["a"])
        assert.deepStrictEqual(yield* names({ namespace: left, fieldSelector: "metadata.name!=a" }), ["b"])
      })
    )

    it.effect("sends nothing but metadata to those who ask for no more", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const namespace = yield* freshNamespace("metadata")
        const created = yield* api.create(Packages, {
          metadata: { namespace, name: "code" },
          spec: { environment: { namespace }, deployment: { literal: "Ynl0ZXM=" } }
        })
        assert.notProperty(created, "spec")
        const { items } = yield* api.list(Packages, { namespace })
        assert.deepStrictEqual(
          items.map((item) => [item.metadata.name, item["spec"]]),
          [["code", undefined]]
        )
      })
    )
  })

  describe("everything else", () => {
    it.effect("answers 501 with a Status to what it does not implement", () =>
      Effect.gen(function* () {
        const { url } = yield* ApiServer
        const namespace = yield* freshNamespace("unimplemented")
        const environments = `${url}/apis/fission.io/v1/namespaces/${namespace}/environments`
        const pods = `${url}/api/v1/namespaces/${namespace}/pods`
        const applied = { "content-type": "application/apply-patch+yaml" }
        yield* request(environments, "POST", environment(namespace, "node"))
        const answers = yield* Effect.all([
          request(environments, "DELETE"),
          request(`${environments}?dryRun=All`, "POST", environment(namespace, "b")),
          request(`${environments}/node?propagationPolicy=Orphan`, "DELETE"),
          request(`${environments}/node`, "PATCH", "{}", applied),
          request(`${pods}/x/exec`),
          request(`${pods}/x/eviction`, "POST", {})
        ])
        for (const { json, status } of answers) {
          assert.strictEqual(status, 501)
          assert.strictEqual(at(json, "reason"), "NotImplemented")
        }
      })
    )

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

    it.effect("refuses bodies that are malformed, of another kind, misplaced, or too large", () =>
      Effect.gen(function* () {
        const { url } = yield* ApiServer
        const namespace = yield* freshNamespace("bodies")
        const path = `${url}/api/v1/namespaces/${namespace}/configmaps`
        const post = (body: unknown) => Effect.map(request(path, "POST", body), ({ status }) => status)
        assert.strictEqual(yield* post('{"metadata":'), 400)
        assert.strictEqual(yield* post({ kind: "Secret", metadata: { name: "a" } }), 400)
        assert.strictEqual(yield* post({ metadata: { name: "a", namespace: "elsewhere" } }), 400)
        assert.strictEqual(yield* post({ metadata: { name: "a" }, data: { a: "x".repeat(3 * 1024 * 1024) } }), 413)
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
