import { createServer, type RequestListener } from "node:http"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { RuntimeClient } from "../../src/specialization/RuntimeClient.ts"
import { Tracing } from "../../src/Tracing.ts"
import { nativeTracing } from "../fakes/Traces.ts"

/** An address of its own for each test: the runtime's port is fixed. */
const address = (index: number) => `127.31.${process.pid % 250}.${index}`

/** A runtime that answers so, until the scope closes. */
const runtime = (host: string, answer: RequestListener) =>
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer(answer)
      server.listen(8888, host, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

const load = (podAddress: string) =>
  RuntimeClient.use((client) =>
    client.specialize({ podAddress, body: { filepath: "/userfunc/deployarchive" }, correlationId: "request-1" })
  ).pipe(Effect.provide(RuntimeClient.layer))

it.live("a runtime is sent the load request alone, unsigned", () =>
  Effect.gen(function* () {
    let seen: unknown
    yield* runtime(address(1), (request, response) => {
      request.setEncoding("utf8").on("data", (body) => {
        const { "content-type": type, "x-fission-request-id": id } = request.headers
        seen = { url: request.url, type, id, signature: request.headers["x-fission-signature"], body }
        response.writeHead(202).end()
      })
    })
    yield* load(address(1))
    assert.deepStrictEqual(seen, {
      url: "/v2/specialize",
      type: "application/json",
      id: "request-1",
      signature: undefined,
      body: '{"filepath":"/userfunc/deployarchive"}'
    })
  })
)

it.live("a runtime is sent the trace that its load is part of, which has a span for the request", () =>
  Effect.gen(function* () {
    let sent: string | ReadonlyArray<string> | undefined
    yield* runtime(address(5), (request, response) => {
      sent = request.headers["traceparent"]
      response.end()
    })
    const traced = Effect.gen(function* () {
      yield* load(address(5))
      return yield* Effect.currentSpan
    })
    const { spanId, traceId } = yield* traced.pipe(
      Effect.withSpan("coldstart/fetch_specialize"),
      Effect.withTracer(nativeTracing.tracer),
      Effect.provideService(Tracing, nativeTracing)
    )
    assert.match(String(sent), new RegExp(`^00-${traceId}-(?!${spanId})[0-9a-f]{16}-01$`, "u"))
  })
)

it.live("W33: a runtime that does not listen yet is tried until it does", () =>
  Effect.gen(function* () {
    const loading = yield* Effect.forkChild(load(address(2)))
    yield* Effect.sleep("60 millis")
    assert.isUndefined(loading.pollUnsafe())
    yield* runtime(address(2), (_, response) => void response.end())
    yield* Fiber.join(loading)
  })
)

it.live("an answer of 300 and above is final", () =>
  Effect.gen(function* () {
    let requests = 0
    yield* runtime(address(3), (_, response) => {
      requests++
      response.writeHead(500).end("no such module")
    })
    const error = yield* Effect.flip(load(address(3)))
    assert.deepInclude(error, { reason: "Answered", status: 500, text: "no such module" })
    assert.strictEqual(requests, 1)
  })
)

it.live("a connection that breaks after the request was sent may have loaded the function: it is not repeated", () =>
  Effect.gen(function* () {
    let requests = 0
    yield* runtime(address(4), (request) => {
      requests++
      request.socket.destroy()
    })
    assert.strictEqual((yield* Effect.flip(load(address(4)))).reason, "AnswerLost")
    assert.strictEqual(requests, 1)
  })
)
