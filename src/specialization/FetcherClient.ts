import { Clock, Context, Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { Settings } from "../Config.ts"
import { addressOf } from "../fission/Address.ts"
import { ports } from "../fission/Labels.ts"
import { channelKey, signedHeaders } from "../fission/RequestSignature.ts"
import * as PodRequests from "./PodRequests.ts"
import { type SpecializeCall, SpecializeError } from "./PodRequests.ts"

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

/** Longest wait for a fetcher's health. */
const healthWithin = Duration.seconds(5)

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
      const requests = yield* PodRequests.make

      const post = Effect.fnUntraced(function* (url: string, body: string, correlationId: string) {
        const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const signature =
          key === undefined ? {} : signedHeaders(key, { method: "POST", target: "/specialize", body }, now)
        const headers = { "x-fission-request-id": correlationId, ...signature }
        yield* Effect.mapError(requests.post(url, body, headers), (error) =>
          error.status === 401 && error.text === ""
            ? new SpecializeError({ reason: "Answered", status: 401, text: refusedSignature(key !== undefined) })
            : error
        )
      })

      const specialize = Effect.fnUntraced(function* (call: SpecializeCall) {
        const url = `${fetcherOf(call.podAddress)}/specialize`
        const body = JSON.stringify(call.body)
        yield* post(url, body, call.correlationId).pipe(
          Effect.retry(whileUnreachable),
          Effect.retry(afterFailedDownload)
        )
      })

      const openAhead = (podAddress: string) =>
        requests.touch(`${fetcherOf(podAddress)}/healthz`).pipe(Effect.timeoutOption(healthWithin), Effect.ignore)

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

/** The runtime's own answer, as the fetcher relays it (function-pod-protocol.md section 5). */
export const isRefusedByRuntime = (error: SpecializeError): boolean =>
  error.reason === "Answered" && error.text.startsWith("error specializing function pod: ")

/** A pod refuses a signature without a word; the caller learns what signed it (function-pod-protocol.md section 12). */
const refusedSignature = (isSigned: boolean): string =>
  isSigned
    ? "the pod refused a request signed with the key of this executor's FISSION_INTERNAL_AUTH_SECRET: it has another secret"
    : "the pod refused an unsigned request: it has a secret, and this executor no FISSION_INTERNAL_AUTH_SECRET"
