import type { Deployment, DeploymentCondition, ReplicaSet } from "../Kinds.ts"

const sum = (sets: ReadonlyArray<ReplicaSet>, field: "replicas" | "readyReplicas" | "availableReplicas"): number =>
  sets.reduce((total, { status }) => total + (status?.[field] ?? 0), 0)

/** The status of a Deployment as its ReplicaSets have it. `now` stamps conditions that change. */
export const statusOf = (
  deployment: Deployment,
  current: ReplicaSet,
  all: ReadonlyArray<ReplicaSet>,
  now: string
): NonNullable<Deployment["status"]> => {
  const wanted = deployment.spec.replicas ?? 1
  const available = sum(all, "availableReplicas")
  const counts = {
    replicas: sum(all, "replicas"),
    updatedReplicas: current.status?.replicas ?? 0,
    readyReplicas: sum(all, "readyReplicas"),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available)
  }
  const complete = counts.updatedReplicas === wanted && counts.replicas === wanted && available >= wanted
  const held = deployment.status?.conditions ?? []
  return {
    observedGeneration: deployment.metadata.generation ?? 0,
    ...counts,
    conditions: [availableCondition(available >= wanted), progressingCondition(current, complete)].map((condition) =>
      stamped(
        condition,
        held.find(({ type }) => type === condition.type),
        now
      )
    )
  }
}

type Unstamped = Required<Pick<DeploymentCondition, "type" | "status" | "reason" | "message">>

const availableCondition = (isAvailable: boolean): Unstamped =>
  isAvailable
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

const progressingCondition = ({ metadata }: ReplicaSet, isComplete: boolean): Unstamped => ({
  type: "Progressing",
  status: "True",
  reason: isComplete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
  message: `ReplicaSet "${metadata.name}" ${isComplete ? "has successfully progressed." : "is progressing."}`
})

/** Times move only with what they are about. */
const stamped = (condition: Unstamped, held: DeploymentCondition | undefined, now: string): DeploymentCondition => ({
  ...condition,
  lastUpdateTime: (held?.reason === condition.reason ? held?.lastUpdateTime : undefined) ?? now,
  lastTransitionTime: (held?.status === condition.status ? held?.lastTransitionTime : undefined) ?? now
})
