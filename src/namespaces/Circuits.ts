import { Clock, Context, Duration, Effect, Exit, Layer, Cause, Random } from "effect"
import { isWrite, type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import * as Circuit from "./Circuit.ts"

/** What a protected call is about, and whether a request of a user waits for it. */
export interface ProtectedCall extends KubernetesCall {
  readonly namespace: string
  readonly someoneWaits: boolean
}

/** `Open`: calls are refused, but for a probe a second. */
export type CircuitName = Circuit.Circuit["_tag"]

/**
 * One circuit per namespace for reads and one for writes, which fail apart (a webhook stops only writes): after five
 * time-outs in a row, or more than half of twenty calls, such calls fail at once until a probe succeeds
 * (failure-semantics.md section 3). No namespace affects another. While the server itself is away no circuit probes, and
 * its return closes every one. While it answers, each probes once a second by a call that somebody wants to make anyway,
 * all together at most twenty times, so that work goes on within two seconds of a recovery.
 */
export class Circuits extends Context.Service<
  Circuits,
  {
    /**
     * Runs the call, or fails with a `TimeoutError` of kind `Unavailable` that says when to come back. The call's own
     * outcome decides about later ones: every `TimeoutError` counts against the server, every other answer for it. The
     * one that closes the namespace's last circuit releases what waits for it.
     */
    readonly protect: <A>(
      call: ProtectedCall,
      self: Effect.Effect<A, KubernetesError>
    ) => Effect.Effect<A, KubernetesError>
    /** Whether reads or writes of the namespace are refused at the moment. */
    readonly isOpen: (namespace: string) => boolean
    /** Time until one of the namespace's open circuits lets a probe through; undefined where none will. */
    readonly probeIn: (namespace: string) => Duration.Duration | undefined
    /** Both circuits of the namespace, for people. */
    readonly of: (namespace: string) => { readonly reads: CircuitName; readonly writes: CircuitName }
    /** A success seen elsewhere, such as a list: closes both circuits, and releases what waits for them. */
    readonly succeeded: (namespace: string) => Effect.Effect<void>
  }
>()("fission-executor/namespaces/Circuits") {
  static readonly layer: Layer.Layer<Circuits, never, ApiServerHealth> = Layer.effect(
    Circuits,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const random = yield* Random.Random
      const server = yield* ApiServerHealth
      const circuits = new Map<string, Circuit.Circuit>()
      const open = new Set<string>()
      let returnedAt: number | undefined

      const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

      /** What was seen before the server's latest return is no sign any more. */
      const forget = () => {
        const latest = server.status().returnedAt
        if (latest === returnedAt) return
        returnedAt = latest
        circuits.clear()
        open.clear()
      }
      const circuitOf = (id: string) => {
        forget()
        return circuits.get(id) ?? Circuit.closed
      }
      const put = (id: string, circuit: Circuit.Circuit) => {
        circuits.set(id, circuit)
        if (circuit._tag === "Open") open.add(id)
        else open.delete(id)
      }
      const waitOf = (id: string) => Circuit.waitMillis(circuitOf(id), now(), open.size)
      const isOpen = (namespace: string) => idsOf(namespace).some((id) => circuitOf(id)._tag === "Open")

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
      const refusal = (id: string, call: ProtectedCall) => {
        const circuit = circuitOf(id)
        if (circuit._tag === "Open" && server.status().state !== "Answering") {
          return refuse(call, 1000, "the API server does not answer")
        }
        const wait = waitOf(id)
        if (wait > 0) {
          const problem = `${isWrite(call) ? "writes" : "reads"} in namespace "${call.namespace}" keep timing out`
          return refuse(call, Math.max(1000, Math.ceil(wait)), problem)
        }
        put(id, Circuit.admitted(circuit, now(), random.nextDoubleUnsafe()))
        return undefined
      }

      /** One of both circuits found the server back: the other need not sit out its wait. */
      const learn = (namespace: string, id: string, outcome: Circuit.Outcome) => {
        const before = circuitOf(id)
        put(id, Circuit.afterCall(before, outcome, now(), random.nextDoubleUnsafe()))
        if (before._tag === "Closed" || circuitOf(id)._tag === "Open") return
        for (const other of idsOf(namespace)) put(other, Circuit.askNow(circuitOf(other)))
      }

      const protect = Effect.fnUntraced(function* <A>(call: ProtectedCall, self: Effect.Effect<A, KubernetesError>) {
        const { namespace } = call
        const id = isWrite(call) ? writesOf(namespace) : readsOf(namespace)
        const refused = refusal(id, call)
        if (refused !== undefined) return yield* refused

        return yield* self.pipe(
          Effect.onExit((exit) =>
            Effect.suspend(() => {
              if (Exit.isSuccess(exit)) server.succeeded(namespace)
              const outcome = outcomeOf(exit)
              if (outcome !== undefined) learn(namespace, id, outcome)
              return server.circuit(namespace, isOpen(namespace))
            })
          )
        )
      })

      return Circuits.of({
        protect,
        isOpen,
        probeIn: (namespace) => {
          if (!isOpen(namespace) || server.status().state !== "Answering") return undefined
          const waits = idsOf(namespace).flatMap((id) => (circuitOf(id)._tag === "Open" ? [waitOf(id)] : []))
          return Duration.millis(Math.min(...waits))
        },
        of: (namespace) => ({
          reads: circuitOf(readsOf(namespace))._tag,
          writes: circuitOf(writesOf(namespace))._tag
        }),
        succeeded: (namespace) =>
          Effect.suspend(() => {
            for (const id of idsOf(namespace)) put(id, Circuit.closed)
            return server.circuit(namespace, false)
          })
      })
    })
  )
}

const readsOf = (namespace: string) => `reads/${namespace}`
const writesOf = (namespace: string) => `writes/${namespace}`
const idsOf = (namespace: string) => [readsOf(namespace), writesOf(namespace)]

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
