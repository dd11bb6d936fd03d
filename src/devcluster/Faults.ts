import { Context, Duration, Effect, Latch, Layer, Option, Random, Schema } from "effect"

/** An answer that a fault gives instead of the real one. */
interface FaultAnswer {
  readonly status: number
  /** Absent in answers that are plain text instead of a Status. */
  readonly reason?: string
  readonly message: string
  readonly retryAfterSeconds?: number
}

/**
 * Answers of an API server in trouble (failure-semantics.md section 2). What the preset `forbidden` answers depends on the
 * request.
 */
export const faultAnswers = {
  etcdTimeout: { status: 500, reason: "", message: "etcdserver: request timed out" },
  timeout: {
    status: 504,
    reason: "Timeout",
    message: "Timeout: request did not complete within the allotted timeout"
  },
  tooManyRequests: { status: 429, message: "Too many requests, please try again later.\n", retryAfterSeconds: 1 },
  unauthorized: { status: 401, reason: "Unauthorized", message: "Unauthorized" },
  unavailable: { status: 503, message: "service unavailable" }
} as const satisfies { readonly [preset: string]: FaultAnswer }

/** The answer of a preset. */
export const faultAnswer = (preset: keyof typeof faultAnswers): FaultAnswer => faultAnswers[preset]

const Preset = Schema.Literals([
  "etcdTimeout",
  "timeout",
  "tooManyRequests",
  "forbidden",
  "unauthorized",
  "unavailable"
])

const watchEnds = ["dropWatch", "endWatch", "expireWatch"] as const

/** What becomes of an open watch that a fault meets. */
export type WatchEnd = (typeof watchEnds)[number] | "silence"

const watchEndOf = ({ type }: FaultAction): WatchEnd | undefined =>
  type === "silence" ? type : watchEnds.find((end) => end === type)

/**
 * What happens to a request that a fault meets.
 *
 * - `error`: the preset's answer, nothing else
 * - `delay`: the request goes on after a while
 * - `hang`: no answer until the client leaves or the fault is lifted; then the request goes on
 * - `reset`: the socket is destroyed
 * - `silence`: neither this request nor an open watch hears anything any more, not even when the fault is lifted
 * - `cut`: the connection breaks within the answer
 * - `answer`: an answer of your own, such as one that was recorded
 * - `dropWatch`: open watches end at once, new ones are refused by a reset
 * - `endWatch`, `expireWatch`: watches end as they should, or because their version is too old, new ones at once
 * - `applyThenError`: a write is applied and answered with the preset all the same
 */
export const FaultAction = Schema.Union([
  Schema.Struct({
    type: Schema.Literals(["error", "applyThenError"]),
    preset: Preset,
    retryAfterSeconds: Schema.optionalKey(Schema.Finite)
  }),
  Schema.Struct({ type: Schema.Literal("delay"), milliseconds: Schema.Finite }),
  Schema.Struct({
    type: Schema.Literal("answer"),
    status: Schema.Int.check(Schema.isBetween({ minimum: 200, maximum: 599 })),
    headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    body: Schema.String
  }),
  Schema.Struct({ type: Schema.Literals(["hang", "silence", "reset", "cut", ...watchEnds]) })
])
export type FaultAction = typeof FaultAction.Type

/** Which requests a fault meets, and what happens to them. Absent conditions match everything. */
export const Fault = Schema.Struct({
  verb: Schema.optionalKey(Schema.Literals(["get", "list", "watch", "create", "update", "patch", "delete"])),
  /** Plural: `environments`, with every subresource; or one subresource: `functions/status`. */
  resource: Schema.optionalKey(Schema.String),
  namespace: Schema.optionalKey(Schema.String),
  name: Schema.optionalKey(Schema.String),
  /** How the User-Agent begins, to spare other clients. */
  client: Schema.optionalKey(Schema.String),
  /** Share of the matching requests, 0 to 1; default 1. */
  share: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  /** Seconds after which the fault lifts itself; default never. */
  seconds: Schema.optionalKey(Schema.Finite),
  /** Requests that it meets at most; default unlimited. It is lifted then, but those that hang go on hanging. */
  count: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))),
  action: FaultAction
}).annotate({ identifier: "Fault" })
export type Fault = typeof Fault.Type

