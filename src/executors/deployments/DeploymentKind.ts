import type { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { FunctionObjects } from "../../podspec/FunctionObjects.ts"
import type { PodSpecError } from "../../podspec/PodSpecError.ts"
import type { EnvironmentMissing } from "../FunctionEnvironment.ts"
import type { ReferencedVersions, ReferenceMissing } from "./References.ts"

/** Why a function cannot have objects; it stays so until somebody edits it, or what it refers to. */
export type Unbuildable = PodSpecError | EnvironmentMissing | ReferenceMissing

/** What tells the executor types apart that give each function a Deployment of its own. */
export interface DeploymentKind {
  /** The value of `ExecutorType` in a Function's spec; the names of the objects begin with it. */
  readonly name: "newdeploy" | "container"
  /** The objects that a Function should have. Reads; writes nothing. */
  readonly objects: (
    view: NamespaceView,
    fn: FissionFunction,
    references: ReferencedVersions
  ) => Effect.Effect<FunctionObjects, Unbuildable | KubernetesError>
}
