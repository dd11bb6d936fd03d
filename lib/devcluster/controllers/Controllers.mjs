import { ClusterView } from "./ClusterView.mjs";
import { DeploymentControllerLayer } from "./DeploymentController.mjs";
import { EndpointSliceControllerLayer } from "./EndpointSliceController.mjs";
import { GarbageCollectorLayer } from "./GarbageCollector.mjs";
import { NamespaceControllerLayer } from "./NamespaceController.mjs";
import { ReplicaSetControllerLayer } from "./ReplicaSetController.mjs";
import { Layer } from "effect";
// src/devcluster/controllers/Controllers.ts
/** The controllers of a cluster, as far as the executor relies on them. Ordinary clients: any API server will do. */
const ControllersLayer = Layer.mergeAll(Layer.mergeAll(DeploymentControllerLayer, ReplicaSetControllerLayer, EndpointSliceControllerLayer).pipe(Layer.provide(ClusterView.layer)), GarbageCollectorLayer, NamespaceControllerLayer);
export { ControllersLayer };
