import { Metric } from "effect"

/** How long something that ran for a function was of use, in seconds; recorded when it is forgotten. */
export const runningSeconds = Metric.histogram("fission_function_running_seconds", {
  description: "Time from the creation of a function's pod or objects to the last access, at their removal",
  // Sixteen bounds; the last one that Effect makes is infinite.
  boundaries: Metric.exponentialBoundaries({ start: 1, factor: 2, count: 17 })
})
