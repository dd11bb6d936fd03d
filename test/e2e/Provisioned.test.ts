import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Functions, Pods } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as World from "./World.ts"

/** The pods that are held warm for a function. */
const held = (name: string) => World.podsOf("default", `functionName=${name},fission.io/provisioned=true`)

const holds = (name: string, pods: number) => World.isSo(Effect.map(held(name), ({ length }) => length === pods))

/** The reason that the Function's condition gives. */
const reasonOf = (name: string) =>
  KubernetesApi.use((api) => api.get(Functions, { namespace: "default", name })).pipe(
    Effect.map(
      ({ status }) =>
        (Object(status).conditions ?? []).find(({ type }: { readonly type: string }) => type === "Provisioned")?.reason
    )
  )

layer(World.layer({ variables: { EXECUTOR_PROVISIONED_CONCURRENCY_ENABLED: "true", EXECUTOR_POOL_SURGE: "4" } }), {
  excludeTestServices: true
})("provisioned concurrency", (it) => {
  it.effect("holds pods before anybody asks, in a window more of them, and replaces one that goes", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 3 })
      const windows = [{ name: "always", start: "* * * * *", duration: "1h", target: 2 }]
      yield* World.createFunction("early", World.answering("early"), { provisionedConcurrency: { target: 1, windows } })
      yield* holds("early", 2)
      yield* World.isSo(Effect.map(reasonOf("early"), (reason) => reason === "ProvisionedSatisfied"))

      const before = (yield* held("early")).map(({ metadata }) => metadata.uid)
      assert.deepInclude(yield* World.call("early"), { status: 200, body: "early" })
      assert.deepStrictEqual(
        (yield* World.specialized()).map(({ metadata }) => metadata.uid),
        before
      )

      const [gone] = yield* held("early")
      const { name = "", uid } = gone?.metadata ?? {}
      yield* KubernetesDeletion.use((api) => api.delete(Pods, { namespace: "default", name }, { uid: uid ?? "" }))
      yield* World.isSo(
        Effect.map(held("early"), (pods) => pods.length === 2 && pods.every(({ metadata }) => metadata.uid !== uid))
      )
    })
  )

  it.effect("a pool that may grow lets more requests start at once than it has pods", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 1 }, "default", "small")
      const names = ["a", "b", "c", "d", "e"]
      for (const name of names) yield* World.createFunction(name, World.answering(name), World.inEnvironment("small"))
      const answers = yield* Effect.forEach(names, (name) => World.call(name), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ body }) => body),
        names
      )
    })
  )
})
