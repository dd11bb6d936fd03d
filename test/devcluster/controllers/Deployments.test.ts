import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { all, at } from "../ClusterFixture.ts"
import { condition, make } from "./VirtualCluster.ts"

const progressing = (status: unknown) => condition(status, "Progressing")
const withImage = (image: string) => (spec: object) => ({
  ...spec,
  template: {
    metadata: { labels: { app: "web" } },
    spec: { containers: [{ name: "main", image }] }
  }
})

describe("minReadySeconds", () => {
  it.effect("makes a pod available only after it has been ready for as long", () =>
    Effect.gen(function* () {
      const { createWeb, pods, setStatus, status } = yield* make
      yield* createWeb({ replicas: 1, minReadySeconds: 10 })
      for (const pod of pods()) yield* setStatus(pod, true)
      assert.deepInclude(status(), { readyReplicas: 1, availableReplicas: 0, unavailableReplicas: 1 })
      assert.strictEqual(at(condition(status(), "Available"), "status"), "False")
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(at(status(), "availableReplicas"), 0)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(status(), { readyReplicas: 1, availableReplicas: 1, unavailableReplicas: 0 })
      assert.strictEqual(at(condition(status(), "Available"), "status"), "True")
    })
  )

  it.effect("counts anew when a pod was not ready meanwhile", () =>
    Effect.gen(function* () {
      const { createWeb, pods, setStatus, status } = yield* make
      yield* createWeb({ replicas: 1, minReadySeconds: 10 })
      for (const isReady of [true, false, true]) {
        for (const pod of pods()) yield* setStatus(pod, isReady)
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual(at(status(), "availableReplicas"), 0)
      }
      yield* TestClock.adjust("1 second")
      assert.strictEqual(at(status(), "availableReplicas"), 1)
    })
  )

  it.effect("holds a rollout until a new pod is available", () =>
    Effect.gen(function* () {
      const { changeWeb, createWeb, pods, setStatus } = yield* make
      yield* createWeb({ replicas: 1, minReadySeconds: 10 })
      for (const pod of pods()) yield* setStatus(pod, true)
      yield* TestClock.adjust("10 seconds")
      yield* changeWeb(withImage("example.com/program:2"))
      assert.strictEqual(pods().length, 2)
      for (const pod of pods().filter((pod) => at(pod, "status", "phase") === "Pending")) yield* setStatus(pod, true)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(pods().length, 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        pods().map((pod) => at(pod, "spec", "containers", 0, "image")),
        ["example.com/program:2"]
      )
    })
  )
})

describe("a rollout", () => {
  it.effect("has failed when it gets no further within its deadline, and goes on when it does", () =>
    Effect.gen(function* () {
      const { createWeb, pods, setStatus, status } = yield* make
      yield* createWeb({ replicas: 2, progressDeadlineSeconds: 60 })
      const [set] = pods().map(({ metadata }) => metadata.name.replace(/-[^-]+$/u, ""))
      yield* TestClock.adjust("59 seconds")
      assert.deepInclude(progressing(status()), { status: "True", reason: "ReplicaSetUpdated" })
      const [first, second] = pods()
      if (first !== undefined) yield* setStatus(first, true)
      yield* TestClock.adjust("59 seconds")
      assert.deepInclude(progressing(status()), { status: "True", reason: "ReplicaSetUpdated" })
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(progressing(status()), {
        status: "False",
        reason: "ProgressDeadlineExceeded",
        message: `ReplicaSet "${set}" has timed out progressing.`
      })
      if (second !== undefined) yield* setStatus(second, true)
      assert.deepInclude(progressing(status()), {
        status: "True",
        reason: "NewReplicaSetAvailable",
        message: `ReplicaSet "${set}" has successfully progressed.`
      })
    })
  )

  it.effect("that is complete stays so when its pods fail or when it is scaled", () =>
    Effect.gen(function* () {
      const { changeWeb, createWeb, pods, setStatus, status } = yield* make
      yield* createWeb({ replicas: 1, progressDeadlineSeconds: 60 })
      for (const pod of pods()) yield* setStatus(pod, true)
      const complete = progressing(status())
      assert.strictEqual(at(complete, "reason"), "NewReplicaSetAvailable")
      for (const pod of pods()) yield* setStatus(pod, false)
      yield* changeWeb((spec) => ({ ...spec, replicas: 2 }))
      yield* TestClock.adjust("2 minutes")
      assert.deepInclude(status(), { updatedReplicas: 2, availableReplicas: 0 })
      assert.deepStrictEqual(progressing(status()), complete)
    })
  )

  it.effect("of a new template starts a deadline of its own", () =>
    Effect.gen(function* () {
      const { changeWeb, createWeb, status } = yield* make
      yield* createWeb({ replicas: 1, progressDeadlineSeconds: 60 })
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(at(progressing(status()), "reason"), "ProgressDeadlineExceeded")
      yield* changeWeb(withImage("example.com/program:2"))
      assert.strictEqual(at(progressing(status()), "reason"), "ReplicaSetUpdated")
      yield* TestClock.adjust("61 seconds")
      assert.strictEqual(at(progressing(status()), "reason"), "ProgressDeadlineExceeded")
    })
  )

  it.effect("without a deadline never fails", () =>
    Effect.gen(function* () {
      const { createWeb, status } = yield* make
      yield* createWeb({ replicas: 1, progressDeadlineSeconds: 2_147_483_647 })
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(at(progressing(status()), "reason"), "ReplicaSetUpdated")
    })
  )
})

