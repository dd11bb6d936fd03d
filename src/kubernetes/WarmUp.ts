import { Clock, Duration, Effect } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { afterWarmUp } from "./Classify.ts"

/** How long a refusal must last before it is believed (failure-semantics.md section 2). */
const persistsFor = Duration.seconds(10)
/** A refusal this soon after a lost connection comes from a server that has just started. */
const afterConnectionLoss = Duration.seconds(30)

/** What is remembered about one verb on one resource in one scope, in monotonic nanoseconds. */
export interface WarmUpMemory {
  readonly refusedSince: bigint | undefined
  readonly connectionLostAt: bigint | undefined
}

/** Nothing seen yet. */
export const nothingSeen: WarmUpMemory = { refusedSince: undefined, connectionLostAt: undefined }

/**
 * Looks at the next outcome (undefined: success). A `Warmup` answer that has lasted 10 s, and that no lost connection
 * preceded within 30 s, becomes the `FatalError` it stands for; everything else stays what it is.
 */
export const judge = (
  memory: WarmUpMemory,
  error: KubernetesError | undefined,
  now: bigint
): { readonly memory: WarmUpMemory; readonly error: KubernetesError | undefined } => {
  if (error?._tag !== "KubernetesTimeoutError") return { memory: nothingSeen, error }
  if (error.kind === "Connection") return { memory: { refusedSince: undefined, connectionLostAt: now }, error }
  if (error.kind !== "Warmup") return { memory, error }

  const refusedSince = memory.refusedSince ?? now
  const lasted = now - refusedSince >= nanos(persistsFor)
  const justStarted =
    memory.connectionLostAt !== undefined && now - memory.connectionLostAt < nanos(afterConnectionLoss)
  return { memory: { ...memory, refusedSince }, error: lasted && !justStarted ? afterWarmUp(error) : error }
}

const nanos = (duration: Duration.Duration): bigint => BigInt(Math.round(Duration.toMillis(duration))) * 1_000_000n

/** The memory of one scope, with time from the Clock. */
export const make = Effect.sync(() => {
  let memory = nothingSeen
  return {
    /** The error as it has to be treated now. */
    judge: (error: KubernetesError | undefined): Effect.Effect<KubernetesError | undefined> =>
      Effect.map(Clock.monotonicTimeNanos, (now) => {
        const judged = judge(memory, error, now)
        memory = judged.memory
        return judged.error
      })
  }
})
