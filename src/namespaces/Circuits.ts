import { Clock, Context, Duration, Effect, Exit, Layer, Cause, Random } from "effect"
import { isWrite, type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import * as Circuit from "./Circuit.ts"

/** What a protected call is about, and whether a request of a user waits for it. */
export interface ProtectedCall extends KubernetesCall {
  readonly namespace: string
  readonly someoneWaits: boolean
}

/**
 * One circuit per namespace for reads and one for writes, which fail apart (a webhook stops only writes): after five
 * time-outs in a row, or more than half of twenty calls, such calls fail at once until a probe succeeds
 * (failure-semantics.md section 3). No namespace affects another.
 */
export class Circuits extends Context.Service<
  Circuits,
  {
    /**
     * Runs the call, or fails with a `TimeoutError` of kind `Unavailable` that says when to come back. The call's own
     * outcome decides about later ones: every `TimeoutError` counts against the server, every other answer for it.
     */
    readonly protect: <A>(
      call: ProtectedCall,
      self: Effect.Effect<A, KubernetesError>
    ) => Effect.Effect<A, KubernetesError>
    /** Whether reads or writes of the namespace are refused at the moment. */
    readonly isOpen: (namespace: string) => boolean
    /** A success seen elsewhere, such as a list: closes both circuits. */
    readonly succeeded: (namespace: string) => void
  }
>()("fission-executor/namespaces/Circuits") {
  static readonly layer = Layer.effect(
    Circuits,
    Effect.gen(function* () {
      const random = yield* Random.Random
      const circuits = new Map<string, Circuit.Circuit>()
      const circuitOf = (id: string) => circuits.get(id) ?? Circuit.closed

      const refuse = (call: ProtectedCall, circuit: Circuit.Circuit, now: number) => {
        const wait = Math.max(1000, Circuit.waitMillis(circuit, now))
        const { someoneWaits: _, ...what } = call
        return new TimeoutError({
          ...what,
          kind: "Unavailable",
          detail: `not sent: ${isWrite(call) ? "writes" : "reads"} in namespace "${call.namespace}" keep timing out; next attempt in ${Duration.format(Duration.millis(wait))}`,
          retryAfter: Duration.millis(wait),
          outcomeUnknown: false
        })
      }

      const protect = Effect.fnUntraced(function* <A>(call: ProtectedCall, self: Effect.Effect<A, KubernetesError>) {
        const id = isWrite(call) ? writesOf(call.namespace) : readsOf(call.namespace)
        const now = yield* monotonicMillis
        const { admitted, circuit } = Circuit.admit(circuitOf(id), now, call.someoneWaits)
        circuits.set(id, circuit)
        if (!admitted) return yield* refuse(call, circuit, now)

        return yield* self.pipe(
          Effect.onExit((exit) =>
            Effect.map(monotonicMillis, (at) => {
              const before = circuitOf(id)
              const outcome = outcomeOf(exit)
              circuits.set(
                id,
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
        isOpen: (namespace) => [readsOf(namespace), writesOf(namespace)].some((id) => circuitOf(id)._tag !== "Closed"),
        succeeded: (namespace) => {
          circuits.delete(readsOf(namespace))
          circuits.delete(writesOf(namespace))
        }
      })
    })
  )
}

const readsOf = (namespace: string) => `reads/${namespace}`
const writesOf = (namespace: string) => `writes/${namespace}`

/** Monotonic time for ages and waits; wall time may jump. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/** Undefined for a call that was interrupted: it shows nothing. A refusal by rights is an answer, even while it may pass. */
const outcomeOf = (exit: Exit.Exit<unknown, KubernetesError>): Circuit.Outcome | undefined => {
  if (Exit.isSuccess(exit)) return "Answer"
  if (Cause.hasInterrupts(exit.cause)) return undefined
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return undefined
  return error.value._tag === "KubernetesTimeoutError" && error.value.kind !== "Warmup" ? "Timeout" : "Answer"
}
