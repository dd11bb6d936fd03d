import { isDeepStrictEqual } from "node:util"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import type { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { metadataOf, ServiceAccounts } from "../../src/devcluster/Kinds.ts"
import { Router } from "../../src/devcluster/Router.ts"
import { servedKinds } from "../../src/devcluster/ServedKinds.ts"
import * as Executor from "../../src/Executor.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as World from "../e2e/World.ts"
import { assets, RealServer, tokens } from "./RealServer.ts"

const host = "127.0.0.1"
const namespaces = ["default"]

/** A real API server with what it lacks to run pods. */
const cluster = (folder: string): Layer.Layer<RealServer | KubernetesApi | KubernetesDeletion | Kubelet> =>
  Layer.unwrap(
    Effect.map(RealServer, ({ certificateAuthority, kubeconfig, url }) =>
      DevCluster.nodeComponents({ apiServer: { url, token: tokens.admin, certificateAuthority } }).pipe(
        Layer.provideMerge(Layer.effectDiscard(Effect.ignore(furnish))),
        Layer.provideMerge(KubernetesApiLive.layer(Credentials.fromFile(kubeconfig), "node"))
      )
    )
  ).pipe(Layer.provideMerge(RealServer.layer(folder)), Layer.orDie)

const furnish = KubernetesApi.use((api) =>
  api.create(ServiceAccounts, { metadata: { namespace: "default", name: "fission-fetcher" } })
)

/** The executor with a router before it; each build is another process as far as the cluster can tell. */
const executor = Layer.unwrap(
  Effect.map(RealServer, ({ kubeconfig }) =>
    Layer.unwrap(
      Effect.map(ExecutorApi, ({ port }) =>
        Router.layer({ host, port: 0, executorUrl: `http://${host}:${port}`, namespaces })
      )
    ).pipe(
      Layer.provideMerge(
        Executor.layer({ kubeConfig: Credentials.fromFile(kubeconfig), userAgent: "executor", host, port: 0 })
      ),
      Layer.provide(Settings.layer({ FISSION_RESOURCE_NAMESPACES: "default", FINALIZER_ENABLED: "true" }))
    )
  )
).pipe(Layer.orDie)

/** Runs something with an executor that starts before and ends after it. */
const withExecutor = <A, E, R>(use: Effect.Effect<A, E, R>) =>
  Effect.scoped(Effect.flatMap(Layer.build(Layer.fresh(executor)), (context) => Effect.provide(use, context)))

/** Every object in the namespace, with its version. */
const versions = Effect.gen(function* () {
  const api = yield* KubernetesApi
  const found = new Map<string, string>()
  for (const kind of servedKinds.filter(({ namespaced }) => namespaced)) {
    const { items } = yield* api.list(metadataOf(kind), { namespace: "default" })
    for (const { metadata } of items) found.set(`${kind.plural}/${metadata.name}`, metadata.resourceVersion ?? "")
  }
  return found
})

/** The same once nothing changes any more. */
const settled = World.eventually(
  Effect.gen(function* () {
    const before = yield* versions
    yield* Effect.sleep("500 millis")
    return isDeepStrictEqual(yield* versions, before) ? before : undefined
  })
)

describe.skipIf(assets === undefined)("with a real API server", () => {
  layer(cluster(assets ?? ""), { excludeTestServices: true, timeout: "90 seconds" })("the executor", (it) => {
    it.effect("answer cold and warm, and after a restart from the same pod, without a write", () =>
      Effect.gen(function* () {
        yield* withExecutor(
          Effect.gen(function* () {
            yield* World.createEnvironment({ poolsize: 2 })
            yield* World.createFunction(
              "hello",
              "module.exports = async () => ({ status: 200, body: String(process.pid) })"
            )
            yield* World.warm(2)
            const cold = yield* World.call("hello")
            assert.strictEqual(cold.status, 200, cold.body)
            assert.strictEqual((yield* World.call("hello")).body, cold.body)
            yield* World.warm(2)
          })
        )
        const [pod] = yield* World.specialized()
        const before = yield* settled
        const answer = yield* withExecutor(
          Effect.gen(function* () {
            yield* World.isSo(Effect.map(World.executorGet("/readyz"), ({ status }) => status === 200))
            return yield* World.call("hello")
          })
        )
        assert.strictEqual(answer.status, 200, answer.body)
        assert.deepStrictEqual(yield* versions, before)
        const [still] = yield* World.specialized()
        assert.strictEqual(still?.metadata.uid, pod?.metadata.uid)
      })
    )

    it.effect("take the pods of a deleted function away, and those of a deleted Environment", () =>
      withExecutor(
        Effect.gen(function* () {
          const deletion = yield* KubernetesDeletion
          const remove = (kind: typeof Functions | typeof Environments, name: string) =>
            Effect.gen(function* () {
              const reference = { namespace: "default", name }
              const { metadata } = yield* KubernetesApi.use((api) => api.get(kind, reference))
              yield* deletion.delete(kind, reference, { uid: metadata.uid ?? "" })
              return yield* World.isSo(
                Effect.map(Effect.exit(KubernetesApi.use((api) => api.get(kind, reference))), Exit.isFailure)
              )
            })
          yield* remove(Functions, "hello")
          yield* World.isSo(Effect.map(World.podsOf("default", "managed=false"), (pods) => pods.length === 0))
          yield* World.warm(2)
          yield* remove(Environments, "nodejs")
          yield* World.isSo(Effect.map(World.podsOf("default", "managed=true"), (pods) => pods.length === 0))
        })
      )
    )
  })
})
