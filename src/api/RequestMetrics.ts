import { Clock, type Context, Effect, Metric } from "effect"

/** Ends the measurement of one request; undefined: it was not let in, and counts only while it was under way. */
export type EndRequest = (code: number | undefined) => void

/** Counts requests under the path of their route (observability.md section 3.1). */
export interface RequestMetrics {
  /** Begins the measurement of one request. `path` is one of a bounded set. */
  readonly begin: (path: string, method: string) => EndRequest
}

/** What is kept per path and method, so that a warm request makes no label set of its own. */
interface Series {
  readonly inFlight: Metric.Metric<number, unknown>
  readonly duration: Metric.Metric<number, unknown>
  readonly byCode: Map<number, Metric.Metric<number, unknown>>
}

/** Makes the metrics of one server; nothing is counted yet. */
export const make: Effect.Effect<RequestMetrics> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const services: Context.Context<never> = yield* Effect.context<never>()
  const known = new Map<string, Series>()

  const seriesOf = (path: string, method: string): Series => {
    const id = `${method} ${path}`
    const series = known.get(id) ?? {
      inFlight: Metric.withAttributes(inFlight, { path, method }),
      duration: Metric.withAttributes(duration, { path, method }),
      byCode: new Map()
    }
    known.set(id, series)
    return series
  }

  return {
    begin: (path, method) => {
      const series = seriesOf(path, method)
      const startedAt = clock.monotonicTimeNanosUnsafe()
      series.inFlight.modifyUnsafe(1, services)
      return (code) => {
        series.inFlight.modifyUnsafe(-1, services)
        if (code === undefined) return
        const counter = series.byCode.get(code) ?? Metric.withAttributes(total, { path, method, code: String(code) })
        series.byCode.set(code, counter)
        counter.updateUnsafe(1, services)
        series.duration.updateUnsafe(Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9, services)
      }
    }
  }
})

/** Counts a request whose signature was refused (observability.md O10). */
export const countAuthFailure = (reason: string): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(authFailures, { service: "executor", reason }), 1)

const total = Metric.counter("http_requests_total", {
  description: "Requests by path, method and status; those that were not let in are not counted",
  incremental: true
})
const duration = Metric.histogram("http_requests_duration_seconds", {
  description: "Time from a request's headers to its answer",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
})
const inFlight = Metric.gauge("http_requests_in_flight", { description: "Requests without an answer yet" })
const authFailures = Metric.counter("fission_internal_auth_failures_total", {
  description: "Requests refused because of their signature",
  incremental: true
})
