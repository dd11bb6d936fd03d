import { Effect, Layer } from "effect"
import { ExecutorApi } from "./api/ExecutorApi.ts"
import { PoolCache } from "./caches/PoolCache.ts"
import { Settings } from "./Config.ts"
import { AbsentOwners } from "./controllers/AbsentOwners.ts"
import * as Controllers from "./controllers/Controllers.ts"
import { Orphans } from "./controllers/Orphans.ts"
import type { ConfigurationError } from "./Errors.ts"
import * as Container from "./executors/container/Container.ts"
import { CreationBounds } from "./executors/CreationBounds.ts"
import { Dispatcher } from "./executors/Dispatcher.ts"
import { ExecutorTypes } from "./executors/ExecutorType.ts"
import { PodSpecPolicies } from "./executors/PodSpecPolicies.ts"
import { InstanceId } from "./executors/InstanceId.ts"
import { ImageVolumes } from "./executors/ImageVolumes.ts"
import * as LastColdStarts from "./executors/LastColdStarts.ts"
import * as Newdeploy from "./executors/newdeploy/Newdeploy.ts"
import { LeftoverAutoscalers } from "./executors/deployments/LeftoverAutoscalers.ts"
import { PackageImages } from "./executors/PackageImages.ts"
import { TakenNames } from "./executors/TakenNames.ts"
import { Claims } from "./executors/poolmgr/Claims.ts"
import { ColdStart } from "./executors/poolmgr/ColdStart.ts"
import { CpuUsage } from "./executors/poolmgr/CpuUsage.ts"
import { FunctionServices } from "./executors/poolmgr/FunctionServices.ts"
import { IdlePods } from "./executors/poolmgr/IdlePods.ts"
import { ImagePools } from "./executors/poolmgr/ImagePools.ts"
import { MeshServices } from "./executors/poolmgr/MeshServices.ts"
import { PodLifecycle } from "./executors/poolmgr/PodLifecycle.ts"
import { PodStanding } from "./executors/poolmgr/PodStanding.ts"
import { PoolDemands } from "./executors/poolmgr/PoolDemands.ts"
import { PoolDeployments } from "./executors/poolmgr/PoolDeployments.ts"
import * as Poolmgr from "./executors/poolmgr/Poolmgr.ts"
import { PodWrites } from "./executors/poolmgr/PodWrites.ts"
import { PoolSurge } from "./executors/poolmgr/PoolSurge.ts"
import { Provisioner } from "./executors/poolmgr/Provisioner.ts"
import { Requests } from "./executors/poolmgr/Requests.ts"
import { Reserve } from "./executors/poolmgr/Reserve.ts"
import { ReserveConnections } from "./executors/poolmgr/ReserveConnections.ts"
import { SharedPods } from "./executors/poolmgr/SharedPods.ts"
import { WarmPods } from "./executors/poolmgr/WarmPods.ts"
import { WarmUps } from "./executors/poolmgr/WarmUps.ts"
import { WebSockets } from "./executors/poolmgr/WebSockets.ts"
import { NamespaceSet } from "./informers/NamespaceSet.ts"
import type { LoadKubeConfig } from "./kubernetes/Credentials.ts"
import { ApiServerHealth } from "./kubernetes/ApiServerHealth.ts"
import type { KubernetesApi, KubernetesDeletion } from "./kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "./kubernetes/KubernetesApiLive.ts"
import { Circuits } from "./namespaces/Circuits.ts"
import { Degradation } from "./namespaces/Degradation.ts"
import * as GuardedKubernetesApi from "./namespaces/GuardedKubernetesApi.ts"
import * as WriteFence from "./kubernetes/WriteFence.ts"
import { Supervisor } from "./namespaces/Supervisor.ts"
import { DebugListener } from "./observability/DebugListener.ts"
import * as Telemetry from "./observability/Telemetry.ts"
import { Brake } from "./safeguards/Brake.ts"
import { candidateOf } from "./safeguards/Candidate.ts"
import { Conditions } from "./safeguards/Conditions.ts"
import { DecisionLog } from "./safeguards/DecisionLog.ts"
import { Deletion } from "./safeguards/Deletion.ts"
import { DryRun } from "./safeguards/DryRun.ts"
import { EventRecorder } from "./safeguards/EventRecorder.ts"
import { Leadership } from "./safeguards/Leadership.ts"
import { FetcherClient } from "./specialization/FetcherClient.ts"
import { RuntimeClient } from "./specialization/RuntimeClient.ts"

/** Where the API server is, and where to listen. */
export interface ExecutorOptions {
  readonly kubeConfig: LoadKubeConfig
  readonly userAgent: string
  /** Undefined: every address of this machine. */
  readonly host: string | undefined
  /** 0 for any free port. */
  readonly port: number
  /** Whether metrics and the debug pages are served at `METRICS_ADDR`; default no. */
  readonly metrics?: boolean
  /** Default none. */
  readonly addOns?: AddOn
}

