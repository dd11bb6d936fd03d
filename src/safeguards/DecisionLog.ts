import { Clock, Context, DateTime, Effect, Layer, Metric, PubSub, type Scope, Stream } from "effect"

/** What was done to an object, or deliberately not done. */
export type DecisionAction =
  | "Created"
  /** Claimed before any function needs it. */
  | "Reserved"
  | "Claimed"
  | "Adopted"
  /** Held warm for its function, or no longer. */
  | "Provisioned"
  | "Released"
  | "Updated"
  | "ScaledDown"
  | "Draining"
  | "Deleted"
  /** Looked at, and left as it is. */
  | "Kept"
  /** Not deleted, because the reaper only says what it would do. */
  | "WouldDelete"
  | "Refused"

/** Why something happened to an object: enough to answer "why is this pod gone?" the next morning. */
export interface Decision {
  readonly action: DecisionAction
  /** Kind of the object, as Kubernetes writes it: `Pod`, `Deployment`. */
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid?: string | undefined
  /** Name of the ground, for deletes and scale-downs. */
  readonly ground?: string | undefined
  /** One sentence for a person. */
  readonly reason: string
  /** The facts that the reason rests on. */
  readonly evidence?: { readonly [fact: string]: unknown } | undefined
}

/** A decision and when it was made. */
export interface RecordedDecision extends Decision {
  readonly at: DateTime.Utc
  /** Counts the decisions of this process from 1, so that a follower that lost some can tell. */
  readonly number: number
}

/** How many decisions are kept for `recent`, and for a follower that lags behind. */
const capacity = 1000
/** Objects of which is remembered what was said about them, so as not to say it again; the oldest are forgotten. */
const saidCapacity = 10_000
/** Decisions by which nothing happens to the object. */
const idle: ReadonlySet<DecisionAction> = new Set(["Kept", "WouldDelete"])

/** Every decision about an object: one structured log line, and the last thousand in memory. */
export class DecisionLog extends Context.Service<
  DecisionLog,
  {
    /** Never fails; never waits for anything but the logger. */
    readonly record: (decision: Decision) => Effect.Effect<void>
    /** The same, unless it has been said since something was last done to the object. */
    readonly recordOnce: (decision: Decision) => Effect.Effect<void>
    /** Oldest first; at most the last 1000, of one namespace where given. */
    readonly recent: (namespace?: string) => Effect.Effect<ReadonlyArray<RecordedDecision>>
    /**
     * Every decision from now on, in order, until the scope closes. Followers hold up nobody: one that falls 1000
     * decisions behind loses the oldest, which their `number` shows.
     */
    readonly follow: Effect.Effect<Stream.Stream<RecordedDecision>, never, Scope.Scope>
  }
>()("fission-executor/safeguards/DecisionLog") {
  static readonly layer = Layer.effect(
    DecisionLog,
    Effect.gen(function* () {
      const ring: Array<RecordedDecision> = []
      const said = new Map<string, ReadonlySet<string>>()
      const published = yield* PubSub.sliding<RecordedDecision>(capacity)
      let count = 0

      const remember = (decision: Decision) => {
        const id = idOf(decision)
        const before = said.get(id) ?? new Set()
        said.delete(id)
        if (!idle.has(decision.action)) return
        said.set(id, new Set([...before, gistOf(decision)]))
        const oldest = said.keys().next()
        if (said.size > saidCapacity && oldest.done !== true) said.delete(oldest.value)
      }

      const record = Effect.fnUntraced(function* (decision: Decision) {
        const at = DateTime.makeUnsafe(yield* Clock.currentTimeMillis)
        if (ring.length >= capacity) ring.shift()
        const recorded = { ...decision, at, number: ++count }
        ring.push(recorded)
        yield* PubSub.publish(published, recorded)
        remember(decision)
        const { action, ground = "", kind } = decision
        yield* Metric.update(Metric.withAttributes(counted, { action, kind, ground }), 1)
        const { reason, evidence, ...fields } = decision
        const line = decision.action === "Refused" ? Effect.logWarning(reason) : Effect.logInfo(reason)
        yield* line.pipe(
          Effect.annotateLogs({
            logger: "decisions",
            decision: fields.action,
            ...fields,
            ...(evidence && { evidence })
          })
        )
      })

      return DecisionLog.of({
        record,
        recordOnce: (decision) =>
          Effect.suspend(() => (said.get(idOf(decision))?.has(gistOf(decision)) ? Effect.void : record(decision))),
        recent: (namespace) =>
          Effect.sync(() => ring.filter((decision) => namespace === undefined || decision.namespace === namespace)),
        follow: Effect.map(PubSub.subscribe(published), Stream.fromSubscription)
      })
    })
  )
}

const idOf = ({ kind, name, namespace, uid }: Decision): string => `${kind} ${namespace}/${name} ${uid ?? ""}`

const gistOf = ({ action, reason }: Decision): string => `${action}: ${reason}`

const counted = Metric.counter("fission_executor_decisions_total", {
  description:
    "Decisions about objects by what was done, the kind of the object, and the ground of deletes and scale-downs",
  incremental: true
})
