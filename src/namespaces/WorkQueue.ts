import { Cause, Clock, Duration, Effect, Exit, Latch, Metric, Option, Random } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { callFields, retries } from "../kubernetes/CallMetrics.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"
import type { DeletionRefused } from "../safeguards/Deletion.ts"
import * as RetryBudget from "./RetryBudget.ts"
import * as WorkMetrics from "./WorkMetrics.ts"

/** One thing to look at: which handler, and the name of the object within the namespace. */
export interface WorkKey {
  readonly handler: string
  readonly name: string
}

/** What a piece of work can fail with; anything else is a defect and restarts the cell. */
export type WorkError = KubernetesError | DeletionRefused

/** Items that are handled at a time; the transport allows four calls of a namespace in flight. */
const workers = 4
/** Items that are released a second when a namespace recovers; many are released faster, within five seconds. */
const releasedPerSecond = 50
const releaseWithin = Duration.seconds(5)
/** Least time between two items that go ahead to ask for all, before ±20 % of jitter. */
const betweenScouts = Duration.seconds(1)

/**
 * The work of one namespace: each key is waiting at most once, so the queue is bounded by the number of objects. A key
 * that is enqueued while it is being handled is handled once more. A failed item comes back by itself, with back-off. While
 * calls of the namespace are refused, one that waits for the server goes ahead whenever a call may ask for all.
 */
export interface WorkQueue {
  /** Synchronous, idempotent while the key waits; brings a backed-off item forward. */
  readonly enqueue: (key: WorkKey) => void
  /** Handles the key again after a while, unless something enqueues it earlier; also while it is being handled. */
  readonly enqueueAfter: (key: WorkKey, delay: Duration.Duration) => Effect.Effect<void>
  /** Brings every backed-off item forward, 50 a second and all within 5 s: the namespace answers again. */
  readonly releaseAll: Effect.Effect<void>
  /** Items that wait, with or without a delay, or are being handled. */
  readonly size: () => number
  /**
   * Handles items until interrupted, all or those that `handles` says; the others wait. Dies with the defect of a
   * handler; every item is kept and the queue can run again.
   */
  readonly run: (
    handle: (key: WorkKey) => Effect.Effect<void, WorkError>,
    handles?: (key: WorkKey) => boolean
  ) => Effect.Effect<never>
}

interface Entry {
  readonly key: WorkKey
  failures: number
  /** Monotonic milliseconds before which it is not handled. */
  dueAt: number
  running: boolean
  /** The latest failure is one that the same call may not meet again. */
  waitsForServer: boolean
  /** When to handle it again, asked for while it is being handled. */
  againAt: number | undefined
}

/** What went wrong with an item, and how it is repeated. */
interface Failure {
  readonly error: { readonly _tag: string; readonly message: string; readonly kind?: string }
  readonly policy: RetryPolicy.RetryPolicy
  /** What the log says of the call that failed. */
  readonly call: { readonly [field: string]: unknown }
}

/** A bug is repeated more slowly than trouble of the API, so that the cell it restarts has time for everything else. */
const failureOf = (cause: Cause.Cause<WorkError>): Failure => {
  if (Cause.hasDies(cause)) {
    return { error: { _tag: "Defect", message: Cause.pretty(cause) }, policy: RetryPolicy.sweep, call: {} }
  }
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return {
    error: error ?? { _tag: "Interrupted", message: "interrupted from within" },
    policy: RetryPolicy.background,
    call: error === undefined || error._tag === "DeletionRefused" ? {} : callFields(error)
  }
}

const isForServer = ({ error }: Failure): boolean =>
  error._tag === "KubernetesTimeoutError" && error.kind !== "NotLeader" && error.kind !== "Warmup"

/**
 * Makes an empty queue. It lives as long as its namespace, longer than a run of the cell.
 *
 * @param probeIn time until a call may ask whether the namespace answers again; undefined while none is refused
 */
