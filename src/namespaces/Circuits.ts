import { Clock, Context, Duration, Effect, Exit, Layer, Cause, Random } from "effect"
import { type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import * as Circuit from "./Circuit.ts"

/** What a protected call is about, and whether a request of a user waits for it. */
export interface ProtectedCall extends KubernetesCall {
  readonly namespace: string
  readonly someoneWaits: boolean
}

/**
 * One circuit per namespace: after five time-outs in a row, or more than half of twenty calls, calls of that namespace
 * fail at once until a probe succeeds (failure-semantics.md section 3). No namespace affects another.
 */
export class Circuits extends Context.Service<
  Circuits,
  {
    /**
     * Runs the call, or fails with a `TimeoutError` of kind `Unavailable` that says when to come back. The call's own
     * outcome decides about later ones: every answer of the server counts as healthy, whatever it says.
     */
    readonly protect: <A>(
      call: ProtectedCall,
      self: Effect.Effect<A, KubernetesError>
    ) => Effect.Effect<A, KubernetesError>
    /** Whether calls of the namespace are refused at the moment. */
    readonly isOpen: (namespace: string) => boolean
    /** A success seen elsewhere, such as a list: closes the circuit. */
    readonly succeeded: (namespace: string) => void
  }
>()("fission-executor/namespaces/Circuits") {
  static readonly layer = Layer.effect(
    Circuits,
    Effect.gen(function* () {
      const random = yield* Random.Random
      const circuits = new Map<string, Circuit.Circuit>()
      const circuitOf = (namespace: string) => circuits.get(namespace) ?? Circuit.closed

      const refuse = (call: ProtectedCall, now: number) => {
        const wait = Math.max(1000, Circuit.waitMillis(circuitOf(call.namespace), now))
        const { someoneWaits: _, ...what } = call
        return new TimeoutError({
          ...what,
          kind: "Unavailable",
          detail: `not sent: calls to namespace "${call.namespace}" keep timing out; next attempt in ${Duration.format(
            Duration.millis(wait)
          )}`,
          retryAfter: Duration.millis(wait),
          outcomeUnknown: false
        })
      }

      const protect = Effect.fnUntraced(function* <A>(call: ProtectedCall, self: Effect.Effect<A, KubernetesError>) {
        const { namespace } = call
        const now = yield* monotonicMillis
        const { admitted, circuit } = Circuit.admit(circuitOf(namespace), now, call.someoneWaits)
        circuits.set(namespace, circuit)
        if (!admitted) return yield* refuse(call, now)

        return yield* self.pipe(
          Effect.onExit((exit) =>
            Effect.map(monotonicMillis, (at) => {
              const before = circuitOf(namespace)
              const outcome = outcomeOf(exit)
              circuits.set(
                namespace,
                outcome === undefined
                  ? Circuit.abandonProbe(before, at)
                  : Circuit.afterCall(before, outcome, at, random.nextDoubleUnsafe())
              )
            })
          )
        )
      })

      return Circuits.of({
        protect,
        isOpen: (namespace) => circuitOf(namespace)._tag !== "Closed",
        succeeded: (namespace) => void circuits.set(namespace, Circuit.closed)
      })
    })
  )
}

/** Monotonic time for ages and waits; wall time may jump. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Undefined for a call that was interrupted: it shows nothing. A throttled call was answered by a living server. */
const outcomeOf = (exit: Exit.Exit<unknown, KubernetesError>): Circuit.Outcome | undefined => {
  if (Exit.isSuccess(exit)) return "Answer"
  if (Cause.hasInterrupts(exit.cause)) return undefined
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return undefined
  return error.value._tag === "KubernetesTimeoutError" && error.value.kind !== "Warmup" ? "Timeout" : "Answer"
}
