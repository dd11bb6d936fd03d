import { assert, it } from "@effect/vitest"
import * as FailureMemory from "../../src/caches/FailureMemory.ts"
import { finalAnswer } from "./PoolRequests.ts"

const answer = finalAnswer()
const attempts = { first: {}, second: {}, retry: {} }
const inputs = "package 1"

/** One attempt failed at 0. */
const failed = FailureMemory.afterAnswer(undefined, attempts.first, answer, inputs, 0)
/** A retry started when that no longer held. */
const retried = FailureMemory.afterStart(failed, inputs, attempts.retry)

it("takes attempts that were under way together for one failure", () => {
  const both = FailureMemory.afterAnswer(failed, attempts.second, answer, inputs, 500)
  assert.strictEqual(FailureMemory.answerFor(both, inputs, 1499), answer)
  assert.isUndefined(FailureMemory.answerFor(both, inputs, 1500))
})

it("lets the next one try when a retry showed nothing", () => {
  assert.strictEqual(FailureMemory.answerFor(retried, inputs, 5000), answer)
  assert.isUndefined(FailureMemory.answerFor(FailureMemory.afterInconclusive(retried, attempts.retry), inputs, 5000))
})

it("goes on with the retry when another attempt shows nothing or fails meanwhile", () => {
  const inconclusive = FailureMemory.afterInconclusive(retried, attempts.second)
  const failedAgain = FailureMemory.afterAnswer(retried, attempts.second, answer, inputs, 5000)
  for (const memory of [inconclusive, failedAgain]) {
    assert.strictEqual(FailureMemory.answerFor(memory, inputs, 60_000), answer)
  }
})

it("starts over with the delay when it fails with other inputs", () => {
  const twice = FailureMemory.afterAnswer(retried, attempts.retry, answer, inputs, 1000)
  assert.strictEqual(FailureMemory.answerFor(twice, inputs, 2999), answer)
  const other = FailureMemory.afterAnswer(twice, attempts.second, answer, "package 2", 3000)
  assert.isUndefined(FailureMemory.answerFor(other, inputs, 3000))
  assert.strictEqual(FailureMemory.answerFor(other, "package 2", 3999), answer)
  assert.isUndefined(FailureMemory.answerFor(other, "package 2", 4000))
})
