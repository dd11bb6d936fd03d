import { Context, Effect, Fiber, FiberSet, Layer, Metric } from "effect"
import { PoolCache, type PooledPod, type Reservation, type Slot } from "../../caches/PoolCache.ts"
import type { FissionError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { labels } from "../../fission/Labels.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { Degradation } from "../../namespaces/Degradation.ts"
import type { OwnerReference } from "../../safeguards/Ground.ts"
import { CreationBounds } from "../CreationBounds.ts"
import { ColdStart } from "./ColdStart.ts"
import { demandOf } from "./Requests.ts"

/** One pod that is made before anybody asks for it. */
interface WarmUp {
  readonly generation: number
  /** Undefined while the function's code is being loaded. */
  pod: PooledPod | undefined
}

/**
 * Cold starts that no request waits for (poolmgr.md section 17). They belong to the process and end with it. A pod counts
 * as one in preparation, so neither the concurrency of its function is exceeded nor anybody else's reservation used (W19).
 */
export class WarmUps extends Context.Service<
  WarmUps,
  {
    /**
     * Begins one, whose end is told by `onEnd`. False when it was refused: at the function's concurrency, while a failure
     * of it is remembered.
     */
    readonly begin: (view: NamespaceView, fn: FissionFunction, onEnd: Effect.Effect<void>) => Effect.Effect<boolean>
    /** Those of a function in which code is being loaded, of whatever generation. */
    readonly loading: (functionUid: string) => number
    /** Pods of the generation that will serve, or do so already and the view has yet to show it (W19). */
    readonly expected: (view: NamespaceView, fn: FissionFunction) => number
    /** Ends those of a function that is gone; a pod that was claimed goes. Repeatable. */
    readonly forget: (fn: OwnerReference) => Effect.Effect<void>
  }
>()("fission-executor/executors/poolmgr/WarmUps") {
  static readonly layer: Layer.Layer<WarmUps, never, PoolCache | ColdStart | CreationBounds | Degradation> =
    Layer.effect(
      WarmUps,
      Effect.gen(function* () {
        const cache = yield* PoolCache
        const coldStart = yield* ColdStart
        const bounds = yield* CreationBounds
        const degradation = yield* Degradation
        const fork = yield* FiberSet.makeRuntime()
        /** By UID of the function. */
        const known = new Map<string, Map<WarmUp, Fiber.Fiber<void> | undefined>>()

        const of = (functionUid: string) => [...(known.get(functionUid)?.keys() ?? [])]

        const drop = (functionUid: string, warmUp: WarmUp) => {
          const own = known.get(functionUid)
          own?.delete(warmUp)
          if (own?.size === 0) known.delete(functionUid)
        }

        const isShown = (view: NamespaceView, pod: PooledPod) => {
          const shown = view.pods.get(pod.namespace, pod.name)
          return shown?.metadata.uid === pod.uid && shown.metadata.labels?.[labels.served] === "true"
        }

        /** A pod is counted here until the view shows that it serves, or it is gone. */
        const forgetShown = (view: NamespaceView, functionUid: string) => {
          for (const warmUp of of(functionUid)) {
            const { pod } = warmUp
            if (pod !== undefined && (isShown(view, pod) || !cache.holds(pod.uid))) drop(functionUid, warmUp)
          }
        }

        const begin = Effect.fn("WarmUps.begin")(function* (
          view: NamespaceView,
          fn: FissionFunction,
          onEnd: Effect.Effect<void>
        ) {
          const reserved = yield* Effect.option(cache.reserve(demandOf(view, fn), 0))
          if (reserved._tag === "None") return false
          const reservation = reserved.value
          const uid = fn.metadata.uid ?? ""
          const warmUp: WarmUp = { generation: fn.metadata.generation ?? 0, pod: undefined }
          const own = known.get(uid) ?? new Map<WarmUp, Fiber.Fiber<void> | undefined>()
          known.set(uid, own.set(warmUp, undefined))
          let slot: Slot | undefined
          const kept: Reservation = {
            fulfil: (pod) => {
              warmUp.pod = pod
              return (slot = reservation.fulfil(pod))
            },
            abandon: reservation.abandon
          }
          const settle = Effect.sync(() => {
            reservation.abandon()
            slot?.release()
            if (slot === undefined) drop(uid, warmUp)
          })
          const request = { view, fn, reservation: kept, correlationId: `warm-up-${uid}`, isAhead: true }
          const loaded = bounds.within(fn, coldStart.run(request)).pipe(
            Effect.ensuring(settle),
            Effect.tap(() => degradation.succeeded(fn, "request")),
            Effect.andThen(count(fn.metadata, "success")),
            Effect.catch((error) =>
              Effect.all([degradation.refused(fn, error), count(fn.metadata, "error"), report(view, fn, error)], {
                discard: true
              })
            ),
            Effect.andThen(onEnd)
          )
          own.set(warmUp, fork(loaded))
          return true
        }, Effect.uninterruptible)

        return WarmUps.of({
          begin,
          loading: (functionUid) => of(functionUid).filter(({ pod }) => pod === undefined).length,
          expected: (view, { metadata }) => {
            forgetShown(view, metadata.uid ?? "")
            return of(metadata.uid ?? "").filter(({ generation }) => generation === metadata.generation).length
          },
          forget: Effect.fnUntraced(function* (fn) {
            const fibers = [...(known.get(fn.uid)?.values() ?? [])].filter((fiber) => fiber !== undefined)
            known.delete(fn.uid)
            yield* Fiber.interruptAll(fibers)
            for (const outcome of ["success", "error"] as const) yield* Metric.remove(attempts(fn, outcome))
          })
        })
      })
    )
}

const report = (view: NamespaceView, fn: FissionFunction, { message }: FissionError) =>
  Effect.logWarning("a pod could not be made ready ahead for this function; it is tried again").pipe(
    Effect.annotateLogs({ namespace: view.namespace, function: fn.metadata.name, problem: message })
  )

type Outcome = "success" | "error"

const eagerSpecializations = Metric.counter("fission_provisioned_eager_specializations_total", {
  description: "Pods that were made ready before a request asked for one, and those that could not be",
  incremental: true
})

const attempts = (fn: { readonly name: string; readonly namespace?: string | null | undefined }, outcome: Outcome) =>
  Metric.withAttributes(eagerSpecializations, {
    function_name: fn.name,
    function_namespace: fn.namespace ?? "",
    outcome
  })

const count = (fn: FissionFunction["metadata"], outcome: Outcome) => Metric.update(attempts(fn, outcome), 1)
