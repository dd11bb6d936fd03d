import { Clock, Duration, Effect, Metric } from "effect"
import { failedCall, type KubernetesCall, type KubernetesError } from "../Errors.ts"

/** Attempts after a failure: calls, work items, lists and watches alike (failure-semantics.md section 9.7). */
export const retries = Metric.counter("fission_executor_api_retries_total", {
  description: "Attempts to repeat something after the Kubernetes API failed it",
  incremental: true
})

const errors = Metric.counter("fission_executor_api_errors_total", {
  description: "Calls to the Kubernetes API that failed, by the class of the failure",
  incremental: true
})

/**
 * Counts each failure of a call under its class, and logs it for debugging; changes nothing else. Calls that were never
 * sent do not belong here.
 */
export const countErrors =
  ({ namespace = "", resource, verb }: KubernetesCall) =>
  <A, R>(self: Effect.Effect<A, KubernetesError, R>): Effect.Effect<A, KubernetesError, R> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (startedAt) =>
      Effect.tapError(self, (error) =>
        Effect.gen(function* () {
          yield* Metric.update(Metric.withAttributes(errors, { verb, resource, namespace, class: classOf(error) }), 1)
          const elapsedMs = Number(((yield* Clock.monotonicTimeNanos) - startedAt) / 1_000_000n)
          yield* Effect.logDebug("a call to the Kubernetes API failed").pipe(
            Effect.annotateLogs({ ...callFields(error), detail: error.message, elapsedMs })
          )
        })
      )
    )

/** What the log says of a failed call wherever it speaks of one (failure-semantics.md section 9.7). */
export const callFields = (error: KubernetesError) => {
  const { name, namespace, resource, verb } = failedCall(error)
  const isTimeout = error._tag === "KubernetesTimeoutError"
  return {
    verb,
    resource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    class: classOf(error),
    ...(isTimeout && { kind: error.kind }),
    ...(isTimeout && error.retryAfter && { retryAfterMs: Duration.toMillis(error.retryAfter) })
  }
}

/** The class as failure-semantics.md section 2 names it. */
const classOf = (error: KubernetesError): string => {
  const name = error._tag.replace("Kubernetes", "")
  if (error._tag === "KubernetesTimeoutError") return `${name}.${error.kind}`
  return error._tag === "KubernetesFatalError" ? `${name}.${error.scope}` : name
}

const requests = Metric.counter("rest_client_requests_total", {
  description: "HTTP requests to the Kubernetes API by status, method and host, watches and repetitions included",
  incremental: true
})
const requestSeconds = Metric.histogram("rest_client_request_duration_seconds", {
  description: "Time from sending a request to the Kubernetes API to the headers of its answer",
  boundaries: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
})

/** Counts HTTP requests to one API server under the names of client-go (observability.md section 3.2). */
export interface RequestCounter {
  /** `code` is `<error>` where no answer came. */
  readonly count: (method: string, host: string, code: string, seconds: number) => void
}

/** Makes the counter; it keeps each label set that it has seen. */
export const requestCounter: Effect.Effect<RequestCounter> = Effect.map(Effect.context<never>(), (services) => {
  const counters = new Map<string, Metric.Metric<number, unknown>>()
  const kept = (id: string, make: () => Metric.Metric<number, unknown>) => {
    const metric = counters.get(id) ?? make()
    counters.set(id, metric)
    return metric
  }
  return {
    count: (method, host, code, seconds) => {
      const total = kept(`${method} ${host} ${code}`, () => Metric.withAttributes(requests, { code, method, host }))
      total.updateUnsafe(1, services)
      const time = kept(`${method} ${host}`, () => Metric.withAttributes(requestSeconds, { verb: method, host }))
      time.updateUnsafe(seconds, services)
    }
  }
})
