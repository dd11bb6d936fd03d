import { Clock, Duration, Effect, Latch } from "effect"
import { isSynced, type NamespaceView, type ViewChange, viewAge } from "../informers/NamespaceView.ts"
import * as WatchScope from "../informers/WatchScope.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import { EventRecorder } from "../safeguards/EventRecorder.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import * as CellLog from "./CellLog.ts"
import { Circuits } from "./Circuits.ts"
import { judge, type NamespaceHealth, noteOf } from "./NamespaceHealth.ts"
import * as WorkQueue from "./WorkQueue.ts"

/** What a cell does with changes and with work. Given to it as values, so that it knows nothing of executor types. */
export interface CellHandlers {
  /** The work that a change makes necessary. Synchronous and quick; a throw restarts the cell. */
  readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkQueue.WorkKey>
  /** Handles one item of the handler of that name. Level-triggered: it reads the view, not the change. */
  readonly work: {
    readonly [handler: string]: (view: NamespaceView, name: string) => Effect.Effect<void, WorkQueue.WorkError>
  }
  /**
   * The same for work that goes on while this replica does not lead: it is this process's own, and writes nothing but what
   * needs no lease.
   */
  readonly workWithoutLease?: CellHandlers["work"]
  /** Loops that run as long as the cell does, such as the idle pass. */
  readonly loops: ReadonlyArray<(view: NamespaceView) => Effect.Effect<never>>
}

/** The status of a kind, since that many monotonic milliseconds. */
export interface ReportedStatus extends WatchScope.KindStatus {
  readonly since: number
}

/** One namespace: its views, queue and health. The value outlives any single run of it. */
export interface NamespaceCell {
  readonly view: NamespaceView
  readonly health: () => NamespaceHealth
  /** The latest status of the reflector of each kind that has been asked for. */
  readonly kinds: () => ReadonlyArray<ReportedStatus>
  /** Items that wait or are being handled. */
  readonly queueSize: () => number
  readonly enqueue: (key: WorkQueue.WorkKey) => void
  readonly enqueueAfter: (key: WorkQueue.WorkKey, delay: Duration.Duration) => Effect.Effect<void>
  /** Lists a kind again because something contradicts its view; at most once a minute, more often it does nothing. */
  readonly relist: (resource: string) => Effect.Effect<void>
  /**
   * Watches, works and keeps the health until interrupted. Work begins when the required views are synced, and goes on
   * while this replica leads; what needs no lease goes on always. Dies with the first defect; running it again continues with the same views and queue.
   */
  readonly run: (handlers: CellHandlers) => Effect.Effect<never>
}

/** How often the age of the views is looked at. */
const healthInterval = Duration.seconds(10)

