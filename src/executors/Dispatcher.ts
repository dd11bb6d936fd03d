import { Clock, Context, Duration, Effect, Exit, Layer } from "effect"
import { FissionError } from "../Errors.ts"
import { executorTypeOf, type FissionFunction } from "../fission/Function.ts"
import { keyOf } from "../fission/ObjectMeta.ts"
import { Environments, FunctionAliases, Functions, FunctionVersions, Packages } from "../fission/ResourceKind.ts"
import { isSynced } from "../informers/NamespaceView.ts"
import { Degradation } from "../namespaces/Degradation.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { recordingPhases } from "./ColdStartPhases.ts"
import { CreationBounds } from "./CreationBounds.ts"
import { ExecutorTypes, type Miss, type ServiceAddress, type Tap } from "./ExecutorType.ts"

export type { ServiceAddress, Tap } from "./ExecutorType.ts"

/** What became of a batch of taps; every entry is always attempted (http-api.md section 4.3). */
export interface TapResult {
  readonly touched: number
  readonly notFound: number
  /** Entries of an executor type that does not exist. */
  readonly unknownType: ReadonlyArray<Tap>
}

/**
 * Sends each request to the executor type that its Function names, and holds all types to one bound of creations and to
 * each function's deadline (http-api.md section 6).
 */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /**
     * An address for one request, creating capacity if needed. Interrupting it gives back whatever was taken; its waits
     * can be interrupted even inside an uninterruptible region, which is where to call it from so as not to lose the
     * address that it gives. `correlationId` is forwarded into the pod.
     */
    readonly getService: (fn: FissionFunction, correlationId: string) => Effect.Effect<ServiceAddress, FissionError>
    /**
     * The address of a Function that the view alone shows to be valid, undefined where it shows none or the type counts
     * slots, which are the leader's. Nothing is created or remembered.
     */
    readonly addressInView: (fn: FissionFunction) => Effect.Effect<string | undefined, FissionError>
    /**
     * One more pod for a Function, or `TooManyRequests`; `InvalidArgument` for a type that has no notion of it. Never
     * `NotFound`, which the router takes for an executor without this route (http-api.md H10). Interrupted as above.
     */
    readonly ensureCapacity: (fn: FissionFunction, correlationId: string) => Effect.Effect<ServiceAddress, FissionError>
    /** Refreshes the last access of each address. Never fails. */
    readonly tap: (taps: ReadonlyArray<Tap>) => Effect.Effect<TapResult>
    /** Gives one slot back. `InvalidArgument` for any type but poolmgr; an unknown address or key is success. */
    readonly unTap: (tap: Tap) => Effect.Effect<void, FissionError>
    /** What the types remember, as text, one line a pod. */
    readonly debugInfo: Effect.Effect<string>
    /** Whether the views that requests need are synced: what `/readyz` answers. Stays true once it was. */
    readonly ready: Effect.Effect<boolean>
    /** Names of the custom resources that the API server does not serve, such as `functions.fission.io`. */
    readonly missingDefinitions: () => ReadonlyArray<string>
    /** From now on what needs a creation is `Unavailable`; warm answers go on (lifecycle.md section 16). */
    readonly stopCreating: () => void
  }
