import "effect/schema/SchemaJITCompiler/enable"

// What an add-on is, and how an executor is run with it.
export { runCommandLine } from "./cli/CommandLine.ts"
export type { AddOn, AddOnServices } from "./Executor.ts"

// Executor types.
export {
  type Admission,
  type ExecutorType,
  ExecutorTypes,
  type Miss,
  type ServiceAddress,
  type Tap
} from "./executors/ExecutorType.ts"
export type { FissionFunction } from "./fission/Function.ts"
export type { Environment } from "./fission/Environment.ts"
export type { ObjectMeta } from "./fission/ObjectMeta.ts"
export type { NamespaceView, ViewChange } from "./informers/NamespaceView.ts"
export type { WorkError, WorkKey } from "./namespaces/WorkQueue.ts"
export { ConfigurationError, FissionError, type KubernetesError } from "./Errors.ts"
export { Settings, type SettingsShape } from "./Config.ts"
export { type CallOptions, KubernetesApi, type KubernetesObject } from "./kubernetes/KubernetesApi.ts"
export { Deployments, Pods, type ResourceKind, Services } from "./fission/ResourceKind.ts"
export { Deletion } from "./safeguards/Deletion.ts"
export { Ground, type OwnerReference } from "./safeguards/Ground.ts"

// Policies about pod specs.
export { type PodOwner, PodSpecPolicies, type PodSpecPolicy, type PodSpecReview } from "./executors/PodSpecPolicies.ts"

// Decisions.
export { type Decision, type DecisionAction, DecisionLog, type RecordedDecision } from "./safeguards/DecisionLog.ts"
