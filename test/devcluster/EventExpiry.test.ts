import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { expireEvents } from "../../src/devcluster/EventExpiry.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"
import { all, served } from "./ClusterFixture.ts"

it.effect("Events go an hour after they were last counted; other objects stay", () =>
  Effect.gen(function* () {
    const { store } = yield* KubernetesApiInMemory.make({ namespaces: ["default"] })
    yield* expireEvents(store)
    const left = () => all(store, "Event").map(({ metadata }) => metadata.name)
    for (const name of ["counted", "once"]) store.create(served("Event"), "default", { metadata: { name } })
    store.create(served("ConfigMap"), "default", { metadata: { name: "kept" } })
    store.update(served("Event"), "default", "counted", "main", (event) => ({
      ...event,
      lastTimestamp: "1970-01-01T00:30:00Z"
    }))
    yield* TestClock.adjust("1 hour")
    assert.deepStrictEqual(left(), ["counted", "once"])
    yield* TestClock.adjust("1 minute")
    assert.deepStrictEqual(left(), ["counted"])
    yield* TestClock.adjust("30 minutes")
    assert.deepStrictEqual(left(), [])
    assert.strictEqual(all(store, "ConfigMap").length, 1)
  })
)
