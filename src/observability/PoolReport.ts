import { Effect } from "effect"
import { PoolCache } from "../caches/PoolCache.ts"
import * as FunctionPod from "../executors/poolmgr/FunctionPod.ts"
import { existing, isForImage, type Pool, poolFrom, poolKey, poolsOf } from "../executors/poolmgr/Pool.ts"
import { Reserve } from "../executors/poolmgr/Reserve.ts"
import { WarmPods } from "../executors/poolmgr/WarmPods.ts"
import type { Environment } from "../fission/Environment.ts"
import { labels } from "../fission/Labels.ts"
import { isDeleting, isReady, type Pod } from "../fission/Workloads.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import * as Listing from "./Listing.ts"

/**
 * What a pod of an Environment is doing.
 *
 * - `starting`: in the pool, not Ready yet
 * - `warm`: Ready, for whoever comes
 * - `reserved`: claimed in advance, for the next cold start
 * - `loading`: claimed; its code is being loaded
 * - `serving`: handed out to requests
 * - `leaving`: drains, ends, or waits for that
 */
const standings = ["starting", "warm", "reserved", "loading", "serving", "leaving"] as const
type Standing = (typeof standings)[number]

/**
 * How a pool fares.
 *
 * - `Stuck`: a pod cannot start, or none can be made
 * - `Waiting`: requests wait for a pod
 * - `Filling`: it has fewer Ready pods than it shall have
 * - `Full`: it has them all
 */
const worstFirst = ["Stuck", "Waiting", "Filling", "Full"] as const

/** One pool of an Environment: for all its functions, or for those with one image. */
export interface PoolReport {
  readonly namespace: string
  readonly environment: string
  /** Empty for the pool of all functions. */
  readonly image: string
  readonly state: (typeof worstFirst)[number]
  /** In the words of a pod or Deployment; empty where nothing is wrong. */
  readonly reason: string
  /** Pods that the pool shall have, those outside it not counted. */
  readonly target: number
  readonly pods: { readonly [standing in Standing]: number }
  /** Requests that wait for a pod. */
  readonly waiting: number
}

/** What the report is made of. */
export type PoolSources = Supervisor | PoolCache | Reserve | WarmPods

/** A part of all pools, trouble first. */
export const listPools = (part: Listing.Part) =>
  Effect.gen(function* () {
    const { cells } = yield* Supervisor
    const describe = describing(yield* PoolCache, yield* Reserve, yield* WarmPods)
    const pools = function* () {
      for (const { view } of cells) {
        for (const environment of view.environments.values()) {
          for (const pool of poolsIn(view, environment)) yield { view, pool }
        }
      }
    }
    const rows = yield* Listing.rowsOf(pools(), ({ pool, view }) => {
      const name = `${view.namespace}/${pool.environment.metadata.name}`
      if (!Listing.isFound(part, name)) return undefined
      const subject = describe(view, pool)
      return { subject, name, state: subject.state }
    })
    const { subjects, ...list } = Listing.listed(rows, part, worstFirst)
    return { ...list, pods: sumOf(rows.map(({ subject }) => subject.pods)), pools: subjects }
  })

const poolsIn = (view: NamespaceView, environment: Environment): ReadonlyArray<Pool> => [
  { environment },
  ...poolsOf(view, environment.metadata.uid ?? "")
    .filter(isForImage)
    .flatMap((deployment) => poolFrom(environment, deployment) ?? [])
]

const nothing = { starting: 0, warm: 0, reserved: 0, loading: 0, serving: 0, leaving: 0 }

const sumOf = (all: ReadonlyArray<PoolReport["pods"]>): PoolReport["pods"] => {
  const sum = { ...nothing }
  for (const pods of all) for (const standing of standings) sum[standing] += pods[standing]
  return sum
}

const describing = (
  cache: PoolCache["Service"],
  reserve: Reserve["Service"],
  warmPods: WarmPods["Service"]
): ((view: NamespaceView, pool: Pool) => PoolReport) => {
  const standingOf = (view: NamespaceView, pod: Pod, reserved: ReadonlySet<Pod>): Standing => {
    const uid = pod.metadata.uid ?? ""
    if (isDeleting(pod.metadata)) return "leaving"
    if (cache.holds(uid)) return "serving"
    if (reserved.has(pod) || reserve.isClaiming(pod)) return "reserved"
    if (warmPods.isTaken(uid)) return "loading"
    if (FunctionPod.isPooled(pod)) return isReady(pod) ? "warm" : "starting"
    if (!FunctionPod.isSpecialized(view, pod)) return "leaving"
    if (pod.metadata.labels?.[labels.served] === "true") return "serving"
    return FunctionPod.isClaimFinished(pod) ? "leaving" : "loading"
  }

  return (view, pool) => {
    const { environment, image } = pool
    const reserved = new Set(reserve.pods(view, environment))
    const pods = { ...nothing }
    for (const pod of FunctionPod.podsOfPool(view, pool)) pods[standingOf(view, pod, reserved)]++
    const target = existing(view, pool)?.spec.replicas ?? 0
    const waiting = warmPods.waiting(poolKey(pool))
    const isFull = pods.warm >= target
    const reason = isFull ? "" : (FunctionPod.troubleOf(view, pool) ?? "")
    const state = reason !== "" ? "Stuck" : waiting > 0 ? "Waiting" : isFull ? "Full" : "Filling"
    return {
      namespace: view.namespace,
      environment: environment.metadata.name,
      image: image?.reference ?? "",
      state,
      reason,
      target,
      pods,
      waiting
    }
  }
}