export const make = (
  namespace: string,
  probeIn: () => Duration.Duration | undefined = () => undefined
): Effect.Effect<WorkQueue> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const entries = new Map<string, Entry>()
    const changed = yield* Latch.make()
    const metrics = yield* WorkMetrics.make
    let budget = RetryBudget.full
    let scout: Entry | undefined

    const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
    const idOf = (key: WorkKey) => `${key.handler}/${key.name}`

    const schedule = (key: WorkKey, dueAt: number) => {
      const entry = entries.get(idOf(key))
      if (entry === undefined) {
        entries.set(idOf(key), { key, failures: 0, dueAt, running: false, waitsForServer: false, againAt: undefined })
        metrics.added(key.handler)
      } else if (entry.running) {
        entry.againAt = Math.min(entry.againAt ?? dueAt, dueAt)
      } else {
        entry.dueAt = Math.min(entry.dueAt, dueAt)
      }
      changed.openUnsafe()
    }

    /** The item of this sort that has been due for longest, if any. */
    const nextDue = (isOfSort: (entry: Entry) => boolean) => {
      let first: Entry | undefined
      for (const entry of entries.values()) {
        if (!entry.running && isOfSort(entry) && (first === undefined || entry.dueAt < first.dueAt)) first = entry
      }
      return first
    }

    /** One item at a time, whatever its back-off, so that somebody asks although each of them may wait for long. */
    const sendScout = Effect.gen(function* () {
      const wait = probeIn()
      if (wait === undefined || scout !== undefined) return
      scout = nextDue(({ waitsForServer }) => waitsForServer)
      if (scout === undefined) return
      const pace = Duration.times(betweenScouts, 0.8 + 0.4 * (yield* Random.next))
      scout.dueAt = Math.min(scout.dueAt, now() + Math.ceil(Duration.toMillis(Duration.max(wait, pace))))
      changed.openUnsafe()
    })

    const next = Effect.fnUntraced(function* (handles: (key: WorkKey) => boolean) {
      while (true) {
        const entry = nextDue(({ key }) => handles(key))
        const wait = entry === undefined ? undefined : entry.dueAt - now()
        if (entry !== undefined && wait !== undefined && wait <= 0) {
          entry.running = true
          metrics.taken(entry.key.handler, -wait / 1000)
          return entry
        }
        changed.closeUnsafe()
        yield* wait === undefined ? changed.await : Effect.raceFirst(changed.await, Effect.sleep(Duration.millis(wait)))
        // An opened latch runs its waiters at once: whoever enqueues, such as an answer to the router, must not work here.
        yield* Effect.yieldNow
      }
    })

    /** Handling is over: the item comes back after the delay, or when it was asked for meanwhile, or not at all. */
    const settle = (entry: Entry, delay: Duration.Duration | undefined) => {
      const retryAt = delay === undefined ? undefined : now() + Duration.toMillis(delay)
      const dueAt = retryAt === undefined ? entry.againAt : Math.min(retryAt, entry.againAt ?? retryAt)
      if (dueAt !== undefined) entry.dueAt = dueAt
      else if (entries.delete(idOf(entry.key))) metrics.removed(entry.key.handler)
      entry.running = false
      entry.againAt = undefined
      changed.openUnsafe()
    }

    const delayAfter = (entry: Entry, failure: Failure, random: number) => {
      const delay = RetryPolicy.delayAfter(failure.policy, failure.error, entry.failures, random)
      const spent = RetryBudget.spend(budget, now())
      budget = spent.budget
      return Duration.max(delay, Duration.millis(spent.waitMillis))
    }

    const report = (entry: Entry, { call, error }: Failure, delay: Duration.Duration) => {
      const line = entry.failures === 1 ? Effect.logWarning : Effect.logDebug
      return line("work failed and will be tried again").pipe(
        Effect.annotateLogs({
          ...call,
          namespace,
          work: idOf(entry.key),
          error: error._tag,
          detail: error.message,
          failures: entry.failures,
          nextAttemptIn: Duration.format(delay)
        })
      )
    }

    const handleOne = (entry: Entry, handle: (key: WorkKey) => Effect.Effect<void, WorkError>) =>
      Effect.gen(function* () {
        if (entry === scout) scout = undefined
        if (entry.failures > 0) yield* Metric.update(retries, 1)
        const startedAt = clock.monotonicTimeNanosUnsafe()
        const exit = yield* Effect.exit(handle(entry.key))
        const took = Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9
        const success = entry.againAt === undefined ? "success" : "requeue_after"
        metrics.handled(entry.key.handler, Exit.isSuccess(exit) ? success : "error", took)
        if (Exit.isSuccess(exit)) {
          const { failures } = entry
          entry.failures = 0
          entry.waitsForServer = false
          settle(entry, undefined)
          if (failures === 0) return
          return yield* Effect.logInfo("work succeeded again").pipe(
            Effect.annotateLogs({ namespace, work: idOf(entry.key), failures })
          )
        }
        entry.failures++
        const failure = failureOf(exit.cause)
        entry.waitsForServer = isForServer(failure)
        const delay = delayAfter(entry, failure, yield* Random.next)
        settle(entry, delay)
        if (Cause.hasDies(exit.cause)) return yield* Effect.failCause(exit.cause as Cause.Cause<never>)
        yield* report(entry, failure, delay)
      }).pipe(
        // Another item's defect, or the end of the cell: this one was not handled to its end.
        Effect.onInterrupt(() => Effect.sync(() => entry.running && settle(entry, Duration.zero))),
        Effect.tap(sendScout)
      )

    return {
      enqueue: (key) => schedule(key, now()),
      enqueueAfter: (key, delay) => Effect.sync(() => schedule(key, now() + Duration.toMillis(delay))),
      releaseAll: Effect.gen(function* () {
        const failed = [...entries.values()].filter(({ failures, running }) => failures > 0 && !running)
        const within = Math.min(Duration.toMillis(releaseWithin), (failed.length * 1000) / releasedPerSecond)
        for (const entry of failed)
          entry.dueAt = Math.min(entry.dueAt, now() + Math.ceil(within * (yield* Random.next)))
        budget = RetryBudget.forgiven(budget)
        changed.openUnsafe()
      }),
      size: () => entries.size,
      run: (handle, handles = () => true) => {
        const worker = Effect.forever(Effect.flatMap(next(handles), (entry) => handleOne(entry, handle)))
        return Effect.forEach(Array.from({ length: workers }), () => worker, { concurrency: workers }).pipe(
          Effect.andThen(Effect.never)
        )
      }
    }
  })
