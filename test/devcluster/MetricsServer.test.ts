import { assert, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { MetricsServerLayer } from "../../src/devcluster/MetricsServer.ts"
import type { StoredObject } from "../../src/devcluster/ResourceStore.ts"
import { podMetrics } from "../../src/devcluster/ServedKinds.ts"
import { PodMetrics } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { at, eventually, isReady, request } from "./ClusterFixture.ts"
import { createPod, gone, inCluster, podWhen } from "./KubeletFixture.ts"

const reference = { namespace: "default", name: "pod-1" }

const measured = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  inCluster(Effect.provide(self, MetricsServerLayer(Duration.millis(200))))

/** Waits until what is published of the pod satisfies a condition. */
const metricsWhen = (condition: (metrics: StoredObject | undefined) => boolean) =>
  Effect.flatMap(ApiServer, ({ store }) =>
    eventually(store, () => {
      const [found] = store.list(podMetrics, { namespace: "default", matches: () => true })
      return condition(found) ? { found } : undefined
    })
  )

it.live("publishes what the containers of a pod use, under its labels as they are, until it is gone", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const api = yield* KubernetesApi
    yield* createPod("pod-1")
    yield* podWhen(store, "pod-1", isReady)
    const { found } = yield* metricsWhen((metrics) => {
      const cpu = String(at(metrics, "containers", 0, "usage", "cpu"))
      return /^\d+m$/u.test(cpu)
    })
    assert.strictEqual(at(found, "containers", 0, "name"), "main")
    yield* api.patch(WorkloadPods, reference, { type: "merge", body: { metadata: { labels: { managed: "false" } } } })
    yield* metricsWhen((metrics) => metrics?.metadata.labels?.["managed"] === "false")
    const { items } = yield* api.list(PodMetrics, { namespace: "default", labelSelector: "managed=false" })
    assert.strictEqual(items.length, 1)
    yield* request(`${(yield* ApiServer).url}/api/v1/namespaces/default/pods/pod-1`, "DELETE")
    yield* gone(store, "pod-1")
    yield* metricsWhen((metrics) => metrics === undefined)
  }).pipe(measured)
)

it.live("the metrics server can be taken away, and pods stay what they are", () =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    const api = yield* KubernetesApi
    const action = { type: "answer", status: 404, body: "404 page not found" }
    const body = JSON.stringify({ verb: "list", resource: "pods.metrics.k8s.io", action })
    yield* request(`${url}/faults`, "POST", body)
    const error = yield* Effect.flip(api.list(PodMetrics, { namespace: "default" }))
    assert.strictEqual(error.status, 404)
    assert.deepStrictEqual((yield* api.list(WorkloadPods, { namespace: "default" })).items, [])
  }).pipe(inCluster)
)
