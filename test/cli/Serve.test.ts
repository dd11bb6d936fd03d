import { createServer, type Server } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { http, isSo } from "../e2e/World.ts"
import * as CommandProcess from "./CommandProcess.ts"

const statusOf = (url: string) =>
  http(url).pipe(
    Effect.map(({ status }) => status),
    Effect.catchDefect(() => Effect.succeed(0))
  )

/** A server at a given address that has nothing of anything. */
const emptyApiServer = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        if ((request.url ?? "").includes("watch=true")) return void response.flushHeaders()
        response.end(JSON.stringify({ kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] }))
      })
      server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )

it.live(
  "serve, without a subcommand, lives without an API server, says so once per namespace, and is ready with one",
  () =>
    Effect.gen(function* () {
      const [apiPort, port] = [yield* CommandProcess.freePort, yield* CommandProcess.freePort]
      const executor = yield* CommandProcess.start(
        ["--executorPort", String(port), "--host", "127.0.0.1", "--api-server", `http://127.0.0.1:${apiPort}`],
        { FISSION_RESOURCE_NAMESPACES: "a,b" }
      )
      const url = `http://127.0.0.1:${port}`
      yield* isSo(Effect.map(statusOf(`${url}/healthz`), (status) => status === 200))
      const notReady = yield* http(`${url}/readyz`)
      assert.deepStrictEqual([notReady.status, notReady.body], [503, "caches not synced\n"])
      const warnings = () =>
        executor
          .stdout()
          .split("\n")
          .filter((line) => line.includes('"level":"warn"') && line.includes("list or watch failed and is tried again"))
      yield* isSo(Effect.sync(() => warnings().length >= 2))

      yield* emptyApiServer(apiPort)
      yield* isSo(Effect.map(statusOf(`${url}/readyz`), (status) => status === 200))
      assert.strictEqual(warnings().filter((line) => line.includes('"namespace":"a"')).length, 1)
      executor.child.kill("SIGTERM")
      assert.strictEqual(yield* executor.exited, 0)
    })
)
