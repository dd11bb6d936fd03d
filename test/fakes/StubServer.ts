import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Queue, type Scope } from "effect"

/** A request as it arrived, whole. */
export interface StubRequest {
  readonly method: string
  readonly path: string
  readonly query: { readonly [name: string]: string }
  readonly headers: IncomingHttpHeaders
  /** Parsed JSON, undefined where there was none. */
  readonly body: unknown
}

/** A server on this machine that answers as a test says. */
export interface StubServer {
  readonly url: string
  /** The next request that arrives, or has arrived and was not taken yet. */
  readonly nextRequest: Effect.Effect<StubRequest>
  /** The path of the next request whose connection is closed by the client before it was answered. */
  readonly nextAbort: Effect.Effect<string>
}

/** Listens on a free port until the scope closes. */
export const listen = (
  answer: (request: StubRequest, response: ServerResponse) => void
): Effect.Effect<StubServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests = yield* Queue.unbounded<StubRequest>()
    const aborts = yield* Queue.unbounded<string>()
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((incoming, response) => {
          const chunks: Array<Buffer> = []
          incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
          incoming.on("end", () => {
            const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://stub")
            const text = Buffer.concat(chunks).toString("utf8")
            const request: StubRequest = {
              method: incoming.method ?? "",
              path: pathname,
              query: Object.fromEntries(searchParams),
              headers: incoming.headers,
              body: text === "" ? undefined : JSON.parse(text)
            }
            response.on("error", () => {})
            response.on("close", () => response.writableFinished || Queue.offerUnsafe(aborts, pathname))
            Queue.offerUnsafe(requests, request)
            answer(request, response)
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}`,
      nextRequest: Queue.take(requests),
      nextAbort: Queue.take(aborts)
    }
  })

/** Answers with JSON. */
export const sendJson = (response: ServerResponse, body: unknown, status = 200, headers = {}): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(JSON.stringify(body))
}
