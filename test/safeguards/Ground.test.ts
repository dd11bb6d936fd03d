import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { evidenceOf, Ground, objection } from "../../src/safeguards/Ground.ts"

const owner = { kind: "Function", namespace: "team-a", name: "hello", uid: "uid-1" }
const deleting = {
  owner,
  deletionTimestamp: "2026-08-01T00:00:00Z",
  finalizers: ["fission.io/function-cleanup"],
  finalizer: "fission.io/function-cleanup"
}
const idle = { idleFor: Duration.seconds(120), threshold: Duration.seconds(120), viewAge: Duration.minutes(10) }
const superseded = { by: "generation 4", viewAge: Duration.minutes(10) }
const tooOld = Duration.millis(600_001)

describe("a ground", () => {
  it.for<readonly [name: string, ground: Ground]>([
    ["a proven absence", Ground.OwnerAbsent({ proof: { owner, by: "TwoLive404s" } })],
    ["an owner that is being deleted with our finalizer", Ground.OwnerDeleting(deleting)],
    ["an idle time that is over, in a fresh view", Ground.Idle(idle)],
    ["a successor in a fresh view", Ground.Superseded(superseded)],
    ["a claim of our own that failed", Ground.FailedClaim({ reason: "no code" })]
  ])("is carried by %s", ([, ground]) => {
    assert.isUndefined(objection(ground))
  })

  it.for<readonly [name: string, ground: Ground, why: string]>([
    [
      "an owner without a deletionTimestamp",
      Ground.OwnerDeleting({ ...deleting, deletionTimestamp: "" }),
      "the owner has no deletionTimestamp"
    ],
    [
      "an owner with somebody else's finalizer",
      Ground.OwnerDeleting({ ...deleting, finalizers: ["example.com/other"] }),
      "the owner does not carry our finalizer"
    ],
    [
      "an owner without finalizers",
      Ground.OwnerDeleting({ ...deleting, finalizers: [] }),
      "the owner does not carry our finalizer"
    ],
    [
      "a use within the idle time",
      Ground.Idle({ ...idle, idleFor: Duration.millis(119_999) }),
      "it was used within its idle time"
    ],
    ["idleness in an old view", Ground.Idle({ ...idle, viewAge: tooOld }), "the view is 10m 1ms old, older than 10m"],
    [
      "a successor in an old view",
      Ground.Superseded({ ...superseded, viewAge: tooOld }),
      "the view is 10m 1ms old, older than 10m"
    ],
    [
      "a successor in a view that was never synced",
      Ground.Superseded({ ...superseded, viewAge: Duration.infinity }),
      "the view has never been synced"
    ]
  ])("is not carried by %s", ([, ground, why]) => {
    assert.strictEqual(objection(ground), why)
  })

  it.for<readonly [ground: Ground, evidence: object]>([
    [Ground.OwnerAbsent({ proof: { owner, by: "AnotherUid" } }), { owner, proof: "AnotherUid" }],
    [Ground.OwnerDeleting(deleting), { owner, deletionTimestamp: "2026-08-01T00:00:00Z" }],
    [Ground.Idle(idle), { idleSeconds: 120, thresholdSeconds: 120, viewAgeSeconds: 600 }],
    [Ground.Superseded(superseded), { by: "generation 4", viewAgeSeconds: 600 }],
    [Ground.FailedClaim({ reason: "no code" }), { why: "no code" }]
  ])("shows its facts as plain values: $0._tag", ([ground, evidence]) => {
    assert.deepStrictEqual(evidenceOf(ground), evidence)
  })
})
