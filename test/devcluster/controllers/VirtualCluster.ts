import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ControllersLayer } from "../../../src/devcluster/controllers/Controllers.ts"
import { timestampOf } from "../../../src/devcluster/Timestamp.ts"
import type { StoredObject } from "../../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../../src/devcluster/Status.ts"
import * as KubernetesApiInMemory from "../../fakes/KubernetesApiInMemory.ts"
import { all, at, deployment, served } from "../ClusterFixture.ts"

/** The controllers on an API server in memory, under virtual time. Pods are what the test says they are. */
export const make = Effect.gen(function* () {
  const { layer, store } = yield* KubernetesApiInMemory.make({ namespaces: ["default"] })
  yield* Layer.build(ControllersLayer.pipe(Layer.provide(layer)))

  const pods = () => all(store, "Pod").filter(({ metadata }) => metadata.deletionTimestamp === undefined)

  /** Lets everybody do what is due, until nobody writes any more. */
  const settle: Effect.Effect<void> = Effect.gen(function* () {
    const before = store.version
    yield* Effect.repeat(TestClock.adjust(0), { times: 20 })
    if (store.version !== before) yield* settle
  })

  return {
    store,
    settle,
    pods,
    /** Creates an object in the namespace `default`. */
    create: (kind: string, object: Json) =>
      Effect.andThen(
        Effect.sync(() => store.create(served(kind), "default", object)),
        settle
      ),
    /** Creates the Deployment `web`. */
    createWeb: (spec: Json) =>
      Effect.andThen(
        Effect.sync(() => store.create(served("Deployment"), "default", deployment("web", spec))),
        settle
      ),
    changeWeb: (change: (spec: Json) => Json) =>
      Effect.andThen(
        Effect.sync(() =>
          store.update(served("Deployment"), "default", "web", "main", (current) => ({
            ...current,
            spec: change(Object(current["spec"]))
          }))
        ),
        settle
      ),
    /** What a kubelet would write. */
    setStatus: (pod: StoredObject, isReady: boolean, more: Json = {}) =>
      Effect.gen(function* () {
        const lastTransitionTime = timestampOf(yield* Clock.currentTimeMillis)
        const conditions = [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime }]
        store.update(served("Pod"), "default", pod.metadata.name, "status", (current) => ({
          ...current,
          status: { phase: "Running", conditions, ...more }
        }))
        yield* settle
      }),
    status: () => at(store.get(served("Deployment"), "default", "web"), "status"),
    /** Reasons and messages of the Events about a kind of object, in the order of their first time. */
    events: (kind: string) =>
      all(store, "Event")
        .filter((event) => at(event, "involvedObject", "kind") === kind)
        .map((event) => `${String(event["reason"])}: ${String(event["message"])}`)
  }
})

/** The condition of a status. */
export const condition = (status: unknown, type: string): unknown => {
  const conditions = at(status, "conditions")
  return Array.isArray(conditions) ? conditions.find((held) => at(held, "type") === type) : undefined
}
