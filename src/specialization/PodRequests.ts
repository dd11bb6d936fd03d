import { Data, Duration, Effect, type Scope } from "effect"
import { Agent, request } from "undici"
import { readText } from "../AnswerText.ts"
import { traceHeaders } from "../Tracing.ts"

/**
 * What became of loading a function into a pod other than success (function-pod-protocol.md section 12).
 *
 * - `Answered`: the pod refused; the same request would be refused again. Whether code was loaded is open
 * - `Unreachable`: nothing was sent, no code can have arrived
 * - `AnswerLost`: the request was sent and no answer came: the pod may hold the function's code
 */
export class SpecializeError extends Data.TaggedError("SpecializeError")<{
  readonly reason: "Answered" | "Unreachable" | "AnswerLost"
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number
  /** The answer's body, or what went wrong on the way. */
  readonly text: string
}> {
  override get message(): string {
    return this.reason === "Answered" ? `HTTP ${this.status}: ${this.text}` : `${this.reason}: ${this.text}`
  }
}

/** The pod to load, what to send, and who asked for it. */
export interface SpecializeCall {
  readonly podAddress: string
  /** What is posted (podspec/SpecializeRequest.ts). */
  readonly body: { readonly [field: string]: unknown }
  /** Sent as `X-Fission-Request-ID`, unsigned. */
  readonly correlationId: string
}

/** Codes of failures before the request left. */
const notSent = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"])

/** Largest text of an answer that is read and kept, in bytes. */
const textLimit = 4096

/** How long an open connection waits for its load: less than the 120 s of the fetcher (function-pod-protocol.md section 3). */
const keptOpen = Duration.seconds(90)

/** Requests to pods. None is repeated or has a deadline of its own; interrupting it aborts it. */
export interface PodRequests {
  /**
   * One POST of JSON, in the trace of the caller; an answer of 300 and above is `Answered`. The connection ends with it.
   */
  readonly post: (
    url: string,
    body: string,
    headers: { readonly [name: string]: string }
  ) => Effect.Effect<void, SpecializeError>
  /** One GET whose answer does not matter: a connection is open then, and stays so for 90 s. */
  readonly touch: (url: string) => Effect.Effect<void, SpecializeError>
}

/** Opens no connection yet; those that are open close with the scope. */
export const make: Effect.Effect<PodRequests, never, Scope.Scope> = Effect.gen(function* () {
  const dispatcher = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new Agent({
          allowH2: false,
          pipelining: 1,
          headersTimeout: 0,
          bodyTimeout: 0,
          keepAliveTimeout: Duration.toMillis(keptOpen),
          connect: { timeout: 5000 }
        })
    ),
    (agent) => Effect.promise(() => agent.destroy())
  )
  const send = Effect.fnUntraced(function* (url: string, body: string, given: { readonly [name: string]: string }) {
    const headers = { "content-type": "application/json", ...(yield* traceHeaders), ...given }
    const { status, text } = yield* Effect.tryPromise({
      try: async (signal) => {
        const response = await request(url, { method: "POST", dispatcher, signal, reset: true, body, headers })
        const { text } = await readText(response.body, textLimit)
        return { status: response.statusCode, text: text.trim() }
      },
      catch: asTransportError
    })
    if (status >= 300) return yield* new SpecializeError({ reason: "Answered", status, text })
  })

  const requests: PodRequests = {
    post: (url, body, headers) =>
      send(url, body, headers).pipe(
        Effect.withSpan("HTTP POST", {
          kind: "client",
          attributes: { "http.request.method": "POST", "url.full": url }
        })
      ),
    touch: (url) =>
      Effect.tryPromise({
        try: (signal) => request(url, { dispatcher, signal }).then(({ body }) => body.dump()),
        catch: asTransportError
      })
  }
  return requests
})

const asTransportError = (thrown: unknown): SpecializeError => {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : ""
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return new SpecializeError({
    reason: notSent.has(code) ? "Unreachable" : "AnswerLost",
    status: 0,
    text: `${code} ${text}`.trim()
  })
}
