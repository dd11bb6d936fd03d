import { createServer } from "node:http"
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import { FetcherClient } from "../../src/specialization/FetcherClient.ts"

/** What a fetcher saw: each request, and the connection that it came on, counted from 1. */
const fetcherOn = (address: string) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    let connections = 0
    yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const numbers = new WeakMap<object, number>()
        const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
          seen.push(`${request.method} ${request.url} ${numbers.get(request.socket)}`)
          request.resume().once("end", () => response.end())
        })
        server.on("connection", (socket) => numbers.set(socket, ++connections))
        server.listen(8000, address, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    return seen
  })

const layer = FetcherClient.layer.pipe(Layer.provide(Layer.orDie(Settings.layer({}))))

const load = (podAddress: string) =>
  FetcherClient.use((fetcher) => fetcher.specialize({ podAddress, body: {}, correlationId: "1" }))

describe("a connection opened ahead", () => {
  it.live("is the one that the load comes on, and ends with it", () =>
    Effect.gen(function* () {
      const address = "127.88.0.1"
      const seen = yield* fetcherOn(address)
      yield* FetcherClient.use((fetcher) => fetcher.openAhead(address))
      // Within the turn of its answer the client still takes the connection for a busy one.
      yield* Effect.promise(() => setImmediate())
      yield* load(address)
      yield* load(address)
      assert.deepStrictEqual(seen, ["GET /healthz 1", "POST /specialize 1", "POST /specialize 2"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("to a pod where nobody listens is nothing", () =>
    FetcherClient.use((fetcher) => fetcher.openAhead("127.88.0.2")).pipe(Effect.provide(layer))
  )
})
