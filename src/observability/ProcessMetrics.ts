import { readdirSync, readFileSync } from "node:fs"
import { monitorEventLoopDelay, performance, PerformanceObserver } from "node:perf_hooks"
import { type Context, Effect, Layer, Metric } from "effect"

/**
 * Metrics of this process and its runtime, under the names of the usual Prometheus clients (observability.md O11). They
 * are read when they are scraped; those that only Linux knows are left out elsewhere.
 */
export const layer: Layer.Layer<never> = Layer.effectDiscard(
  Effect.gen(function* () {
    const services: Context.Context<never> = yield* Effect.context<never>()

    const gauge = (name: string, description: string, value: () => number) => {
      const { remove } = Metric.registerUnsafe(Metric.gauge(name, { description }), services, {
        get: () => ({ value: value() }),
        update: () => {},
        modify: () => {}
      })
      return Effect.addFinalizer(() => Effect.sync(remove))
    }

    const cpu = Metric.registerUnsafe(cpuSeconds, services, {
      get: () => {
        const { system, user } = process.cpuUsage()
        return { count: (user + system) / 1e6, incremental: true }
      },
      update: () => {},
      modify: () => {}
    })
    yield* Effect.addFinalizer(() => Effect.sync(cpu.remove))
    yield* gauge(
      "process_start_time_seconds",
      "Start of this process, in seconds since 1970",
      () => performance.timeOrigin / 1000
    )
    yield* gauge("process_resident_memory_bytes", "Memory that is resident", () => process.memoryUsage.rss())
    yield* gauge("nodejs_heap_size_used_bytes", "Heap that is used", () => process.memoryUsage().heapUsed)
    yield* gauge("nodejs_heap_size_total_bytes", "Heap that is reserved", () => process.memoryUsage().heapTotal)

    if (process.platform === "linux") {
      yield* gauge("process_virtual_memory_bytes", "Virtual memory", virtualMemory)
      yield* gauge("process_open_fds", "Open file descriptors", () => readdirSync("/proc/self/fd").length)
      yield* gauge("process_max_fds", "File descriptors that may be open", maxFileDescriptors)
    }

    const delay = monitorEventLoopDelay({ resolution: 20 })
    delay.enable()
    yield* Effect.addFinalizer(() => Effect.sync(() => delay.disable()))
    yield* gauge(
      "nodejs_eventloop_lag_p99_seconds",
      "99th percentile of the event loop's delay since the last scrape",
      () => {
        const p99 = delay.percentile(99) / 1e9
        delay.reset()
        return p99
      }
    )

    const collections = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) gcSeconds.updateUnsafe(duration / 1000, services)
    })
    collections.observe({ entryTypes: ["gc"] })
    yield* Effect.addFinalizer(() => Effect.sync(() => collections.disconnect()))
  })
)

/** Field 23 of `/proc/self/stat`; the name of the process before it may hold blanks. */
const virtualMemory = (): number => {
  const stat = readFileSync("/proc/self/stat", "utf8")
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[20])
}

const maxFileDescriptors = (): number =>
  Number(/^Max open files\s+(\d+)/mu.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Number.NaN)

const cpuSeconds = Metric.counter("process_cpu_seconds_total", {
  description: "Processor time that this process has used",
  incremental: true
})
const gcSeconds = Metric.histogram("nodejs_gc_duration_seconds", {
  description: "Garbage collections and how long each took",
  boundaries: [0.001, 0.01, 0.1, 1, 2, 5]
})
