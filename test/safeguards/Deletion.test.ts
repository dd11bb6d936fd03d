import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import { Environments, Pods } from "../../src/fission/ResourceKind.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import { Deletion } from "../../src/safeguards/Deletion.ts"
import { Ground } from "../../src/safeguards/Ground.ts"
import * as Failures from "../fakes/Failures.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const where = { namespace: "team-a", name: "pod-1" }
const claim = Ground.FailedClaim({ reason: "specialization failed" })
const stale = Ground.Superseded({ by: "another image", viewAge: Duration.minutes(11) })

/** A pod in an API in memory, and the way to delete it. */
const onePod = Effect.gen(function* () {
  const memory = yield* KubernetesApiInMemory.make()
  const { metadata } = memory.put(Pods, { metadata: where, spec: { nodeName: "node-1" } })
  const context = yield* Layer.build(
    Deletion.layer.pipe(Layer.provideMerge(DecisionLog.layer), Layer.provide(memory.layer))
  )
  const decisions = yield* Effect.provide(DecisionLog, context)
  return {
    memory,
    subject: { kind: Pods, ...where, uid: metadata.uid ?? "" },
    deletion: yield* Effect.provide(Deletion, context),
    decided: Effect.map(decisions.recent(), (all) =>
      all.map(({ action, ground, reason }) => ({ action, ground, reason }))
    )
  }
})