describe("status", () => {
  it.effect("observes each generation", () =>
    Effect.gen(function* () {
      const { changeWeb, createWeb, status } = yield* make
      yield* createWeb({ replicas: 0 })
      assert.strictEqual(at(status(), "observedGeneration"), 1)
      yield* changeWeb((spec) => ({ ...spec, revisionHistoryLimit: 3 }))
      assert.strictEqual(at(status(), "observedGeneration"), 2)
    })
  )

  it.effect("is available while no more pods are missing than may", () =>
    Effect.gen(function* () {
      const { createWeb, pods, setStatus, status } = yield* make
      yield* createWeb({ replicas: 4, strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 2 } } })
      const [first, second] = pods()
      if (first !== undefined) yield* setStatus(first, true)
      assert.strictEqual(at(condition(status(), "Available"), "status"), "False")
      if (second !== undefined) yield* setStatus(second, true)
      assert.strictEqual(at(condition(status(), "Available"), "status"), "True")
    })
  )
})

it.effect("scales to nothing and back with the same ReplicaSet", () =>
  Effect.gen(function* () {
    const { changeWeb, createWeb, pods, setStatus, settle, status, store } = yield* make
    yield* createWeb({ replicas: 2 })
    for (const pod of pods()) yield* setStatus(pod, true)
    yield* changeWeb((spec) => ({ ...spec, replicas: 0 }))
    yield* settle
    assert.strictEqual(pods().length, 0)
    assert.deepInclude(status(), { replicas: 0, availableReplicas: 0, unavailableReplicas: 0 })
    assert.strictEqual(at(condition(status(), "Available"), "status"), "True")
    yield* changeWeb((spec) => ({ ...spec, replicas: 2 }))
    assert.strictEqual(pods().length, 2)
    assert.strictEqual(all(store, "ReplicaSet").length, 1)
  })
)

it.effect("says in Events how it scales, and which pods come and go", () =>
  Effect.gen(function* () {
    const { changeWeb, createWeb, events, pods, settle, store } = yield* make
    yield* createWeb({ replicas: 1 })
    const set = all(store, "ReplicaSet")[0]?.metadata.name
    const pod = pods()[0]?.metadata.name
    yield* changeWeb((spec) => ({ ...spec, replicas: 0 }))
    yield* settle
    assert.deepStrictEqual(events("Deployment"), [
      `ScalingReplicaSet: Scaled up replica set ${set} from 0 to 1`,
      `ScalingReplicaSet: Scaled down replica set ${set} from 1 to 0`
    ])
    assert.deepStrictEqual(events("ReplicaSet"), [
      `SuccessfulCreate: Created pod: ${pod}`,
      `SuccessfulDelete: Deleted pod: ${pod}`
    ])
  })
)
