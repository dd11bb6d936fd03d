import { Effect } from "effect"
import type { FissionFunction } from "../../fission/Function.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { Conditions, WantedCondition } from "../../safeguards/Conditions.ts"
import type { DeploymentKind, Unbuildable } from "./DeploymentKind.ts"

/** What came of looking after the objects of a function. */
export interface Outcome {
  /** Paths of what the pods do not have of what was asked for. */
  readonly ignored: ReadonlyArray<string>
  /** Its Deployment is being replaced, for its selector could not be kept. */
  readonly isReplaced: boolean
  readonly isAnswering: boolean
}

/** What the status of a Function says of its objects. */
export interface FunctionConditions {
  /** It is served. */
  readonly announce: (fn: FissionFunction) => Effect.Effect<void>
  /** It cannot have objects. */
  readonly complain: (view: NamespaceView, fn: FissionFunction, error: Unbuildable) => Effect.Effect<void>
  /** It has its objects: what was wrong before is taken back, and what is not as somebody wanted it is said. */
  readonly settle: (fn: FissionFunction, outcome: Outcome) => Effect.Effect<void>
}

/** Writes through the queue of conditions. */
export const make = (kind: DeploymentKind, conditions: Conditions["Service"]): FunctionConditions => {
  /** UIDs of functions whose next Deployment has no pod yet: another writer may take back what is said of them. */
  const replaced = new Set<string>()

  return {
    announce: (fn) => conditions.set(fn, readyCondition(kind)),
    complain: (view, fn, error) =>
      Effect.andThen(
        Effect.logWarning("no pods can be made for this function; it is looked at again when something changes").pipe(
          Effect.annotateLogs({ namespace: view.namespace, function: fn.metadata.name, problem: error.message })
        ),
        conditions.set(fn, degraded(reasons[error._tag], error.message))
      ),
    settle: (fn, outcome) => {
      const uid = fn.metadata.uid ?? ""
      if (outcome.isReplaced) replaced.add(uid)
      else if (outcome.isAnswering) replaced.delete(uid)
      const wanted = degradedAfter(fn, { ...outcome, isReplaced: replaced.has(uid) })
      return wanted === undefined ? Effect.void : conditions.set(fn, wanted)
    }
  }
}

/** What `ExecutorDegraded` should say now; undefined where it is right, or somebody else's to take back. */
const degradedAfter = (fn: FissionFunction, outcome: Outcome): WantedCondition | undefined => {
  const { ignored, isReplaced } = outcome
  if (isReplaced) return degraded("SelectorReplaced", replacement)
  const said = fn.status?.conditions?.find(({ status, type }) => type === conditionType && status === "True")
  if (said !== undefined && !isOver(said.reason, outcome)) return undefined
  if (ignored.length > 0) return degraded("IgnoredPodSpecFields", `its pods do not have: ${ignored.join(", ")}`)
  return said && { type: conditionType, status: "False", reason: said.reason, message: "" }
}

/** Whether what was said does not hold any more, or holds for the same reason. */
const isOver = (reason: string, { isAnswering }: Outcome): boolean => {
  if (reason === "NotReadyInTime" || reason === "SelectorReplaced") return isAnswering
  return reason === "IgnoredPodSpecFields" || Object.values(reasons).includes(reason)
}

/** What a Function says of itself while not all is as it should be, and why (failure-semantics.md section 5.6). */
const conditionType = "ExecutorDegraded"
const reasons: { readonly [tag in Unbuildable["_tag"]]: string } = {
  PodSpecError: "InvalidSpec",
  EnvironmentMissing: "EnvironmentMissing",
  ReferenceMissing: "ReferenceMissing"
}
const replacement =
  "the selector of its Deployment did not name the function, so that another Deployment replaces it; the pods of the old one are left to whoever made it"
const longestMessage = 1024

const degraded = (reason: string, message: string): WantedCondition => ({
  type: conditionType,
  status: "True",
  reason,
  message: message.slice(0, longestMessage)
})

/** What a Function says of itself once it is served (resources.md section 3.2). */
const readyCondition = ({ name }: DeploymentKind): WantedCondition => ({
  type: "Ready",
  status: "True",
  reason: "Available",
  message: `${name} deployment is ready`
})
