import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { judge, type Signs } from "../../src/namespaces/NamespaceHealth.ts"

const well: Signs = { synced: true, viewAge: Duration.seconds(1), troubles: [], circuitOpen: false }
const trouble = { blocked: false, detail: "environments: etcd is slow" }
const block = { blocked: true, detail: "pods: forbidden" }
const neverSynced = { ...well, synced: false, viewAge: Duration.infinity }

describe("the health of a namespace", () => {
  it.for<readonly [name: string, signs: Signs, state: string, reason: string]>([
    ["no list has been answered yet", neverSynced, "Starting", ""],
    ["the first lists fail", { ...neverSynced, troubles: [trouble] }, "BackingOff", trouble.detail],
    ["every view is fresh", well, "Healthy", ""],
    ["a watch has just broken", { ...well, troubles: [trouble] }, "Healthy", ""],
    ["the view is 150 s old", { ...well, viewAge: Duration.seconds(150) }, "Healthy", ""],
    ["the view is older", { ...well, viewAge: Duration.seconds(151) }, "Stale", "no event or bookmark for 2m 31s"],
    [
      "the view is older because",
      { ...well, viewAge: Duration.seconds(151), troubles: [trouble] },
      "Stale",
      trouble.detail
    ],
    ["calls keep failing", { ...well, circuitOpen: true }, "Stale", "calls keep timing out"],
    [
      "the view is ten minutes old",
      { ...well, viewAge: Duration.minutes(10) },
      "Stale",
      "no event or bookmark for 10m"
    ],
    [
      "the view is older than ten minutes",
      { ...well, viewAge: Duration.seconds(601) },
      "BackingOff",
      "no event or bookmark for 10m 1s"
    ],
    ["a right is missing", { ...well, troubles: [trouble, block] }, "Blocked", block.detail],
    ["a right is missing from the start", { ...neverSynced, troubles: [block] }, "Blocked", block.detail]
  ])("when %s", ([, signs, state, reason]) => {
    assert.deepStrictEqual(judge(signs), { state, reason })
  })
})
