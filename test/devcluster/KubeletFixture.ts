import { Effect, Layer } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { Namespaces, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import type { ResourceStore, StoredObject } from "../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../src/devcluster/Status.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { all, at, clientLayer, eventually, fixturePrograms, request } from "./ClusterFixture.ts"

const kubeletLayer = Layer.unwrap(
  Effect.map(ApiServer, ({ url }) =>
    Kubelet.layer({
      apiServer: { url, token: "secret-token" },
      programs: fixturePrograms.map((program) => ({ ...program, runs: ({ image }) => image !== "unknown" }))
    })
  )
).pipe(Layer.provideMerge(clientLayer))

/** A cluster with a kubelet and without controllers. */
export const inCluster = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.andThen(
    KubernetesApi.use((api) => api.create(Namespaces, { metadata: { name: "default" } })),
    self
  ).pipe(Effect.provide(kubeletLayer))

/** Creates a pod of one container. */
export const createPod = (name: string, container: Json = {}, spec: Json = {}) =>
  KubernetesApi.use((api) =>
    api.create(WorkloadPods, {
      metadata: { namespace: "default", name, labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 10,
        containers: [
          {
            name: "main",
            image: "program",
            readinessProbe: { httpGet: { path: "/ready", port: 8888 }, periodSeconds: 1 },
            ...container
          }
        ],
        ...spec
      }
    })
  )

/** Waits until the pod satisfies a condition. */
export const podWhen = (store: ResourceStore, name: string, condition: (pod: StoredObject) => boolean) =>
  eventually(store, () => all(store, "Pod").find((pod) => pod.metadata.name === name && condition(pod)))

/** Waits until the pod is no more. */
export const gone = (store: ResourceStore, name: string) =>
  eventually(store, () => (all(store, "Pod").some(({ metadata }) => metadata.name === name) ? undefined : true))

/** Asks the pod's program. */
export const ask = (pod: StoredObject, path = "/") =>
  request(`http://${String(at(pod, "status", "podIP"))}:8888${path}`)

/** The status of the pod's only container. */
export const container = (pod: StoredObject) => at(pod, "status", "containerStatuses", 0)
