import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { EndpointSlices } from "../../src/devcluster/Kinds.ts"
import { Router } from "../../src/devcluster/Router.ts"
import { Functions, Services } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as World from "./World.ts"

const listOf = (kind: typeof Services | typeof EndpointSlices, name: string) =>
  KubernetesApi.use((api) => api.list(kind, { namespace: "default", labelSelector: `functionName=${name}` })).pipe(
    Effect.map(({ items }) => items)
  )

/** The addresses that the slices of a function show as ready. */
const readyOf = (name: string) =>
  Effect.map(listOf(EndpointSlices, name), (slices) =>
    slices
      .flatMap(({ endpoints }) => (Array.isArray(endpoints) ? endpoints : []))
      .flatMap(({ addresses, conditions }) => (conditions.ready ? [String(addresses)] : []))
  )

const showsPods = (name: string, count: number) =>
  World.isSo(Effect.map(readyOf(name), (ready) => ready.length === count))

/** Calls a function, so many times at once, through a router that reaches no executor. */
const callWithoutExecutor = Effect.fnUntraced(function* (name: string, times: number) {
  const router = Router.layer({
    host: "127.0.0.1",
    port: 0,
    executorUrl: "http://127.0.0.1:1",
    namespaces: ["default"],
    endpointSlices: true
  })
  const { url } = Context.get(yield* Layer.build(router), Router)
  const answer = World.http(`${url}/fission-function/${name}`)
  const known = World.eventually(Effect.map(answer, (got) => (got.status === 503 ? undefined : got)))
  return yield* Effect.forEach(Array.from({ length: times }), () => known, { concurrency: times })
}, Effect.scoped)

layer(World.layer({ endpointSlices: true }), { excludeTestServices: true })("EndpointSlices", (it) => {
  it.effect("show a router the pod of a function after its first request, so that it asks no executor", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment({ poolsize: 3 })
      yield* World.createFunction("hello")
      yield* World.warm(3)
      assert.deepInclude(yield* World.call("hello"), { status: 200, body: "hello" })
      yield* showsPods("hello", 1)
      const [answer] = yield* callWithoutExecutor("hello", 1)
      assert.deepInclude(answer, { status: 200, body: "hello" })
      assert.strictEqual((yield* World.claimsOf("hello")).length, 1)
    })
  )

  it.effect("lead a burst to as many pods as it needs, and the requests after it nowhere else", () =>
    Effect.gen(function* () {
      const slow = `module.exports = () => new Promise((done) => setTimeout(done, 300, { status: 200, body: "slow" }))`
      yield* World.createFunction("slow", slow, { requestsPerPod: 1 })
      yield* World.warm(2)
      const cold = yield* Effect.all([World.call("slow"), World.call("slow")], { concurrency: 2 })
      yield* showsPods("slow", 2)
      const warm = yield* callWithoutExecutor("slow", 2)
      assert.deepStrictEqual(
        [...cold, ...warm].map(({ status }) => status),
        [200, 200, 200, 200]
      )
      assert.strictEqual((yield* World.claimsOf("slow")).length, 2)
    })
  )

  it.effect("show new code alone, once it was asked for", () =>
    Effect.gen(function* () {
      yield* World.changeFunction("hello", World.answering("changed"))
      yield* World.isSo(Effect.map(World.call("hello"), ({ body }) => body === "changed"))
      yield* showsPods("hello", 1)
      for (let request = 0; request < 5; request++) {
        assert.deepInclude(yield* World.call("hello"), { status: 200, body: "changed" })
      }
    })
  )

  it.effect("show a pod that nobody uses no more, while its last requests may still end", () =>
    Effect.gen(function* () {
      yield* World.createFunction("brief", World.answering("brief"), { idletimeout: 5, functionTimeout: 5 })
      yield* World.warm(1)
      assert.strictEqual((yield* World.call("brief")).status, 200)
      yield* showsPods("brief", 1)
      yield* showsPods("brief", 0)
      const pods = yield* World.podsOf("default", "functionName=brief")
      assert.strictEqual(pods.length, 1)
      assert.isUndefined(pods[0]?.metadata.deletionTimestamp)
    })
  )

  it.effect("go away with the Service when the function is deleted", () =>
    Effect.gen(function* () {
      const reference = { namespace: "default", name: "hello" }
      const { metadata } = yield* KubernetesApi.use((api) => api.get(Functions, reference))
      yield* KubernetesDeletion.use((door) => door.delete(Functions, reference, { uid: metadata.uid ?? "" }))
      for (const kind of [Services, EndpointSlices]) {
        yield* World.isSo(Effect.map(listOf(kind, "hello"), (items) => items.length === 0))
      }
      assert.strictEqual((yield* listOf(Services, "slow")).length, 1)
    })
  )
})
