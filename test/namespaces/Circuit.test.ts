import { assert, describe, it } from "@effect/vitest"
import * as Circuit from "../../src/namespaces/Circuit.ts"

const after = (outcomes: ReadonlyArray<Circuit.Outcome>, from: Circuit.Circuit = Circuit.closed, random = 0.5) =>
  outcomes.reduce((circuit, outcome) => Circuit.afterCall(circuit, outcome, 1000, random), from)
const times = (count: number, outcome: Circuit.Outcome): ReadonlyArray<Circuit.Outcome> =>
  Array.from({ length: count }, () => outcome)
const opened = after(times(5, "Timeout"))

describe("a closed circuit", () => {
  it("opens after five time-outs in a row", () => {
    assert.strictEqual(after(times(4, "Timeout"))._tag, "Closed")
    assert.deepStrictEqual(opened, Circuit.Circuit.Open({ askedAt: 1000, jitter: 1 }))
  })

  it("counts time-outs in a row anew after an answer", () => {
    assert.strictEqual(after([...times(4, "Timeout"), "Answer", ...times(4, "Timeout")])._tag, "Closed")
  })

  it("opens when more than half of the last twenty calls timed out", () => {
    const half = Array.from({ length: 10 }, (): ReadonlyArray<Circuit.Outcome> => ["Timeout", "Answer"]).flat()
    assert.strictEqual(after(half)._tag, "Closed")
    assert.strictEqual(after([...half.slice(0, 18), "Timeout", "Timeout"])._tag, "Open")
  })

  it("does not judge a share of fewer than twenty calls", () => {
    assert.strictEqual(after(["Timeout", "Answer", "Timeout", "Timeout"])._tag, "Closed")
  })
})

describe("an open circuit", () => {
  it("lets one call through a second after it opened, and one a second from then on", () => {
    assert.strictEqual(Circuit.waitMillis(opened, 1999, 1), 1)
    assert.strictEqual(Circuit.waitMillis(opened, 2000, 1), 0)
    const probed = Circuit.admitted(opened, 2500, 0.5)
    assert.strictEqual(Circuit.waitMillis(probed, 2500, 1), 1000)
  })

  it("spreads its probes by a fifth around the second", () => {
    assert.strictEqual(Circuit.waitMillis(Circuit.admitted(opened, 0, 0), 0, 1), 800)
    assert.approximately(Circuit.waitMillis(Circuit.admitted(opened, 0, 0.999), 0, 1), 1200, 1)
  })

  it("probes less often while many others are open: twenty times a second all together", () => {
    assert.strictEqual(Circuit.waitMillis(opened, 1000, 20), 1000)
    assert.strictEqual(Circuit.waitMillis(opened, 1000, 500), 25_000)
  })

  it("lets the next call through when it is told to ask now", () => {
    assert.strictEqual(Circuit.waitMillis(Circuit.askNow(opened), 1000, 500), 0)
    assert.strictEqual(Circuit.askNow(Circuit.closed), Circuit.closed)
  })

  it("closes at an answer, be it to its probe or to a call that began before", () => {
    assert.deepStrictEqual(after(["Answer"], opened), Circuit.closed)
    assert.strictEqual(after(["Timeout"], opened), opened)
  })
})
