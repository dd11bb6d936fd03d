import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import * as WarmUp from "../../src/kubernetes/WarmUp.ts"
import { connectionRefused, etcdTimeout, forbidden, notFound } from "../fakes/Failures.ts"

const call: KubernetesCall = { verb: "list", resource: "environments", namespace: "team-a" }

describe("a refusal", () => {
  it.effect("is believed once it has lasted 10 s, and from then on", () =>
    Effect.gen(function* () {
      const warmUp = WarmUp.makeUnsafe()
      const first = forbidden(call)
      assert.strictEqual(yield* warmUp.judge(first), first)
      yield* TestClock.adjust("9999 millis")
      assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesTimeoutError")
      yield* TestClock.adjust("1 millis")
      const believed = yield* warmUp.judge(forbidden(call))
      assert.strictEqual(believed._tag, "KubernetesFatalError")
      assert.include(believed.message, "grant this right to the executor's service account")
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesFatalError")
    })
  )

  it.effect("is not believed within 30 s of a lost connection, however long it lasts", () =>
    Effect.gen(function* () {
      const warmUp = WarmUp.makeUnsafe()
      yield* warmUp.judge(connectionRefused(call))
      yield* warmUp.judge(forbidden(call))
      yield* TestClock.adjust("29999 millis")
      assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesTimeoutError")
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesFatalError")
    })
  )

  it.effect("starts to last anew after a success or any other answer", () =>
    Effect.gen(function* () {
      const warmUp = WarmUp.makeUnsafe()
      for (const between of [undefined, notFound({ ...call, name: "x" })]) {
        yield* warmUp.judge(forbidden(call))
        yield* TestClock.adjust("8 seconds")
        yield* warmUp.judge(between)
        yield* warmUp.judge(forbidden(call))
        yield* TestClock.adjust("8 seconds")
        assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesTimeoutError")
        yield* warmUp.judge(undefined)
      }
    })
  )

  it.effect("lasts through time-outs of the server", () =>
    Effect.gen(function* () {
      const warmUp = WarmUp.makeUnsafe()
      yield* warmUp.judge(forbidden(call))
      yield* TestClock.adjust("5 seconds")
      yield* warmUp.judge(etcdTimeout(call))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* warmUp.judge(forbidden(call)))._tag, "KubernetesFatalError")
    })
  )
})

it.effect("errors of any other kind stay what they are", () =>
  Effect.gen(function* () {
    const warmUp = WarmUp.makeUnsafe()
    for (const error of [etcdTimeout(call), connectionRefused(call), notFound(call)]) {
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* warmUp.judge(error), error)
    }
  })
)
