import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect } from "effect"
import type { FissionError } from "../Errors.ts"

/** One answer of the API. */
export interface Answer {
  readonly status: number
  /** As it goes over the wire; an empty one has no content type (http-api.md section 3.1). */
  readonly body: string
  /** Seconds of the `Retry-After` header. */
  readonly retryAfter?: number | undefined
  /** Runs when the answer has left, or when it turns out that it never will. */
  readonly settle?: ((delivered: boolean) => Effect.Effect<void>) | undefined
}

/** 200 with a body as it is, without a newline: the router reads addresses verbatim. */
export const ok = (body = ""): Answer => ({ status: 200, body })

/** Any other status, with one line of text. 429 and 503 ask the router to come again in a second (section 10.1). */
export const refusal = (status: number, text: string, retryAfter?: number): Answer => ({
  status,
  body: `${text}\n`,
  retryAfter: retryAfter ?? (status === 429 || status === 503 ? 1 : undefined)
})

/** The answer to a request that gets no address; where a cold start failed it says how long each phase took. */
export const fromError = ({ phases, retryAfterSeconds, status, text }: FissionError): Answer => {
  const spent = phases?.map(({ millis, phase }) => `${phase} ${millis} ms`).join(", ")
  return refusal(status, spent === undefined ? text : `${text} [${spent}]`, retryAfterSeconds)
}

/** Bytes of an unread body that Node discards to keep the connection; beyond, the connection ends with the answer. */
const discarded = 256 * 1024

const leavesBody = (request: IncomingMessage): boolean =>
  !request.complete &&
  (request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > discarded)

/** What is known about an answer apart from itself. */
export interface Envelope {
  /** Absent on the answer to a preflight (http-api.md section 9). */
  readonly correlationId?: string
  /** Ends the connection after the answer. */
  readonly close: boolean
}

const write = (request: IncomingMessage, response: ServerResponse, answer: Answer, envelope: Envelope): void => {
  const headers = ["X-Content-Type-Options", "nosniff", "Vary", "Origin"]
  if (envelope.correlationId !== undefined) headers.push("X-Fission-Request-Id", envelope.correlationId)
  if (answer.body !== "") headers.push("Content-Type", "text/plain; charset=utf-8")
  headers.push("Content-Length", String(Buffer.byteLength(answer.body)))
  if (answer.retryAfter !== undefined) headers.push("Retry-After", String(answer.retryAfter))
  if (envelope.close || leavesBody(request)) headers.push("Connection", "close")
  response.writeHead(answer.status, headers).end(answer.body)
}

/** Sends the answer, and settles it once the system has taken all of it or the client is gone. Not interruptible. */
export const send = (
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  envelope: Envelope
): Effect.Effect<void> => {
  const { settle } = answer
  if (settle === undefined) return Effect.sync(() => write(request, response, answer, envelope))
  const delivered = Effect.callback<boolean>((resume) => {
    const { socket } = request
    if (socket.destroyed) return resume(Effect.succeed(false))
    const finished = () => end(true)
    const gone = () => end(false)
    const end = (left: boolean) => {
      response.off("finish", finished)
      socket.off("close", gone)
      resume(Effect.succeed(left))
    }
    response.on("finish", finished)
    socket.on("close", gone)
    write(request, response, answer, envelope)
  })
  return Effect.uninterruptible(Effect.flatMap(delivered, settle))
}
