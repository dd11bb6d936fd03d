import { Clock, Context, Data, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { Agent, request } from "undici"
import { readText } from "../AnswerText.ts"
import { Settings } from "../Config.ts"
import { addressOf } from "../fission/Address.ts"
import { ports } from "../fission/Labels.ts"
import { traceHeaders } from "../Tracing.ts"
import { channelKey, signedHeaders } from "../fission/RequestSignature.ts"

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
  /** The body of `/specialize` (podspec/SpecializeRequest.ts). */
  readonly body: { readonly [field: string]: unknown }
  /** Sent as `X-Fission-Request-ID`, unsigned. */
  readonly correlationId: string
}

/** Nothing sent yet: the port may open in a moment (function-pod-protocol.md section 12, first row). */
const whileUnreachable = Schedule.exponential(Duration.millis(25)).pipe(
  Schedule.setInputType<SpecializeError>(),
  Schedule.while(({ input }) => input.reason === "Unreachable"),
  Schedule.upTo({ duration: Duration.seconds(1) })
)
/** Nothing loaded yet: the download or the read of the Package may succeed the second time. */
const afterFailedDownload = Schedule.spaced(Duration.millis(200)).pipe(
  Schedule.setInputType<SpecializeError>(),
  Schedule.while(({ input }) => leavesPodClean(input)),
  Schedule.upTo({ times: 1 })
)

/** Codes of failures before the request left. */
const notSent = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"])

/** How long an open connection waits for its load: less than the 120 s of the fetcher (function-pod-protocol.md section 3). */
const keptOpen = Duration.seconds(90)
/** Longest wait for a fetcher's health. */
const healthWithin = Duration.seconds(5)

/** Largest text of an answer that is read and kept, in bytes. */
const textLimit = 4096

/**
 * Loads a function into a pod through its fetcher. Never repeats an answered request, except the two that leave the pod
 * clean; has no deadline of its own. Interrupting it aborts the request.
 */
export class FetcherClient extends Context.Service<
  FetcherClient,
  {
    readonly specialize: (call: SpecializeCall) => Effect.Effect<void, SpecializeError>
    /**
     * Opens a connection to the pod's fetcher that its load will find, for 90 s, by asking for the fetcher's health; one
     * that is open is kept for as long again. Never fails: a pod without a connection is connected to when it is loaded.
     */
    readonly openAhead: (podAddress: string) => Effect.Effect<void>
  }
>()("fission-executor/specialization/FetcherClient") {
  static readonly layer: Layer.Layer<FetcherClient, never, Settings> = Layer.effect(
    FetcherClient,
    Effect.gen(function* () {
      const { internalAuth } = yield* Settings
      const key =
        internalAuth.secret === undefined ? undefined : channelKey(Redacted.value(internalAuth.secret), "fetcher")
      const agent = yield* Effect.acquireRelease(
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

      const post = Effect.fnUntraced(function* (url: string, body: string, correlationId: string) {
        const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const signature =
          key === undefined ? {} : signedHeaders(key, { method: "POST", target: "/specialize", body }, now)
        const trace = yield* traceHeaders
        const { status, text } = yield* Effect.tryPromise({
          try: async (signal) => {
            const response = await request(url, {
              method: "POST",
              dispatcher: agent,
              signal,
              reset: true,
              body,
              headers: {
                "content-type": "application/json",
                "x-fission-request-id": correlationId,
                ...trace,
                ...signature
              }
            })
            const { text } = await readText(response.body, textLimit)
            return { status: response.statusCode, text }
          },
          catch: asTransportError
        })
        if (status === 200) return
        const said = text.trim().slice(0, textLimit)
        const explained = status === 401 && said === "" ? refusedSignature(key !== undefined) : said
        return yield* new SpecializeError({ reason: "Answered", status, text: explained })
      })

      const specialize = Effect.fnUntraced(function* (call: SpecializeCall) {
        const url = `${fetcherOf(call.podAddress)}/specialize`
        const body = JSON.stringify(call.body)
        const attributes = { "http.request.method": "POST", "url.full": url }
        yield* post(url, body, call.correlationId).pipe(
          Effect.withSpan("HTTP POST", { kind: "client", attributes }),
          Effect.retry(whileUnreachable),
          Effect.retry(afterFailedDownload)
        )
      })

      const openAhead = (podAddress: string) =>
        Effect.tryPromise((signal) =>
          request(`${fetcherOf(podAddress)}/healthz`, { dispatcher: agent, signal }).then(({ body }) => body.dump())
        ).pipe(Effect.timeoutOption(healthWithin), Effect.ignore)

      return FetcherClient.of({ specialize, openAhead })
    })
  )
}

const fetcherOf = (podAddress: string): string => `http://${addressOf(podAddress, ports.fetcher)}`

/** Answers given before anything was loaded (function-pod-protocol.md section 12). */
export const leavesPodClean = (error: SpecializeError): boolean =>
  error.reason === "Answered" &&
  ((error.status === 400 && error.text.includes("failed to download")) ||
    (error.status === 500 && error.text.startsWith("error getting package information")))

/** A pod refuses a signature without a word; the caller learns what signed it (function-pod-protocol.md section 12). */
const refusedSignature = (isSigned: boolean): string =>
  isSigned
    ? "the pod refused a request signed with the key of this executor's FISSION_INTERNAL_AUTH_SECRET: it has another secret"
    : "the pod refused an unsigned request: it has a secret, and this executor no FISSION_INTERNAL_AUTH_SECRET"

const asTransportError = (thrown: unknown): SpecializeError => {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : ""
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return new SpecializeError({
    reason: notSent.has(code) ? "Unreachable" : "AnswerLost",
    status: 0,
    text: `${code} ${text}`.trim()
  })
}
