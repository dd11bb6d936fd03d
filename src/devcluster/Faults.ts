import { Clock, Context, Duration, Effect, Latch, Layer, Option, Random, Schema } from "effect"

/** Answers that a fault can give instead of the real one, as an API server in trouble gives them. */
export const faultPresets = {
  etcdTimeout: { status: 500, body: "etcdserver: request timed out" },
  timeout: {
    status: 504,
    reason: "Timeout",
    body: "Timeout: request did not complete within requested timeout - context deadline exceeded"
  },
  tooManyRequests: {
    status: 429,
    plainText: true,
    retryAfterSeconds: 1,
    body: "Too many requests, please try again later."
  },
  forbidden: { status: 403, reason: "Forbidden", body: 'is forbidden: User "executor" cannot access this resource' },
  unauthorized: { status: 401, reason: "Unauthorized", body: "Unauthorized" },
  unavailable: { status: 503, plainText: true, body: "service unavailable" }
} as const

const Preset = Schema.Literals([
  "etcdTimeout",
  "timeout",
  "tooManyRequests",
  "forbidden",
  "unauthorized",
  "unavailable"
])

/**
 * What happens to a request that a fault meets.
 *
 * - `error`: the preset's answer, nothing else
 * - `delay`: the request goes on after a while
 * - `hang`: no answer until the client leaves or the fault is lifted; then the request goes on
 * - `reset`: the socket is destroyed
 * - `dropWatch`: open watches end at once, new ones are refused by a reset
 * - `applyThenError`: a write is applied and answered with the preset all the same
 */
export const FaultAction = Schema.Union([
  Schema.Struct({
    type: Schema.Literals(["error", "applyThenError"]),
    preset: Preset,
    retryAfterSeconds: Schema.optionalKey(Schema.Finite)
  }),
  Schema.Struct({ type: Schema.Literal("delay"), milliseconds: Schema.Finite }),
  Schema.Struct({ type: Schema.Literals(["hang", "reset", "dropWatch"]) })
])
export type FaultAction = typeof FaultAction.Type

/** Which requests a fault meets, and what happens to them. Absent conditions match everything. */
export const Fault = Schema.Struct({
  verb: Schema.optionalKey(Schema.Literals(["get", "list", "watch", "create", "update", "patch", "delete"])),
  /** Plural: `environments`. */
  resource: Schema.optionalKey(Schema.String),
  namespace: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  /** Share of the matching requests, 0 to 1; default 1. */
  share: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** Seconds after which the fault lifts itself; default never. */
  seconds: Schema.optionalKey(Schema.Finite),
  /** Requests after which the fault lifts itself; default unlimited. */
  count: Schema.optionalKey(Schema.Int),
  action: FaultAction
}).annotate({ identifier: "Fault" })
export type Fault = typeof Fault.Type

/** The request that a fault may meet. */
export interface FaultTarget {
  readonly verb: string
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
}

/** A fault in force. `lifted` opens when it ends. */
export interface ActiveFault {
  readonly id: string
  readonly fault: Fault
  readonly lifted: Latch.Latch
  /** Requests it has met. */
  readonly met: number
}

/** Faults of the embedded API server, for tests, the demo and the admin endpoint. */
export class Faults extends Context.Service<
  Faults,
  {
    /** Puts a fault in force; returns its id. */
    readonly inject: (fault: Fault) => Effect.Effect<string>
    /** Ends one fault; false when there is none of that id. */
    readonly lift: (id: string) => Effect.Effect<boolean>
    readonly liftAll: Effect.Effect<void>
    readonly active: Effect.Effect<ReadonlyArray<ActiveFault>>
    /** The first fault that meets this request now, counted as met. */
    readonly meet: (target: FaultTarget) => Effect.Effect<Option.Option<ActiveFault>>
    /** Told about each new fault, synchronously. Returns the way to stop listening. */
    readonly onInject: (listener: (fault: ActiveFault) => void) => () => void
  }
>()("fission-executor/devcluster/Faults") {
  static readonly layer = Layer.sync(Faults, () => {
    interface Held extends ActiveFault {
      met: number
      readonly endsAt: bigint | undefined
    }
    const held = new Map<string, Held>()
    const listeners = new Set<(fault: ActiveFault) => void>()
    let next = 1

    const remove = (id: string) => {
      const fault = held.get(id)
      held.delete(id)
      fault?.lifted.openUnsafe()
      return fault !== undefined
    }

    const current = Effect.map(Clock.monotonicTimeNanos, (now) => {
      for (const { id, endsAt } of held.values()) if (endsAt !== undefined && endsAt <= now) remove(id)
      return [...held.values()]
    })

    return Faults.of({
      inject: Effect.fnUntraced(function* (fault: Fault) {
        const id = `fault-${next++}`
        const endsAt =
          fault.seconds === undefined
            ? undefined
            : (yield* Clock.monotonicTimeNanos) + BigInt(Math.round(fault.seconds * 1e9))
        const entry: Held = { id, fault, met: 0, lifted: Latch.makeUnsafe(), endsAt }
        held.set(id, entry)
        if (fault.seconds !== undefined) {
          const end = Effect.sync(() => remove(id))
          yield* Effect.forkDetach(Effect.delay(end, Duration.seconds(fault.seconds)))
        }
        for (const listener of listeners) listener(entry)
        return id
      }),
      lift: (id) => Effect.sync(() => remove(id)),
      liftAll: Effect.sync(() => {
        for (const id of held.keys()) remove(id)
      }),
      active: current,
      meet: Effect.fnUntraced(function* (target: FaultTarget) {
        for (const entry of yield* current) {
          if (!matches(entry.fault, target)) continue
          if (entry.fault.share !== undefined && (yield* Random.next) >= entry.fault.share) continue
          entry.met++
          if (entry.fault.count !== undefined && entry.met >= entry.fault.count) remove(entry.id)
          return Option.some<ActiveFault>(entry)
        }
        return Option.none()
      }),
      onInject: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      }
    })
  })
}

/** Whether a fault is about this request, leaving its share aside. */
export const matches = (fault: Fault, target: FaultTarget): boolean =>
  (fault.verb === undefined || fault.verb === target.verb) &&
  (fault.action.type !== "dropWatch" || target.verb === "watch") &&
  (fault.resource === undefined || fault.resource === target.resource) &&
  (fault.namespace === undefined || fault.namespace === target.namespace) &&
  (fault.name === undefined || fault.name === target.name)
