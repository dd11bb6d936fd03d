import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import { planAt, provisionedConcurrency } from "../../src/fission/ProvisionedConcurrency.ts"

const utc = DateTime.zoneMakeNamedUnsafe("UTC")
const newYork = DateTime.zoneMakeNamedUnsafe("America/New_York")

const read = (given: unknown, zone: DateTime.TimeZone = utc) =>
  provisionedConcurrency({ spec: { provisionedConcurrency: given } }, zone)

const window = (name: string, start: string, duration: string, target: number) => ({ name, start, duration, target })

const planOf = (given: unknown, at: string, zone?: DateTime.TimeZone) => {
  const wanted = read(given, zone)
  if (wanted === undefined) throw new Error("the function asks for nothing")
  const { changesAt, open, target } = planAt(wanted, Date.parse(at))
  return {
    target,
    open: [...open],
    changesAt: changesAt === undefined ? undefined : new Date(changesAt).toISOString().replace(".000Z", "Z")
  }
}

const office = { target: 2, windows: [window("office", "CRON_TZ=Europe/Berlin 0 8 * * 1-5", "10h", 6)] }
const night = { target: 3, windows: [window("night", "CRON_TZ=Asia/Kolkata 0 22 * * *", "8h", 0)] }
const overlapping = {
  target: 9,
  windows: [
    window("day", "0 8 * * *", "8h", 4),
    window("noon", "0 12 * * *", "1h", 6),
    window("dip", "0 13 * * *", "1h", 1)
  ]
}
const beforeTheJump = { target: 1, windows: [window("early", "0 1 * * *", "3h", 5)] }
const skipped = { target: 1, windows: [window("skipped", "30 2 * * *", "1h", 5)] }
const repeated = { target: 1, windows: [window("repeated", "30 1 * * *", "20m", 5)] }

const table: ReadonlyArray<
  readonly [
    what: string,
    given: unknown,
    zone: DateTime.TimeZone,
    at: string,
    target: number,
    open: ReadonlyArray<string>,
    changesAt: string | undefined
  ]
> = [
  ["without windows the target holds for ever", { target: 2 }, utc, "2026-01-01T00:00:00Z", 2, [], undefined],
  ["a window that is still to come", office, utc, "2026-03-27T06:59:59Z", 2, [], "2026-03-27T07:00:00Z"],
  ["a window is open from its start on", office, utc, "2026-03-27T07:00:00Z", 6, ["office"], "2026-03-27T17:00:00Z"],
  ["to just before its end", office, utc, "2026-03-27T16:59:59Z", 6, ["office"], "2026-03-27T17:00:00Z"],
  [
    "at its end it is closed; the next is after the clocks change",
    office,
    utc,
    "2026-03-27T17:00:00Z",
    2,
    [],
    "2026-03-30T06:00:00Z"
  ],
  ["a window across midnight, before", night, utc, "2026-01-01T18:00:00Z", 0, ["night"], "2026-01-02T00:30:00Z"],
  ["a window across midnight, after", night, utc, "2026-01-01T19:00:00Z", 0, ["night"], "2026-01-02T00:30:00Z"],
  [
    "a window with a lower target than the base goes before it",
    overlapping,
    utc,
    "2026-01-01T09:00:00Z",
    4,
    ["day"],
    "2026-01-01T12:00:00Z"
  ],
  [
    "of several windows the highest target holds",
    overlapping,
    utc,
    "2026-01-01T12:30:00Z",
    6,
    ["day", "noon"],
    "2026-01-01T13:00:00Z"
  ],
  [
    "even beside one of a lower target",
    overlapping,
    utc,
    "2026-01-01T13:30:00Z",
    4,
    ["day", "dip"],
    "2026-01-01T14:00:00Z"
  ],
  [
    "a duration is time that passes: three hours from 01:00 EST",
    beforeTheJump,
    newYork,
    "2026-03-08T08:59:59Z",
    5,
    ["early"],
    "2026-03-08T09:00:00Z"
  ],
  ["end at 05:00 EDT", beforeTheJump, newYork, "2026-03-08T09:00:00Z", 1, [], "2026-03-09T05:00:00Z"],
  [
    "a start in the skipped hour does not happen",
    skipped,
    newYork,
    "2026-03-08T07:30:00Z",
    1,
    [],
    "2026-03-09T06:30:00Z"
  ],
  [
    "a start in the repeated hour happens",
    repeated,
    newYork,
    "2026-11-01T05:40:00Z",
    5,
    ["repeated"],
    "2026-11-01T05:50:00Z"
  ],
  ["the window closes in between", repeated, newYork, "2026-11-01T06:00:00Z", 1, [], "2026-11-01T06:30:00Z"],
  ["and happens again", repeated, newYork, "2026-11-01T06:40:00Z", 5, ["repeated"], "2026-11-01T06:50:00Z"],
  [
    "a window that begins anew before it ends stays open",
    { target: 1, windows: [window("dense", "* * * * * *", "10h", 2)] },
    utc,
    "2026-01-01T00:00:00Z",
    2,
    ["dense"],
    "2026-01-01T10:00:00Z"
  ],
  [
    "an interval as long as its window is open always",
    { target: 1, windows: [window("always", "@every 1h", "1h", 2)] },
    utc,
    "2026-01-01T00:00:00Z",
    2,
    ["always"],
    "2026-01-01T00:00:00.001Z"
  ],
  [
    "a longer one never",
    { target: 1, windows: [window("never", "@every 2h", "1h", 2)] },
    utc,
    "2026-01-01T00:00:00Z",
    1,
    [],
    "2026-01-01T02:00:00Z"
  ],
  [
    "a window of no length is never open",
    { target: 1, windows: [window("never", "0 8 * * *", "0s", 2)] },
    utc,
    "2026-01-01T08:00:00Z",
    1,
    [],
    "2026-01-02T08:00:00Z"
  ]
]

