import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as EventRecorder from "../../src/devcluster/EventRecorder.ts"
import { WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { classifyAnswer } from "../../src/kubernetes/Classify.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"
import { all } from "./ClusterFixture.ts"

const subject: EventRecorder.EventSubject = {
  kind: WorkloadPods,
  metadata: { namespace: "default", name: "pod-1", uid: "1" },
  fieldPath: "spec.containers{main}"
}
const started: EventRecorder.Happening = { type: "Normal", reason: "Started", message: "Started container: main" }

const recording = Effect.gen(function* () {
  const memory = yield* KubernetesApiInMemory.make({ namespaces: ["default"] })
  const record = yield* EventRecorder.make("kubelet").pipe(Effect.provide(memory.layer))
  const settle = Effect.repeat(TestClock.adjust(0), { times: 20 })
  return { ...memory, record, settle, events: () => all(memory.store, "Event") }
})

it.effect("writes what happened to which object, and when", () =>
  Effect.gen(function* () {
    const { events, record, settle } = yield* recording
    yield* TestClock.adjust("1 hour")
    yield* record(subject, started)
    yield* settle
    const [event] = events()
    assert.deepInclude(event, {
      ...started,
      involvedObject: {
        apiVersion: "v1",
        kind: "Pod",
        namespace: "default",
        name: "pod-1",
        uid: "1",
        fieldPath: "spec.containers{main}"
      },
      count: 1,
      firstTimestamp: "1970-01-01T01:00:00Z",
      lastTimestamp: "1970-01-01T01:00:00Z",
      source: { component: "kubelet" }
    })
    assert.match(event?.metadata.name ?? "", /^pod-1\.[0-9a-f]+$/u)
  })
)

it.effect("counts what happens again, to the same object only", () =>
  Effect.gen(function* () {
    const { events, record, settle } = yield* recording
    yield* record(subject, started)
    yield* TestClock.adjust("10 seconds")
    yield* record(subject, started)
    yield* record({ ...subject, metadata: { ...subject.metadata, uid: "2" } }, started)
    yield* settle
    assert.deepStrictEqual(
      events().map((event) => [event["count"], event["firstTimestamp"], event["lastTimestamp"]]),
      [
        [2, "1970-01-01T00:00:00Z", "1970-01-01T00:00:10Z"],
        [1, "1970-01-01T00:00:10Z", "1970-01-01T00:00:10Z"]
      ]
    )
  })
)

it.effect("begins anew where the Event has gone", () =>
  Effect.gen(function* () {
    const { events, record, remove, settle } = yield* recording
    yield* record(subject, started)
    yield* settle
    const name = events()[0]?.metadata.name ?? ""
    remove({ ...WorkloadPods, kind: "Event", plural: "events" }, { namespace: "default", name })
    yield* record(subject, started)
    yield* settle
    assert.deepStrictEqual(
      events().map((event) => event["count"]),
      [1]
    )
  })
)

it.effect("tries again for a while, then gives an Event up and goes on", () =>
  Effect.gen(function* () {
    const { events, intercept, lines, record, settle } = yield* recording
    intercept((call) => Effect.fail(classifyAnswer(call, { status: 503, headers: {}, body: "service unavailable" })))
    yield* record(subject, started)
    yield* TestClock.adjust("1 minute")
    assert.strictEqual(lines("create").length, 5)
    intercept()
    yield* record(subject, { ...started, reason: "Killing" })
    yield* settle
    assert.deepStrictEqual(
      events().map(({ reason }) => reason),
      ["Killing"]
    )
  })
)
