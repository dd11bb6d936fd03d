import { Clock, Context, Duration, Effect, Exit, Layer, Cause, Random } from "effect"
import { isWrite, type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import * as Circuit from "./Circuit.ts"

/** What a protected call is about, and whether a request of a user waits for it. */
export interface ProtectedCall extends KubernetesCall {
  readonly namespace: string
  readonly someoneWaits: boolean
}

/** `Probing`: one call is on its way, and its outcome decides. */
export type CircuitName = Circuit.Circuit["_tag"]

/**
 * One circuit per namespace for reads and one for writes, which fail apart (a webhook stops only writes): after five
 * time-outs in a row, or more than half of twenty calls, such calls fail at once until a probe succeeds
 * (failure-semantics.md section 3). No namespace affects another. While the server itself is away no circuit probes, and
 * its return closes every one.
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
    /** Both circuits of the namespace, for people. */
    readonly of: (namespace: string) => { readonly reads: CircuitName; readonly writes: CircuitName }
    /** A success seen elsewhere, such as a list: closes both circuits. */
    readonly succeeded: (namespace: string) => void
  }
>()("fission-executor/namespaces/Circuits") {
  static readonly layer: Layer.Layer<Circuits, never, ApiServerHealth> = Layer.effect(
    Circuits,
    Effect.gen(function* () {
      const random = yield* Random.Random
      const server = yield* ApiServerHealth
      const circuits = new Map<string, Circuit.Circuit>()

      const circuitOf = (id: string) => {
        const circuit = circuits.get(id) ?? Circuit.closed
        const { returnedAt } = server.status()
        const isOver = circuit._tag !== "Closed" && returnedAt !== undefined && circuit.since < returnedAt
        return isOver ? Circuit.closed : circuit
      }
      const isOpen = (namespace: string) =>
        [readsOf(namespace), writesOf(namespace)].some((id) => circuitOf(id)._tag !== "Closed")

      const refuse = (call: ProtectedCall, wait: number, problem: string) => {
        const { someoneWaits, ...what } = call
        if (someoneWaits) server.someoneWaits(call.namespace)
        return new TimeoutError({
          ...what,
          kind: "Unavailable",
          detail: `not sent: ${problem}; next attempt in ${Duration.format(Duration.millis(wait))}`,
          retryAfter: Duration.millis(wait),
          outcomeUnknown: false
        })
      }

      /** Undefined when the call may go. */
      const refusal = (id: string, call: ProtectedCall, now: number) => {
        const before = circuitOf(id)
        if (before._tag !== "Closed" && server.status().state !== "Answering") {
          return refuse(call, 1000, "the API server does not answer")
        }
        const { admitted, circuit } = Circuit.admit(before, now, call.someoneWaits)
        circuits.set(id, circuit)
        if (admitted) return undefined
        const problem = `${isWrite(call) ? "writes" : "reads"} in namespace "${call.namespace}" keep timing out`
        return refuse(call, Math.max(1000, Circuit.waitMillis(circuit, now)), problem)
      }

      const protect = Effect.fnUntraced(function* <A>(call: ProtectedCall, self: Effect.Effect<A, KubernetesError>) {
        const id = isWrite(call) ? writesOf(call.namespace) : readsOf(call.namespace)
        const refused = refusal(id, call, yield* monotonicMillis)
        if (refused !== undefined) return yield* refused

        return yield* self.pipe(
          Effect.onExit((exit) =>
            Effect.map(monotonicMillis, (at) => {
              if (Exit.isSuccess(exit)) server.succeeded(call.namespace)
              const before = circuitOf(id)
              const outcome = outcomeOf(exit)
              circuits.set(
                id,
                outcome === undefined
                  ? Circuit.abandonProbe(before, at)
                  : Circuit.afterCall(before, outcome, at, random.nextDoubleUnsafe())
              )
              server.circuit(call.namespace, isOpen(call.namespace))
            })
          )
        )
      })

      return Circuits.of({
        protect,
        isOpen,
        of: (namespace) => ({
          reads: circuitOf(readsOf(namespace))._tag,
          writes: circuitOf(writesOf(namespace))._tag
        }),
        succeeded: (namespace) => {
          circuits.delete(readsOf(namespace))
          circuits.delete(writesOf(namespace))
          server.circuit(namespace, false)
        }
      })
    })
  )
}

const readsOf = (namespace: string) => `reads/${namespace}`
const writesOf = (namespace: string) => `writes/${namespace}`

/** Monotonic time for ages and waits; wall time may jump. */
const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

/**
 * Undefined for a call that was interrupted or not sent: it shows nothing. A refusal by rights is an answer, even while
 * it may pass.
 */
const outcomeOf = (exit: Exit.Exit<unknown, KubernetesError>): Circuit.Outcome | undefined => {
  if (Exit.isSuccess(exit)) return "Answer"
  if (Cause.hasInterrupts(exit.cause)) return undefined
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return undefined
  if (error.value._tag !== "KubernetesTimeoutError" || error.value.kind === "Warmup") return "Answer"
  return error.value.kind === "NotLeader" ? undefined : "Timeout"
}
