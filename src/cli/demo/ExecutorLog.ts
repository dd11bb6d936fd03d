import { Layer, Logger, References } from "effect"

/** What the executor's log said about its namespaces, read instead of printed. */
export interface ExecutorLog {
  readonly layer: Layer.Layer<never>
  /** The announced waits before each further attempt at one kind, in order, as the log writes them: `1s 200ms`. */
  readonly waits: (namespace: string, resource: string) => ReadonlyArray<string>
  /** Warnings and errors. */
  readonly warnings: (namespace: string) => number
  /** Kinds whose list or watch fails at the moment. */
  readonly failing: (namespace: string) => number
}

/** An empty log. */
export const make = (): ExecutorLog => {
  const waits = new Map<string, Array<string>>()
  const warnings = new Map<string, number>()
  const failing = new Set<string>()

  const logger = Logger.make<unknown, void>(({ fiber, logLevel }) => {
    const { failedFor, namespace, nextAttemptIn, resource, ...call } = fiber.getRef(References.CurrentLogAnnotations)
    if (typeof namespace !== "string") return
    if (logLevel === "Warn" || logLevel === "Error") warnings.set(namespace, (warnings.get(namespace) ?? 0) + 1)
    // Not a watched kind, but an item of work or a single call that is repeated.
    if (typeof resource !== "string" || call["work"] !== undefined || call["attempt"] !== undefined) return
    const key = `${namespace}/${resource}`
    if (failedFor !== undefined) failing.delete(key)
    if (typeof nextAttemptIn !== "string") return
    failing.add(key)
    waits.set(key, [...(waits.get(key) ?? []), nextAttemptIn])
  })
  return {
    layer: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug")),
    waits: (namespace, resource) => waits.get(`${namespace}/${resource}`) ?? [],
    warnings: (namespace) => warnings.get(namespace) ?? 0,
    failing: (namespace) => [...failing].filter((key) => key.startsWith(`${namespace}/`)).length
  }
}
