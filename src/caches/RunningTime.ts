import { type Context, Metric } from "effect"

/** Records, when something that ran for a function is forgotten, how long it was of use. */
export const recordRunning = (
  fn: { readonly name: string; readonly namespace: string },
  seconds: number,
  services: Context.Context<never>
): void => {
  const labels = { function_name: fn.name, function_namespace: fn.namespace }
  Metric.withAttributes(runningSeconds, labels).updateUnsafe(seconds, services)
}

const runningSeconds = Metric.histogram("fission_function_running_seconds", {
  description: "Time from the creation of a function's pod or objects to the last access, at their removal",
  // Sixteen bounds; the last one that Effect makes is infinite.
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 2, count: 17 })
})
