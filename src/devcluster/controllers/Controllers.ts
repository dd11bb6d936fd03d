import { Layer } from "effect"
import type { KubernetesApi, KubernetesDeletion } from "../../kubernetes/KubernetesApi.ts"
import { ClusterView } from "./ClusterView.ts"
import { DeploymentControllerLayer } from "./DeploymentController.ts"
import { EndpointSliceControllerLayer } from "./EndpointSliceController.ts"
import { GarbageCollectorLayer } from "./GarbageCollector.ts"
import { NamespaceControllerLayer } from "./NamespaceController.ts"
import { ReplicaSetControllerLayer } from "./ReplicaSetController.ts"

/** The controllers of a cluster, as far as the executor relies on them. Ordinary clients: any API server will do. */
export const ControllersLayer: Layer.Layer<never, never, KubernetesApi | KubernetesDeletion> = Layer.mergeAll(
  Layer.mergeAll(DeploymentControllerLayer, ReplicaSetControllerLayer, EndpointSliceControllerLayer).pipe(
    Layer.provide(ClusterView.layer)
  ),
  GarbageCollectorLayer,
  NamespaceControllerLayer
)
