import { Clock, Duration, Effect } from "effect"
import type { KindStatus } from "../informers/WatchScope.ts"
import { callFields } from "../kubernetes/CallMetrics.ts"
import type { HealthState, NamespaceHealth } from "./NamespaceHealth.ts"

/**
 * Tells operators what fails in a namespace, what happens next and when: the first failure of a series warns, repeats
 * are for debugging, recovery informs (failure-semantics.md section 9.7).
 */
export interface CellLog {
  /** A reflector changed its state. Says nothing while all is well. */
  readonly status: (status: KindStatus) => Effect.Effect<void>
  /** The namespace changed its state. */
  readonly health: (before: NamespaceHealth, after: NamespaceHealth) => Effect.Effect<void>
}

/** Makes the log of one namespace, in which nothing fails yet. */
export const make = (namespace: string): CellLog => {
  /** Since when each resource fails (monotonic milliseconds), and whether it was blocked. */
  const failing = new Map<string, { readonly since: number; readonly blocked: boolean }>()

  const failed = (status: KindStatus, now: number) => {
    const { error, failures, nextAttempt, state } = status.status
    const known = failing.get(status.resource)
    const blocked = state === "Blocked"
    const isFirst = blocked ? known?.blocked !== true : failing.size === 0
    failing.set(status.resource, { since: known?.since ?? now, blocked })
    const first = blocked ? Effect.logError : Effect.logWarning
    const line = isFirst ? first : Effect.logDebug
    return line(
      blocked ? "list or watch is refused and tried again slowly" : "list or watch failed and is tried again"
    ).pipe(
      Effect.annotateLogs({
        ...(error && callFields(error)),
        namespace,
        resource: status.resource,
        error: error?._tag,
        elapsedMs: now - (known?.since ?? now),
        detail: error?.message,
        failures,
        nextAttemptIn: nextAttempt && Duration.format(nextAttempt)
      })
    )
  }

  const recovered = (resource: string, now: number) => {
    const known = failing.get(resource)
    if (known === undefined) return Effect.void
    failing.delete(resource)
    return Effect.logInfo("list and watch work again").pipe(
      Effect.annotateLogs({ namespace, resource, failedFor: format(now - known.since) })
    )
  }

  return {
    status: (status) =>
      Effect.flatMap(monotonicMillis, (now) => {
        if (status.status.error === undefined) return recovered(status.resource, now)
        return status.status.nextAttempt === undefined ? Effect.void : failed(status, now)
      }),
    health: (before, after) => {
      const level = levels[after.state]
      const line = level === "info" ? Effect.logInfo : level === "warning" ? Effect.logWarning : Effect.logError
      return line(consequences[after.state]).pipe(
        Effect.annotateLogs({
          namespace,
          state: after.state,
          previousState: before.state,
          previousStateFor: format(after.since - before.since),
          ...(after.reason === "" ? {} : { reason: after.reason })
        })
      )
    }
  }
}

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const format = (millis: number): string => Duration.format(Duration.millis(millis))

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
