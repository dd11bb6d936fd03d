import { Context, Duration, Effect, Layer, Schedule } from "effect"
import { addressOf } from "../fission/Address.ts"
import { ports } from "../fission/Labels.ts"
import * as PodRequests from "./PodRequests.ts"
import type { SpecializeCall, SpecializeError } from "./PodRequests.ts"

/** Nothing sent yet: a runtime may listen a while after its container has started (poolmgr.md W33). */
const whileUnreachable = Schedule.min([
  Schedule.exponential(Duration.millis(25)),
  Schedule.spaced(Duration.millis(500))
]).pipe(
  Schedule.setInputType<SpecializeError>(),
  Schedule.while(({ input }) => input.reason === "Unreachable")
)

/**
 * Loads a function into a pod that has its code mounted and no fetcher, by the runtime itself (function-pod-protocol.md
 * section 10.5). Repeats while nothing could be sent, and nothing that was: a second load is refused by runtimes. Has no
 * deadline of its own; the caller's ends it. Interrupting it aborts the request.
 */
export class RuntimeClient extends Context.Service<
  RuntimeClient,
  { readonly specialize: (call: SpecializeCall) => Effect.Effect<void, SpecializeError> }
>()("fission-executor/specialization/RuntimeClient") {
  static readonly layer: Layer.Layer<RuntimeClient> = Layer.effect(
    RuntimeClient,
    Effect.gen(function* () {
      const requests = yield* PodRequests.make

      return RuntimeClient.of({
        specialize: ({ body, correlationId, podAddress }) => {
          const url = `http://${addressOf(podAddress, ports.runtime)}/v2/specialize`
          const headers = { "x-fission-request-id": correlationId }
          return Effect.retry(requests.post(url, JSON.stringify(body), headers), whileUnreachable)
        }
      })
    })
  )
}
