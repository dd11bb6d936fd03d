import { type DateTime, Duration, Result, Schema } from "effect"
import { parseGoDuration } from "../Config.ts"
import * as CronSchedule from "./CronSchedule.ts"
import type { FissionFunction } from "./Function.ts"

/** A time of its own target: from each time of the schedule on, for the duration. */
interface Window {
  readonly name: string
  readonly schedule: CronSchedule.CronSchedule
  readonly millis: number
  readonly target: number
}

/** How many pods a Function wants to have warm, and when (poolmgr.md section 17). */
export interface ProvisionedConcurrency {
  /** Outside of every window. */
  readonly target: number
  readonly windows: ReadonlyArray<Window>
  /** What was left out because it makes no sense, each in a sentence. */
  readonly problems: ReadonlyArray<string>
}

/** What holds at one moment. Times are milliseconds since 1970. */
export interface Plan {
  /** Pods to have warm. */
  readonly target: number
  /** Names of the windows that are open. */
  readonly open: ReadonlySet<string>
  /** When the next window opens or closes; undefined when none will. */
  readonly changesAt: number | undefined
}

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const decodeTarget = Schema.decodeUnknownResult(Schema.Struct({ target: Count }))
const decodeWindows = Schema.decodeUnknownResult(
  Schema.Struct({ windows: Schema.optionalKey(Schema.NullishOr(Schema.Array(Schema.Unknown))) })
)
const decodeWindow = Schema.decodeUnknownResult(
  Schema.Struct({ name: Schema.String, start: Schema.String, duration: Schema.String, target: Count })
)

/** Windows of one Function that are read. */
const mostWindows = 32

/**
 * What a Function says; undefined where it says nothing. A window that cannot be read is left out, a target counts as 0.
 *
 * @param zone of windows that name none
 */
export const provisionedConcurrency = (
  { spec }: Pick<FissionFunction, "spec">,
  zone: DateTime.TimeZone
): ProvisionedConcurrency | undefined => {
  const given = spec.provisionedConcurrency ?? undefined
  if (given === undefined) return undefined
  const target = Result.getOrUndefined(decodeTarget(given))?.target
  const listed = Result.getOrUndefined(decodeWindows(given))
  const raw = listed?.windows ?? []
  const windows = raw.slice(0, mostWindows).map((window, index) => windowOf(window, index, zone))
  return {
    target: target ?? 0,
    windows: windows.flatMap((window) => (Result.isSuccess(window) ? [window.success] : [])),
    problems: [
      ...(target === undefined ? ["the target is no whole number from 0 on"] : []),
      ...(listed === undefined ? ["the windows are no list"] : []),
      ...windows.flatMap((window) => (Result.isFailure(window) ? [window.failure] : [])),
      ...(raw.length > mostWindows ? [`only the first ${mostWindows} windows are read`] : [])
    ]
  }
}

const windowOf = (raw: unknown, index: number, zone: DateTime.TimeZone): Result.Result<Window, string> => {
  const decoded = decodeWindow(raw)
  if (Result.isFailure(decoded)) return Result.fail(`window ${index + 1} lacks a name, start, duration or target`)
  const { duration, name, start, target } = decoded.success
  const length = parseGoDuration(duration)
  if (length === undefined) return Result.fail(`window ${name}: ${duration} is no duration`)
  return CronSchedule.parse(start, zone).pipe(
    Result.map((schedule) => ({ name, schedule, millis: Duration.toMillis(length), target })),
    Result.mapError((problem) => `window ${name}: ${start}: ${problem}`)
  )
}

/** The target of the open windows, the highest of several and even if it is lower than the base, else the base. */
export const planAt = ({ target, windows }: ProvisionedConcurrency, now: number): Plan => {
  const looked = windows.map((window) => ({ window, closesAt: closesAt(window, now) }))
  const open = looked.filter(({ closesAt }) => closesAt !== undefined)
  const changes = looked.flatMap(({ closesAt, window }) => closesAt ?? window.schedule.next(now) ?? [])
  return {
    target: open.length === 0 ? target : Math.max(...open.map(({ window }) => window.target)),
    open: new Set(open.map(({ window }) => window.name)),
    changesAt: changes.length === 0 ? undefined : Math.min(...changes)
  }
}

/** When the window closes unless it begins anew before; undefined while it is closed, as it is at exactly its end. */
const closesAt = ({ millis, schedule }: Window, now: number): number | undefined => {
  const begunAt = schedule.last(now)
  return begunAt !== undefined && now < begunAt + millis ? begunAt + millis : undefined
}
