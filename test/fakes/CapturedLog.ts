import { Effect, Layer, Logger, References } from "effect"

/** One line of the log, as an operator reads it: constant text, data beside it. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly fields: { readonly [name: string]: unknown }
}

/** Everything that is logged, of every level, instead of printing it. */
export interface CapturedLog {
  readonly lines: ReadonlyArray<LogLine>
  readonly layer: Layer.Layer<never>
  /** The lines about one namespace, of the given levels. */
  readonly of: (namespace: string, ...levels: ReadonlyArray<string>) => ReadonlyArray<LogLine>
}

/** Starts with an empty log. */
export const make: Effect.Effect<CapturedLog> = Effect.sync(() => {
  const lines: Array<LogLine> = []
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    const [text] = Array.isArray(message) ? message : [message]
    lines.push({
      level: logLevel,
      message: String(text),
      fields: { ...fiber.getRef(References.CurrentLogAnnotations) }
    })
  })
  return {
    lines,
    layer: Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All")),
    of: (namespace, ...levels) =>
      lines.filter(
        (line) => line.fields["namespace"] === namespace && (levels.length === 0 || levels.includes(line.level))
      )
  }
})
