import { Clock, Duration, Effect, type Scope } from "effect"
import { request } from "undici"

/** What came of one request through the router. Status 0: no answer. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly took: Duration.Duration
}

/** Calls a function as a user does. Never fails. */
export const call = (router: string, namespace: string, name: string): Effect.Effect<Answer> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.monotonicTimeNanos
    const { body, status } = yield* Effect.tryPromise(async (signal) => {
      const answer = await request(`${router}/fission-function/${namespace}/${name}`, { signal })
      return { status: answer.statusCode, body: await answer.body.text() }
    }).pipe(Effect.catch((error) => Effect.succeed({ status: 0, body: String(error.cause) })))
    return { status, body, took: Duration.nanos((yield* Clock.monotonicTimeNanos) - startedAt) }
  })

/** Requests answered with 200, and all others. */
export interface Counts {
  readonly answered: number
  readonly failed: number
}

/** Calls a function again and again until the scope closes; the counts are read at any time. */
export const keepCalling = (
  router: string,
  namespace: string,
  name: string
): Effect.Effect<() => Counts, never, Scope.Scope> =>
  Effect.gen(function* () {
    let answered = 0
    let failed = 0
    const once = Effect.map(call(router, namespace, name), ({ status }) => {
      if (status === 200) answered++
      else failed++
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(once, Effect.sleep("50 millis"))))
    return () => ({ answered, failed })
  })
