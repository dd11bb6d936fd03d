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
    assert.deepStrictEqual(opened, Circuit.Circuit.Open({ openings: 1, since: 1000, probeAt: 2000 }))
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
  it("lets nothing through before its probe, then exactly one call", () => {
    assert.isFalse(Circuit.admit(opened, 1999, false).admitted)
    const probing = Circuit.admit(opened, 2000, false)
    assert.isTrue(probing.admitted)
    assert.isFalse(Circuit.admit(probing.circuit, 9999, true).admitted)
  })

  it("probes within five seconds when a request waits for it", () => {
    const late = Circuit.Circuit.Open({ openings: 9, since: 0, probeAt: 300_000 })
    const { admitted, circuit } = Circuit.admit(late, 1000, true)
    assert.isFalse(admitted)
    assert.strictEqual(Circuit.waitMillis(circuit, 1000), 5000)
    assert.strictEqual(Circuit.waitMillis(Circuit.admit(late, 1000, false).circuit, 1000), 299_000)
  })

  it("closes at the answer of a call that began before", () => {
    assert.deepStrictEqual(after(["Answer"], opened), Circuit.closed)
    assert.strictEqual(after(["Timeout"], opened), opened)
  })
})

describe("a probe", () => {
  const probing = Circuit.admit(opened, 2000, false).circuit

  it("closes the circuit when it is answered", () => {
    assert.deepStrictEqual(after(["Answer"], probing), Circuit.closed)
  })

  it("that times out makes the next wait longer, five minutes at most, and keeps the moment of the outage", () => {
    const again = after(["Timeout"], probing, 0.5)
    assert.deepStrictEqual(again, Circuit.Circuit.Open({ openings: 2, since: 1000, probeAt: 1000 + 2000 }))
    const long = after(["Timeout"], Circuit.Circuit.Probing({ openings: 40, since: 0 }), 0.5)
    assert.strictEqual(Circuit.waitMillis(long, 1000), 150_000)
  })

  it("whose caller went away is left to the next call", () => {
    const abandoned = Circuit.abandonProbe(probing, 5000)
    assert.isTrue(Circuit.admit(abandoned, 5000, false).admitted)
    assert.strictEqual(Circuit.abandonProbe(opened, 5000), opened)
  })
})
