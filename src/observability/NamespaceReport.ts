import { Clock, Duration, Effect } from "effect"
import { type NamespaceView, viewAge } from "../informers/NamespaceView.ts"
import type { ServerStatus } from "../kubernetes/ApiServerHealth.ts"
import type { StoreReader } from "../kubernetes/Store.ts"
import type { CircuitName } from "../namespaces/Circuits.ts"
import type { NamespaceCell, ReportedStatus } from "../namespaces/NamespaceCell.ts"
import type { BrakeStatus } from "../safeguards/Brake.ts"

/** The states of namespaces in the order in which they want a look; a brake counts whatever the health, for only a person releases it. */
export const namespacesWorstFirst = ["Braked", "Blocked", "BackingOff", "Stale", "Starting", "Healthy"] as const

/** One kind of a namespace: what its reflector does, and how old its view is. */
export interface KindReport {
  readonly resource: string
  /** Where it is listed and watched. */
  readonly namespace: string
  readonly required: boolean
  readonly state: ReportedStatus["status"]["state"]
  readonly forSeconds: number
  /** Null before the first complete list. */
  readonly viewAgeSeconds: number | null
  readonly objects: number
  readonly failures: number
  readonly error?: string
  readonly nextAttemptInSeconds?: number
}

/** One namespace as an operator wants to see it. */
export interface NamespaceReport {
  readonly namespace: string
  readonly workloadNamespace: string
  readonly state: string
  readonly forSeconds: number
  /** Empty while all is well. */
  readonly reason: string
  /** Age of the oldest view that work needs; null before each of them was listed once. */
  readonly viewAgeSeconds: number | null
  readonly circuits: { readonly [namespace: string]: { readonly reads: CircuitName; readonly writes: CircuitName } }
  readonly queued: number
  readonly brake?: { readonly forSeconds: number; readonly reason: string }
  readonly kinds: ReadonlyArray<KindReport>
}

/** The server as it is seen by the whole process. */
export interface ServerReport {
  readonly state: ServerStatus["state"]
  readonly forSeconds?: number
}

/** What the report is made of, beside the cell. */
export interface ReportSources {
  readonly circuitsOf: (namespace: string) => { readonly reads: CircuitName; readonly writes: CircuitName }
  readonly brakeOf: (namespace: string) => BrakeStatus | undefined
}

/** Describes a namespace as it is now. */
export const describeNamespace = (cell: NamespaceCell, sources: ReportSources): Effect.Effect<NamespaceReport> =>
  Effect.gen(function* () {
    const now = yield* Clock.monotonicTimeNanos
    const { namespace, workloadNamespace } = cell.view
    const health = cell.health()
    const brake = sources.brakeOf(namespace)
    const kinds = yield* Effect.forEach(cell.kinds(), (kind) => describeKind(cell.view, kind, now))
    return {
      namespace,
      workloadNamespace,
      state: health.state,
      forSeconds: secondsBetween(health.since, now),
      reason: health.reason,
      viewAgeSeconds: inSeconds(yield* viewAge(cell.view)),
      circuits: Object.fromEntries(
        [...new Set([namespace, workloadNamespace])].map((name) => [name, sources.circuitsOf(name)])
      ),
      queued: cell.queueSize(),
      ...(brake && {
        brake: { forSeconds: secondsBetween(Number(brake.since / 1_000_000n), now), reason: brake.reason }
      }),
      kinds
    }
  })

/** Describes the server as it is now. */
export const describeServer = ({ since, state }: ServerStatus): Effect.Effect<ServerReport> =>
  Effect.map(Clock.monotonicTimeNanos, (now) => ({
    state,
    ...(since !== undefined && { forSeconds: secondsBetween(since, now) })
  }))

const describeKind = (view: NamespaceView, kind: ReportedStatus, now: bigint): Effect.Effect<KindReport> => {
  const { error, failures, nextAttempt, state } = kind.status
  const store = storeOf(view, kind.resource)
  const forSeconds = secondsBetween(kind.since, now)
  return Effect.map(store?.age ?? Effect.succeed(Duration.infinity), (age) => ({
    resource: kind.resource,
    namespace: kind.namespace,
    required: kind.required,
    state,
    forSeconds,
    viewAgeSeconds: inSeconds(age),
    objects: store?.size() ?? 0,
    failures,
    ...(error && { error: error.message }),
    ...(nextAttempt && { nextAttemptInSeconds: Math.max(0, tenths(Duration.toSeconds(nextAttempt) - forSeconds)) })
  }))
}

/** The view of a kind by its plural name. */
export const storeOf = (view: NamespaceView, resource: string): StoreReader<unknown> | undefined => {
  const stores: { readonly [resource: string]: StoreReader<unknown> } = {
    functions: view.functions,
    environments: view.environments,
    packages: view.packages,
    pods: view.pods,
    deployments: view.deployments,
    services: view.services,
    secrets: view.secrets,
    configmaps: view.configMaps,
    functionversions: view.functionVersions,
    functionaliases: view.functionAliases
  }
  return stores[resource]
}

const tenths = (seconds: number): number => Math.round(seconds * 10) / 10

const inSeconds = (age: Duration.Duration): number | null =>
  Duration.isFinite(age) ? tenths(Duration.toSeconds(age)) : null

const secondsBetween = (sinceMillis: number, now: bigint): number =>
  tenths((Number(now / 1_000_000n) - sinceMillis) / 1000)
