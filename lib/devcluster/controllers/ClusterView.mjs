import { make } from "../Informer.mjs";
import { Deployments, ReplicaSets, WorkloadPods } from "../Kinds.mjs";
import { Context, Effect, Layer } from "effect";
// src/devcluster/controllers/ClusterView.ts
/** The views that the controllers of workloads share. */
var ClusterView = class ClusterView extends Context.Service()("fission-executor/devcluster/controllers/ClusterView") {
	static layer = Layer.effect(ClusterView, Effect.all({
		pods: make({ kind: WorkloadPods }),
		replicaSets: make({ kind: ReplicaSets }),
		deployments: make({ kind: Deployments })
	}));
};
export { ClusterView };
