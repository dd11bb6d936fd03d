import { Clock, Duration, Effect, Latch } from "effect"
import { isSynced, type NamespaceView, type ViewChange, viewAge } from "../informers/NamespaceView.ts"
import * as WatchScope from "../informers/WatchScope.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import { Circuits } from "./Circuits.ts"
import { type HealthState, judge, type NamespaceHealth } from "./NamespaceHealth.ts"
import * as WorkQueue from "./WorkQueue.ts"

/** What a cell does with changes and with work. Given to it as values, so that it knows nothing of executor types. */
export interface CellHandlers {
  /** The work that a change makes necessary. Synchronous and quick; a throw restarts the cell. */
  readonly onChange: (view: NamespaceView, change: ViewChange) => ReadonlyArray<WorkQueue.WorkKey>
  /** Handles one item of the handler of that name. Level-triggered: it reads the view, not the change. */
  readonly work: {
    readonly [handler: string]: (view: NamespaceView, name: string) => Effect.Effect<void, WorkQueue.WorkError>
  }
  /** Loops that run as long as the cell does, such as the idle pass. */
  readonly loops: ReadonlyArray<(view: NamespaceView) => Effect.Effect<never>>
}

/** One namespace: its views, queue and health. The value outlives any single run of it. */
export interface NamespaceCell {
  readonly view: NamespaceView
  readonly health: () => NamespaceHealth
  readonly enqueue: (key: WorkQueue.WorkKey) => void
  readonly enqueueAfter: (key: WorkQueue.WorkKey, delay: Duration.Duration) => Effect.Effect<void>
  /**
   * Watches, works and keeps the health until interrupted. Work begins when the required views are synced. Dies with
   * the first defect; running it again continues with the same views and queue.
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
}): Effect.Effect<NamespaceCell, never, KubernetesApi | Circuits> =>
  Effect.gen(function* () {
    const { namespace } = options
    const circuits = yield* Circuits
    const queue = yield* WorkQueue.make(namespace)
    const statuses = new Map<string, WatchScope.KindStatus>()
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
          yield* reportStatus(namespace, statuses.get(status.resource), status)
          statuses.set(status.resource, status)
          if (status.status.state === "Watching") circuits.succeeded(namespace)
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
        circuitOpen: circuits.isOpen(namespace) || circuits.isOpen(options.workloadNamespace)
      })
      if (verdict.state === health.state) {
        health = { ...health, reason: verdict.reason }
        return
      }
      const before = health
      health = { ...verdict, since: now }
      yield* reportHealth(namespace, before, health, now)
      if (health.state === "Healthy" && before.state !== "Starting") yield* queue.releaseAll
    })

    const work = (key: WorkQueue.WorkKey) => {
      const handler = handlers.work[key.handler]
      return handler === undefined
        ? Effect.die(new Error(`no handler "${key.handler}" for work in namespace ${namespace}`))
        : handler(scope.view, key.name)
    }

    return {
      view: scope.view,
      health: () => health,
      enqueue: queue.enqueue,
      enqueueAfter: queue.enqueueAfter,
      run: (given) =>
        Effect.suspend(() => {
          handlers = given
          return Effect.all(
            [
              scope.run,
              Effect.andThen(synced.await, queue.run(work)),
              Effect.forever(Effect.andThen(Effect.sleep(healthInterval), judgeHealth)),
              ...handlers.loops.map((loop) => Effect.andThen(synced.await, loop(scope.view)))
            ],
            { concurrency: "unbounded", discard: true }
          ).pipe(Effect.andThen(Effect.never))
        })
    }
  })

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const troubleOf = ({ required, resource, status }: WatchScope.KindStatus) =>
  required && (status.state === "BackingOff" || status.state === "Blocked") && status.error !== undefined
    ? [{ blocked: status.state === "Blocked", detail: `${resource}: ${status.error.message}` }]
    : []

/** First failure of a series warns, repeats are for debugging, recovery informs (failure-semantics.md section 9.7). */
const reportStatus = (namespace: string, before: WatchScope.KindStatus | undefined, now: WatchScope.KindStatus) => {
  const { error, failures, nextAttempt, state } = now.status
  const annotations = {
    namespace,
    resource: now.resource,
    ...(error === undefined ? {} : { error: error._tag, detail: error.message }),
    ...(error?._tag === "KubernetesTimeoutError" ? { errorKind: error.kind } : {}),
    failures,
    ...(nextAttempt === undefined ? {} : { nextAttemptIn: Duration.format(nextAttempt) })
  }
  const failed = (status: WatchScope.KindStatus | undefined) => (status?.status.failures ?? 0) > 0
  if (state === "Blocked") {
    const line = before?.status.state === "Blocked" ? Effect.logDebug : Effect.logError
    return line("the API refuses this resource; retried slowly").pipe(Effect.annotateLogs(annotations))
  }
  if (state === "BackingOff" && error !== undefined) {
    const line = failed(before) ? Effect.logDebug : Effect.logWarning
    return line("watching failed; backing off").pipe(Effect.annotateLogs(annotations))
  }
  if (state === "Watching" && failures === 0 && failed(before)) {
    return Effect.logInfo("watching again").pipe(Effect.annotateLogs({ namespace, resource: now.resource }))
  }
  return Effect.void
}

const levels: { readonly [state in HealthState]: "info" | "warning" | "error" } = {
  Starting: "info",
  Healthy: "info",
  Stale: "warning",
  BackingOff: "warning",
  Blocked: "error"
}

const consequences: { readonly [state in HealthState]: string } = {
  Starting: "namespace is starting",
  Healthy: "namespace is healthy",
  Stale: "namespace is stale; warm traffic and cold starts from the view go on",
  BackingOff: "namespace backs off; nothing in it is deleted, cached addresses still answer",
  Blocked: "namespace is blocked; cached addresses still answer, everything else waits for rights or CRDs"
}

const reportHealth = (namespace: string, before: NamespaceHealth, after: NamespaceHealth, now: number) => {
  const level = levels[after.state]
  const line = level === "info" ? Effect.logInfo : level === "warning" ? Effect.logWarning : Effect.logError
  return line(consequences[after.state]).pipe(
    Effect.annotateLogs({
      namespace,
      state: after.state,
      previousState: before.state,
      previousStateFor: Duration.format(Duration.millis(now - before.since)),
      ...(after.reason === "" ? {} : { reason: after.reason })
    })
  )
}
