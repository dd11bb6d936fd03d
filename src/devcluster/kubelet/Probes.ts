import { Duration, Effect } from "effect"
import { HandlerError, type RunHandler } from "./Handlers.ts"
import type { Probe } from "./PodObject.ts"

/** Who hears what a probe finds. */
export interface ProbeObserver {
  /** Each result that has repeated itself as often as its threshold asks for. */
  readonly onVerdict: (isSuccess: boolean) => Effect.Effect<void>
  /** Each failure, with what is wrong. */
  readonly onFailure: (message: string) => Effect.Effect<void>
}

/** Probes until interrupted: first after the initial delay, then once a period. No answer in time is a failure. */
export const runProbe = (probe: Probe, run: RunHandler, observer: ProbeObserver): Effect.Effect<never> =>
  Effect.gen(function* () {
    const thresholds = { success: probe.successThreshold ?? 1, failure: probe.failureThreshold ?? 3 }
    const timeoutSeconds = probe.timeoutSeconds ?? 1
    const attempt = run(probe).pipe(
      Effect.timeoutOrElse({
        duration: Duration.seconds(timeoutSeconds),
        orElse: () => new HandlerError({ message: `no result within ${timeoutSeconds} s` })
      }),
      Effect.as(true),
      Effect.catch(({ message }) => Effect.as(observer.onFailure(message), false))
    )
    let last: boolean | undefined
    let inRow = 0
    yield* Effect.sleep(Duration.seconds(probe.initialDelaySeconds ?? 0))
    while (true) {
      const result = yield* attempt
      inRow = result === last ? inRow + 1 : 1
      last = result
      if (inRow >= (result ? thresholds.success : thresholds.failure)) yield* observer.onVerdict(result)
      yield* Effect.sleep(Duration.seconds(probe.periodSeconds ?? 10))
    }
  })
