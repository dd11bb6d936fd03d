import { assert, describe, it } from "@effect/vitest"
import { DateTime, Result } from "effect"
import { parse } from "../../src/fission/CronSchedule.ts"

const zone = (name: string) => DateTime.zoneMakeNamedUnsafe(name)
const newYork = "America/New_York"

const schedule = (text: string, zoneName = "UTC") => Result.getOrThrow(parse(text, zone(zoneName)))
const iso = (instant: number | undefined) =>
  instant === undefined ? "never" : new Date(instant).toISOString().replace(".000Z", "Z")

/** The times after one and up to another, as far as they are the first ten. */
const timesBetween = (text: string, zoneName: string, from: string, to: string): ReadonlyArray<string> => {
  const { next } = schedule(text, zoneName)
  const times: Array<string> = []
  let at = next(Date.parse(from))
  while (at !== undefined && at <= Date.parse(to) && times.length < 10) {
    times.push(iso(at))
    at = next(at)
  }
  return times
}

/** The same, from the end back to the start. */
const timesBefore = (text: string, zoneName: string, from: string, to: string): ReadonlyArray<string> => {
  const { last } = schedule(text, zoneName)
  const times: Array<string> = []
  let at = last(Date.parse(to))
  while (at !== undefined && at > Date.parse(from) && times.length < 10) {
    times.unshift(iso(at))
    at = last(at - 1)
  }
  return times
}

const table: ReadonlyArray<
  readonly [what: string, text: string, zoneName: string, from: string, to: string, times: ReadonlyArray<string>]
> = [
  [
    "five fields",
    "30 8 * * *",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-02T23:00:00Z",
    ["2026-01-01T08:30:00Z", "2026-01-02T08:30:00Z"]
  ],
  [
    "six fields begin with seconds",
    "15 30 8 * * *",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-02T00:00:00Z",
    ["2026-01-01T08:30:15Z"]
  ],
  [
    "names of months and days",
    "0 8 * JAN mon-FRI",
    "UTC",
    "2026-01-29T12:00:00Z",
    "2027-01-02T00:00:00Z",
    ["2026-01-30T08:00:00Z", "2027-01-01T08:00:00Z"]
  ],
  [
    "a question mark is a star",
    "0 0 ? * 1",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-13T00:00:00Z",
    ["2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z"]
  ],
  [
    "a question mark with a step",
    "?/30 8 * * *",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-02T00:00:00Z",
    ["2026-01-01T08:00:00Z", "2026-01-01T08:30:00Z"]
  ],
  [
    "a step from a value on",
    "20/20 8 * * *",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-02T00:00:00Z",
    ["2026-01-01T08:20:00Z", "2026-01-01T08:40:00Z"]
  ],
  [
    "either day suffices where both are restricted",
    "0 0 13 * 5",
    "UTC",
    "2026-01-08T00:00:00Z",
    "2026-01-17T00:00:00Z",
    ["2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z", "2026-01-16T00:00:00Z"]
  ],
  [
    "a star with a step is a restriction, too",
    "0 0 */10 * 1",
    "UTC",
    "2026-01-08T00:00:00Z",
    "2026-01-14T00:00:00Z",
    ["2026-01-11T00:00:00Z", "2026-01-12T00:00:00Z"]
  ],
  [
    "@hourly",
    "@hourly",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-01T02:00:00Z",
    ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"]
  ],
  ["@daily", "@daily", newYork, "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z", ["2026-01-01T05:00:00Z"]],
  ["@weekly", "@weekly", "UTC", "2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", ["2026-01-04T00:00:00Z"]],
  ["@monthly", "@monthly", "UTC", "2026-01-01T00:00:00Z", "2026-02-28T00:00:00Z", ["2026-02-01T00:00:00Z"]],
  ["@yearly", "@yearly", "UTC", "2026-01-01T00:00:00Z", "2027-12-01T00:00:00Z", ["2027-01-01T00:00:00Z"]],
  [
    "29 February",
    "0 0 29 2 *",
    newYork,
    "2026-01-01T00:00:00Z",
    "2033-01-01T00:00:00Z",
    ["2028-02-29T05:00:00Z", "2032-02-29T05:00:00Z"]
  ],
  [
    "CRON_TZ goes before the zone of the process",
    "CRON_TZ=Europe/Berlin 0 8 * * 1-5",
    newYork,
    "2026-03-27T12:00:00Z",
    "2026-03-31T00:00:00Z",
    ["2026-03-30T06:00:00Z"]
  ],
  [
    "TZ, the older prefix",
    "TZ=Asia/Kolkata 0 8 * * *",
    newYork,
    "2026-01-01T00:00:00Z",
    "2026-01-01T12:00:00Z",
    ["2026-01-01T02:30:00Z"]
  ],
  [
    "a prefix before a descriptor",
    "CRON_TZ=Asia/Kolkata @daily",
    "UTC",
    "2026-01-01T00:00:00Z",
    "2026-01-02T00:00:00Z",
    ["2026-01-01T18:30:00Z"]
  ],
  [
    "Kolkata, whose offset is no whole hour",
    "0 * * * *",
    "Asia/Kolkata",
    "2026-01-01T00:00:00Z",
    "2026-01-01T02:00:00Z",
    ["2026-01-01T00:30:00Z", "2026-01-01T01:30:00Z"]
  ],
  [
    "New York: 02:30 does not happen on the day without it",
    "30 2 * * *",
    newYork,
    "2026-03-07T00:00:00Z",
    "2026-03-09T12:00:00Z",
    ["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"]
  ],
  [
    "New York: 01:30 happens twice on the day that has it twice",
    "30 1 * * *",
    newYork,
    "2026-10-31T12:00:00Z",
    "2026-11-02T12:00:00Z",
    ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z"]
  ],
  [
    "New York: every hour that is skipped is left out",
    "0 * * * *",
    newYork,
    "2026-03-08T05:30:00Z",
    "2026-03-08T08:30:00Z",
    ["2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"]
  ],
  [
    "New York: every hour that is repeated counts",
    "0 * * * *",
    newYork,
    "2026-11-01T04:30:00Z",
    "2026-11-01T07:30:00Z",
    ["2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"]
  ],
  [
    "New York: both halves of a repeated hour",
    "10,50 1 * * *",
    newYork,
    "2026-11-01T00:00:00Z",
    "2026-11-01T12:00:00Z",
    ["2026-11-01T05:10:00Z", "2026-11-01T05:50:00Z", "2026-11-01T06:10:00Z", "2026-11-01T06:50:00Z"]
  ],
  [
    "Berlin: 02:15 does not happen on the day without it",
    "15 2 * * *",
    "Europe/Berlin",
    "2026-03-28T12:00:00Z",
    "2026-03-30T12:00:00Z",
    ["2026-03-30T00:15:00Z"]
  ],
  [
    "Berlin: 02:15 happens twice on the day that has it twice",
    "15 2 * * *",
    "Europe/Berlin",
    "2026-10-24T12:00:00Z",
    "2026-10-25T12:00:00Z",
    ["2026-10-25T00:15:00Z", "2026-10-25T01:15:00Z"]
  ],
  [
    "Lord Howe: half an hour is skipped",
    "*/15 2 * * *",
    "Australia/Lord_Howe",
    "2026-10-03T12:00:00Z",
    "2026-10-03T16:00:00Z",
    ["2026-10-03T15:30:00Z", "2026-10-03T15:45:00Z"]
  ]
]

