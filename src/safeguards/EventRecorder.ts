import { Clock, Context, DateTime, Duration, Effect, FiberMap, Layer, Metric } from "effect"
import { apiVersionOf, Events, type ResourceKind } from "../fission/ResourceKind.ts"
import { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"

/** One Event per object and reason in this time (observability.md O22). */
const atMostEvery = Duration.minutes(5)
/** Bytes of a message that the API server accepts. */
const longestMessage = 1024

/** The object that an Event is about. */
export interface Regarding {
  readonly kind: Pick<ResourceKind, "group" | "version" | "kind">
  readonly namespace: string
  readonly name: string
  readonly uid?: string | undefined
}

/** What an Event says. */
export interface Note {
  readonly type: "Normal" | "Warning"
  /** CamelCase, for machines. */
  readonly reason: string
  /** For people; what is too long is cut. */
  readonly message: string
}

/** Writes Kubernetes Events, so that `kubectl describe` and `kubectl get events` tell of trouble (observability.md section 6). */
export class EventRecorder extends Context.Service<
  EventRecorder,
  {
    /**
     * Returns at once; the write follows, best effort, and the latest note about an object wins. At most one per object
     * and reason in five minutes. A namespace that forbids Events is not asked again.
     */
    readonly record: (regarding: Regarding, note: Note) => Effect.Effect<void>
  }
>()("fission-executor/safeguards/EventRecorder") {
  static readonly layer: Layer.Layer<EventRecorder, never, KubernetesApi> = Layer.effect(
    EventRecorder,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const clock = yield* Clock.Clock
      const writes = yield* FiberMap.make<string>()
      const fork = yield* FiberMap.runtime(writes)()
      const forbidden = new Set<string>()
      const writtenAt = new Map<string, bigint>()

      /** Whether it is time for one more; what is older than the interval is forgotten. */
      const isDue = (id: string) => {
        const now = clock.monotonicTimeNanosUnsafe()
        for (const [known, at] of writtenAt) {
          if (Duration.isLessThan(Duration.nanos(now - at), atMostEvery)) break
          writtenAt.delete(known)
        }
        if (writtenAt.has(id)) return false
        writtenAt.set(id, now)
        return true
      }

      const write = Effect.fnUntraced(function* (regarding: Regarding, note: Note) {
        // Named once, so that a repeated write is the same write.
        const event = eventOf(regarding, note, yield* Clock.currentTimeMillis)
        yield* api.create(Events, event).pipe(
          Effect.catchTag("KubernetesAlreadyExists", () => Effect.void),
          RetryPolicy.retry(RetryPolicy.bestEffort),
          Effect.catch((error) => {
            if (error.status === 403) forbidden.add(regarding.namespace)
            return Effect.andThen(
              countDropped(Events.kind),
              Effect.logDebug("an Event was not written", error.message).pipe(
                Effect.annotateLogs({ namespace: regarding.namespace, object: regarding.name, reason: note.reason })
              )
            )
          })
        )
      })

      return EventRecorder.of({
        record: (regarding, note) =>
          Effect.sync(() => {
            const object = `${regarding.kind.kind}/${regarding.namespace}/${regarding.name}`
            if (forbidden.has(regarding.namespace) || !isDue(`${object}/${note.reason}`)) return
            fork(object, write(regarding, note))
          })
      })
    })
  )
}

const eventOf = ({ kind, name, namespace, uid }: Regarding, { message, reason, type }: Note, now: number) => {
  const time = DateTime.formatIso(DateTime.makeUnsafe(now)).replace(/\.\d+Z$/u, "Z")
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `${name}.${reason.toLowerCase()}.${now.toString(16)}` },
    involvedObject: { apiVersion: apiVersionOf(kind), kind: kind.kind, namespace, name, ...(uid && { uid }) },
    type,
    reason,
    message: message.slice(0, longestMessage),
    source: { component },
    reportingComponent: component,
    reportingInstance: component,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1
  }
}

const component = "fission-executor"

const dropped = Metric.counter("fission_executor_best_effort_dropped_total", {
  description: "Conditions and Events that could not be written within ten minutes, by the kind that was to be written",
  incremental: true
})

/** Counts a write of the best-effort class that was given up (failure-semantics.md section 9.7). */
export const countDropped = (kind: string): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(dropped, { kind }), 1)
