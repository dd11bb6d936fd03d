import { Clock, Context, Duration, Effect, Layer } from "effect"
import { type DegradedReason, degradedReason, type FissionError, type KubernetesError } from "../Errors.ts"
import { executorTypeOf, type FissionFunction } from "../fission/Function.ts"
import { Functions } from "../fission/ResourceKind.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import { Conditions } from "../safeguards/Conditions.ts"
import { EventRecorder } from "../safeguards/EventRecorder.ts"
import { Circuits } from "./Circuits.ts"

/** Failures in a row that make a Function degraded where each of them may pass by itself. */
const failuresInARow = 3
/** At most one write per object and reason in this time. */
const atMostEvery = 300_000_000_000n
const longestMessage = 1024
/** Functions that are remembered; the oldest are forgotten. */
const capacity = 10_000

/** These stay until somebody edits something, so that one failure is enough. */
const final: ReadonlySet<DegradedReason> = new Set(["InvalidSpec", "QuotaExceeded", "EnvironmentMissing"])

const conditionType = "ExecutorDegraded"

/** Who found out: a request that waited for the Function, or work in the background. Each ends only its own series. */
type Source = "request" | "work"

/** What is known about one Function. */
interface Standing {
  readonly failures: Map<Source, number>
  degradedBy: Source | undefined
  /** When each reason was last written, or will be: monotonic nanoseconds. */
  readonly writtenAt: Map<string, bigint>
}

/**
 * Tells users through the condition `ExecutorDegraded` and Events that the executor cannot do what a Function asks for
 * (failure-semantics.md section 5.6, observability.md O22). Says nothing while calls of the namespace, or of the whole
 * server, are known to fail: that is not the Function's trouble.
 */
export class Degradation extends Context.Service<
  Degradation,
  {
    /** A request got no address. Returns at once. */
    readonly refused: (fn: FissionFunction, error: FissionError) => Effect.Effect<void>
    /** Work for the Function failed, one more time in a row. Returns at once. */
    readonly failed: (fn: FissionFunction, error: KubernetesError) => Effect.Effect<void>
    /** Ends a series, and takes the condition back that it set; a request's success also that of an earlier process. */
    readonly succeeded: (fn: FissionFunction, source: Source) => Effect.Effect<void>
  }
>()("fission-executor/namespaces/Degradation") {
  static readonly layer: Layer.Layer<Degradation, never, Conditions | EventRecorder | Circuits | ApiServerHealth> =
    Layer.effect(
      Degradation,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const conditions = yield* Conditions
        const events = yield* EventRecorder
        const circuits = yield* Circuits
        const server = yield* ApiServerHealth
        const standings = new Map<string, Standing>()

        const standingOf = (uid: string) => {
          const known = standings.get(uid) ?? { failures: new Map(), degradedBy: undefined, writtenAt: new Map() }
          standings.set(uid, known)
          const oldest = standings.keys().next()
          if (standings.size > capacity && oldest.done !== true) standings.delete(oldest.value)
          return known
        }

        const isExcused = (namespace: string) => server.status().state !== "Answering" || circuits.isOpen(namespace)

        /** How long the next write of a reason has to wait. */
        const delayOf = ({ writtenAt }: Standing, reason: string) => {
          const now = clock.monotonicTimeNanosUnsafe()
          const before = writtenAt.get(reason)
          const isDue = before === undefined || now - before >= atMostEvery
          const at = isDue ? now : before > now ? before : before + atMostEvery
          writtenAt.set(reason, at)
          return Duration.nanos(at - now)
        }

        const warn = (fn: FissionFunction, reason: string, message: string) => {
          const { name, namespace, uid } = fn.metadata
          const regarding = { kind: Functions, namespace: namespace ?? "", name, uid: uid ?? undefined }
          return events.record(regarding, { type: "Warning", reason, message })
        }

        const hinder = Effect.fnUntraced(function* (
          fn: FissionFunction,
          source: Source,
          reason: DegradedReason,
          message: string
        ) {
          if (isExcused(fn.metadata.namespace ?? "")) return
          const standing = standingOf(fn.metadata.uid ?? "")
          const failures = (standing.failures.get(source) ?? 0) + 1
          standing.failures.set(source, failures)
          if (!isFinal(fn, reason) && failures < failuresInARow) return
          standing.degradedBy = source
          const condition = { type: conditionType, status: "True", reason, message: message.slice(0, longestMessage) }
          yield* conditions.set(fn, condition, { delay: delayOf(standing, reason) })
          yield* warn(fn, eventReasons[reason], message)
        })

        return Degradation.of({
          refused: (fn, { degraded, kind, text }) => {
            if (degraded !== undefined) return hinder(fn, "request", degraded, text)
            if (kind === "TooManyRequests") return warn(fn, "CapacityExceeded", text)
            return kind === "Internal" ? warn(fn, "SpecializationFailed", text) : Effect.void
          },
          failed: (fn, error) => {
            const reason = degradedReason(error)
            return reason === undefined ? Effect.void : hinder(fn, "work", reason, error.message)
          },
          succeeded: Effect.fnUntraced(function* (fn, source) {
            const standing = standings.get(fn.metadata.uid ?? "")
            standing?.failures.delete(source)
            const isOurs = standing?.degradedBy === source
            const isOfBefore = source === "request" && standing?.degradedBy === undefined && isShown(fn)
            if (!isOurs && !isOfBefore) return
            if (standing !== undefined) standing.degradedBy = undefined
            const recovered = { type: conditionType, status: "False", reason: "Recovered", message: "" }
            const delay = delayOf(standingOf(fn.metadata.uid ?? ""), recovered.reason)
            yield* conditions.set(fn, recovered, { delay })
          })
        })
      })
    )
}

/** Fields that are not taken are no failure: they are taken back by an edit alone. */
const isShown = (fn: FissionFunction): boolean =>
  fn.status?.conditions?.some(
    ({ reason, status, type }) => type === conditionType && status === "True" && reason !== "IgnoredPodSpecFields"
  ) ?? false

/**
 * Whether one failure is enough. A Deployment that is not ready in time had two minutes and more; a pool is asked for a pod
 * again within seconds.
 */
const isFinal = (fn: FissionFunction, reason: DegradedReason): boolean =>
  final.has(reason) || (reason === "NotReadyInTime" && executorTypeOf(fn) !== "poolmgr")

/** Reasons of the Events, as observability.md O22 has them. */
const eventReasons: { readonly [reason in DegradedReason]: string } = {
  ApiTimeout: "SpecializationFailed",
  Forbidden: "SpecializationFailed",
  EnvironmentMissing: "SpecializationFailed",
  InvalidSpec: "DeploymentFailed",
  QuotaExceeded: "DeploymentFailed",
  NotReadyInTime: "DeploymentFailed"
}
