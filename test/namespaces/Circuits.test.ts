import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesError } from "../../src/Errors.ts"
import { ApiServerHealth } from "../../src/kubernetes/ApiServerHealth.ts"
import { Circuits, type ProtectedCall } from "../../src/namespaces/Circuits.ts"
import * as Failures from "../fakes/Failures.ts"
import { withRandom } from "../fakes/FixedRandom.ts"
import * as KubernetesApiFake from "../fakes/KubernetesApiFake.ts"

const read = (namespace = "team-a", someoneWaits = false): ProtectedCall => ({
  verb: "get",
  resource: "pods",
  namespace,
  name: "pod-1",
  someoneWaits
})
const write: ProtectedCall = { ...read(), verb: "patch" }

/** Makes a number of calls that fail in this way. */
const fail = (circuits: Circuits["Service"], call: ProtectedCall, failure: Failures.Failure, count = 5) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.flip(circuits.protect(call, Effect.fail(failure(call)))))

const tested = <E>(test: (circuits: Circuits["Service"]) => Effect.Effect<void, E>) =>
  Effect.flatMap(Circuits, test).pipe(
    Effect.provide(Circuits.layer.pipe(Layer.provide(serverThatAnswers))),
    withRandom(0.5)
  )

/** Nobody joined: what namespaces show says nothing about the server. */
const serverThatAnswers = ApiServerHealth.layer.pipe(Layer.provide(KubernetesApiFake.layer({})))

describe("the circuit of a namespace", () => {
  it.effect("refuses calls after five time-outs, with the namespace, the reason and the wait in the message", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        let sent = false
        const error = yield* Effect.flip(
          circuits.protect(
            read(),
            Effect.sync(() => (sent = true))
          )
        )
        assert.isFalse(sent)
        assert.strictEqual(
          error.message,
          'get pods team-a/pod-1: not sent: reads in namespace "team-a" keep timing out; next attempt in 1s [Unavailable]'
        )
        assert.isTrue(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("closes when the probe succeeds", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* circuits.protect(read(), Effect.succeed("there")), "there")
        assert.isFalse(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("leaves every other namespace alone", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        assert.strictEqual(yield* circuits.protect(read("team-b"), Effect.succeed("there")), "there")
        assert.isFalse(circuits.isOpen("team-b"))
      })
    )
  )

  it.effect("keeps reads going while only writes time out", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, write, Failures.answered(500, "InternalError", "failed calling webhook"))
        assert.strictEqual(yield* circuits.protect(read(), Effect.succeed("there")), "there")
        const refused = yield* Effect.flip(circuits.protect(write, Effect.void))
        assert.include(refused.message, "writes in namespace")
        assert.isTrue(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("stays closed for answers that only say no", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        for (const failure of [Failures.notFound, Failures.conflict, Failures.forbidden]) {
          yield* fail(circuits, write, failure, 20)
        }
        assert.isFalse(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("closes for a success that was seen elsewhere", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        yield* fail(circuits, write, Failures.etcdTimeout)
        circuits.succeeded("team-a")
        assert.isFalse(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("leaves the probe to the next call when the prober goes away", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        yield* TestClock.adjust("1 second")
        const prober = yield* Effect.forkChild(circuits.protect<never>(read(), Effect.never))
        yield* TestClock.adjust(0)
        const meanwhile: KubernetesError = yield* Effect.flip(circuits.protect<void>(read(), Effect.void))
        assert.strictEqual(meanwhile._tag, "KubernetesTimeoutError")
        yield* Fiber.interrupt(prober)
        assert.strictEqual(yield* circuits.protect(read(), Effect.succeed("there")), "there")
      })
    )
  )
})