/** Makes the cell of a namespace; nothing runs yet. */
export const make = (options: {
  readonly namespace: string
  readonly workloadNamespace: string
  readonly startWithin: Duration.Duration
}): Effect.Effect<NamespaceCell, never, KubernetesApi | Circuits | ApiServerHealth | EventRecorder | Leadership> =>
  Effect.gen(function* () {
    const { namespace } = options
    const circuits = yield* Circuits
    const server = yield* ApiServerHealth
    const { whileFollowing, whileLeading } = yield* Leadership
    const events = yield* EventRecorder
    const callsTo = [namespace, options.workloadNamespace]
    const queue = yield* WorkQueue.make(namespace, () => soonest(callsTo.map(circuits.probeIn)))
    const log = CellLog.make(namespace)
    const regarding = { kind: { group: "", version: "v1", kind: "Namespace" }, namespace, name: namespace }
    const statuses = new Map<string, ReportedStatus>()
    const synced = yield* Latch.make()
    let handlers: CellHandlers = { onChange: () => [], work: {}, loops: [] }
    let health: NamespaceHealth = { state: "Starting", since: yield* monotonicMillis, reason: "" }

    const scope: WatchScope.WatchScope = yield* WatchScope.make({
      ...options,
      listener: {
        onChange: (change) => {
          for (const key of handlers.onChange(scope.view, change)) queue.enqueue(key)
        },
        onStatus: Effect.fnUntraced(function* (status) {
          const before = statuses.get(status.resource)
          yield* log.status(status)
          statuses.set(status.resource, { ...status, since: yield* monotonicMillis })
          if (hasAnswered(before, status)) yield* circuits.succeeded(status.namespace)
          if (hasRecovered(before, status)) yield* scope.retryNow
          yield* judgeHealth
          if (isSynced(scope.view)) synced.openUnsafe()
        })
      }
    })

    const judgeHealth: Effect.Effect<void> = Effect.gen(function* () {
      const now = yield* monotonicMillis
      const verdict = judge({
        synced: isSynced(scope.view),
        viewAge: yield* viewAge(scope.view),
        troubles: [...statuses.values()].flatMap(troubleOf),
        circuitOpen: callsTo.some(circuits.isOpen)
      })
      if (verdict.state === health.state) {
        health = { ...health, reason: verdict.reason }
        return
      }
      const before = health
      health = { ...verdict, since: now }
      yield* log.health(before, health)
      const note = noteOf(before, health)
      // What ails every namespace at once is no news about one of them.
      if (note !== undefined && server.status().state === "Answering") yield* events.record(regarding, note)
      if (health.state === "Healthy" && before.state !== "Starting") yield* queue.releaseAll
    })

    server.join({
      name: namespace,
      callsTo,
      onRelease: Effect.all([scope.retryNow, queue.releaseAll, judgeHealth], { discard: true })
    })

    const work = (key: WorkQueue.WorkKey) => {
      const handler = handlers.work[key.handler] ?? handlers.workWithoutLease?.[key.handler]
      return handler === undefined
        ? Effect.die(new Error(`no handler "${key.handler}" for work in namespace ${namespace}`))
        : handler(scope.view, key.name)
    }

    const needsNoLease = ({ handler }: WorkQueue.WorkKey) => handlers.workWithoutLease?.[handler] !== undefined

    return {
      view: scope.view,
      health: () => health,
      kinds: () => [...statuses.values()],
      queueSize: queue.size,
      enqueue: queue.enqueue,
      enqueueAfter: queue.enqueueAfter,
      relist: scope.relist,
      run: (given) =>
        Effect.suspend(() => {
          handlers = given
          const working = together([queue.run(work), ...handlers.loops.map((loop) => loop(scope.view))])
          return together([
            scope.run,
            Effect.andThen(
              synced.await,
              together([whileLeading(working), whileFollowing(queue.run(work, needsNoLease))])
            ),
            Effect.forever(Effect.andThen(Effect.sleep(healthInterval), judgeHealth))
          ])
        })
    }
  })

const together = (loops: ReadonlyArray<Effect.Effect<never>>): Effect.Effect<never> =>
  Effect.andThen(Effect.all(loops, { concurrency: "unbounded", discard: true }), Effect.never)

const soonest = (waits: ReadonlyArray<Duration.Duration | undefined>): Duration.Duration | undefined =>
  waits.reduce((least, wait) => (least && wait ? Duration.min(least, wait) : (least ?? wait)), undefined)

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** A complete list, or an event after trouble: the API answers, with etcd behind it. An attempt alone shows nothing. */
const hasAnswered = (before: WatchScope.KindStatus | undefined, now: WatchScope.KindStatus): boolean =>
  now.status.state === "Watching" && before?.status.state !== "Watching"

/** The others of the scope need not sit out their back-off (failure-semantics.md section 9.5). */
const hasRecovered = (before: WatchScope.KindStatus | undefined, now: WatchScope.KindStatus): boolean =>
  now.status.failures === 0 && (before?.status.failures ?? 0) > 0

const troubleOf = ({ required, resource, status }: WatchScope.KindStatus) =>
  required && (status.state === "BackingOff" || status.state === "Blocked") && status.error !== undefined
    ? [{ blocked: status.state === "Blocked", detail: `${resource}: ${status.error.message}` }]
    : []
