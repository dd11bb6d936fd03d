import { createHash } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import type { Deployment, ReplicaSet } from "../Kinds.ts"
import type { Json } from "../Status.ts"
import { jsonIn } from "../StoredObject.ts"

/** The label that tells the pods of one template from those of another. */
export const hashLabel = "pod-template-hash"

/** The annotation that counts the templates of a Deployment. */
export const revisionAnnotation = "deployment.kubernetes.io/revision"

const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([field, held]) => [field, canonical(held)])
  )
}

/** Ten characters that stand for a template, whatever the order of its fields. */
export const templateHash = (template: Json): string =>
  createHash("sha256")
    .update(JSON.stringify(canonical(template)))
    .digest("hex")
    .slice(0, 10)

/** The template with or without the hash among its labels. */
export const withHash = (template: Json, hash: string | undefined): Json => {
  const metadata = jsonIn(template, "metadata")
  const { [hashLabel]: _, ...labels } = jsonIn(metadata, "labels")
  return {
    ...template,
    metadata: { ...metadata, labels: hash === undefined ? labels : { ...labels, [hashLabel]: hash } }
  }
}

/** Whether a ReplicaSet runs the template of a Deployment. */
export const isCurrent = (deployment: Deployment, set: ReplicaSet): boolean =>
  isDeepStrictEqual(withHash(set.spec.template, undefined), withHash(deployment.spec.template, undefined))

/** The number that counts a ReplicaSet among those of its Deployment. */
export const revisionOf = (set: ReplicaSet): number => Number(set.metadata.annotations?.[revisionAnnotation] ?? 0)

/** A ReplicaSet in the sums of a rollout. */
export interface RolloutSet {
  readonly name: string
  readonly replicas: number
  readonly available: number
}

/** What a rollout starts from. */
export interface RolloutState {
  readonly replicas: number
  /** Undefined for the strategy Recreate. */
  readonly rolling: { readonly surge: number; readonly unavailable: number } | undefined
  readonly current: RolloutSet
  /** Oldest first. */
  readonly old: ReadonlyArray<RolloutSet>
}

/** `25%` of a number of replicas, or a number as it is. */
const amount = (given: string | number, replicas: number, round: (value: number) => number): number =>
  typeof given === "number" ? given : round((Number.parseInt(given, 10) * replicas) / 100)

/** How far a rollout may go beyond and below the wanted replicas; surge is rounded up, unavailable down. */
export const rollingOf = ({ spec }: Deployment): RolloutState["rolling"] => {
  if (spec.strategy?.type === "Recreate") return undefined
  const replicas = spec.replicas ?? 1
  const { maxSurge, maxUnavailable } = spec.strategy?.rollingUpdate ?? {}
  const surge = amount(maxSurge ?? "25%", replicas, Math.ceil)
  const unavailable = amount(maxUnavailable ?? "25%", replicas, Math.floor)
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable }
}

/**
 * The replicas of each ReplicaSet for the next step. Never more in all than the surge allows, and never a step after
 * which fewer are available than allowed: old replicas that are not available go first, then as many as new ones came up.
 */
export const nextStep = (state: RolloutState): ReadonlyMap<string, number> => {
  const { current, old, replicas, rolling } = state
  const oldReplicas = sum(old, (set) => set.replicas)
  if (rolling === undefined) {
    const steps = old.map((set) => [set.name, 0] as const)
    return new Map([...steps, [current.name, oldReplicas === 0 ? replicas : current.replicas]])
  }
  const room = Math.max(0, replicas + rolling.surge - current.replicas - oldReplicas)
  const target = Math.min(replicas, current.replicas + room)

  const least = replicas - rolling.unavailable
  const comingUp = current.replicas - current.available
  const superfluous = Math.max(0, oldReplicas + current.replicas - least - comingUp)
  const cleaned = taken(old, superfluous, (set) => set.replicas - set.available)
  const available = sum(old, (set) => set.available) + current.available
  const scaled = taken(
    cleaned,
    Math.min(superfluous - oldReplicas + sum(cleaned, replicasOf), available - least),
    replicasOf
  )
  return new Map([...scaled.map((set) => [set.name, set.replicas] as const), [current.name, target]])
}

const replicasOf = (set: RolloutSet): number => set.replicas

const sum = (sets: ReadonlyArray<RolloutSet>, of: (set: RolloutSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0)

/** The sets after taking away at most so many replicas, from the oldest first and from each no more than given. */
const taken = (
  sets: ReadonlyArray<RolloutSet>,
  atMost: number,
  from: (set: RolloutSet) => number
): ReadonlyArray<RolloutSet> => {
  let left = Math.max(0, atMost)
  return sets.map((set) => {
    const count = Math.max(0, Math.min(left, from(set)))
    left -= count
    return { ...set, replicas: set.replicas - count }
  })
}
