import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
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
        yield* circuits.succeeded("team-a")
        assert.isFalse(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("is asked once a second by however many callers, and all circuits together twenty times", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        const namespaces = Array.from({ length: 60 }, (_, index) => `team-${index}`)
        for (const namespace of namespaces) yield* fail(circuits, read(namespace), Failures.etcdTimeout)
        let sent = 0
        const probing = (some: ReadonlyArray<string>) =>
          Effect.gen(function* () {
            sent = 0
            for (let tick = 0; tick < 150; tick++) {
              yield* TestClock.adjust("200 millis")
              for (const namespace of some) {
                const call = Effect.andThen(
                  Effect.sync(() => sent++),
                  Effect.fail(Failures.etcdTimeout(read(namespace)))
                )
                yield* Effect.flip(circuits.protect(read(namespace), call))
              }
            }
            return sent
          })
        assert.isAtMost(yield* probing(namespaces), 20 * 30)
        assert.isAtLeast(sent, 20 * 25)
        for (const namespace of namespaces.slice(1)) yield* circuits.succeeded(namespace)
        assert.isAtMost(yield* probing(["team-0"]), 31)
        assert.isAtLeast(sent, 25)
      })
    )
  )

  it.effect("is probed again although the probe before hangs", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        yield* TestClock.adjust("1 second")
        yield* Effect.forkChild(circuits.protect<never>(read(), Effect.never))
        yield* TestClock.adjust(0)
        const meanwhile: KubernetesError = yield* Effect.flip(circuits.protect<void>(read(), Effect.void))
        assert.strictEqual(meanwhile._tag, "KubernetesTimeoutError")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* circuits.protect(read(), Effect.succeed("there")), "there")
        assert.isFalse(circuits.isOpen("team-a"))
      })
    )
  )

  it.effect("of writes may be tried at once when that of reads was closed by an answer", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        yield* fail(circuits, read(), Failures.etcdTimeout)
        yield* TestClock.adjust("900 millis")
        yield* fail(circuits, write, Failures.etcdTimeout)
        yield* TestClock.adjust("100 millis")
        yield* circuits.protect(read(), Effect.void)
        assert.strictEqual(yield* circuits.protect(write, Effect.succeed("written")), "written")
      })
    )
  )

  it.effect("says when it lets a probe through, and nothing while it is closed", () =>
    tested((circuits) =>
      Effect.gen(function* () {
        assert.isUndefined(circuits.probeIn("team-a"))
        yield* fail(circuits, write, Failures.etcdTimeout)
        yield* TestClock.adjust("400 millis")
        assert.deepStrictEqual(circuits.probeIn("team-a"), Duration.millis(600))
      })
    )
  )

  it.effect("releases what waits for the namespace when the last of both closes, and only then", () =>
    Effect.gen(function* () {
      const server = yield* ApiServerHealth
      const circuits = yield* Circuits
      let released = 0
      const onRelease = Effect.sync(() => void released++)
      for (const name of ["team-a", "team-b"]) server.join({ name, callsTo: [name], onRelease })
      yield* fail(circuits, read(), Failures.etcdTimeout)
      yield* fail(circuits, write, Failures.etcdTimeout)
      yield* TestClock.adjust("1 second")
      yield* circuits.protect(read(), Effect.void)
      assert.strictEqual(released, 0)
      yield* circuits.protect(write, Effect.void)
      yield* circuits.protect(write, Effect.void)
      assert.strictEqual(released, 1)
    }).pipe(Effect.provide(Circuits.layer.pipe(Layer.provideMerge(serverThatAnswers))), withRandom(0.5))
  )
})
