import { DateTime, Duration, Effect } from "effect"
import { type GroupSnapshot, PoolCache } from "../caches/PoolCache.ts"
import { LastColdStarts, type RecordedColdStart } from "../executors/LastColdStarts.ts"
import { isHeldWarm } from "../executors/poolmgr/FunctionPod.ts"
import * as ServedPods from "../executors/poolmgr/ServedPods.ts"
import { executorTypeOf, type FissionFunction } from "../fission/Function.ts"
import { annotations, labels } from "../fission/Labels.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import * as Listing from "./Listing.ts"

/**
 * How a function fares.
 *
 * - `Failing`: its pod gave a final answer to the last attempt, which is remembered
 * - `Degraded`: it carries the condition `ExecutorDegraded`
 * - `Waiting`: requests wait for a place in a pod
 * - `Starting`: pods are on their way
 * - `Busy`, `Warm`: it has pods, with and without a request at the moment
 * - `Cold`: it has none
 */
const worstFirst = ["Failing", "Degraded", "Waiting", "Starting", "Busy", "Warm", "Cold"] as const

/** One pod of a function of poolmgr. */
export interface FunctionPodReport {
  readonly name: string
  readonly address: string
  /** Requests in progress; null on a replica that does not count them. */
  readonly active: number | null
  readonly idleForSeconds: number | null
  /** Held warm whatever its idle time. */
  readonly provisioned: boolean
}

/** One function. */
export interface FunctionReport {
  readonly namespace: string
  readonly name: string
  readonly executorType: string
  /** Empty for a function without one. */
  readonly environment: string
  readonly generation: number
  readonly state: (typeof worstFirst)[number]
  /** Empty where nothing is wrong. */
  readonly reason: string
  /** Pods that serve. */
  readonly pods: number
  /** The first of them; those of a Deployment are not watched, and not listed. */
  readonly shown: ReadonlyArray<FunctionPodReport>
  /** Requests in progress and most that the pods may have; null where nobody counts them. */
  readonly slots: { readonly active: number; readonly total: number } | null
  /** Requests that wait for a place. */
  readonly waiting: number
  /** Pods in preparation. */
  readonly starting: number
  /** Null when this process has seen none. */
  readonly lastColdStart: {
    readonly at: string
    readonly millis: number
    readonly phases: RecordedColdStart["phases"]
    /** Null when a pod came of it. */
    readonly failure: string | null
  } | null
}

/** What the report is made of. */
export type FunctionSources = Supervisor | PoolCache

/** Most pods that are listed of one function. */
const podsShown = 20
/** A pod's own answer may be a page of HTML. */
const longestReason = 300

/** What is known of a function before it is described. */
interface Sight {
  readonly view: NamespaceView
  readonly fn: FissionFunction
  readonly groups: ReadonlyArray<GroupSnapshot>
  readonly pods: number
  readonly starting: number
  readonly state: FunctionReport["state"]
  readonly reason: string
}

/** A part of all functions, trouble first. */
export const listFunctions = (part: Listing.Part) =>
  Effect.gen(function* () {
    const { cells } = yield* Supervisor
    const cache = yield* PoolCache
    const coldStarts = yield* LastColdStarts
    const functions = function* () {
      for (const { view } of cells) for (const fn of view.functions.values()) yield { view, fn }
    }
    const rows = yield* Listing.rowsOf(functions(), ({ fn, view }) => {
      const name = `${view.namespace}/${fn.metadata.name}`
      if (!Listing.isFound(part, name, environmentOf(fn))) return undefined
      const subject = seen(view, fn, cache)
      return { subject, name, state: subject.state }
    })
    const { subjects, ...list } = Listing.listed(rows, part, worstFirst)
    return { ...list, functions: subjects.map((sight) => describe(sight, coldStarts.of(sight.fn.metadata.uid ?? ""))) }
  })

