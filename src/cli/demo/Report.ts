import { Clock, Console, Duration, Effect, Schedule } from "effect"
import type { Counts } from "./Traffic.ts"

/** One line of the table at the end. */
export interface Row {
  readonly step: string
  readonly seen: string
  readonly asPromised: boolean
}

/** Prints a line of the table, and gives it. */
export const show = (row: Row) =>
  Effect.as(Console.log(`  ${row.asPromised ? "ok  " : "DIFF"} ${row.step.padEnd(58)} ${row.seen}`), row)

/** A duration for people, in seconds. */
export const seconds = (duration: Duration.Duration) => `${Duration.toSeconds(duration).toFixed(1)} s`
/** A duration for people, in milliseconds. */
export const millis = (duration: Duration.Duration) => `${Math.round(Duration.toMillis(duration))} ms`

/** Looks again every 50 ms until it is so; how long that took, or undefined after the limit. */
export const until = <E, R>(isSo: Effect.Effect<boolean, E, R>, limit: Duration.Duration) =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.monotonicTimeNanos
    const waited = yield* isSo.pipe(
      Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (so) => so }),
      Effect.timeoutOption(limit)
    )
    if (waited._tag === "None") return undefined
    return Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt)
  })

/** A line about requests of which none may fail. */
export const countsRow = (step: string, counts: ReadonlyArray<() => Counts>) => {
  const answered = counts.reduce((sum, count) => sum + count().answered, 0)
  const failed = counts.reduce((sum, count) => sum + count().failed, 0)
  return show({ step, seen: `${answered} answered, ${failed} failed`, asPromised: answered > 0 && failed === 0 })
}
