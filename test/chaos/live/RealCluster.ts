import { Context, Effect, Layer } from "effect"
import { type Program, RealServer, until } from "../../contract/RealServer.ts"

/** A real etcd and a real API server with the custom resources of `deploy/crds`, each to be harmed. */
export class RealCluster extends Context.Service<
  RealCluster,
  {
    /** Kubeconfig of an administrator, and of the user that the executor is. */
    readonly administrator: string
    readonly executor: string
    readonly etcd: Program
    /** Every member of etcd, of which `etcd` is the first. */
    readonly members: ReadonlyArray<Program>
    readonly server: Program
    /** Waits until the executor's user gets lists of pods and of a custom resource, with etcd behind them. */
    readonly answers: Effect.Effect<void>
    /** Removes the history before now from etcd. */
    readonly compact: Effect.Effect<void>
    /** Gives the executor's user every right, or takes it away. */
    readonly grant: Effect.Effect<void>
    readonly withdraw: Effect.Effect<void>
  }
>()("test/chaos/RealCluster") {
  /** Ready when the layer is built; closing it ends every program and removes their files. */
  static readonly layer = (folder: string, members: 1 | 3): Layer.Layer<RealCluster> =>
    Layer.effect(
      RealCluster,
      Effect.gen(function* () {
        const { compact, etcd, exchange, kubeconfigs, members: all, server } = yield* RealServer
        const rights = "/apis/rbac.authorization.k8s.io/v1"
        yield* exchange("POST", `${rights}/clusterroles`, { body: JSON.stringify(everything) })
        const grant = Effect.asVoid(
          exchange("POST", `${rights}/clusterrolebindings`, { body: JSON.stringify(binding) })
        )
        yield* grant

        const isListed = (path: string) =>
          exchange("GET", path, { user: "executor" }).pipe(
            Effect.map(({ status }) => status === 200),
            Effect.timeoutOrElse({ duration: "1 second", orElse: () => Effect.succeed(false) })
          )
        const answer = Effect.forEach(["/api/v1/pods?limit=1", "/apis/fission.io/v1/functions?limit=1"], isListed)
        return RealCluster.of({
          administrator: kubeconfigs.admin,
          executor: kubeconfigs.executor,
          etcd,
          members: all,
          server,
          answers: until(Effect.map(answer, (listed) => listed.every((isThere) => isThere))),
          compact,
          grant,
          withdraw: Effect.asVoid(exchange("DELETE", `${rights}/clusterrolebindings/executor`))
        })
      })
    ).pipe(Layer.provide(RealServer.layer(folder, members)))
}

const everything = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name: "executor" },
  rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]
}
const binding = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name: "executor" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "executor" },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "executor" }]
}
