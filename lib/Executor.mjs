import { ExecutorApi } from "./api/ExecutorApi.mjs";
import { PoolCache } from "./caches/PoolCache.mjs";
import { Settings } from "./Config.mjs";
import { AbsentOwners } from "./controllers/AbsentOwners.mjs";
import { layer as layer$1 } from "./controllers/Controllers.mjs";
import { Orphans } from "./controllers/Orphans.mjs";
import { layer as layer$2 } from "./executors/container/Container.mjs";
import { Dispatcher } from "./executors/Dispatcher.mjs";
import { ExecutorTypes } from "./executors/ExecutorType.mjs";
import { PodSpecPolicies } from "./executors/PodSpecPolicies.mjs";
import { InstanceId } from "./executors/InstanceId.mjs";
import { layer as layer$3 } from "./executors/newdeploy/Newdeploy.mjs";
import { TakenNames } from "./executors/TakenNames.mjs";
import { Claims } from "./executors/poolmgr/Claims.mjs";
import { ColdStart } from "./executors/poolmgr/ColdStart.mjs";
import { FunctionServices } from "./executors/poolmgr/FunctionServices.mjs";
import { IdlePods } from "./executors/poolmgr/IdlePods.mjs";
import { PodLifecycle } from "./executors/poolmgr/PodLifecycle.mjs";
import { PoolDeployments } from "./executors/poolmgr/PoolDeployments.mjs";
import { layer as layer$4 } from "./executors/poolmgr/Poolmgr.mjs";
import { PodWrites } from "./executors/poolmgr/PodWrites.mjs";
import { Requests } from "./executors/poolmgr/Requests.mjs";
import { Reserve } from "./executors/poolmgr/Reserve.mjs";
import { ReserveConnections } from "./executors/poolmgr/ReserveConnections.mjs";
import { SharedPods } from "./executors/poolmgr/SharedPods.mjs";
import { WarmPods } from "./executors/poolmgr/WarmPods.mjs";
import { NamespaceSet } from "./informers/NamespaceSet.mjs";
import { ApiServerHealth } from "./kubernetes/ApiServerHealth.mjs";
import { layer as layer$5 } from "./kubernetes/KubernetesApiLive.mjs";
import { Circuits } from "./namespaces/Circuits.mjs";
import { Degradation } from "./namespaces/Degradation.mjs";
import { layer as layer$6 } from "./namespaces/GuardedKubernetesApi.mjs";
import { WriteFence, make } from "./kubernetes/WriteFence.mjs";
import { Supervisor } from "./namespaces/Supervisor.mjs";
import { DebugListener } from "./observability/DebugListener.mjs";
import { Brake } from "./safeguards/Brake.mjs";
import { candidateOf } from "./safeguards/Candidate.mjs";
import { Conditions } from "./safeguards/Conditions.mjs";
import { DecisionLog } from "./safeguards/DecisionLog.mjs";
import { Deletion } from "./safeguards/Deletion.mjs";
import { DryRun } from "./safeguards/DryRun.mjs";
import { EventRecorder } from "./safeguards/EventRecorder.mjs";
import { Leadership } from "./safeguards/Leadership.mjs";
import { FetcherClient } from "./specialization/FetcherClient.mjs";
import { Effect, Layer } from "effect";
// src/Executor.ts
/** Everything behind the HTTP API, over whatever Kubernetes API and fetcher client it is given. */
const layerOver = (addOns) => {
	const poolmgr = layer$4.pipe(Layer.provide(Requests.layer), Layer.provide(ColdStart.layer), Layer.provide([
		Claims.layer,
		PoolDeployments.layer,
		FunctionServices.layer,
		IdlePods.layer
	]), Layer.provide(ReserveConnections.layer), Layer.provide(Reserve.layer), Layer.provide(SharedPods.layer), Layer.provide(PodLifecycle.layer), Layer.provide(PodWrites.layer), Layer.provide(WarmPods.layer), Layer.provideMerge(PoolCache.layer));
	const types = Layer.mergeAll(poolmgr, layer$3, layer$2).pipe(Layer.provide(InstanceId.layer));
	return Dispatcher.layer.pipe(Layer.provide(layer$1), Layer.provideMerge(Orphans.layer), Layer.provide(AbsentOwners.layer), Layer.provideMerge(types), Layer.provideMerge(addOns), Layer.provide([ExecutorTypes.layer, PodSpecPolicies.layer]), Layer.provide(TakenNames.layer), Layer.provideMerge(Supervisor.layer), Layer.provide(NamespaceSet.layerStatic), Layer.provide([
		Deletion.layer,
		Degradation.layer,
		DryRun.layer
	]), Layer.provide([Conditions.layer, EventRecorder.layer]), Layer.provideMerge(Brake.layer), Layer.provideMerge(DecisionLog.layer), Layer.provide(layer$6), Layer.provideMerge(Circuits.layer), Layer.provideMerge(ApiServerHealth.layer));
};
layerOver(Layer.empty);
/**
* The whole executor. Fails only with wrong configuration: a kubeconfig that cannot be used, a port that cannot be had.
* An API server that does not answer is waited for. The API drains before anything that its requests need closes, and
* before the metrics.
*/
const layer = (options) => ExecutorApi.layer(options).pipe(Layer.provide(options.metrics === true ? DebugListener.layer : Layer.empty), Layer.provideMerge(layerOver(options.addOns ?? Layer.empty)), Layer.provide(FetcherClient.layer), Layer.provide(leadershipOver(layer$5(options.kubeConfig, options.userAgent), options)));
/** The Kubernetes API, and who may write to it: everybody, or the one that the election says. */
const leadershipOver = (kubernetes, options) => Layer.unwrap(Effect.gen(function* () {
	const settings = yield* Settings;
	if (!settings.leaderElection) return Layer.merge(Leadership.layerAlways, kubernetes);
	const candidate = yield* candidateOf(settings, options);
	return Leadership.layer(candidate).pipe(Layer.provideMerge(kubernetes), Layer.provide(Layer.effect(WriteFence, make)));
}));
export { layer, layerOver };
