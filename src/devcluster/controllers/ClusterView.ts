import { Context, Effect, Layer } from "effect"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as Informer from "../Informer.ts"
import { type Deployment, Deployments, type ReplicaSet, ReplicaSets, type WorkloadPod, WorkloadPods } from "../Kinds.ts"

/** The views that the controllers of workloads share. */
export class ClusterView extends Context.Service<
  ClusterView,
  {
    readonly pods: Informer.Informer<WorkloadPod>
    readonly replicaSets: Informer.Informer<ReplicaSet>
    readonly deployments: Informer.Informer<Deployment>
  }
>()("fission-executor/devcluster/controllers/ClusterView") {
  static readonly layer: Layer.Layer<ClusterView, never, KubernetesApi> = Layer.effect(
    ClusterView,
    Effect.all({
      pods: Informer.make({ kind: WorkloadPods }),
      replicaSets: Informer.make({ kind: ReplicaSets }),
      deployments: Informer.make({ kind: Deployments })
    })
  )
}
