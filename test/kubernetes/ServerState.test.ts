import { assert, describe, it } from "@effect/vitest"
import { answering, ServerState, Sign, step } from "../../src/kubernetes/ServerState.ts"

const failing = (count: number, of = 10) => Sign.Namespaces({ failing: count, of })
const answered = Sign.Read({ answered: true })
const unanswered = Sign.Read({ answered: false })

/** The state after these signs, a second apart. */
const after = (signs: ReadonlyArray<Sign>) =>
  signs.reduce((state, sign, second) => step(state, sign, second * 1000), answering)

describe("the API server", () => {
  it("is not suspected for two namespaces of ten", () => {
    assert.strictEqual(after([failing(1), failing(2)])._tag, "Answering")
  })

  it("is suspected for three, and for all where there are fewer", () => {
    assert.strictEqual(after([failing(3)])._tag, "Suspected")
    assert.strictEqual(after([failing(2, 2)])._tag, "Suspected")
    assert.strictEqual(after([failing(1, 1)])._tag, "Suspected")
    assert.strictEqual(after([failing(1, 2)])._tag, "Answering")
  })

  it("is away only when a read fails too", () => {
    assert.strictEqual(after([failing(3), failing(10)])._tag, "Suspected")
    assert.deepStrictEqual(after([failing(3), unanswered]), ServerState.Away({ since: 0 }))
  })

  it("is cleared for a minute when the read succeeds: the namespaces have troubles of their own", () => {
    const cleared = after([failing(3), answered])
    assert.deepStrictEqual(cleared, ServerState.Answering({ clearedUntil: 61_000 }))
    assert.strictEqual(step(cleared, failing(10), 60_999)._tag, "Answering")
    assert.strictEqual(step(cleared, failing(10), 61_000)._tag, "Suspected")
  })

  it("is not suspected any more when enough namespaces recover before the read is done", () => {
    assert.strictEqual(after([failing(3), failing(2)])._tag, "Answering")
  })

  it("stays away until something succeeds, whatever the namespaces show", () => {
    const away = [failing(3), unanswered]
    assert.strictEqual(after([...away, failing(0), unanswered])._tag, "Away")
    assert.deepStrictEqual(after([...away, answered]), answering)
  })
})
