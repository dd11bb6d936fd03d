import "effect/schema/SchemaJITCompiler/enable"
import { createServer } from "node:http"
import { Effect } from "effect"
import { dispatcherOf, startApi } from "../fakes/ApiUnderTest.ts"

/**
 * A server in a process of its own, so that its CPU time can be told from the client's: `echo` is bare node:http,
 * `unsigned` and `signed` are the executor API over a dispatcher that always has a warm address. Tells its parent the
 * port, and on every message the CPU seconds it has used.
 */
const address = "10.1.2.3:8888"

const echo = Effect.callback<number>((resume) => {
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      response.writeHead(200, { "Content-Length": address.length }).end(address)
    })
  })
  server.listen(0, "127.0.0.1", () => {
    const bound = server.address()
    resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
  })
})

const warm = dispatcherOf({ getService: () => Effect.succeed({ address, release: Effect.void }) })
const mode = process.argv[2]
const secret = process.argv[3] ?? ""
const start = mode === "echo" ? echo : startApi(warm, mode === "signed" ? { FISSION_INTERNAL_AUTH_SECRET: secret } : {})

process.on("message", () => {
  const { system, user } = process.cpuUsage()
  process.send?.((system + user) / 1e6)
})
process.on("disconnect", () => process.exit())

await start.pipe(
  Effect.flatMap((port) => Effect.sync(() => process.send?.(port))),
  Effect.andThen(Effect.never),
  Effect.scoped,
  Effect.runPromise
)
