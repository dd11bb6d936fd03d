import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { HandlerError } from "../../../src/devcluster/kubelet/Handlers.ts"
import type { Probe } from "../../../src/devcluster/kubelet/PodObject.ts"
import { runProbe } from "../../../src/devcluster/kubelet/Probes.ts"

const success = Effect.void
const failure = Effect.fail(new HandlerError({ message: "no" }))

/** Probes with these results, the last for ever; tells when it was asked and what came of it. */
const probing = (probe: Probe, results: ReadonlyArray<Effect.Effect<void, HandlerError>>) =>
  Effect.gen(function* () {
    const asked: Array<number> = []
    const verdicts: Array<boolean> = []
    const failures: Array<string> = []
    const run = () =>
      Effect.flatMap(
        TestClock.testClockWith((clock) => Effect.succeed(clock.currentTimeMillisUnsafe())),
        (millis) => {
          asked.push(millis / 1000)
          return results[asked.length - 1] ?? results.at(-1) ?? Effect.void
        }
      )
    yield* Effect.forkScoped(
      runProbe(probe, run, {
        onVerdict: (isSuccess) => Effect.sync(() => void verdicts.push(isSuccess)),
        onFailure: (message) => Effect.sync(() => void failures.push(message))
      })
    )
    return { asked, verdicts, failures }
  })

it.effect("asks first after the initial delay, then once a period", () =>
  Effect.gen(function* () {
    const { asked } = yield* probing({ initialDelaySeconds: 3, periodSeconds: 5 }, [success])
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(asked, [])
    yield* TestClock.adjust("12 seconds")
    assert.deepStrictEqual(asked, [3, 8, 13])
  })
)

it.effect("asks at once and every ten seconds unless told otherwise", () =>
  Effect.gen(function* () {
    const { asked } = yield* probing({}, [success])
    yield* TestClock.adjust("20 seconds")
    assert.deepStrictEqual(asked, [0, 10, 20])
  })
)

it.effect("has failed only after as many failures in a row as the threshold", () =>
  Effect.gen(function* () {
    const results = [failure, failure, success, failure, failure, failure]
    const { failures, verdicts } = yield* probing({ periodSeconds: 1 }, results)
    yield* TestClock.adjust("4 seconds")
    assert.deepStrictEqual(verdicts, [true])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(verdicts, [true, false])
    assert.strictEqual(failures.length, 5)
  })
)

it.effect("has succeeded only after as many successes in a row as the threshold", () =>
  Effect.gen(function* () {
    const { verdicts } = yield* probing({ periodSeconds: 1, successThreshold: 2 }, [success, failure, success])
    yield* TestClock.adjust("2 seconds")
    assert.deepStrictEqual(verdicts, [])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(verdicts, [true])
  })
)

it.effect("takes no answer in time for a failure, and goes on from there", () =>
  Effect.gen(function* () {
    const { asked, failures } = yield* probing({ periodSeconds: 5, timeoutSeconds: 2 }, [Effect.never, success])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(failures, [])
    yield* TestClock.adjust("1 second")
    assert.deepStrictEqual(failures, ["no result within 2 s"])
    yield* TestClock.adjust("5 seconds")
    assert.deepStrictEqual(asked, [0, 7])
  })
)
