import { Context, type DateTime, Layer } from "effect"
import type { PhaseTime } from "../Errors.ts"

/** How one cold start went. */
export interface RecordedColdStart {
  /** When it ended. */
  readonly at: DateTime.Utc
  readonly executorType: string
  /** All of it but the queue. */
  readonly millis: number
  /** In the order in which they ended; one that was tried again occurs again. */
  readonly phases: ReadonlyArray<PhaseTime>
  /** Why no pod came of it; undefined when one serves. */
  readonly failure: string | undefined
}

/** The latest cold start of each function, by the function's UID. */
export interface LastColdStarts {
  readonly put: (functionUid: string, coldStart: RecordedColdStart) => void
  /** Undefined when this process has seen none, or too many of other functions since. */
  readonly of: (functionUid: string) => RecordedColdStart | undefined
}

/** Functions that are remembered; the ones whose cold start is longest ago are forgotten. */
const capacity = 10_000

const make = (): LastColdStarts => {
  const known = new Map<string, RecordedColdStart>()
  return {
    put: (functionUid, coldStart) => {
      known.delete(functionUid)
      known.set(functionUid, coldStart)
      const oldest = known.keys().next()
      if (known.size > capacity && oldest.done !== true) known.delete(oldest.value)
    },
    of: (functionUid) => known.get(functionUid)
  }
}

/** Where cold starts are remembered; one for the whole process where no layer gives another. */
export const LastColdStarts: Context.Reference<LastColdStarts> = Context.Reference<LastColdStarts>(
  "fission-executor/executors/LastColdStarts",
  { defaultValue: make }
)

/** A memory of its own for one executor. */
export const layer: Layer.Layer<never> = Layer.sync(LastColdStarts, make)