/** What an add-on may use: where to register itself, and what our own executor types are made over. */
export type AddOnServices = ExecutorTypes | PodSpecPolicies | DecisionLog | Settings | KubernetesApi | Deletion

/**
 * An extension of the executor: a layer that registers itself while it is built. Add-ons are built before our own
 * executor types and closed after them; several are one by `Layer.mergeAll`. `ConfigurationError` refuses the start.
 */
export type AddOn = Layer.Layer<never, ConfigurationError, AddOnServices>

/** Everything behind the HTTP API, over whatever Kubernetes API and clients of pods it is given. */
export const layerOver = <E>(
  addOns: Layer.Layer<never, E, AddOnServices>
): Layer.Layer<
  Dispatcher | Supervisor | DecisionLog | PoolCache | WarmPods | Reserve | Brake | Circuits | ApiServerHealth | Orphans,
  E,
  Settings | KubernetesApi | KubernetesDeletion | FetcherClient | RuntimeClient | Leadership
> => {
  const poolmgr = Poolmgr.layer.pipe(
    Layer.provide([Requests.layer, Provisioner.layer]),
    Layer.provide(WarmUps.layer),
    Layer.provide(ColdStart.layer),
    Layer.provideMerge(MeshServices.layer),
    Layer.provide([Claims.layer, ImagePools.layer, FunctionServices.layer, IdlePods.layer, CpuUsage.layer]),
    Layer.provide(PoolDeployments.layer),
    Layer.provide([PoolDemands.layer, ReserveConnections.layer]),
    Layer.provideMerge(Reserve.layer),
    Layer.provide(SharedPods.layer),
    Layer.provide(PodLifecycle.layer),
    Layer.provide(PodStanding.layer),
    Layer.provide([WebSockets.layer, PodWrites.layer, PoolSurge.layer]),
    Layer.provideMerge(WarmPods.layer),
    Layer.provideMerge(PoolCache.layer)
  )
  const types = Layer.mergeAll(poolmgr, Newdeploy.layer, Container.layer).pipe(
    Layer.provide([InstanceId.layer, ImageVolumes.layer, PackageImages.layer])
  )
  // Built from the bottom up, closed from the top down.
  return Dispatcher.layer.pipe(
    Layer.provide(Controllers.layer),
    Layer.provideMerge(Orphans.layer),
    Layer.provide(AbsentOwners.layer),
    Layer.provideMerge(types),
    Layer.provideMerge(addOns),
    Layer.provide([ExecutorTypes.layer, CreationBounds.layer, PodSpecPolicies.layer]),
    Layer.provide([TakenNames.layer, LeftoverAutoscalers.layer]),
    Layer.provideMerge(Supervisor.layer),
    Layer.provide(NamespaceSet.layerStatic),
    Layer.provide([Deletion.layer, Degradation.layer, DryRun.layer]),
    Layer.provide([Conditions.layer, EventRecorder.layer]),
    Layer.provideMerge(Brake.layer),
    Layer.provideMerge(DecisionLog.layer),
    Layer.provide(GuardedKubernetesApi.layer),
    Layer.provideMerge(Circuits.layer),
    Layer.provideMerge(ApiServerHealth.layer),
    Layer.provideMerge(LastColdStarts.layer)
  )
}

/** The same without add-ons. */
export const layerNoDeps = layerOver(Layer.empty)

/**
 * The whole executor. Fails only with wrong configuration: a kubeconfig that cannot be used, a port that cannot be had.
 * An API server that does not answer is waited for. The API drains before anything that its requests need closes, and
 * before the metrics.
 */
export const layer = (
  options: ExecutorOptions
): Layer.Layer<ExecutorApi | Supervisor | DecisionLog, ConfigurationError, Settings> =>
  ExecutorApi.layer(options).pipe(
    Layer.provide(options.metrics === true ? DebugListener.layer : Layer.empty),
    Layer.provideMerge(layerOver<ConfigurationError>(options.addOns ?? Layer.empty)),
    Layer.provide([FetcherClient.layer, RuntimeClient.layer]),
    Layer.provide(leadershipOver(KubernetesApiLive.layer(options.kubeConfig, options.userAgent), options)),
    Layer.provide(Telemetry.layer)
  )

/** The Kubernetes API, and who may write to it: everybody, or the one that the election says. */
const leadershipOver = <E, R>(
  kubernetes: Layer.Layer<KubernetesApi | KubernetesDeletion, E, R>,
  options: ExecutorOptions
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const settings = yield* Settings
      if (!settings.leaderElection) return Layer.merge(Leadership.layerAlways, kubernetes)
      const candidate = yield* candidateOf(settings, options)
      return Leadership.layer(candidate).pipe(
        Layer.provideMerge(kubernetes),
        Layer.provide(Layer.effect(WriteFence.WriteFence, WriteFence.make))
      )
    })
  )