for (const [what, given, zone, at, target, open, changesAt] of table) {
  it(`17: ${what}`, () => {
    assert.deepStrictEqual(planOf(given, at, zone), { target, open: [...open], changesAt })
  })
}

describe("what makes no sense", () => {
  it("is left out, and the other windows hold", () => {
    const given = {
      target: 2,
      windows: [
        window("bad", "every day", "1h", 4),
        window("long", "0 8 * * *", "a while", 4),
        window("negative", "0 8 * * *", "1h", -1),
        { name: "half", start: "0 8 * * *" },
        "0 8 * * *",
        null,
        window("good", "0 8 * * *", "1h", 4)
      ]
    }
    assert.deepStrictEqual(
      read(given)?.windows.map(({ name }) => name),
      ["good"]
    )
    assert.deepStrictEqual(read(given)?.problems, [
      "window bad: every day: Invalid number of segments in cron expression",
      "window long: a while is no duration",
      "window 3 lacks a name, start, duration or target",
      "window 4 lacks a name, start, duration or target",
      "window 5 lacks a name, start, duration or target",
      "window 6 lacks a name, start, duration or target"
    ])
  })

  it("counts as 0 where it is the target", () => {
    for (const target of [undefined, "two", -1, 1.5, null]) {
      assert.deepInclude(read({ target }), { target: 0, problems: ["the target is no whole number from 0 on"] })
    }
  })

  it("may be all of it", () => {
    assert.deepStrictEqual(read("two"), {
      target: 0,
      windows: [],
      problems: ["the target is no whole number from 0 on", "the windows are no list"]
    })
    assert.strictEqual(read({ target: 1, windows: "none" })?.problems.length, 1)
  })

  it("is every window after the thirty-second", () => {
    const windows = Array.from({ length: 40 }, (_, index) => window(`${index}`, "0 8 * * *", "1h", 1))
    const wanted = read({ target: 1, windows })
    assert.strictEqual(wanted?.windows.length, 32)
    assert.deepStrictEqual(wanted?.problems, ["only the first 32 windows are read"])
  })
})

it("a function that says nothing asks for nothing", () => {
  assert.isUndefined(read(undefined))
  assert.isUndefined(read(null))
})