/** The request that a fault may meet. */
export interface FaultTarget {
  readonly verb: string
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly client: string
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
    /** Completes when a fault for watches that is injected from now on meets this open one. */
    readonly watchEnded: (watch: FaultTarget) => Effect.Effect<WatchEnd>
  }
>()("fission-executor/devcluster/Faults") {
  static readonly layer = Layer.effect(
    Faults,
    Effect.gen(function* () {
      interface Held extends ActiveFault {
        met: number
      }
      interface OpenWatch {
        readonly target: FaultTarget
        readonly end: (how: WatchEnd) => void
      }
      const scope = yield* Effect.scope
      const held = new Map<string, Held>()
      const openWatches = new Set<OpenWatch>()
      let next = 1

      const remove = (id: string) => {
        const fault = held.get(id)
        held.delete(id)
        fault?.lifted.openUnsafe()
        return fault !== undefined
      }

      /** Whether this fault meets this request, which counts. */
      const meets = Effect.fnUntraced(function* (entry: Held, target: FaultTarget) {
        const { action, count, share } = entry.fault
        if (!matches(entry.fault, target) || entry.met === count) return false
        if (share !== undefined && (yield* Random.next) >= share) return false
        entry.met++
        if (entry.met === count && action.type !== "hang") remove(entry.id)
        return true
      })

      return Faults.of({
        inject: Effect.fnUntraced(function* (fault: Fault) {
          const id = `fault-${next++}`
          const entry: Held = { id, fault, met: 0, lifted: Latch.makeUnsafe() }
          held.set(id, entry)
          if (fault.seconds !== undefined) {
            const end = Effect.sync(() => remove(id))
            yield* Effect.forkIn(Effect.delay(end, Duration.seconds(fault.seconds)), scope)
          }
          const end = watchEndOf(fault.action)
          if (end !== undefined) {
            for (const watch of openWatches) if (yield* meets(entry, watch.target)) watch.end(end)
          }
          return id
        }),
        lift: (id) => Effect.sync(() => remove(id)),
        liftAll: Effect.sync(() => {
          for (const id of held.keys()) remove(id)
        }),
        active: Effect.sync(() => [...held.values()]),
        meet: Effect.fnUntraced(function* (target: FaultTarget) {
          for (const entry of held.values()) {
            if (yield* meets(entry, target)) return Option.some<ActiveFault>(entry)
          }
          return Option.none()
        }),
        watchEnded: (target) =>
          Effect.callback<WatchEnd>((resume) => {
            const watch = { target, end: (how: WatchEnd) => resume(Effect.succeed(how)) }
            openWatches.add(watch)
            return Effect.sync(() => openWatches.delete(watch))
          })
      })
    })
  )
}

/** Whether a fault is about this request, leaving its share and count aside. */
const matches = (fault: Fault, target: FaultTarget): boolean =>
  (fault.verb === undefined || fault.verb === target.verb) &&
  (!isForWatches(fault.action) || target.verb === "watch") &&
  (fault.action.type !== "applyThenError" || isWrite(target.verb)) &&
  (fault.resource === undefined || `${target.resource}/`.startsWith(`${fault.resource}/`)) &&
  (fault.namespace === undefined || fault.namespace === target.namespace) &&
  (fault.name === undefined || fault.name === target.name) &&
  (fault.client === undefined || target.client.startsWith(fault.client))

const isForWatches = (action: FaultAction): boolean => !["silence", undefined].includes(watchEndOf(action))

const isWrite = (verb: string): boolean => !["get", "list", "watch"].includes(verb)
