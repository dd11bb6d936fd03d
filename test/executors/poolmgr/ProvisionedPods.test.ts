import { assert, it } from "@effect/vitest"
import { type Candidate, divide } from "../../../src/executors/poolmgr/ProvisionedPods.ts"
import { effectiveTarget, statusOf } from "../../../src/executors/poolmgr/ProvisionedStatus.ts"

const candidate = (name: string, day: number, given: Partial<Candidate> = {}): Candidate => ({
  pod: { metadata: { name, creationTimestamp: `2026-01-0${day}T00:00:00Z` } },
  isHeld: true,
  isFit: true,
  ...given
})

const names = (candidates: ReadonlyArray<Candidate>) => candidates.map(({ pod }) => pod.metadata.name)

const divided = (candidates: ReadonlyArray<Candidate>, target: number) => {
  const { kept, missing, released } = divide(candidates, target)
  return { kept: names(kept), released: names(released), missing }
}

it("17: of too many the oldest are released", () => {
  const pods = [candidate("new", 3), candidate("old", 1), candidate("middle", 2)]
  assert.deepStrictEqual(divided(pods, 2), { kept: ["new", "middle"], released: ["old"], missing: 0 })
})

it("pods that are held go before others that serve, of which the newest are kept", () => {
  const pods = [candidate("held", 1), candidate("old", 2, { isHeld: false }), candidate("new", 3, { isHeld: false })]
  assert.deepStrictEqual(divided(pods, 2), { kept: ["held", "new"], released: [], missing: 0 })
})

it("W19: what does not fit is released once the target is reached, and not before", () => {
  const pods = [candidate("outdated", 1, { isFit: false }), candidate("fit", 2)]
  assert.deepStrictEqual(divided(pods, 2), { kept: ["fit"], released: [], missing: 1 })
  assert.deepStrictEqual(divided(pods, 1), { kept: ["fit"], released: ["outdated"], missing: 0 })
})

it("17: a target of 0 releases all", () => {
  const pods = [candidate("outdated", 1, { isFit: false }), candidate("fit", 2), candidate("not", 3, { isHeld: false })]
  assert.deepStrictEqual(divided(pods, 0), { kept: [], released: ["outdated", "fit"], missing: 0 })
})

it("the smaller of two bounds counts, and is the one that is told", () => {
  assert.deepStrictEqual(effectiveTarget(3, 20, 500), { target: 3 })
  assert.deepStrictEqual(effectiveTarget(3, 20, 0), { target: 3 })
  assert.deepStrictEqual(effectiveTarget(30, 20, 500), {
    target: 20,
    clamped: "spec target 30 exceeds the namespace cap; effective target clamped to 20"
  })
  assert.deepStrictEqual(effectiveTarget(30, 20, 2), {
    target: 2,
    clamped: "spec target 30 exceeds the function's concurrency; effective target clamped to 2"
  })
})

it.each([
  [0, 0, "False", "ProvisionedDisabled"],
  [2, 1, "False", "ProvisionedWarming"],
  [2, 2, "True", "ProvisionedSatisfied"]
] as const)("20: of %i pods %i are ready: %s, %s", (target, ready, status, reason) => {
  const [condition] = statusOf({ effective: { target }, ready, base: 2 })
  assert.deepInclude(condition, { type: "Provisioned", status, reason })
})

it("20: a clamp takes the place of the reason and leaves the status", () => {
  const effective = { target: 2, clamped: "too many" }
  const clamped = { reason: "ProvisionedClamped", message: "too many" }
  assert.deepInclude(statusOf({ effective, ready: 1, base: 5 })[0], { status: "False", ...clamped })
  assert.deepInclude(statusOf({ effective, ready: 2, base: 5 })[0], { status: "True", ...clamped })
})