>()("fission-executor/executors/Dispatcher") {
  /** The dispatcher over the registered executor types. */
  static readonly layer: Layer.Layer<Dispatcher, never, ExecutorTypes | Supervisor | Degradation | CreationBounds> =
    Layer.effect(
      Dispatcher,
      Effect.gen(function* () {
        const types = yield* ExecutorTypes
        const supervisor = yield* Supervisor
        const degradation = yield* Degradation
        const bounds = yield* CreationBounds
        let stopping = false

        /**
         * Runs a creation within its bounds. To be run uninterruptibly;
         * whatever ends it without an address abandons it.
         */
        const create = (fn: FissionFunction, miss: Miss, correlationId: string) =>
          bounds
            .within(
              fn,
              Effect.suspend(() => (stopping ? Effect.fail(isStopping()) : miss.create(correlationId)))
            )
            .pipe(
              recordingPhases(executorTypeOf(fn)),
              Effect.interruptible,
              Effect.tap(() => degradation.succeeded(fn, "request")),
              Effect.tapError((error) => (stopping ? Effect.void : degradation.refused(fn, error))),
              Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(miss.abandon))),
              Effect.annotateLogs({ request_id: correlationId })
            )

        const getService = Effect.fnUntraced(function* (fn: FissionFunction, correlationId: string) {
          const name = executorTypeOf(fn)
          const type = types.get(name)
          if (type === undefined) {
            return yield* new FissionError({ kind: "Internal", text: `unknown executor type '${name}'` })
          }
          for (let round = 0; round < invalidHits; round++) {
            const admission = yield* type.admit(fn)
            if (admission._tag === "Miss") {
              return yield* create(fn, admission, correlationId)
            }
            if (admission.isValid()) return admission.service
            admission.evict()
          }
          return yield* new FissionError({
            kind: "Unavailable",
            text: `function ${keyOf(fn.metadata)}: its pods keep disappearing`
          })
        }, Effect.uninterruptible)

        const ensureCapacity = Effect.fnUntraced(
          function* (fn: FissionFunction, correlationId: string) {
            const name = executorTypeOf(fn)
            const ensure = types.get(name)?.ensureCapacity
            if (ensure === undefined) {
              const text = `ensureCapacity supports poolmgr only, got '${escapeHtml(name)}'`
              return yield* new FissionError({ kind: "InvalidArgument", text })
            }
            const reservation = yield* Effect.interruptible(ensure(fn))
            return yield* create(fn, reservation, correlationId)
          },
          Effect.mapError(neverNotFound),
          Effect.uninterruptible
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

        return Dispatcher.of({
          getService,
          addressInView: (fn) => types.get(executorTypeOf(fn))?.addressInView?.(fn) ?? Effect.undefined,
          ensureCapacity,
          tap,
          unTap,
          debugInfo: Effect.sync(() =>
            types
              .all()
              .map((type) => type.debugInfo?.() ?? "")
              .join("")
          ),
          ready: readiness(supervisor),
          missingDefinitions: () => missingDefinitions(supervisor),
          stopCreating: () => {
            stopping = true
          }
        })
      })
    )
}

const isStopping = (): FissionError =>
  new FissionError({ kind: "Unavailable", text: "the executor is shutting down; retry" })

const neverNotFound = (error: FissionError): FissionError =>
  error.kind === "NotFound"
    ? new FissionError({ kind: "InvalidArgument", text: error.text, phases: error.phases, cause: error })
    : error

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
 * 5 s: a namespace in trouble never keeps the healthy ones from serving, neither now nor later.
 */
const readiness = (supervisor: Supervisor["Service"]): Effect.Effect<boolean> => {
  let firstSyncedAt: bigint | undefined
  let ready = false
  return Effect.suspend(() =>
    ready
      ? Effect.succeed(true)
      : Effect.map(Clock.monotonicTimeNanos, (now) => {
          const { cells } = supervisor
          if (!cells.some((cell) => isSynced(cell.view))) return false
          firstSyncedAt ??= now
          const undecided = cells.some((cell) => !isSynced(cell.view) && cell.health().state === "Starting")
          ready = !undecided || Duration.isGreaterThanOrEqualTo(Duration.nanos(now - firstSyncedAt), settleWithin)
          return ready
        })
  )
}

/** A path that answers 404 for longer than a server takes to start is one without its CRD. */
const missingDefinitions = ({ cells }: Supervisor["Service"]): ReadonlyArray<string> => {
  const missing = new Set(
    cells
      .flatMap((cell) => cell.kinds())
      .filter(({ status: { error } }) => error?._tag === "KubernetesFatalError" && error.status === 404)
      .map(({ resource }) => resource)
  )
  return customResources.filter((plural) => missing.has(plural)).map((plural) => `${plural}.fission.io`)
}

const customResources = [Functions, Environments, Packages, FunctionVersions, FunctionAliases].map(
  ({ plural }) => plural
)
