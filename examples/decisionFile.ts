import { appendFile } from "node:fs/promises"
import { DateTime, Effect, Layer, Schedule, Stream } from "effect"
import { type AddOn, DecisionLog, type RecordedDecision } from "fission-executor"

const lineOf = ({ at, ...decision }: RecordedDecision): string =>
  `${JSON.stringify({ at: DateTime.formatIso(at), ...decision })}\n`

/** Tries again for ever: what cannot be written yet waits, and of the decisions behind it the newest thousand. */
const append = (file: string, lines: string) =>
  Effect.tryPromise(() => appendFile(file, lines)).pipe(
    Effect.tapError((error) => Effect.logWarning("decisions cannot be written to their file", error)),
    Effect.retry(Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")])),
    Effect.orDie
  )

/** Writes every decision about an object to a file, one JSON object a line. */
export const decisionFile = (file: string): AddOn =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const log = yield* DecisionLog
      const decisions = yield* log.follow
      yield* decisions.pipe(
        Stream.runForEachArray((some) => append(file, some.map(lineOf).join(""))),
        Effect.forkScoped
      )
    })
  )
