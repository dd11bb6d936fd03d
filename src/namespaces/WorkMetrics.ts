import { type Context, Effect, Metric } from "effect"

/** What is counted of the work of one handler, under the names of client-go and controller-runtime (observability.md section 3.2). */
export interface WorkMetrics {
  readonly added: (handler: string) => void
  /** The item is neither waiting nor being handled any more. */
  readonly removed: (handler: string) => void
  /** It was taken up so many seconds after it was due. */
  readonly taken: (handler: string, waited: number) => void
  readonly handled: (handler: string, result: "success" | "error" | "requeue_after", took: number) => void
}

interface Series {
  readonly depth: Metric.Metric<number, unknown>
  readonly adds: Metric.Metric<number, unknown>
  readonly retries: Metric.Metric<number, unknown>
  readonly waited: Metric.Metric<number, unknown>
  readonly took: Metric.Metric<number, unknown>
  readonly errors: Metric.Metric<number, unknown>
  readonly results: { readonly [result in "success" | "error" | "requeue_after"]: Metric.Metric<number, unknown> }
}

/** The queues of all namespaces count together, each handler under a controller of its own. */
export const make: Effect.Effect<WorkMetrics> = Effect.map(
  Effect.context<never>(),
  (services: Context.Context<never>) => {
    const known = new Map<string, Series>()

    const seriesOf = (handler: string): Series => {
      const series = known.get(handler)
      if (series !== undefined) return series
      const made = makeSeries(`executor-${handler}`)
      known.set(handler, made)
      // There from the start, so that `rate()` sees the first failure (observability.md O3).
      for (const counter of [made.retries, made.errors]) counter.updateUnsafe(0, services)
      return made
    }

    return {
      added: (handler) => {
        seriesOf(handler).adds.updateUnsafe(1, services)
        seriesOf(handler).depth.modifyUnsafe(1, services)
      },
      removed: (handler) => seriesOf(handler).depth.modifyUnsafe(-1, services),
      taken: (handler, waited) => seriesOf(handler).waited.updateUnsafe(waited, services),
      handled: (handler, result, took) => {
        const series = seriesOf(handler)
        series.took.updateUnsafe(took, services)
        series.results[result].updateUnsafe(1, services)
        if (result !== "error") return
        series.errors.updateUnsafe(1, services)
        series.retries.updateUnsafe(1, services)
      }
    }
  }
)

const makeSeries = (controller: string): Series => {
  const queue = { name: controller, controller }
  const ofResult = (result: string) => Metric.withAttributes(reconciles, { controller, result })
  return {
    depth: Metric.withAttributes(depth, queue),
    adds: Metric.withAttributes(adds, queue),
    retries: Metric.withAttributes(retries, queue),
    waited: Metric.withAttributes(queueSeconds, queue),
    took: Metric.withAttributes(workSeconds, queue),
    errors: Metric.withAttributes(reconcileErrors, { controller }),
    results: {
      success: ofResult("success"),
      error: ofResult("error"),
      requeue_after: ofResult("requeue_after")
    }
  }
}

/** Twelve bounds; the last one that Effect makes is infinite. */
const boundaries = Metric.exponentialBoundaries({ start: 1e-8, factor: 10, count: 13 })

const depth = Metric.gauge("workqueue_depth", {
  description: "Items that wait, with or without a delay, or are handled"
})
const adds = Metric.counter("workqueue_adds_total", { description: "Items added", incremental: true })
const retries = Metric.counter("workqueue_retries_total", { description: "Items added again", incremental: true })
const queueSeconds = Metric.histogram("workqueue_queue_duration_seconds", {
  description: "Time from when an item is due to when it is taken up",
  boundaries
})
const workSeconds = Metric.histogram("workqueue_work_duration_seconds", {
  description: "Time that handling an item takes",
  boundaries
})
const reconciles = Metric.counter("controller_runtime_reconcile_total", {
  description: "Items handled, by what came of it",
  incremental: true
})
const reconcileErrors = Metric.counter("controller_runtime_reconcile_errors_total", {
  description: "Items that failed and come back",
  incremental: true
})
