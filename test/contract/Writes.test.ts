import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, Deployments, metadataOf } from "../../src/devcluster/Kinds.ts"
import { isJson } from "../../src/devcluster/StoredObject.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { configMap, environment, kindOf, tagOf, workload } from "./Objects.ts"
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

  it.effect("fill in what is left out", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("defaults")
      const { metadata, spec } = workload(namespace, "web")
      const probed = { name: "main", image: "a", readinessProbe: { httpGet: { path: "/", port: 80 } } }
      const template = { ...spec.template, spec: { containers: [probed, { name: "side", image: "b:1" }] } }
      const made = yield* api.create(Deployments, {
        metadata,
        spec: { selector: spec.selector, template }
      })
      assert.strictEqual(at(made, "spec", "replicas"), 1)
      assert.deepStrictEqual(at(made, "spec", "strategy"), {
        type: "RollingUpdate",
        rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" }
      })
      const filled = at(made, "spec", "template", "spec")
      const { containers, ...rest } = isJson(filled) ? filled : {}
      assert.deepStrictEqual(rest, {
        dnsPolicy: "ClusterFirst",
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        terminationGracePeriodSeconds: 30
      })
      assert.deepStrictEqual(containers, [
        {
          name: "main",
          image: "a",
          imagePullPolicy: "Always",
          readinessProbe: {
            httpGet: { path: "/", port: 80, scheme: "HTTP" },
            failureThreshold: 3,
            periodSeconds: 10,
            successThreshold: 1,
            timeoutSeconds: 1
          },
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File"
        },
        {
          name: "side",
          image: "b:1",
          imagePullPolicy: "IfNotPresent",
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File"
        }
      ])
    })
  )

  it.effect("keep the texts of a Secret as data", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("secrets")
      const secret = { metadata: { namespace, name: "one" }, data: { a: "YQ==" }, stringData: { b: "b" } }
      const made = yield* api.create(kindOf("Secret"), secret)
      assert.deepStrictEqual([made["type"], made["data"]], ["Opaque", { a: "YQ==", b: "Yg==" }])
      assert.notProperty(made, "stringData")
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

  it.effect("store owners as they are given, even those that do not exist", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("owners")
      const owner = { apiVersion: "fission.io/v1", kind: "Function", name: "absent", uid: "made-up", controller: true }
      const made = yield* api.create(ConfigMaps, configMap(namespace, "one", { ownerReferences: [owner] }))
      assert.deepStrictEqual(made.metadata.ownerReferences, [owner])
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

  it.effect("of a Lease that is gone make it anew, unless they say which it was", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const namespace = yield* furnish("gone-leases")
      const leases = kindOf("Lease")
      const made = yield* api.create(leases, { metadata: { namespace, name: "one" }, spec: { holderIdentity: "a" } })
      const uid = made.metadata.uid ?? ""
      yield* deletion.delete(leases, { namespace, name: "one" }, { uid })
      assert.strictEqual(yield* tagOf(api.update(leases, made)), "KubernetesConflict")
      const { resourceVersion } = made.metadata
      const again = { metadata: { namespace, name: "one", resourceVersion }, spec: { holderIdentity: "b" } }
      const anew = yield* api.update(leases, again)
      assert.notStrictEqual(anew.metadata.uid, uid)
      assert.strictEqual(at(anew, "spec", "holderIdentity"), "b")
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
