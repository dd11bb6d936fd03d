import { Duration, Effect, Metric } from "effect"
import { PoolCache } from "../caches/PoolCache.ts"
import { Dispatcher } from "../executors/Dispatcher.ts"
import * as FunctionPod from "../executors/poolmgr/FunctionPod.ts"
import { existing } from "../executors/poolmgr/Pool.ts"
import { isSynced, type NamespaceView } from "../informers/NamespaceView.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import { Circuits } from "../namespaces/Circuits.ts"
import type { NamespaceCell } from "../namespaces/NamespaceCell.ts"
import type { HealthState } from "../namespaces/NamespaceHealth.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { Brake } from "../safeguards/Brake.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import { storeOf } from "./NamespaceReport.ts"

/** Every state has a series, 0 or 1, so that a change shows in each. */
const states: ReadonlyArray<HealthState> = ["Starting", "Healthy", "Stale", "BackingOff", "Blocked"]

const circuitState = Metric.gauge("fission_executor_circuit_state", {
  description: "1 while calls of a namespace are refused or one of them probes, else 0"
})
const namespaceState = Metric.gauge("fission_executor_namespace_state", {
  description: "1 for the state that a namespace is in, 0 for the others"
})
const watchAge = Metric.gauge("fission_executor_watch_age_seconds", {
  description: "Time since the last list, event or bookmark; -1 before the first complete list"
})
const brakes = Metric.gauge("fission_executor_brake", {
  description: "1 while deletions for absent owners are stopped in a namespace, else 0"
})
const serverAnswers = Metric.gauge("fission_executor_api_server_answering", {
  description: "0 while the Kubernetes API is taken for away and one probe asks for the whole process, else 1"
})
const cachesSynced = Metric.gauge("fission_executor_caches_synced", {
  description: "1 once requests are answered, as /readyz says, else 0"
})
const leads = Metric.gauge("fission_executor_leader", {
  description: "1 while this replica leads, else 0; without an election every replica leads"
})
/** The name that dashboards for controllers know it by (observability.md section 3.2). */
const electionMaster = Metric.gauge("leader_election_master_status", {
  description: "1 while this replica holds the lease of the name, else 0"
})
const warmPods = Metric.gauge("fission_executor_pool_warm_pods", {
  description: "Ready pods of an Environment's plain pool that belong to no function"
})
const poolTarget = Metric.gauge("fission_executor_pool_target", {
  description: "Pods that the Deployment of an Environment's plain pool shall have"
})
const readyQueue = Metric.gauge("fission_executor_ready_queue_depth", {
  description: "Ready pods of all pools together that belong to no function"
})
const specializedPods = Metric.gauge("fission_executor_specialized_pods", {
  description: "Pods of functions of poolmgr that are handed out, by whether they have a request at the moment"
})

/** Gauges of things that come and go; what has gone keeps no series. */
const passing = new Set(["fission_executor_pool_warm_pods", "fission_executor_pool_target"])

const clearPassing = Effect.map(Metric.MetricRegistry, (registry) => {
  for (const [key, { id }] of registry) if (passing.has(id)) registry.delete(key)
})

/** What the gauges are made of. */
export type GaugeSources = Supervisor | Circuits | Leadership | Brake | ApiServerHealth | PoolCache | Dispatcher

/**
 * Brings the gauges up to date, for a scrape. Their labels are namespaces of the configuration, kinds that are watched and
 * Environments that exist, so their number is bounded.
 */
export const refresh: Effect.Effect<void, never, GaugeSources> = Effect.gen(function* () {
  const isLeader = Number((yield* Leadership).role() === "Leader")
  yield* Metric.update(leads, isLeader)
  yield* Metric.update(Metric.withAttributes(electionMaster, { name: "fission-executor" }), isLeader)
  yield* Metric.update(serverAnswers, Number((yield* ApiServerHealth).status().state === "Answering"))
  yield* Metric.update(cachesSynced, Number(yield* Dispatcher.use(({ ready }) => ready)))
  yield* specialized
  yield* clearPassing
  let warm = 0
  for (const cell of (yield* Supervisor).cells) {
    yield* ofNamespace(cell)
    if (isSynced(cell.view)) warm += yield* ofPools(cell.view)
  }
  yield* Metric.update(readyQueue, warm)
})

const specialized = Effect.gen(function* () {
  const pods = (yield* PoolCache).snapshot().flatMap((group) => group.pods)
  const active = pods.filter((pod) => pod.active > 0).length
  yield* Metric.update(Metric.withAttributes(specializedPods, { state: "active" }), active)
  yield* Metric.update(Metric.withAttributes(specializedPods, { state: "idle" }), pods.length - active)
})

const ofNamespace = Effect.fnUntraced(function* (cell: NamespaceCell) {
  const { namespace, workloadNamespace } = cell.view
  const circuits = yield* Circuits
  const isOpen = [namespace, workloadNamespace].some(circuits.isOpen)
  yield* Metric.update(Metric.withAttributes(circuitState, { namespace }), Number(isOpen))
  const isBraked = (yield* Brake).status(namespace) !== undefined
  yield* Metric.update(Metric.withAttributes(brakes, { namespace }), Number(isBraked))
  for (const state of states) {
    const gauge = Metric.withAttributes(namespaceState, { namespace, state })
    yield* Metric.update(gauge, Number(cell.health().state === state))
  }
  for (const { namespace, resource } of cell.kinds()) {
    const age = yield* storeOf(cell.view, resource)?.age ?? Effect.succeed(Duration.infinity)
    const gauge = Metric.withAttributes(watchAge, { resource, namespace })
    yield* Metric.update(gauge, Duration.isFinite(age) ? Duration.toSeconds(age) : -1)
  }
})

/** The pools of one namespace; gives the number of their warm pods. */
const ofPools = Effect.fnUntraced(function* (view: NamespaceView) {
  let warm = 0
  for (const environment of view.environments.values()) {
    const { name, uid } = environment.metadata
    const of = { environment: name, namespace: view.namespace }
    const target = existing(view, { environment })?.spec.replicas ?? 0
    warm += view.pods.indexed("environmentUid", uid ?? "").filter((pod) => FunctionPod.isWarm(view, pod)).length
    yield* Metric.update(Metric.withAttributes(warmPods, of), FunctionPod.warmPods(view, { environment }).length)
    yield* Metric.update(Metric.withAttributes(poolTarget, of), target)
  }
  return warm
})
