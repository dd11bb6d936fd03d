import { Duration } from "effect"
import type { Deployment, DeploymentCondition, ReplicaSet } from "../Kinds.ts"
import { timestampOf } from "../Timestamp.ts"
import { rollingOf } from "./Rollout.ts"

type Status = NonNullable<Deployment["status"]>
type Count = "replicas" | "updatedReplicas" | "readyReplicas" | "availableReplicas" | "unavailableReplicas"
type Counts = { readonly [count in Count]: number }

const sum = (sets: ReadonlyArray<ReplicaSet>, field: "replicas" | "readyReplicas" | "availableReplicas"): number =>
  sets.reduce((total, { status }) => total + (status?.[field] ?? 0), 0)

/** The status of a Deployment as its ReplicaSets have it at a time. */
export const statusOf = (
  deployment: Deployment,
  current: ReplicaSet,
  all: ReadonlyArray<ReplicaSet>,
  millis: number
): Status & Counts & { readonly conditions: ReadonlyArray<DeploymentCondition> } => {
  const wanted = deployment.spec.replicas ?? 1
  const available = sum(all, "availableReplicas")
  const counts: Counts = {
    replicas: sum(all, "replicas"),
    updatedReplicas: current.status?.replicas ?? 0,
    readyReplicas: sum(all, "readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available)
  }
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...counts,
    conditions: [
      stamped(availableCondition(deployment, available), conditionOf(deployment, "Available"), millis),
      progressing(deployment, current, counts, millis)
    ]
  }
}

/**
 * After how long a rollout that goes on exceeds its `progressDeadlineSeconds` unless something happens; undefined when
 * it cannot.
 */
export const untilOverdue = (
  deployment: Deployment,
  conditions: ReadonlyArray<DeploymentCondition>,
  millis: number
): Duration.Duration | undefined => {
  const deadline = deadlineOf(
    deployment,
    conditions.find(({ type }) => type === "Progressing")
  )
  return deadline === undefined ? undefined : Duration.millis(Math.max(0, deadline - millis) + 1)
}

/** The greatest int32, by which a Deployment says that it has no deadline. */
const noDeadline = 2 ** 31 - 1

const deadlineOf = ({ spec }: Deployment, condition: DeploymentCondition | undefined): number | undefined => {
  const seconds = spec.progressDeadlineSeconds ?? noDeadline
  return condition?.reason === "ReplicaSetUpdated" && seconds < noDeadline
    ? Date.parse(condition.lastUpdateTime ?? "") + seconds * 1000
    : undefined
}

const conditionOf = ({ status }: Deployment, type: string): DeploymentCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type)

interface Unstamped {
  readonly type: string
  readonly status: "True" | "False"
  readonly reason: string
  readonly message: string
}

const availableCondition = (deployment: Deployment, available: number): Unstamped => {
  const least = (deployment.spec.replicas ?? 1) - (rollingOf(deployment)?.unavailable ?? 0)
  return available >= least
    ? {
        type: "Available",
        status: "True",
        reason: "MinimumReplicasAvailable",
        message: "Deployment has minimum availability."
      }
    : {
        type: "Available",
        status: "False",
        reason: "MinimumReplicasUnavailable",
        message: "Deployment does not have minimum availability."
      }
}

/**
 * How the rollout of a ReplicaSet stands. One that has been completed stays so, whatever happens to its pods; one that
 * goes on must get further within the deadline, else it has failed until it does.
 */
const progressing = (
  deployment: Deployment,
  { metadata }: ReplicaSet,
  counts: Counts,
  millis: number
): DeploymentCondition => {
  const about = (reason: string, status: "True" | "False", what: string): Unstamped => ({
    type: "Progressing",
    status,
    reason,
    message: `ReplicaSet "${metadata.name}" ${what}`
  })
  const complete = about("NewReplicaSetAvailable", "True", "has successfully progressed.")
  const updated = about("ReplicaSetUpdated", "True", "is progressing.")
  const overdue = about("ProgressDeadlineExceeded", "False", "has timed out progressing.")

  const found = conditionOf(deployment, "Progressing")
  const isAboutIt = [complete, updated, overdue].some(({ message }) => message === found?.message)
  const held = isAboutIt ? found : undefined
  if (held !== undefined && held.reason === complete.reason && counts.replicas === counts.updatedReplicas) return held
  const wanted = deployment.spec.replicas ?? 1
  const isComplete =
    counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas >= wanted
  if (isComplete) return stamped(complete, found, millis)
  if (held === undefined || hasAdvanced(deployment.status ?? {}, counts)) {
    return { ...stamped(updated, found, millis), lastUpdateTime: timestampOf(millis) }
  }
  return millis > (deadlineOf(deployment, held) ?? millis) ? stamped(overdue, held, millis) : held
}

/** Whether there is more of the new, or less of the old than before. */
const hasAdvanced = (before: Status, counts: Counts): boolean => {
  const old = (status: Status) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0)
  return (
    counts.updatedReplicas > (before.updatedReplicas ?? 0) ||
    old(counts) < old(before) ||
    counts.readyReplicas > (before.readyReplicas ?? 0) ||
    counts.availableReplicas > (before.availableReplicas ?? 0)
  )
}

/** Times move only with what they are about. */
const stamped = (condition: Unstamped, held: DeploymentCondition | undefined, millis: number): DeploymentCondition => ({
  ...condition,
  lastUpdateTime: (held?.message === condition.message ? held.lastUpdateTime : undefined) ?? timestampOf(millis),
  lastTransitionTime: (held?.status === condition.status ? held.lastTransitionTime : undefined) ?? timestampOf(millis)
})
