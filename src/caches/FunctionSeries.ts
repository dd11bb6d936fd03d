import { type Context, Metric } from "effect"

/** Functions whose series are kept. */
const capacity = 1000

/** One update of a function's series. Synchronous. */
export type UpdateSeries = (fn: { readonly name: string; readonly namespace: string }, value: number) => void

/**
 * A metric with a series for each function, by the labels of the stock executor. A series lives until it is removed, and
 * functions come and go: of more than a thousand the one that was updated least recently goes.
 */
export const make = <State>(metric: Metric.Metric<number, State>, services: Context.Context<never>): UpdateSeries => {
  const known = new Map<string, Metric.Metric<number, State>>()
  return ({ name, namespace }, value) => {
    const key = `${namespace}/${name}`
    const series =
      known.get(key) ?? Metric.withAttributes(metric, { function_name: name, function_namespace: namespace })
    known.delete(key)
    known.set(key, series)
    series.updateUnsafe(value, services)
    if (known.size <= capacity) return
    for (const [oldest, itsSeries] of known) {
      known.delete(oldest)
      return Metric.removeUnsafe(itsSeries, services)
    }
  }
}
