import { Cause, Clock, Context, Effect, Exit, Metric } from "effect"
import type { FissionError, PhaseTime } from "../Errors.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { recorded } from "../Tracing.ts"
import { SpecializeError } from "../specialization/PodRequests.ts"

/** What a cold start is made of (observability.md O4); `total` is all of it but `queue`. */
export type Phase = "queue" | "choose_pod" | "relabel" | "fetch_specialize" | "ready" | "service_ensure" | "total"

/** What is known of one cold start while it runs. */
interface Recording {
  readonly executorType: string
  readonly times: Array<PhaseTime>
}

const Current = Context.Reference<Recording | undefined>("fission-executor/executors/ColdStartPhases", {
  defaultValue: () => undefined
})

/** Notes a phase that has just ended and was begun at that monotonic time. */
export const endPhase = (phase: Phase, startedAt: bigint): Effect.Effect<void> =>
  Effect.gen(function* () {
    const recording = yield* Current
    if (recording === undefined) return
    const { executorType, times } = recording
    const seconds = Number((yield* Clock.monotonicTimeNanos) - startedAt) / 1e9
    if (phase !== "total") times.push({ phase, millis: Math.round(seconds * 1000) })
    yield* Metric.update(Metric.withAttributes(phaseSeconds, { phase, executor_type: executorType }), seconds)
  })

/** Counts a phase that did not come to its end; one whose caller left did not fail. */
export const phaseFailed = (phase: Phase): Effect.Effect<void> =>
  Effect.flatMap(Current, (recording) =>
    recording === undefined
      ? Effect.void
      : Metric.update(Metric.withAttributes(phaseFailures, { phase, executor_type: recording.executorType }), 1)
  )

/** Measures one phase, whatever its end, as a metric, as a span and for the record of the cold start that it is part of. */
export const inPhase =
  (phase: Phase) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.monotonicTimeNanos, (startedAt) =>
      Effect.onExit(self, (exit) =>
        Effect.andThen(endPhase(phase, startedAt), hasFailed(exit) ? phaseFailed(phase) : Effect.void)
      )
    ).pipe(Effect.withSpan(`coldstart/${phase}`))

/**
 * Gives what runs inside a record of its phases. A failure takes the record along, so that its answer says where the time
 * went; one that has a record already keeps it.
 */
export const recordingPhases =
  (executorType: string) =>
  <A, R>(self: Effect.Effect<A, FissionError, R>): Effect.Effect<A, FissionError, R> =>
    Effect.suspend(() => {
      const recording: Recording = { executorType, times: [] }
      return self.pipe(
        Effect.mapError((error) => (isPodsAnswer(error) ? error : error.after(recording.times))),
        Effect.provideService(Current, recording)
      )
    })

/** A pod's own answer goes to the caller word for word. */
const isPodsAnswer = ({ cause }: FissionError): boolean =>
  cause instanceof SpecializeError && cause.reason === "Answered"

/**
 * One cold start: counted, measured, a span with the name and attributes of the stock executor (observability.md section
 * 4), and one line in the log once a pod serves. Adds to the record that it runs in, or makes one.
 */
export const coldStart =
  (executorType: string, fn: FissionFunction) =>
  <A, R>(self: Effect.Effect<A, FissionError, R>): Effect.Effect<A, FissionError, R> =>
    Effect.flatMap(Current, (recording) => {
      const observed = observing(fn, self)
      return recording === undefined ? recordingPhases(executorType)(observed) : observed
    })

const observing = <A, R>(fn: FissionFunction, self: Effect.Effect<A, FissionError, R>) =>
  Effect.flatMap(Clock.monotonicTimeNanos, (startedAt) =>
    Effect.acquireUseRelease(
      Metric.modify(inFlight, 1),
      () => self,
      () => Metric.modify(inFlight, -1)
    ).pipe(
      Effect.onExit((exit) => Effect.andThen(endPhase("total", startedAt), counted(fn, exit))),
      Effect.tap(() => announced(fn, startedAt))
    )
  ).pipe(
    Effect.withSpan("coldstart/specialize", {
      attributes: {
        "function-name": fn.metadata.name,
        "function-namespace": fn.metadata.namespace,
        "environment-name": fn.spec.environment?.name,
        "environment-namespace": fn.spec.environment?.namespace
      }
    }),
    recorded
  )

const counted = (fn: FissionFunction, exit: Exit.Exit<unknown, FissionError>) => {
  const series = { function_name: fn.metadata.name, function_namespace: fn.metadata.namespace ?? "" }
  if (Exit.isSuccess(exit)) return Metric.update(Metric.withAttributes(coldStarts, series), 1)
  if (!hasFailed(exit)) return Effect.void
  const error = Cause.findErrorOption(exit.cause)
  const reason = error._tag === "Some" ? (error.value.degraded ?? error.value.kind) : "Defect"
  return Effect.gen(function* () {
    yield* phaseFailed("total")
    yield* Metric.update(Metric.withAttributes(coldStartErrors, series), 1)
    const executorType = (yield* Current)?.executorType ?? ""
    yield* Metric.update(Metric.withAttributes(creationFailures, { executor_type: executorType, reason }), 1)
    yield* Effect.annotateCurrentSpan("coldstart.failure_reason", "specialization_failed")
  })
}

const announced = (fn: FissionFunction, startedAt: bigint) =>
  Effect.gen(function* () {
    const { executorType = "", times = [] } = (yield* Current) ?? {}
    const total = Number((yield* Clock.monotonicTimeNanos) - startedAt) / 1e6
    yield* Effect.logInfo("function specialized").pipe(
      Effect.annotateLogs({
        logger: executorType,
        namespace: fn.metadata.namespace,
        function: fn.metadata.name,
        generation: fn.metadata.generation,
        executor_type: executorType,
        duration_ms: Math.round(total),
        ...Object.fromEntries(times.map(({ millis, phase }) => [`${phase}_ms`, millis]))
      })
    )
  })

/** Both series of a function exist from its first sight on, so that `rate()` sees their first increment (O3). */
export const expectColdStarts = (fn: FissionFunction): Effect.Effect<void> => {
  const series = { function_name: fn.metadata.name, function_namespace: fn.metadata.namespace ?? "" }
  return Effect.andThen(
    Metric.update(Metric.withAttributes(coldStarts, series), 0),
    Metric.update(Metric.withAttributes(coldStartErrors, series), 0)
  )
}

const hasFailed = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)

const coldStarts = Metric.counter("fission_function_cold_starts_total", {
  description: "Cold starts that ended with a pod that serves; of newdeploy and container, creations for a request",
  incremental: true
})
const coldStartErrors = Metric.counter("fission_function_cold_start_errors_total", {
  description: "Cold starts that ended without a pod",
  incremental: true
})
const creationFailures = Metric.counter("fission_executor_creation_failures_total", {
  description: "Cold starts that ended without a pod, by the reason that the Function's condition or the answer gives",
  incremental: true
})
const inFlight = Metric.gauge("fission_executor_specializations_in_flight", {
  description: "Cold starts that are under way"
})
const phaseSeconds = Metric.histogram("fission_coldstart_phase_seconds", {
  description: "Time that a phase of a cold start took, whatever its end; total is all of it but the queue",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
})
const phaseFailures = Metric.counter("fission_coldstart_phase_failures_total", {
  description: "Phases of cold starts that failed",
  incremental: true
})
