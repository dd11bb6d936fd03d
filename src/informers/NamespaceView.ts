import { Duration, Effect } from "effect"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { FunctionAlias, FunctionVersion } from "../fission/FunctionVersion.ts"
import type { PodEvent } from "../fission/PodReports.ts"
import type { Described } from "../fission/ResourceKind.ts"
import type { Deployment, Pod, Service } from "../fission/Workloads.ts"
import type { Change, StoreReader } from "../kubernetes/Store.ts"

/** The views of one namespace of Fission resources, and of the namespace where its workloads live. */
export interface NamespaceView {
  /** Where Functions, Environments and Packages are. */
  readonly namespace: string
  /** Where pods, Deployments and Services are; the same namespace unless a function namespace is configured. */
  readonly workloadNamespace: string
  /** Indexes `environment`, `package`, `secret` and `configMap` by the names that a Function mentions. */
  readonly functions: StoreReader<FissionFunction>
  readonly environments: StoreReader<Environment>
  /** Metadata only. */
  readonly packages: StoreReader<Described>
  /**
   * Pods with label `executorType=poolmgr`; indexes `environmentUid` and `functionUid` by those labels, `reference` by the
   * Secrets and ConfigMaps that they were given, as `secret/<name>` and `configmap/<name>`.
   */
  readonly pods: StoreReader<Pod>
  /**
   * Deployments of every executor type. Index `environmentUid`: the pools of poolmgr, by that label; index `functionUid`:
   * those of one function each, of the other types.
   */
  readonly deployments: StoreReader<Deployment>
  /** Services of every executor type; index `functionUid` by that label. */
  readonly services: StoreReader<Service>
  /** Metadata only, watched from the first `wantReferences` on; so are the ConfigMaps. */
  readonly secrets: StoreReader<Described>
  readonly configMaps: StoreReader<Described>
  /** Watched from the first `wantVersions` on, and so are the aliases. */
  readonly functionVersions: StoreReader<FunctionVersion>
  readonly functionAliases: StoreReader<FunctionAlias>
  /**
   * Events about pods that got a first web socket, and about those that have none any more; index `pod` by the name of the
   * pod. Watched from the first `wantWebSockets` on.
   */
  readonly webSocketsOpened: StoreReader<PodEvent>
  readonly webSocketsEnded: StoreReader<PodEvent>
  /** Starts their watches. Idempotent, returns at once. */
  readonly wantWebSockets: () => void
  /** Starts the watches of versions and aliases. Idempotent, returns at once. */
  readonly wantVersions: () => void
  /** Starts the watches of Secrets and ConfigMaps. Idempotent, returns at once. */
  readonly wantReferences: () => void
}

/** A change of one view; what was deleted is the last known object. */
export type ViewChange =
  | { readonly kind: "functions"; readonly change: Change<FissionFunction> }
  | { readonly kind: "environments"; readonly change: Change<Environment> }
  | { readonly kind: "packages"; readonly change: Change<Described> }
  | { readonly kind: "pods"; readonly change: Change<Pod> }
  | { readonly kind: "deployments"; readonly change: Change<Deployment> }
  | { readonly kind: "services"; readonly change: Change<Service> }
  | { readonly kind: "secrets"; readonly change: Change<Described> }
  | { readonly kind: "configMaps"; readonly change: Change<Described> }
  | { readonly kind: "functionVersions"; readonly change: Change<FunctionVersion> }
  | { readonly kind: "functionAliases"; readonly change: Change<FunctionAlias> }
  | { readonly kind: "webSocketsOpened" | "webSocketsEnded"; readonly change: Change<PodEvent> }

/** The views without which no pod may be created, claimed or removed. */
const required = (view: NamespaceView) => [view.functions, view.environments, view.pods, view.deployments]

/** Whether every required view has been listed completely once. */
export const isSynced = (view: NamespaceView): boolean => required(view).every((store) => store.isSynced())

/** Age of the oldest required view; infinite before it is synced. */
export const viewAge = (view: NamespaceView): Effect.Effect<Duration.Duration> =>
  Effect.map(Effect.all(required(view).map((store) => store.age)), (ages) =>
    ages.reduce((oldest, age) => Duration.max(oldest, age), Duration.zero)
  )
