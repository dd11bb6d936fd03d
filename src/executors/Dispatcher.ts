import { Clock, Context, Duration, Effect, Exit, Layer } from "effect"
import { FissionError } from "../Errors.ts"
import { executorTypeOf, type FissionFunction } from "../fission/Function.ts"
import { isSynced } from "../informers/NamespaceView.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { ExecutorTypes, type ServiceAddress, type Tap } from "./ExecutorType.ts"

export type { ServiceAddress, Tap } from "./ExecutorType.ts"

/** What became of a batch of taps; every entry is always attempted (http-api.md section 4.3). */
export interface TapResult {
  readonly touched: number
  readonly notFound: number
  /** Entries of an executor type that does not exist. */
  readonly unknownType: ReadonlyArray<Tap>
}

/** Sends each request to the executor type that its Function names. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /**
     * An address for one request, creating capacity if needed. Interrupting it gives back whatever was taken.
     * `correlationId` is forwarded into the pod.
     */
    readonly getService: (fn: FissionFunction, correlationId: string) => Effect.Effect<ServiceAddress, FissionError>
    /** Refreshes the last access of each address. Never fails. */
    readonly tap: (taps: ReadonlyArray<Tap>) => Effect.Effect<TapResult>
    /** Gives one slot back. `InvalidArgument` for any type but poolmgr; an unknown address or key is success. */
    readonly unTap: (tap: Tap) => Effect.Effect<void, FissionError>
    /** Whether the views that requests need are synced: what `/readyz` answers. */
    readonly ready: Effect.Effect<boolean>
  }
>()("fission-executor/executors/Dispatcher") {
  /** The dispatcher over the registered executor types. */
  static readonly layer: Layer.Layer<Dispatcher, never, ExecutorTypes | Supervisor> = Layer.effect(
    Dispatcher,
    Effect.gen(function* () {
      const types = yield* ExecutorTypes
      const supervisor = yield* Supervisor

      const typeOf = (fn: FissionFunction) => {
        const name = executorTypeOf(fn)
        const type = types.get(name)
        return type === undefined
          ? Effect.fail(new FissionError({ kind: "Internal", text: `unknown executor type '${name}'` }))
          : Effect.succeed(type)
      }

      const getService = (fn: FissionFunction, correlationId: string): Effect.Effect<ServiceAddress, FissionError> =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const type = yield* typeOf(fn)
            for (let round = 0; round < invalidHits; round++) {
              const admission = yield* restore(type.admit(fn))
              if (admission._tag === "Miss") {
                return yield* restore(admission.create(correlationId)).pipe(
                  Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(admission.abandon)))
                )
              }
              if (admission.isValid()) return admission.service
              admission.evict()
            }
            return yield* new FissionError({
              kind: "Unavailable",
              text: `function ${fn.metadata.namespace ?? ""}/${fn.metadata.name}: its pods keep disappearing`,
              retryAfterSeconds: 1
            })
          })
        )

      const tap = (taps: ReadonlyArray<Tap>) =>
        Effect.sync(() => {
          const unknownType: Array<Tap> = []
          let touched = 0
          let notFound = 0
          for (const entry of taps) {
            const type = types.get(entry.executorType === "" ? "poolmgr" : entry.executorType)
            if (type === undefined) unknownType.push(entry)
            else if (type.tap(entry.address)) touched++
            else notFound++
          }
          return { touched, notFound, unknownType }
        })

      const unTap = (entry: Tap) =>
        Effect.suspend(() => {
          const type = entry.executorType === "poolmgr" ? types.get("poolmgr") : undefined
          if (type === undefined) {
            const text = escapeHtml(`Unknown executor type '${entry.executorType}'`)
            return Effect.fail(new FissionError({ kind: "InvalidArgument", text }))
          }
          type.unTap(entry)
          return Effect.void
        })

      return Dispatcher.of({ getService, tap, unTap, ready: readiness(supervisor) })
    })
  )
}

/** Go's HTML escaping, as the stock executor writes type names into answers (http-api.md section 4.4). */
const escapeHtml = (text: string): string =>
  text.replace(
    /[&<>'"]/gu,
    (character) => `&${{ "&": "amp", "<": "lt", ">": "gt", "'": "#39", '"': "#34" }[character]};`
  )

/** Invalid hits in a row after which a request gives up; each one was evicted, so a next round finds others. */
const invalidHits = 100

/** How long a namespace that has not answered its first lists may hold back readiness once another one is synced. */
const settleWithin = Duration.seconds(5)

/**
 * Ready as soon as one namespace is synced and each other one is synced too, has failed its first lists, or has had
 * 5 s: a namespace in trouble never keeps the healthy ones from serving.
 */
const readiness = (supervisor: Supervisor["Service"]): Effect.Effect<boolean> => {
  let firstSyncedAt: bigint | undefined
  return Effect.map(Clock.monotonicTimeNanos, (now) => {
    const synced = supervisor.cells.filter((cell) => isSynced(cell.view))
    if (synced.length === 0) return false
    firstSyncedAt ??= now
    const undecided = supervisor.cells.some((cell) => !isSynced(cell.view) && cell.health().state === "Starting")
    return !undecided || Duration.isGreaterThanOrEqualTo(Duration.nanos(now - firstSyncedAt), settleWithin)
  })
}
