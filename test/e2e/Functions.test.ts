import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Deployments, Environments, Functions, Pods } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as World from "./World.ts"

layer(World.layer({ variables: { POD_READY_TIMEOUT: "3s" } }), { excludeTestServices: true })("functions", (it) => {
  it.effect("answer cold, and then warm from the same pod", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 3 })
      yield* World.createFunction("hello")
      yield* World.createFunction("other")
      yield* World.warm(3)
      assert.deepInclude(yield* World.call("hello"), { status: 200, body: "hello" })
      assert.deepInclude(yield* World.call("hello"), { status: 200, body: "hello" })
      yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === 1))
      assert.deepInclude(yield* World.call("other"), { status: 200, body: "other" })
      yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === 2))
    })
  )

  it.effect.each([
    ["throwing", "throw new Error('no luck')"],
    ["malformed", "module.exports = async ( => {}"]
  ] as const)(
    "that do not load (%s) answer with the pod's own words, cost one pod, and heal when repaired",
    ([name, code]) =>
      Effect.gen(function* () {
        yield* World.createFunction(name, code)
        yield* World.warm(2)
        const before = (yield* World.specialized()).length
        const first = yield* World.ask(name)
        assert.strictEqual(first.status, 500)
        assert.match(first.body, /^error specializing function pod: .*\n$/su)
        const again = yield* World.ask(name)
        assert.deepStrictEqual([again.status, again.body], [first.status, first.body])
        assert.strictEqual((yield* World.claimsOf(name)).length, 1)
        yield* World.isSo(Effect.map(World.specialized(), (pods) => pods.length === before))
        assert.strictEqual((yield* World.call("hello")).status, 200)

        yield* World.changeFunction(name, World.answering("repaired"))
        assert.deepInclude(yield* World.call(name), { status: 200, body: "repaired" })
      })
  )

  it.effect("whose code changes answer with the new code at the next request", () =>
    Effect.gen(function* () {
      yield* World.changeFunction("hello", World.answering("changed"))
      yield* World.isSo(Effect.map(World.call("hello"), ({ body }) => body === "changed"))
    })
  )

  it.effect("say which Environment is missing", () =>
    Effect.gen(function* () {
      yield* World.createFunction("stray", World.answering("stray"), World.inEnvironment("absent"))
      const { body, status } = yield* World.ask("stray")
      assert.strictEqual(status, 500)
      assert.include(body, `Environment.fission.io "absent" not found`)
    })
  )

  it.effect("say that their Environment's image cannot be run", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 1, runtime: { image: "example.com/cobol" } }, "default", "cobol")
      yield* World.createFunction("legacy", World.answering("legacy"), World.inEnvironment("cobol"))
      const { body, status } = yield* World.ask("legacy")
      assert.strictEqual(status, 500)
      assert.include(body, "timeout: waited too long to get a ready pod")
      assert.include(body, "ErrImagePull")
    })
  )

  it.effect("say that their Environment has no image", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 1, runtime: { image: "" } }, "default", "imageless")
      yield* World.createFunction("pictureless", World.answering("pictureless"), World.inEnvironment("imageless"))
      const { body, status } = yield* World.ask("pictureless")
      assert.strictEqual(status, 500)
      assert.include(body, "environment default/imageless: it has no runtime image (spec.runtime.image)")
    })
  )

  it.effect("that are deleted go away with their pods", () =>
    Effect.gen(function* () {
      yield* World.call("other")
      const reference = { namespace: "default", name: "other" }
      const { metadata } = yield* KubernetesApi.use((api) => api.get(Functions, reference))
      assert.deepStrictEqual(metadata.finalizers, ["fission.io/function-cleanup"])
      yield* KubernetesDeletion.use((door) => door.delete(Functions, reference, { uid: metadata.uid ?? "" }))
      const gone = Effect.map(World.podsOf("default", `functionUid=${metadata.uid}`), (pods) => pods.length === 0)
      yield* World.isSo(gone)
      const found = yield* Effect.exit(KubernetesApi.use((api) => api.get(Functions, reference)))
      assert.strictEqual(found._tag, "Failure")
    })
  )

  it.effect("take their pods and the pool along when their Environment is deleted, and nothing else", () =>
    Effect.gen(function* () {
      const reference = { namespace: "default", name: "nodejs" }
      const { metadata } = yield* KubernetesApi.use((api) => api.get(Environments, reference))
      yield* KubernetesDeletion.use((door) => door.delete(Environments, reference, { uid: metadata.uid ?? "" }))
      for (const kind of [Pods, Deployments]) {
        const left = Effect.map(
          KubernetesApi.use((api) => api.list(kind, { namespace: "default", labelSelector: "environmentName=nodejs" })),
          ({ items }) => items.length
        )
        yield* World.isSo(Effect.map(left, (count) => count === 0))
      }
      assert.isAbove((yield* World.podsOf("default", "environmentName=cobol")).length, 0)
      assert.strictEqual((yield* World.executorGet("/readyz")).status, 200)
    })
  )
})
