import { Clock, Data, Duration, Effect, Schedule, type Scope } from "effect"
import { Agent, request } from "undici"
import { type ChannelKey, signedHeaders } from "../../fission/RequestSignature.ts"
import type { RawObject } from "../RawKind.ts"

/** An executor that gave no address. */
export class ExecutorError extends Data.TaggedError("ExecutorError")<{
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number
  /** The answer's body, or what went wrong on the way. */
  readonly text: string
  readonly retryAfter?: Duration.Duration | undefined
}> {
  override get message(): string {
    if (this.status === 401)
      return "HTTP 401: the executor refused the signature; both need the same internal auth secret"
    return this.status === 0 ? this.text : `HTTP ${this.status}: ${this.text}`
  }
}

/** One entry of `/v2/tapServices`, and the body of `/v2/unTapService` (http-api.md section 4.3). */
export interface Tap {
  readonly FnMetadata: { readonly [field: string]: unknown }
  readonly FnExecutorType: string
  readonly ServiceURL: string
}

/** The executor's HTTP API as the router uses it: each call is signed and repeated (http-api.md section 10.1). */
export interface ExecutorClient {
  /** The address of a pod that has a free place for one request. */
  readonly getServiceForFunction: (fn: RawObject, requestId: string) => Effect.Effect<string, ExecutorError>
  /**
   * The address of a pod beside those that are ready and busy; that of any pod from an executor that does not know of
   * this request.
   */
  readonly ensureCapacity: (fn: RawObject, ready: number, requestId: string) => Effect.Effect<string, ExecutorError>
  readonly unTapService: (tap: Tap) => Effect.Effect<void, ExecutorError>
  readonly tapServices: (taps: ReadonlyArray<Tap>) => Effect.Effect<void, ExecutorError>
}

/** Longest wait that a `Retry-After` is followed for. */
const longestRetryAfter = Duration.seconds(30)

/** After 1, 2, 4 and 8 seconds, or when the executor says (http-api.md section 10.1). */
const retries = Schedule.exponential(Duration.seconds(1)).pipe(
  Schedule.setInputType<ExecutorError>(),
  Schedule.while(({ input }) => mayBeRepeated(input.status)),
  Schedule.upTo({ times: 4 }),
  Schedule.modifyDelay(({ duration, input }) => Effect.succeed(input.retryAfter ?? duration))
)

const mayBeRepeated = (status: number): boolean => status === 0 || status === 429 || (status >= 500 && status !== 501)

/** Makes a client; closing the scope closes its connections. */
export const make = (url: string, key: ChannelKey | undefined): Effect.Effect<ExecutorClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ connections: 128, keepAliveTimeout: 90_000, headersTimeout: 0, bodyTimeout: 0 })),
      (agent) => Effect.promise(() => agent.destroy())
    )

    const post = Effect.fnUntraced(function* (
      target: string,
      body: string,
      headers: { readonly [name: string]: string }
    ) {
      const now = yield* Clock.currentTimeMillis
      const signed =
        key === undefined ? {} : signedHeaders(key, { method: "POST", target, body }, Math.floor(now / 1000))
      const answer = yield* Effect.tryPromise({
        try: async (signal) => {
          const sent = { "content-type": "application/json", ...headers, ...signed }
          const response = await request(`${url}${target}`, {
            method: "POST",
            dispatcher: agent,
            signal,
            body,
            headers: sent
          })
          return {
            status: response.statusCode,
            text: (await response.body.text()).trim(),
            retryAfter: response.headers["retry-after"]
          }
        },
        catch: (cause) => new ExecutorError({ status: 0, text: cause instanceof Error ? cause.message : String(cause) })
      })
      if (answer.status === 200) return answer.text
      const asked = [429, 503].includes(answer.status) ? retryAfterOf(answer.retryAfter, now) : undefined
      return yield* new ExecutorError({ status: answer.status, text: answer.text, retryAfter: asked })
    })

    const call = (target: string, body: unknown, headers: { readonly [name: string]: string } = {}) =>
      Effect.suspend(() => post(target, JSON.stringify(body), headers)).pipe(Effect.retry(retries))

    const getServiceForFunction = (fn: RawObject, requestId: string) =>
      call("/v2/getServiceForFunction", fn, { "x-fission-request-id": requestId })

    return {
      getServiceForFunction,
      ensureCapacity: (fn, ready, requestId) =>
        call(
          "/v2/ensureCapacity",
          { function: fn, observedReadyEndpoints: ready, observedBusyEndpoints: ready },
          { "x-fission-request-id": requestId }
        ).pipe(
          Effect.catchIf(
            ({ status }) => status === 404,
            () => getServiceForFunction(fn, requestId)
          )
        ),
      unTapService: (tap) => Effect.asVoid(call("/v2/unTapService", tap)),
      tapServices: (taps) => Effect.asVoid(call("/v2/tapServices", taps))
    }
  })

/** Seconds or an HTTP date, at most half a minute from now. */
const retryAfterOf = (
  header: string | ReadonlyArray<string> | undefined,
  now: number
): Duration.Duration | undefined => {
  if (typeof header !== "string") return undefined
  const millis = /^\d+$/u.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(millis) ? undefined : Duration.min(Duration.millis(Math.max(0, millis)), longestRetryAfter)
}
