import { Clock, Duration, Effect, Semaphore } from "effect"

/** How many calls a process may make (failure-semantics.md section 3, the limits of the stock client). */
export interface TokenBucketOptions {
  /** Calls that may be made at once after a quiet time. */
  readonly burst: number
  /** Calls earned back per second. */
  readonly perSecond: number
  /** Part of the burst that only urgent calls may use, in [0, 1). */
  readonly reserved: number
}

/** A bound on the rate of calls. */
export interface TokenBucket {
  /**
   * Waits for a token: in order among the urgent and among the others. Interrupting a wait costs no token. The others
   * leave the reserve to urgent calls, so that those wait only for each other.
   */
  readonly take: (urgent: boolean) => Effect.Effect<void>
}

/** Makes a full bucket. */
export const make = (options: TokenBucketOptions): Effect.Effect<TokenBucket> =>
  Effect.gen(function* () {
    const { burst, perSecond, reserved } = options
    let tokens = burst
    let earnedAt = yield* monotonicMillis

    /** Takes a token if this many stay behind, else says how long the missing part takes to be earned. */
    const tryTake = (staying: number) =>
      Effect.map(monotonicMillis, (now) => {
        tokens = Math.min(burst, tokens + ((now - earnedAt) / 1000) * perSecond)
        earnedAt = now
        const missing = staying + 1 - tokens
        if (missing <= 0) tokens -= 1
        return missing <= 0 ? undefined : Duration.millis(Math.ceil((missing / perSecond) * 1000))
      })

    /** Only the first of a lane looks at the bucket; the semaphore keeps the others in order. */
    const lane = (staying: number) => {
      const first = Semaphore.makeUnsafe(1)
      return first.withPermit(
        Effect.gen(function* () {
          for (let wait = yield* tryTake(staying); wait !== undefined; wait = yield* tryTake(staying)) {
            yield* Effect.sleep(wait)
          }
        })
      )
    }
    const lanes = { urgent: lane(0), other: lane(burst * reserved) }

    return { take: (urgent) => (urgent ? lanes.urgent : lanes.other) }
  })

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
