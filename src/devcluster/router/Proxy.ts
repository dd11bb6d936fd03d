import { type IncomingMessage, request as send, type ServerResponse } from "node:http"
import { Data, Effect } from "effect"

/**
 * A request that brought no answer. `Refused`: nothing of it was sent, so it may be sent elsewhere. `Lost`: the pod may
 * have worked on it.
 */
export class ProxyError extends Data.TaggedError("ProxyError")<{
  readonly reason: "Refused" | "Lost"
  readonly detail: string
}> {}

/** Headers that concern one connection and are not handed on. */
const ofOneConnection = new Set(["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"])

/** Where a request goes and what is changed about it. */
export interface Destination {
  /** Host and port. */
  readonly address: string
  /** Path and query. */
  readonly target: string
  /** Headers that replace or join those of the request. */
  readonly headers: { readonly [name: string]: string }
}

/**
 * Hands a request on over a connection of its own and its answer back, both as streams. The body of the request is not
 * touched before the connection stands, so that after `Refused` it is still whole. Interruption drops both sides of the
 * destination's connection.
 */
export const forward = (
  request: IncomingMessage,
  response: ServerResponse,
  { address, headers, target }: Destination
): Effect.Effect<void, ProxyError> =>
  Effect.callback((resume) => {
    let connected = false
    const outgoing = send(`http://${address}`, {
      path: target,
      method: request.method,
      headers: { ...handedOn(request.headers), ...headers },
      agent: false
    })
    outgoing.on("socket", (socket) =>
      socket.once("connect", () => {
        connected = true
        request.pipe(outgoing)
      })
    )
    outgoing.on("error", (cause) =>
      resume(Effect.fail(new ProxyError({ reason: connected ? "Lost" : "Refused", detail: cause.message })))
    )
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, handedOn(answer.headers))
      answer.on("error", () => response.destroy())
      answer.pipe(response)
      response.on("close", () => resume(Effect.void))
    })
    return Effect.sync(() => {
      request.unpipe(outgoing)
      outgoing.destroy()
    })
  })

const handedOn = (headers: IncomingMessage["headers"]) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !ofOneConnection.has(name)))
