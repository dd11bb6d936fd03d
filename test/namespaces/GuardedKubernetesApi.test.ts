import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import { Pods } from "../../src/fission/ResourceKind.ts"
import { ApiServerHealth } from "../../src/kubernetes/ApiServerHealth.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { Circuits } from "../../src/namespaces/Circuits.ts"
import * as GuardedKubernetesApi from "../../src/namespaces/GuardedKubernetesApi.ts"
import * as Failures from "../fakes/Failures.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const pod = (namespace: string) => ({ metadata: { namespace, name: "pod-1" } })

/** The guarded doors over an API in memory, in which both namespaces have a pod. */
const guarded = Effect.gen(function* () {
  const memory = yield* KubernetesApiInMemory.make()
  for (const namespace of ["team-a", "team-b"]) memory.put(Pods, pod(namespace))
  const context = yield* Layer.build(
    GuardedKubernetesApi.layer.pipe(
      Layer.provide(Circuits.layer),
      Layer.provide(ApiServerHealth.layer),
      Layer.provide(memory.layer)
    )
  )
  return {
    memory,
    api: yield* Effect.provide(KubernetesApi, context),
    deletion: yield* Effect.provide(KubernetesDeletion, context)
  }
})

describe("the guarded API", () => {
  it.effect("sends nothing more for a namespace whose calls keep timing out, and everything for the others", () =>
    Effect.gen(function* () {
      const { api, deletion, memory } = yield* guarded
      memory.intercept((call) => (call.namespace === "team-a" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
      yield* Effect.repeat(Effect.flip(deletion.delete(Pods, pod("team-a").metadata, { uid: "x" })), { times: 4 })
      const before = memory.calls.length
      const patch = { type: "merge", body: { metadata: { labels: { a: "b" } } } } as const
      for (const call of [
        api.create(Pods, pod("team-a")),
        api.update(Pods, pod("team-a")),
        api.patch(Pods, pod("team-a").metadata, patch)
      ]) {
        assert.include((yield* Effect.flip(call)).message, "not sent")
      }
      assert.strictEqual(memory.calls.length, before)
      yield* api.patch(Pods, pod("team-b").metadata, patch)
    })
  )

  it.effect("lets lists through, whose reflectors back off by themselves", () =>
    Effect.gen(function* () {
      const { api, memory } = yield* guarded
      memory.intercept((call) => (call.verb === "get" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
      yield* Effect.repeat(Effect.flip(api.get(Pods, pod("team-a").metadata)), { times: 9 })
      assert.strictEqual((yield* api.list(Pods, { namespace: "team-a" })).items.length, 1)
    })
  )

  it.effect("believes a refusal that has lasted for 10 s, for that verb, kind and namespace", () =>
    Effect.gen(function* () {
      const { api, memory } = yield* guarded
      memory.intercept((call) => (call.verb === "create" ? Effect.fail(Failures.forbidden(call)) : undefined))
      const refused = (namespace: string) =>
        Effect.map(Effect.flip(api.create(Pods, pod(namespace))), ({ _tag }) => _tag)
      assert.strictEqual(yield* refused("team-a"), "KubernetesTimeoutError")
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* refused("team-a"), "KubernetesFatalError")
      assert.strictEqual(yield* refused("team-b"), "KubernetesTimeoutError")
      yield* api.get(Pods, pod("team-a").metadata)
      assert.strictEqual(yield* refused("team-a"), "KubernetesFatalError")
    })
  )

  it.effect("doubts a refusal anew after a success", () =>
    Effect.gen(function* () {
      const { api, memory } = yield* guarded
      const patched = api.patch(Pods, pod("team-a").metadata, { type: "merge", body: { spec: {} } })
      const refusing = (call: KubernetesCall) => Effect.fail(Failures.forbidden(call))
      memory.intercept(refusing)
      yield* Effect.flip(patched)
      yield* TestClock.adjust("5 seconds")
      memory.intercept()
      yield* patched
      memory.intercept(refusing)
      yield* Effect.flip(patched)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual((yield* Effect.flip(patched))._tag, "KubernetesTimeoutError")
    })
  )
})
