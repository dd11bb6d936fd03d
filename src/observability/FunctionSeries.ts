import { Clock, Duration, Effect, Layer, Metric, Schedule } from "effect"
import { isSynced } from "../informers/NamespaceView.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"

/** How long the series of a function outlive it, so that its last counts are scraped (observability.md O2). */
const keptFor = Duration.minutes(10)

/**
 * Removes the series of functions that are gone, a while after the view lost them, so that short-lived functions do not
 * fill the memory. A function that comes back under its name within that while keeps its series.
 */
export const layer: Layer.Layer<never, never, Supervisor> = Layer.effectDiscard(
  Effect.gen(function* () {
    const supervisor = yield* Supervisor
    const registry = yield* Metric.MetricRegistry
    /** Since when functions with series are missing, by namespace and name; monotonic nanoseconds. */
    const missingSince = new Map<string, bigint>()

    const isMissing = (namespace: string, name: string) => {
      const view = supervisor.cell(namespace)?.view
      return view !== undefined && isSynced(view) && view.functions.get(namespace, name) === undefined
    }

    const sweep = Effect.map(Clock.monotonicTimeNanos, (now) => {
      for (const [series, { attributes }] of registry) {
        const name = attributes?.["function_name"]
        const namespace = attributes?.["function_namespace"]
        if (name === undefined || namespace === undefined) continue
        const fn = `${namespace}/${name}`
        if (!isMissing(namespace, name)) {
          missingSince.delete(fn)
          continue
        }
        const since = missingSince.get(fn) ?? now
        missingSince.set(fn, since)
        if (Duration.isGreaterThanOrEqualTo(Duration.nanos(now - since), keptFor)) registry.delete(series)
      }
      for (const [fn, since] of missingSince) {
        if (Duration.isGreaterThanOrEqualTo(Duration.nanos(now - since), keptFor)) missingSince.delete(fn)
      }
    })
    yield* Effect.forkScoped(Effect.repeat(sweep, Schedule.spaced(Duration.minutes(1))))
  })
)
