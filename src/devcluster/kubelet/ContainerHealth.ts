import { Deferred, Effect } from "effect"
import type { RunHandler } from "./Handlers.ts"
import type { Container, Probe } from "./PodObject.ts"
import { runProbe } from "./Probes.ts"

/** Whose health is watched, and who hears of it. */
export interface HealthOptions {
  readonly container: Container
  readonly run: RunHandler
  /** The container has started, and is ready unless a probe is to say so. */
  readonly onStarted: (isReady: boolean) => Effect.Effect<void>
  readonly onReady: (isReady: boolean) => Effect.Effect<void>
  /** A probe failed once. */
  readonly onUnhealthy: (kind: ProbeKind, message: string) => Effect.Effect<void>
  /** The startup or the liveness probe has failed for good. */
  readonly onDead: (kind: ProbeKind, probe: Probe) => Effect.Effect<void>
}

/** What a probe is for. */
export type ProbeKind = "Startup" | "Liveness" | "Readiness"

/** Probes one life of a container until interrupted. Until the startup probe succeeds, the others wait. */
export const watchHealth = (options: HealthOptions): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { livenessProbe, readinessProbe, startupProbe } = options.container
    const probing = (kind: ProbeKind, probe: Probe, onVerdict: (isSuccess: boolean) => Effect.Effect<void>) =>
      runProbe(probe, options.run, { onVerdict, onFailure: (message) => options.onUnhealthy(kind, message) })

    /** Does something else when the probe has succeeded, and reports when it has failed. */
    const probingLife = (kind: ProbeKind, probe: Probe, onAlive: Effect.Effect<unknown>) =>
      probing(kind, probe, (isAlive) => (isAlive ? Effect.asVoid(onAlive) : options.onDead(kind, probe)))

    if (startupProbe) {
      const started = yield* Deferred.make<void>()
      const success = Deferred.succeed(started, undefined)
      yield* Effect.raceFirst(probingLife("Startup", startupProbe, success), Deferred.await(started))
    }
    yield* options.onStarted(!readinessProbe)
    const readiness = readinessProbe ? [probing("Readiness", readinessProbe, options.onReady)] : []
    const liveness = livenessProbe ? [probingLife("Liveness", livenessProbe, Effect.void)] : []
    yield* Effect.all([...readiness, ...liveness], { concurrency: "unbounded", discard: true })
  })
