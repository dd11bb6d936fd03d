import { request } from "node:http"
import { connect, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

/** What to send to 127.0.0.1. */
export interface HttpCall {
  readonly method?: string
  readonly path: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string | Buffer
}

/** An answer as it came over the wire. */
export interface HttpAnswer {
  readonly status: number
  /** In the order and the spelling of the wire. */
  readonly rawHeaders: ReadonlyArray<string>
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly body: string
}

/** One request on a connection of its own. Interrupting it breaks the connection. */
export const exchange = (port: number, call: HttpCall): Effect.Effect<HttpAnswer> =>
  Effect.callback<HttpAnswer>((resume) => {
    const body = call.body ?? ""
    const sent = request(
      {
        host: "127.0.0.1",
        port,
        method: call.method ?? "GET",
        path: call.path,
        headers: { ...(body.length > 0 && { "Content-Length": Buffer.byteLength(body) }), ...call.headers },
        agent: false
      },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              rawHeaders: response.rawHeaders,
              headers: response.headers,
              body: Buffer.concat(chunks).toString("utf8")
            })
          )
        )
      }
    )
    sent.on("error", (error) => resume(Effect.die(error)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

/** A bare connection, closed with the scope. */
export const open = (port: number): Effect.Effect<Socket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket>((resume) => {
      const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Everything that the other side sends until it closes the connection. */
export const readToEnd = (socket: Socket): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(chunks).toString("utf8"))))
  })

/** The next bytes that the other side sends. */
export const readSome = (socket: Socket): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    socket.once("data", (chunk: Buffer) => resume(Effect.succeed(chunk.toString("utf8"))))
  })
