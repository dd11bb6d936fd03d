import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { ConfigMaps, Deployments, ReplicaSets, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Environments, FunctionAliases } from "../../src/fission/ResourceKind.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { at } from "../devcluster/ClusterFixture.ts"
import { contract, furnish, ServerUnderTest } from "./Servers.ts"

const accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

/** Names of the columns, those for `-o wide` in brackets, and the cells of every row; ages in seconds become `Ns`. */
const shown = (table: unknown) => {
  const columns = at(table, "columnDefinitions")
  const rows = at(table, "rows")
  if (!Array.isArray(columns) || !Array.isArray(rows)) throw new Error("this is no table")
  return [
    columns.map((column: unknown) => (at(column, "priority") === 0 ? at(column, "name") : [at(column, "name")])),
    ...rows.map((row: unknown) => {
      const cells = at(row, "cells")
      return Array.isArray(cells)
        ? cells.map((cell: unknown) => (typeof cell === "string" ? cell.replace(/^\d+s$/u, "Ns") : cell))
        : []
    })
  ]
}

const tableAt = (path: string) =>
  ServerUnderTest.use(({ send }) => Effect.map(send({ path, accept }), ({ json }) => shown(json)))

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "a" }] } }
const workload = { replicas: 2, selector: { matchLabels: { app: "web" } }, template }

contract("tables", (it) => {
  it.effect("show the same columns and cells", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("tables")
      const metadata = { namespace, name: "web" }
      const core = `/api/v1/namespaces/${namespace}`
      const apps = `/apis/apps/v1/namespaces/${namespace}`
      const fission = `/apis/fission.io/v1/namespaces/${namespace}`

      yield* api.create(WorkloadPods, { metadata, spec: template.spec })
      assert.deepStrictEqual(yield* tableAt(`${core}/pods`), [
        ["Name", "Ready", "Status", "Restarts", "Age", ["IP"], ["Node"], ["Nominated Node"], ["Readiness Gates"]],
        ["web", "0/1", "Pending", "0", "Ns", "<none>", "<none>", "<none>", "<none>"]
      ])
      yield* api.create(Deployments, { metadata, spec: workload })
      assert.deepStrictEqual(yield* tableAt(`${apps}/deployments`), [
        ["Name", "Ready", "Up-to-date", "Available", "Age", ["Containers"], ["Images"], ["Selector"]],
        ["web", "0/2", 0, 0, "Ns", "main", "a", "app=web"]
      ])
      yield* api.create(ReplicaSets, { metadata, spec: workload })
      assert.deepStrictEqual(yield* tableAt(`${apps}/replicasets`), [
        ["Name", "Desired", "Current", "Ready", "Age", ["Containers"], ["Images"], ["Selector"]],
        ["web", 2, 0, 0, "Ns", "main", "a", "app=web"]
      ])
      yield* api.create(ConfigMaps, { metadata, data: { a: "b", c: "d" } })
      assert.deepStrictEqual(yield* tableAt(`${core}/configmaps`), [
        ["Name", "Data", "Age"],
        ["web", 2, "Ns"]
      ])
      yield* api.create(Environments, { metadata, spec: { version: 3, runtime: { image: "a" } } })
      assert.deepStrictEqual(yield* tableAt(`${fission}/environments`), [
        ["Name", "Age"],
        ["web", "Ns"]
      ])
      yield* api.create(FunctionAliases, { metadata, spec: { functionName: "cart", version: "v1" } })
      assert.deepStrictEqual(yield* tableAt(`${fission}/functionaliases`), [
        ["Name", "Function", "Version", "Weight", "ResolvedVersion"],
        ["web", "cart", "v1", null, null]
      ])
      const [heading] = yield* tableAt(`${core}/events`)
      assert.includeMembers(heading ?? [], ["Last Seen", "Type", "Reason", "Object", "Message"])
    })
  )

  it.effect("are what a watch shows too, one row for each event", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const namespace = yield* furnish("table-watches")
      yield* api.create(ConfigMaps, { metadata: { namespace, name: "one" }, data: { a: "b" } })
      const { lines } = yield* ServerUnderTest
      const query = "watch=1&resourceVersion=0&timeoutSeconds=1"
      const [event] = yield* lines(`/api/v1/namespaces/${namespace}/configmaps?${query}`, accept)
      assert.strictEqual(at(event, "type"), "ADDED")
      assert.deepStrictEqual(at(event, "object", "rows", 0, "cells", 0), "one")
      assert.strictEqual(at(event, "object", "rows", 0, "object", "kind"), "PartialObjectMetadata")
    })
  )
})
