import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Events, Functions } from "../../src/fission/ResourceKind.ts"
import { EventRecorder, type Note } from "../../src/safeguards/EventRecorder.ts"
import { connectionReset, etcdTimeout, forbidden } from "../fakes/Failures.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const note: Note = { type: "Warning", reason: "DeploymentFailed", message: "exceeded quota" }

const record = (given: Partial<Note> = {}, name = "hello", namespace = "default") =>
  EventRecorder.use((events) =>
    events.record({ kind: Functions, namespace, name, uid: "uid-1" }, { ...note, ...given })
  ).pipe(Effect.andThen(TestClock.adjust("1 millis")))

const withRecorder = (
  test: (api: KubernetesApiInMemory.KubernetesApiInMemory) => Effect.Effect<void, never, EventRecorder>
) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces: ["default", "team-a"] })
    yield* test(api).pipe(Effect.provide(EventRecorder.layer.pipe(Layer.provide(api.layer))))
  })

describe("the recorder of Events", () => {
  it.effect("writes what kubectl shows beside the object", () =>
    withRecorder((api) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.parse("2026-02-03T04:05:06Z"))
        yield* record()
        const [event] = api.list(Events)
        assert.deepInclude(event, {
          ...note,
          involvedObject: {
            apiVersion: "fission.io/v1",
            kind: "Function",
            namespace: "default",
            name: "hello",
            uid: "uid-1"
          },
          lastTimestamp: "2026-02-03T04:05:06Z",
          count: 1
        })
      })
    )
  )

  it.effect("writes at most one per object and reason in five minutes", () =>
    withRecorder((api) =>
      Effect.gen(function* () {
        for (let minute = 0; minute < 10; minute++) {
          yield* record()
          yield* TestClock.adjust("1 minute")
        }
        assert.strictEqual(api.list(Events).length, 2)
        yield* record({ reason: "CapacityExceeded" })
        yield* record({}, "other")
        assert.strictEqual(api.list(Events).length, 4)
      })
    )
  )

  it.effect("tries again while the API fails", () =>
    withRecorder((api) =>
      Effect.gen(function* () {
        api.intercept((call) => Effect.fail(etcdTimeout(call)))
        yield* record()
        yield* TestClock.adjust("20 seconds")
        api.intercept()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(api.list(Events).length, 1)
      })
    )
  )

  it.effect("writes once what was written although the answer was lost", () =>
    withRecorder((api) =>
      Effect.gen(function* () {
        let lost = 1
        api.interceptAnswers((call) => (lost-- > 0 ? Effect.fail(connectionReset(call)) : undefined))
        yield* record()
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(api.list(Events).length, 1)
        assert.strictEqual(api.lines("create").length, 2)
      })
    )
  )

  it.effect("does not ask a namespace again that forbids Events, but every other one", () =>
    withRecorder((api) =>
      Effect.gen(function* () {
        api.intercept((call) => (call.namespace === "default" ? Effect.fail(forbidden(call)) : undefined))
        yield* record()
        yield* TestClock.adjust("10 minutes")
        const asked = api.lines("create").length
        yield* record()
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(api.lines("create").length, asked)
        yield* record({}, "hello", "team-a")
        assert.strictEqual(api.list(Events, "team-a").length, 1)
      })
    )
  )
})
