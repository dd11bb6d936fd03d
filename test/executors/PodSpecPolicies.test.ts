import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type PodSpecPolicy, PodSpecPolicies } from "../../src/executors/PodSpecPolicies.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"

const owner = { kind: "Environment", metadata: { name: "nodejs", namespace: "default" } } as const

const deployment = {
  metadata: { name: "pool", namespace: "functions", labels: {}, annotations: {} },
  spec: {
    replicas: 1,
    selector: {},
    template: { metadata: { labels: { team: "a" } }, spec: { containers: [{ name: "nodejs" }] } }
  }
}

/** What these policies say of a pool. */
const check = (...policies: ReadonlyArray<PodSpecPolicy>) =>
  Effect.gen(function* () {
    const registered = yield* PodSpecPolicies
    for (const policy of policies) registered.add(policy)
    yield* registered.check("poolmgr", owner, deployment)
  }).pipe(Effect.provide(PodSpecPolicies.layer))

const says = (name: string, ...problems: ReadonlyArray<string>): PodSpecPolicy => ({
  name,
  review: () => Effect.succeed(problems)
})

describe("policies of pod specs", () => {
  it.effect("allow what none of them objects to", () => check(says("one"), says("two")))

  it.effect("deny with every objection, each under the name of its policy", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(check(says("one", "too big", "too old"), says("two"), says("three", "no")))
      assert.strictEqual(error.subject, "environment default/nodejs")
      assert.deepStrictEqual(error.problems, ["policy one: too big", "policy one: too old", "policy three: no"])
    })
  )

  it.effect("see the pods as they would be sent", () =>
    Effect.gen(function* () {
      const seen = yield* Deferred.make<unknown>()
      yield* check({ name: "looker", review: (pods) => Effect.as(Deferred.succeed(seen, pods), []) })
      assert.deepStrictEqual(yield* Deferred.await(seen), {
        executorType: "poolmgr",
        owner,
        namespace: "functions",
        metadata: { labels: { team: "a" } },
        podSpec: { containers: [{ name: "nodejs" }] }
      })
    })
  )

  it.effect("deny when one of them ends in a bug, and the log says which", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      const broken: PodSpecPolicy = {
        name: "broken",
        review: () => {
          throw new Error("oops")
        }
      }
      const error = yield* Effect.flip(check(broken)).pipe(Effect.provide(log.layer))
      assert.deepStrictEqual(error.problems, ["policy broken: it ended in a bug"])
      assert.deepInclude(log.lines[0]?.fields, { policy: "broken", owner: "default/nodejs" })
    })
  )

  it.effect("deny when one of them gives no answer within five seconds", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(check({ name: "slow", review: () => Effect.never })))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepStrictEqual(error.problems, ["policy slow: it gave no answer within 5 s"])
    })
  )
})
