import { Cause, Inspectable, Layer, Logger, type LogLevel, References } from "effect"

/** How lines look: one JSON object each for machines, or one short coloured line each for people. */
export type LogForm = "json" | "readable"

/** Logs to standard output, from this level on. */
export const layer = (form: LogForm, level: LogLevel.LogLevel = "Info"): Layer.Layer<never> =>
  Layer.merge(
    Logger.layer([Logger.withConsoleLog(form === "json" ? json : readable)]),
    Layer.succeed(References.MinimumLogLevel, level)
  )

/** Readable where a person looks on, JSON where the output is collected. */
export const formFor = (stream: { readonly isTTY?: boolean }): LogForm => (stream.isTTY === true ? "readable" : "json")

const fieldsOf = (options: Logger.Options<unknown>) => {
  const { annotations, cause, level, message, timestamp } = Logger.formatStructured.log(options)
  const [text, ...details] = Array.isArray(message) ? message : [message]
  return {
    timestamp,
    level,
    message: textOf(text),
    ...annotations,
    ...(details.length === 0 ? {} : { details: details.length === 1 ? details[0] : details }),
    ...(cause === undefined ? {} : { cause })
  }
}

const json = Logger.make<unknown, string>((options) => Inspectable.toStringUnknown(fieldsOf(options), 0))

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
  const { cause: _, level, message, timestamp, ...fields } = fieldsOf(options)
  const details = Object.entries(fields).map(([name, value]) => `${name}=${textOf(value)}`)
  const cause = Cause.prettyErrors(options.cause).map((error) => `\n${error.stack ?? error.message}`)
  const time = timestamp.slice(11, 23)
  return `${grey}${time}${plain} ${colours[level] ?? ""}${level.padEnd(5)}${plain} ${message} ${grey}${details.join(" ")}${plain}${cause.join("")}`
})

const textOf = (value: unknown): string => (typeof value === "string" ? value : Inspectable.toStringUnknown(value, 0))