describe("deleting", () => {
  it.effect("deletes exactly the object with that UID, in the background, and records why", () =>
    Effect.gen(function* () {
      const { decided, deletion, memory, subject } = yield* onePod
      yield* deletion.delete(subject, claim, { gracePeriodSeconds: 0, reason: "it never served" })
      assert.isUndefined(memory.find(Pods, where))
      assert.deepStrictEqual(yield* decided, [
        { action: "Deleted", ground: "FailedClaim", reason: "object deleted: it never served" }
      ])
    })
  )

  it.effect("never touches a namesake", () =>
    Effect.gen(function* () {
      const { decided, deletion, memory, subject } = yield* onePod
      yield* deletion.delete({ ...subject, uid: "another" }, claim, { gracePeriodSeconds: 0 })
      assert.isDefined(memory.find(Pods, where))
      assert.deepStrictEqual(
        (yield* decided).map((one) => one.reason),
        ["object was gone already"]
      )
    })
  )

  it.effect("of what is gone already succeeds, so that it can be repeated", () =>
    Effect.gen(function* () {
      const { deletion, memory, subject } = yield* onePod
      memory.remove(Pods, where)
      yield* deletion.delete(subject, claim)
      yield* deletion.delete(subject, claim)
    })
  )

  it.effect("does nothing where the evidence does not carry the ground", () =>
    Effect.gen(function* () {
      const { decided, deletion, memory, subject } = yield* onePod
      const refused = yield* Effect.flip(deletion.delete(subject, stale))
      assert.strictEqual(
        refused.message,
        "Pod team-a/pod-1 was not deleted on the ground Superseded: the view is 11m old, older than 10m"
      )
      assert.deepStrictEqual(memory.lines(), [])
      assert.deepStrictEqual(
        (yield* decided).map((one) => one.action),
        ["Refused"]
      )
    })
  )

  it.effect("that timed out is looked at again: taken for done where it was applied", () =>
    Effect.gen(function* () {
      const { deletion, memory, subject } = yield* onePod
      memory.interceptAnswers((call) => (call.verb === "delete" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
      yield* deletion.delete(subject, claim)
      assert.deepStrictEqual(memory.lines(), ["delete pods team-a/pod-1", "get pods team-a/pod-1"])
      assert.isDefined(memory.find(Pods, where)?.metadata.deletionTimestamp)
    })
  )

  it.effect("that timed out fails where it was not applied", () =>
    Effect.gen(function* () {
      const { decided, deletion, memory, subject } = yield* onePod
      memory.intercept((call) => (call.verb === "delete" ? Effect.fail(Failures.gatewayTimeout(call)) : undefined))
      const error = yield* Effect.flip(deletion.delete(subject, claim))
      assert.include(error.message, "HTTP 504")
      assert.deepStrictEqual(yield* decided, [])
    })
  )

  it.effect("that timed out before it was sent is not looked at", () =>
    Effect.gen(function* () {
      const { deletion, memory, subject } = yield* onePod
      memory.intercept((call) => Effect.fail(Failures.connectionRefused(call)))
      yield* Effect.flip(deletion.delete(subject, claim))
      assert.deepStrictEqual(memory.lines(), ["delete pods team-a/pod-1"])
    })
  )

  it.effect("does not repeat by itself, and passes what the server refuses", () =>
    Effect.gen(function* () {
      const { deletion, memory, subject } = yield* onePod
      memory.intercept((call) => Effect.fail(Failures.forbidden(call)))
      assert.strictEqual((yield* Effect.flip(deletion.delete(subject, claim)))._tag, "KubernetesTimeoutError")
      assert.strictEqual(memory.calls.length, 1)
    })
  )
})

describe("scaling down", () => {
  it.effect("writes and records why", () =>
    Effect.gen(function* () {
      const { decided, deletion, subject } = yield* onePod
      const idle = Ground.Idle({
        idleFor: Duration.minutes(3),
        threshold: Duration.minutes(2),
        viewAge: Duration.seconds(1)
      })
      assert.strictEqual(yield* deletion.scaleDown(subject, idle, Effect.succeed("written")), "written")
      assert.deepStrictEqual(yield* decided, [{ action: "ScaledDown", ground: "Idle", reason: "object scaled down" }])
    })
  )

  it.effect("does not write where the evidence does not carry the ground", () =>
    Effect.gen(function* () {
      const { deletion, subject } = yield* onePod
      let written = false
      const refused = yield* Effect.flip(
        deletion.scaleDown(
          subject,
          stale,
          Effect.sync(() => (written = true))
        )
      )
      assert.strictEqual(refused._tag, "DeletionRefused")
      assert.isFalse(written)
    })
  )

  it.effect("records nothing that was not written", () =>
    Effect.gen(function* () {
      const { decided, deletion, subject } = yield* onePod
      const call: KubernetesCall = { verb: "patch", resource: "pods", ...where }
      yield* Effect.flip(deletion.scaleDown(subject, claim, Effect.fail(Failures.conflict(call))))
      assert.deepStrictEqual(yield* decided, [])
    })
  )
})

describe("an owner is absent", () => {
  const environment = { metadata: { namespace: "team-a", name: "node" }, spec: { version: 3, runtime: {} } }
  const owned = Effect.gen(function* () {
    const pod = yield* onePod
    const { metadata } = pod.memory.put(Environments, environment)
    const owner = { kind: "Environment", namespace: "team-a", name: "node", uid: metadata.uid ?? "" }
    return {
      ...pod,
      owner,
      look: (evidence: "Event" | "List") => pod.deletion.confirmAbsent(Environments, owner, evidence),
      removeOwner: () => pod.memory.remove(Environments, owner)
    }
  })

  it.effect("when it was seen to be deleted and one live look finds nothing", () =>
    Effect.gen(function* () {
      const { look, owner, removeOwner } = yield* owned
      removeOwner()
      assert.deepStrictEqual(yield* look("Event"), { _tag: "Absent", proof: { owner, by: "DeletedEventAndLive404" } })
    })
  )

  it.effect("when two live looks a minute apart find nothing, and not before", () =>
    Effect.gen(function* () {
      const { look, owner, removeOwner } = yield* owned
      removeOwner()
      assert.deepStrictEqual(yield* look("List"), { _tag: "Unproven", lookAgainAfter: Duration.seconds(60) })
      yield* TestClock.adjust("59 seconds")
      const second = yield* look("List")
      assert.strictEqual(second._tag === "Unproven" ? Duration.toMillis(second.lookAgainAfter) : undefined, 1000)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* look("List"), { _tag: "Absent", proof: { owner, by: "TwoLive404s" } })
    })
  )

  it.effect("when another UID has its name", () =>
    Effect.gen(function* () {
      const { look, memory, owner, removeOwner } = yield* owned
      removeOwner()
      memory.put(Environments, environment)
      assert.deepStrictEqual(yield* look("List"), { _tag: "Absent", proof: { owner, by: "AnotherUid" } })
    })
  )

  it.effect("not while it is there, whatever a view said, and the looks start over", () =>
    Effect.gen(function* () {
      const { look, memory, removeOwner } = yield* owned
      memory.intercept((call) => (call.verb === "get" ? Effect.fail(Failures.notFound(call)) : undefined))
      yield* look("List")
      memory.intercept()
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* look("List"), { _tag: "Present" })
      assert.deepStrictEqual(yield* look("Event"), { _tag: "Present" })
      removeOwner()
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(yield* look("List"), { _tag: "Unproven", lookAgainAfter: Duration.seconds(60) })
    })
  )

  it.effect.each([
    ["a time-out", Failures.etcdTimeout],
    ["a refusal", Failures.forbidden],
    ["a missing resource", Failures.answered(404, "NotFound", "the server could not find the requested resource")],
    ["a lost connection", Failures.connectionRefused],
    ["throttling", Failures.tooManyRequests(1)]
  ] as const)("never because of %s", ([, failure]) =>
    Effect.gen(function* () {
      const { look, memory } = yield* owned
      memory.intercept((call) => Effect.fail(failure(call)))
      yield* Effect.flip(look("Event"))
      yield* TestClock.adjust("2 minutes")
      yield* Effect.flip(look("List"))
    })
  )
})
