import {
  Cause,
  Context,
  Effect,
  type Fiber,
  Inspectable,
  Layer,
  Logger,
  type LogLevel,
  References,
  Tracer
} from "effect"
import { Settings } from "../Config.ts"
import { Tracing } from "../Tracing.ts"

/** How lines look: one JSON object each for machines, or one short coloured line each for people. */
export type LogForm = "json" | "readable"

/** Logs to standard output, from this level on. */
export const layer = (form: LogForm, level: LogLevel.LogLevel = "Info"): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([Logger.withConsoleLog(form === "json" ? json : readable)]),
    Layer.succeed(References.MinimumLogLevel, level)
  )

/** As the settings say: in detail with `DEBUG_ENV`. */
export const layerFromSettings: Layer.Layer<never, never, Settings> = Layer.unwrap(
  Effect.map(Settings, ({ debug }) => layer(formFor(process.stdout), debug ? "Debug" : "Info"))
)

/** Readable where a person looks on, JSON where the output is collected. */
export const formFor = (stream: { readonly isTTY?: boolean }): LogForm => (stream.isTTY === true ? "readable" : "json")

/** Names of the levels, as the stock executor's log writes them. */
const levels: { readonly [level: string]: string } = { TRACE: "debug", WARN: "warn" }

/** The annotations, the details of the message, and the trace that a line belongs to. */
const fieldsOf = (options: Logger.Options<unknown>) => {
  const { annotations, level, message, timestamp } = Logger.formatStructured.log(options)
  const [text, ...details] = Array.isArray(message) ? message : [message]
  return {
    timestamp,
    level,
    message: textOf(text),
    annotations: { ...annotations, ...traceOf(options.fiber), ...detailsOf(details) }
  }
}

/** Named facts beside the message are fields like the annotations. */
const detailsOf = (details: ReadonlyArray<unknown>): { readonly [name: string]: unknown } => {
  if (details.length === 0) return {}
  const [first] = details
  if (details.length > 1) return { details }
  return typeof first === "object" && first !== null && !Array.isArray(first) ? { ...first } : { detail: first }
}

/** Only of a trace that somebody records; every cold start has spans of its own. */
const traceOf = (fiber: Fiber.Fiber<unknown, unknown>) => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  const isRecorded = fiber.getRef(Tracer.Tracer) === fiber.getRef(Tracing)?.tracer
  return isRecorded && span !== undefined ? { trace_id: span.traceId, span_id: span.spanId } : {}
}

/**
 * The contract of observability.md section 5: `level`, `ts`, `logger`, `msg`, then the fields; an error with its stack as
 * text within the line.
 */
const json = Logger.make<unknown, string>((options) => {
  const { annotations, level, message, timestamp } = fieldsOf(options)
  const { logger = "executor", ...fields }: { readonly [name: string]: unknown } = annotations
  const [error] = Cause.prettyErrors(options.cause)
  return Inspectable.toStringUnknown(
    {
      level: levels[level] ?? level.toLowerCase(),
      ts: timestamp,
      logger,
      msg: message,
      ...fields,
      ...(error && { error: `${error.name}: ${error.message}`, stacktrace: Cause.pretty(options.cause) })
    },
    0
  )
})

const colours: { readonly [level: string]: string } = {
  DEBUG: "\u001B[90m",
  INFO: "\u001B[32m",
  WARN: "\u001B[33m",
  ERROR: "\u001B[31m",
  FATAL: "\u001B[41m"
}
const grey = "\u001B[90m"
const plain = "\u001B[0m"

const readable = Logger.make<unknown, string>((options) => {
  const { annotations, level, message, timestamp } = fieldsOf(options)
  const details = Object.entries(annotations).map(([name, value]) => `${name}=${textOf(value)}`)
  const cause = Cause.prettyErrors(options.cause).map((error) => `\n${error.stack ?? error.message}`)
  const time = timestamp.slice(11, 23)
  return `${grey}${time}${plain} ${colours[level] ?? ""}${level.padEnd(5)}${plain} ${message} ${grey}${details.join(" ")}${plain}${cause.join("")}`
})

const textOf = (value: unknown): string => (typeof value === "string" ? value : Inspectable.toStringUnknown(value, 0))
