import { Cron, DateTime, Duration, Option, Result } from "effect"
import { parseGoDuration } from "../Config.ts"

/** When something happens again and again. All times are milliseconds since 1970. */
export interface CronSchedule {
  /** The last time at or before the instant; undefined when it never came before. */
  readonly last: (instant: number) => number | undefined
  /** The first time after the instant; undefined when it never comes again. */
  readonly next: (instant: number) => number | undefined
}

const descriptors: { readonly [name: string]: string } = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *"
}

/**
 * Reads a cron expression as Fission does (poolmgr.md section 17): five fields or six with leading seconds, `?` for `*`,
 * names of months and days, a descriptor such as `@hourly` or `@every 1h`, all of it after an optional `CRON_TZ=<zone>`.
 * The failure says in a sentence what is wrong.
 *
 * @param zone where the expression names none
 */
export const parse = (text: string, zone: DateTime.TimeZone): Result.Result<CronSchedule, string> => {
  const [, zoneName, expression = ""] = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/su.exec(text.trim()) ?? []
  const [, interval] = /^@every\s+(\S+)$/u.exec(expression) ?? []
  if (interval !== undefined) return every(interval)
  const named = zoneName === undefined ? Option.some(zone) : DateTime.zoneFromString(zoneName)
  if (Option.isNone(named)) return Result.fail(`there is no time zone ${zoneName}`)
  const fields = (descriptors[expression] ?? expression).replaceAll(/(?<=^|\s)\?(?=$|[\s/,])/gu, "*")
  return Cron.parse(fields).pipe(
    Result.mapError(({ message }) => message),
    Result.map(onWallClock),
    Result.filterOrFail(comes, () => "it names a day that no month has"),
    Result.map((wall) => inZone(wall, named.value))
  )
}

/**
 * Has no beginning: it comes one interval, of whole seconds, after whatever instant one asks about. So what lasts at least
 * as long goes on for ever, and what is shorter never begins.
 */
const every = (text: string): Result.Result<CronSchedule, string> => {
  const interval = parseGoDuration(text)
  if (interval === undefined || !Duration.isPositive(interval)) return Result.fail(`${text} is no duration`)
  const millis = Math.max(1, Math.floor(Duration.toSeconds(interval))) * 1000
  return Result.succeed({ last: (instant) => instant + 1 - millis, next: (instant) => instant + millis })
}

const utc = DateTime.zoneMakeNamedUnsafe("UTC")

/**
 * The expression as if every day had 24 hours. Day of month and day of week each suffice where both are restricted, and
 * `*` with a step is a restriction.
 */
const onWallClock = ({ days, hours, minutes, months, seconds, weekdays }: Cron.Cron): Cron.Cron =>
  Cron.make({ days, hours, minutes, months, seconds, weekdays, and: false, tz: utc })

const comes = (wall: Cron.Cron): boolean => step(Cron.next, wall, 0) !== undefined

/** Undefined where there is no such time: the library throws then. */
const step = (towards: typeof Cron.next, wall: Cron.Cron, from: number): number | undefined =>
  Result.getOrUndefined(Result.try(() => towards(wall, new Date(from)).getTime()))

/**
 * An instant counts exactly if the clocks of the zone show it: what falls into a skipped hour does not happen, what falls
 * into a repeated one happens twice. So each stretch of time without a change of the clocks is searched by itself: the
 * library moves skipped times to the hour after, and may search for minutes there.
 */
const inZone = (wall: Cron.Cron, zone: DateTime.TimeZone): CronSchedule => {
  const offsetAt = (instant: number) => DateTime.zonedOffset(DateTime.makeZonedUnsafe(instant, { timeZone: zone }))

  const last = (instant: number): number | undefined => {
    const offset = offsetAt(instant)
    const shown = step(Cron.prev, wall, instant + offset + 1)
    if (shown === undefined) return undefined
    const before = changeBetween(offsetAt, instant, shown - offset)
    return before === undefined ? shown - offset : last(before)
  }

  /** The first time at or after the instant. */
  const first = (instant: number): number | undefined => {
    const offset = offsetAt(instant)
    const shown = step(Cron.next, wall, instant + offset - 1)
    if (shown === undefined) return undefined
    const after = changeBetween(offsetAt, instant, shown - offset)
    return after === undefined ? shown - offset : first(after)
  }

  return { last, next: (instant) => first(instant + 1) }
}

/** Clocks change less often than this. */
const stride = 7 * 86_400_000

/** The instant nearest to `from`, on the way to `to`, that has another offset; undefined when there is none. */
const changeBetween = (offsetAt: (instant: number) => number, from: number, to: number): number | undefined => {
  const offset = offsetAt(from)
  const direction = Math.sign(to - from)
  let same = from
  while (same !== to) {
    const ahead = Math.abs(to - same) <= stride ? to : same + direction * stride
    if (offsetAt(ahead) !== offset) return bisect((instant) => offsetAt(instant) !== offset, same, ahead)
    same = ahead
  }
  return undefined
}

/** The end nearest to `without` of what `holds`, which does so at `within` and not at `without`. */
const bisect = (holds: (instant: number) => boolean, without: number, within: number): number => {
  if (Math.abs(within - without) <= 1) return within
  const middle = Math.floor((without + within) / 2)
  return holds(middle) ? bisect(holds, without, middle) : bisect(holds, middle, within)
}
