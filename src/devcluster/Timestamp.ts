import { Clock, DateTime, Effect } from "effect"

/** A time in milliseconds as Kubernetes writes it: in UTC, to the second. */
export const timestampOf = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(millis)).replace(/\.\d+Z$/u, "Z")

/** The time as Kubernetes writes it. */
export const timestamp: Effect.Effect<string> = Effect.map(Clock.currentTimeMillis, timestampOf)
