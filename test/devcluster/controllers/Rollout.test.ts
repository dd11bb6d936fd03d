import { assert, describe, it } from "@effect/vitest"
import { nextStep, rollingOf, type RolloutSet, templateHash } from "../../../src/devcluster/controllers/Rollout.ts"

const set = (name: string, replicas: number, available = replicas): RolloutSet => ({ name, replicas, available })

const step = (state: {
  readonly replicas: number
  readonly surge?: number
  readonly unavailable?: number
  readonly current: RolloutSet
  readonly old?: ReadonlyArray<RolloutSet>
}) => {
  const { surge = 1, unavailable = 0 } = state
  const { current, old = [], replicas } = state
  return Object.fromEntries(nextStep({ replicas, current, old, rolling: { surge, unavailable } }))
}

describe("nextStep", () => {
  it("gives everything to the only set", () => {
    assert.deepStrictEqual(step({ replicas: 3, current: set("new", 0) }), { new: 3 })
    assert.deepStrictEqual(step({ replicas: 1, current: set("new", 3) }), { new: 1 })
  })

  it("adds no more than the surge before it takes away", () => {
    const steps = step({ replicas: 3, current: set("new", 0), old: [set("old", 3)] })
    assert.deepStrictEqual(steps, { old: 3, new: 1 })
  })

  it("takes away as many as came up", () => {
    const steps = step({ replicas: 3, current: set("new", 1), old: [set("old", 3)] })
    assert.deepStrictEqual(steps, { old: 2, new: 1 })
  })

  it("never goes below what must be available while new replicas are not", () => {
    const steps = step({ replicas: 3, current: set("new", 1, 0), old: [set("old", 3)] })
    assert.deepStrictEqual(steps, { old: 3, new: 1 })
  })

  it("gives old replicas up first that are not available", () => {
    const steps = step({ replicas: 3, current: set("new", 1), old: [set("older", 1), set("old", 2, 1)] })
    assert.deepStrictEqual(steps, { older: 1, old: 1, new: 1 })
  })

  it("takes from the oldest set first, as far as unavailable replicas are allowed", () => {
    const steps = step({
      replicas: 4,
      unavailable: 2,
      current: set("new", 1, 0),
      old: [set("oldest", 2), set("older", 2)]
    })
    assert.deepStrictEqual(steps, { oldest: 0, older: 2, new: 1 })
  })

  it("finishes a rollout in steps that respect both bounds", () => {
    let current = set("new", 0)
    let old = set("old", 5)
    let steps = 0
    while (current.replicas !== 5 || old.replicas !== 0) {
      const next = step({ replicas: 5, surge: 2, unavailable: 1, current, old: [old] })
      assert.isAtMost((next["new"] ?? 0) + Math.max(old.replicas, next["old"] ?? 0), 7 + current.replicas)
      assert.isAtLeast((next["old"] ?? 0) + current.available, 4)
      current = set("new", next["new"] ?? 0)
      old = set("old", next["old"] ?? 0)
      steps++
      assert.isBelow(steps, 10)
    }
  })

  it("removes every old replica first when the strategy is Recreate", () => {
    const recreate = (old: number) =>
      Object.fromEntries(nextStep({ replicas: 2, rolling: undefined, current: set("new", 0), old: [set("old", old)] }))
    assert.deepStrictEqual(recreate(2), { old: 0, new: 0 })
    assert.deepStrictEqual(recreate(0), { old: 0, new: 2 })
  })
})

describe("rollingOf", () => {
  const rolling = (replicas: number, maxSurge?: string | number, maxUnavailable?: string | number) =>
    rollingOf({
      metadata: { name: "web" },
      spec: {
        replicas,
        selector: { matchLabels: {} },
        template: {},
        strategy: { rollingUpdate: { maxSurge, maxUnavailable } }
      }
    })

  it("rounds the surge up and the unavailable down", () => {
    assert.deepStrictEqual(rolling(5), { surge: 2, unavailable: 1 })
    assert.deepStrictEqual(rolling(1), { surge: 1, unavailable: 0 })
    assert.deepStrictEqual(rolling(10, 3, "20%"), { surge: 3, unavailable: 2 })
  })

  it("allows one to be unavailable where both would be none", () => {
    assert.deepStrictEqual(rolling(3, 0, 0), { surge: 0, unavailable: 1 })
  })
})

it("hashes a template whatever the order of its fields", () => {
  const hash = templateHash({ a: 1, b: { c: [1, { d: 2, e: 3 }] } })
  assert.strictEqual(templateHash({ b: { c: [1, { e: 3, d: 2 }] }, a: 1 }), hash)
  assert.notStrictEqual(templateHash({ a: 1, b: { c: [1, { d: 2, e: 4 }] } }), hash)
})