for (const [what, text, zoneName, from, to, times] of table) {
  it(`17: ${what}`, () => {
    assert.deepStrictEqual(timesBetween(text, zoneName, from, to), times)
    assert.deepStrictEqual(timesBefore(text, zoneName, from, to), times)
  })
}

describe("a schedule of every second of the hour that is skipped", () => {
  it("is looked up at once", () => {
    const { last, next } = schedule("* * 2 * * *", newYork)
    assert.strictEqual(iso(last(Date.parse("2026-03-08T12:00:00Z"))), "2026-03-07T07:59:59Z")
    assert.strictEqual(iso(next(Date.parse("2026-03-07T07:59:59Z"))), "2026-03-09T06:00:00Z")
  })
})

it("an interval counts from the instant that one asks about", () => {
  const { next } = schedule("@every 90s")
  assert.strictEqual(iso(next(Date.parse("2026-01-01T00:00:00Z"))), "2026-01-01T00:01:30Z")
})

describe("an expression is refused", () => {
  const wrong = [
    "",
    "soon",
    "* * * *",
    "* * * * * * *",
    "60 * * * *",
    "0 24 * * *",
    "0 0 0 * *",
    "0 0 32 * *",
    "0 0 * 13 *",
    "0 0 * * 8",
    "-1 * * * *",
    "1.5 * * * *",
    "5-1 * * * *",
    "1- * * * *",
    "*/0 * * * *",
    "1/2/3 * * * *",
    "1,,2 * * * *",
    "?? * * * *",
    "0 0 * FOO *",
    "0 0 30 2 *",
    "0 0 31 4,6,9,11 *",
    "@often",
    "@every",
    "@every soon",
    "@every 0s",
    "CRON_TZ=Mars/Olympus 0 8 * * *",
    "CRON_TZ=UTC",
    "CRON_TZ= 0 8 * * *"
  ]
  for (const text of wrong) {
    it(`when it is ${JSON.stringify(text)}`, () => {
      assert.isTrue(Result.isFailure(parse(text, zone("UTC"))))
    })
  }
})
