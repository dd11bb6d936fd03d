import { Effect, Layer } from "effect"
import type { ConfigurationError, KubernetesError } from "../Errors.ts"
import * as Credentials from "../kubernetes/Credentials.ts"
import type { KubernetesDeletion } from "../kubernetes/KubernetesApi.ts"
import { KubernetesApi, type KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../kubernetes/KubernetesApiLive.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import { ApiServer } from "./ApiServer.ts"
import { ControllersLayer } from "./controllers/Controllers.ts"
import { VersionPublisherLayer } from "./controllers/VersionPublisher.ts"
import { Faults } from "./Faults.ts"
import { Kubelet, type KubeletOptions } from "./Kubelet.ts"
import { Namespaces, ServiceAccounts } from "./Kinds.ts"
import { MetricsServerLayer } from "./MetricsServer.ts"
import { PodLogs } from "./PodLogs.ts"

/** The User-Agent of the cluster's own clients; a fault for `fission-executor/` spares them. */
export const userAgent = "embedded-cluster"

/** Where the cluster listens, and what is in it from the beginning. */
export interface DevClusterOptions extends Omit<KubeletOptions, "apiServer"> {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** Namespaces besides `default`. */
  readonly namespaces: ReadonlyArray<string>
}

/**
 * Controllers and a kubelet on any API server: what a bare one lacks to run pods. Closing the layer kills every pod's
 * processes and waits for their end; the objects stay.
 */
export const nodeComponents = (
  options: KubeletOptions
): Layer.Layer<Kubelet | PodLogs, never, KubernetesApi | KubernetesDeletion> =>
  components(options).pipe(Layer.provideMerge(PodLogs.layer))

const components = (
  options: KubeletOptions
): Layer.Layer<Kubelet, never, KubernetesApi | KubernetesDeletion | PodLogs> =>
  Layer.mergeAll(Kubelet.layer(options), ControllersLayer, VersionPublisherLayer)

/**
 * A whole cluster in this process: API server in memory, controllers, kubelet, and each namespace with the
 * ServiceAccount `fission-fetcher`. It is there when the layer is built; a port that cannot be had fails.
 */
export const layer = (
  options: DevClusterOptions
): Layer.Layer<ApiServer | Faults | PodLogs | Kubelet, ConfigurationError | KubernetesError> => {
  const server = ApiServer.layer(options).pipe(Layer.provideMerge(Layer.merge(Faults.layer, PodLogs.layer)))
  const clients = Layer.unwrap(
    Effect.gen(function* () {
      const { url } = yield* ApiServer
      const api = KubernetesApiLive.layer(Credentials.fromServer(url), userAgent)
      const contents = Layer.effectDiscard(furnish(["default", ...options.namespaces]))
      return MetricsServerLayer().pipe(
        Layer.provideMerge(components({ ...options, apiServer: { url } })),
        Layer.provideMerge(contents),
        Layer.provide(api)
      )
    })
  )
  return clients.pipe(Layer.provideMerge(server))
}

/** Makes namespaces exist, each with the ServiceAccount `fission-fetcher`. Repeatable. */
export const furnish = Effect.fnUntraced(function* (namespaces: ReadonlyArray<string>) {
  const api = yield* KubernetesApi
  const ensure = (kind: ResourceKind, object: KubernetesObject) =>
    api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
  for (const name of new Set(namespaces)) {
    yield* ensure(Namespaces, { metadata: { name } })
    yield* ensure(ServiceAccounts, { metadata: { namespace: name, name: "fission-fetcher" } })
  }
})
