import { assert, describe, it } from "@effect/vitest"
import * as RetryBudget from "../../src/namespaces/RetryBudget.ts"

/** The waits of as many retries at one moment. */
const waits = (budget: RetryBudget.RetryBudget, now: number, count: number) => {
  let left = budget
  const waited = Array.from({ length: count }, () => {
    const spent = RetryBudget.spend(left, now)
    left = spent.budget
    return spent.waitMillis
  })
  return { waited, left }
}

describe("a retry budget", () => {
  it("lets twenty retries go at once and one a second after them", () => {
    const { waited } = waits(RetryBudget.full, 0, 23)
    assert.deepStrictEqual(
      waited.slice(0, 20),
      Array.from({ length: 20 }, () => 0)
    )
    assert.deepStrictEqual(waited.slice(20), [1000, 2000, 3000])
  })

  it("earns one retry a second back", () => {
    const { left } = waits(RetryBudget.full, 0, 20)
    assert.deepStrictEqual(waits(left, 2000, 3).waited, [0, 0, 1000])
    assert.deepStrictEqual(waits(left, 500, 1).waited, [500])
  })

  it("never holds more than twenty", () => {
    const { left } = waits(RetryBudget.full, 0, 1)
    assert.deepStrictEqual(waits(left, 3_600_000, 21).waited.slice(19), [0, 1000])
  })
})
