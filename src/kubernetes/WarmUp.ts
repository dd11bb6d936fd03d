import { Clock, Duration, Effect } from "effect"
import type { FatalError, KubernetesError } from "../Errors.ts"
import { afterWarmUp } from "./Classify.ts"

/** How long a refusal must last before it is believed (failure-semantics.md section 2). */
const persistsFor = Duration.seconds(10)
/** A refusal this soon after a lost connection comes from a server that has just started. */
const afterConnectionLoss = Duration.seconds(30)

/** What is remembered about one verb on one resource in one scope, in monotonic nanoseconds. */
interface Memory {
  readonly refusedSince: bigint | undefined
  readonly connectionLostAt: bigint | undefined
}

/** Nothing seen yet. */
const nothingSeen: Memory = { refusedSince: undefined, connectionLostAt: undefined }

/**
 * Looks at the next outcome. A `Warmup` answer that has lasted 10 s, and that no lost connection preceded within 30 s,
 * becomes the `FatalError` it stands for; everything else stays what it is, success (undefined) included.
 */
const judge = <E extends KubernetesError | undefined>(
  memory: Memory,
  error: E,
  now: bigint
): { readonly memory: Memory; readonly error: E | FatalError } => {
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

/** The memory of one scope. */
export interface WarmUp {
  /** The error as it has to be treated now; undefined, for a success, stays undefined. */
  readonly judge: <E extends KubernetesError | undefined>(error: E) => Effect.Effect<E | FatalError>
}

/** A memory of its own, with time from the Clock. */
export const makeUnsafe = (): WarmUp => {
  let memory = nothingSeen
  return {
    judge: (error) =>
      Effect.map(Clock.monotonicTimeNanos, (now) => {
        const judged = judge(memory, error, now)
        memory = judged.memory
        return judged.error
      })
  }
}
