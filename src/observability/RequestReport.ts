import { Effect, Metric } from "effect"

/** Calls to the Kubernetes API since the start of this process: watches and repetitions included. */
export interface RequestReport {
  readonly requests: ReadonlyArray<{ readonly method: string; readonly code: string; readonly total: number }>
  /** Calls that failed, by the class of the failure. */
  readonly errors: ReadonlyArray<{ readonly class: string; readonly total: number }>
}

/** The counters of calls as they are, summed over hosts, kinds and namespaces; a rate takes two looks. */
export const describeRequests: Effect.Effect<RequestReport> = Effect.gen(function* () {
  const registry = yield* Metric.MetricRegistry
  const services = yield* Effect.context<never>()

  const totals = (id: string, keyOf: (labels: Metric.Metric.AttributeSet) => string) => {
    const sums = new Map<string, number>()
    for (const series of registry.values()) {
      if (series.id !== id) continue
      const key = keyOf(series.attributes ?? {})
      sums.set(key, (sums.get(key) ?? 0) + Number(series.hooks.get(services).count))
    }
    return [...sums].toSorted(([, left], [, right]) => right - left)
  }

  return {
    requests: totals("rest_client_requests_total", ({ code = "", method = "" }) => `${method} ${code}`).map(
      ([key, total]) => {
        const [method = "", code = ""] = key.split(" ")
        return { method, code, total }
      }
    ),
    errors: totals("fission_executor_api_errors_total", (labels) => labels["class"] ?? "").map(([name, total]) => ({
      class: name,
      total
    }))
  }
})