const environmentOf = ({ spec }: FissionFunction): string => spec.environment?.name ?? ""

/** The pods of the view, for a replica whose cache knows none: one that does not lead, or has just started. */
const servedPods = (view: NamespaceView, fn: FissionFunction) =>
  ServedPods.podsOf(view, fn).filter(({ metadata }) => metadata.labels?.[labels.served] === "true")

const seen = (view: NamespaceView, fn: FissionFunction, cache: PoolCache["Service"]): Sight => {
  const uid = fn.metadata.uid ?? ""
  const groups = cache.ofFunction(uid)
  const held = groups.reduce((sum, { n }) => sum + n, 0)
  const deployments = view.deployments.indexed("functionUid", uid)
  const available = deployments.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0)
  const wanted = deployments.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0)
  const pods = available + (held > 0 ? held : servedPods(view, fn).length)
  const starting = Math.max(0, wanted - available) + groups.reduce((sum, { p }) => sum + p, 0)
  return { view, fn, groups, pods, starting, ...stateOf(fn, groups, pods, starting) }
}

const stateOf = (
  fn: FissionFunction,
  groups: ReadonlyArray<GroupSnapshot>,
  pods: number,
  starting: number
): Pick<Sight, "state" | "reason"> => {
  const failure = groups.findLast((group) => group.failure !== undefined)?.failure
  if (failure !== undefined) return { state: "Failing", reason: `${failure.status}: ${failure.text}` }
  const degraded = fn.status?.conditions?.find(({ status, type }) => type === "ExecutorDegraded" && status === "True")
  if (degraded !== undefined) return { state: "Degraded", reason: `${degraded.reason}: ${degraded.message ?? ""}` }
  if (groups.some(({ q }) => q > 0)) return { state: "Waiting", reason: "" }
  if (starting > 0) return { state: "Starting", reason: "" }
  if (groups.some(({ active }) => active > 0)) return { state: "Busy", reason: "" }
  return { state: pods > 0 ? "Warm" : "Cold", reason: "" }
}

const describe = (sight: Sight, coldStart: RecordedColdStart | undefined): FunctionReport => {
  const { fn, groups, pods, reason, starting, state, view } = sight
  return {
    namespace: view.namespace,
    name: fn.metadata.name,
    executorType: executorTypeOf(fn),
    environment: environmentOf(fn),
    generation: fn.metadata.generation ?? 0,
    state,
    reason: reason.length > longestReason ? `${reason.slice(0, longestReason)}…` : reason,
    pods,
    shown: podsOf(sight).slice(0, podsShown),
    slots:
      groups.length === 0
        ? null
        : {
            active: groups.reduce((sum, { active }) => sum + active, 0),
            total: groups.reduce((sum, { n, requestsPerPod }) => sum + n * requestsPerPod, 0)
          },
    waiting: groups.reduce((sum, { q }) => sum + q, 0),
    starting,
    lastColdStart:
      coldStart === undefined
        ? null
        : {
            at: DateTime.formatIso(coldStart.at),
            millis: coldStart.millis,
            phases: coldStart.phases,
            failure: coldStart.failure ?? null
          }
  }
}

const podsOf = ({ fn, groups, view }: Sight): ReadonlyArray<FunctionPodReport> => {
  const held = groups.flatMap(({ pods }) => pods)
  if (held.length === 0) {
    return servedPods(view, fn).map((pod) => ({
      name: pod.metadata.name,
      address: pod.metadata.annotations?.[annotations.serviceHost] ?? "",
      active: null,
      idleForSeconds: null,
      provisioned: isHeldWarm(pod)
    }))
  }
  return held.map(({ active, address, idleFor, name }) => {
    const pod = view.pods.get(view.workloadNamespace, name)
    const idleForSeconds = Math.round(Duration.toSeconds(idleFor))
    return { name, address, active, idleForSeconds, provisioned: pod !== undefined && isHeldWarm(pod) }
  })
}
