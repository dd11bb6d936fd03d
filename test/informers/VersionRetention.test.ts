import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import { FunctionAliases, FunctionVersions } from "../../src/fission/ResourceKind.ts"
import { retention } from "../../src/informers/VersionRetention.ts"
import * as WatchScope from "../../src/informers/WatchScope.ts"
import * as KubernetesApiInMemory from "../fakes/KubernetesApiInMemory.ts"

const inNamespace = (name: string) => ({ metadata: { namespace: "team-a", name } })
const version = (name: string, functionGeneration: number) => ({
  ...inNamespace(name),
  spec: { functionUID: "fn-1", functionGeneration }
})

const watched = Effect.gen(function* () {
  const memory = yield* KubernetesApiInMemory.make()
  for (const generation of [1, 2, 3, 4]) memory.put(FunctionVersions, version(`v${generation}`, generation))
  const scope = yield* WatchScope.make({
    namespace: "team-a",
    workloadNamespace: "team-a",
    startWithin: Duration.zero,
    listener: { onChange: () => {}, onStatus: () => Effect.void }
  }).pipe(Effect.provide(memory.layer))
  yield* Effect.forkScoped(scope.run)
  yield* TestClock.adjust(0)
  return { memory, view: scope.view }
})

describe("a generation is retained", () => {
  it.effect("while versions and aliases are not known, which the question itself starts to change", () =>
    Effect.gen(function* () {
      const { memory, view } = yield* watched
      memory.intercept((call) => (call.verb === "list" ? Effect.sleep("5 seconds") : undefined))
      assert.isTrue(retention(view)("fn-1", 1))
      yield* TestClock.adjust("5 seconds")
      assert.isFalse(retention(view)("fn-1", 1))
    })
  )

  it.effect("while an alias leads to it by any of its names, and by no other", () =>
    Effect.gen(function* () {
      const { memory, view } = yield* watched
      view.wantVersions()
      memory.put(FunctionAliases, {
        ...inNamespace("stable"),
        spec: { version: "v1", secondaryVersion: "v2" },
        status: { resolvedVersion: "v3" }
      })
      memory.put(FunctionAliases, { ...inNamespace("nowhere"), spec: { version: "v9" } })
      yield* TestClock.adjust(0)
      const isRetained = retention(view)
      assert.deepStrictEqual(
        [1, 2, 3, 4].map((generation) => isRetained("fn-1", generation)),
        [true, true, true, false]
      )
      assert.isFalse(isRetained("another", 1))
    })
  )
})
