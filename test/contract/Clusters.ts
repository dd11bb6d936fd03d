import { isDeepStrictEqual } from "node:util"
import { describe, layer, type Vitest } from "@effect/vitest"
import { Context, Effect, Layer, type Scope } from "effect"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { type Fault, Faults } from "../../src/devcluster/Faults.ts"
import type { Kubelet, KubeletOptions } from "../../src/devcluster/Kubelet.ts"
import { metadataOf, Namespaces, ServiceAccounts } from "../../src/devcluster/Kinds.ts"
import { Router } from "../../src/devcluster/Router.ts"
import { servedKinds } from "../../src/devcluster/ServedKinds.ts"
import * as Executor from "../../src/Executor.ts"
import type { ResourceKind } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, type KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as World from "../e2e/World.ts"
import { assets, RealServer, tokens } from "./RealServer.ts"

const host = "127.0.0.1"

/** A cluster in which pods run: an API server with controllers and a kubelet. */
export class ClusterUnderTest extends Context.Service<
  ClusterUnderTest,
  {
    readonly kubeConfig: Credentials.LoadKubeConfig
    /** Until the scope closes the API server answers nobody. */
    readonly silence: Effect.Effect<void, never, Scope.Scope>
    /** Until the scope closes the API server is without its etcd. */
    readonly withoutEtcd: Effect.Effect<void, never, Scope.Scope>
  }
>()("test/contract/ClusterUnderTest") {}

/** What is special about the node. */
type NodeOptions = Pick<KubeletOptions, "programs" | "capacity" | "imageLayout">

/** What a test of a cluster can use. */
export type Cluster = ClusterUnderTest | KubernetesApi | KubernetesDeletion | Kubelet

const withClient = <A, E>(cluster: Layer.Layer<A | ClusterUnderTest, E>) =>
  Layer.unwrap(Effect.map(ClusterUnderTest, ({ kubeConfig }) => KubernetesApiLive.layer(kubeConfig, "node"))).pipe(
    Layer.provideMerge(cluster)
  )

const inForce = (...some: ReadonlyArray<Fault>) =>
  Effect.gen(function* () {
    const faults = yield* Faults
    for (const fault of some) yield* Effect.acquireRelease(faults.inject(fault), (id) => faults.lift(id))
  })

const embedded = (node: NodeOptions): Layer.Layer<Cluster> =>
  Layer.effect(
    ClusterUnderTest,
    Effect.gen(function* () {
      const { url } = yield* ApiServer
      const faults = yield* Faults
      const during = (fault: Fault) => Effect.provideService(inForce(fault), Faults, faults)
      return ClusterUnderTest.of({
        kubeConfig: Credentials.fromServer(url),
        silence: during({ action: { type: "hang" } }),
        withoutEtcd: during({ action: { type: "error", preset: "etcdTimeout" } })
      })
    })
  ).pipe(Layer.provideMerge(DevCluster.layer({ ...node, host, port: 0, namespaces: [] })), withClient, Layer.orDie)

const real = (folder: string, node: NodeOptions): Layer.Layer<Cluster> =>
  Layer.unwrap(
    Effect.map(RealServer, ({ certificateAuthority, url }) =>
      DevCluster.nodeComponents({ ...node, apiServer: { url, token: tokens.admin, certificateAuthority } })
    )
  ).pipe(
    Layer.provideMerge(
      withClient(
        Layer.effect(
          ClusterUnderTest,
          Effect.map(RealServer, ({ etcd, kubeconfigs, server }) =>
            ClusterUnderTest.of({
              kubeConfig: Credentials.fromFile(kubeconfigs.admin),
              silence: server.suspended,
              withoutEtcd: etcd.suspended
            })
          )
        ).pipe(Layer.provideMerge(RealServer.layer(folder)))
      )
    ),
    Layer.orDie
  )

/** Runs the same tests in each cluster that there is here: the embedded one always. */
export const inEachCluster = (
  name: string,
  tests: (it: Vitest.MethodsNonLive<Cluster>) => void,
  node: NodeOptions = {}
): void => {
  const options = { excludeTestServices: true, timeout: "90 seconds" } as const
  describe("the embedded API server", () => layer(embedded(node), options)(name, tests))
  describe.skipIf(assets === undefined)("the real API server", () =>
    layer(real(assets ?? "", node), options)(name, tests)
  )
}

/** A namespace with what pods of functions need. */
export const furnish = (name: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const ensure = (kind: ResourceKind, object: KubernetesObject) =>
      api.create(kind, object).pipe(Effect.catchTag("KubernetesAlreadyExists", () => Effect.void))
    yield* ensure(Namespaces, { metadata: { name } })
    for (const account of ["default", "fission-fetcher"]) {
      yield* ensure(ServiceAccounts, { metadata: { namespace: name, name: account } })
    }
  })

/** Environment variables of an executor. */
type Variables = { readonly [name: string]: string }

const executor = (namespace: string, variables: Variables) =>
  Layer.unwrap(
    Effect.map(ClusterUnderTest, ({ kubeConfig }) =>
      Layer.unwrap(
        Effect.map(ExecutorApi, ({ port }) =>
          Router.layer({ host, port: 0, executorUrl: `http://${host}:${port}`, namespaces: [namespace] })
        )
      ).pipe(
        Layer.provideMerge(Executor.layer({ kubeConfig, userAgent: World.executorAgent, host, port: 0 })),
        Layer.provide(
          Settings.layer({ FISSION_RESOURCE_NAMESPACES: namespace, FINALIZER_ENABLED: "true", ...variables })
        )
      )
    )
  ).pipe(Layer.orDie)

/**
 * Runs something with an executor of a namespace, and a router before it. They start before and end after it: each time
 * it is another process as far as the cluster can tell.
 */
export const withExecutor = <A, E, R>(namespace: string, use: Effect.Effect<A, E, R>, variables: Variables = {}) =>
  Effect.scoped(
    Effect.flatMap(Layer.build(Layer.fresh(executor(namespace, variables))), (context) => Effect.provide(use, context))
  )

/** Every object in a namespace, with its version. */
export const versions = (namespace: string) =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const found = new Map<string, string>()
    for (const kind of servedKinds.filter(({ namespaced }) => namespaced)) {
      const { items } = yield* api.list(metadataOf(kind), { namespace })
      for (const { metadata } of items) found.set(`${kind.plural}/${metadata.name}`, metadata.resourceVersion ?? "")
    }
    return found
  })

/** The same once nothing changes any more. */
export const settled = (namespace: string) =>
  World.eventually(
    Effect.gen(function* () {
      const before = yield* versions(namespace)
      yield* Effect.sleep("500 millis")
      return isDeepStrictEqual(yield* versions(namespace), before) ? before : undefined
    })
  )
