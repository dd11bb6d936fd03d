import { Effect, Metric } from "effect"
import type { FissionFunction } from "../../fission/Function.ts"
import type { Plan, ProvisionedConcurrency } from "../../fission/ProvisionedConcurrency.ts"
import type { OwnerReference } from "../../safeguards/Ground.ts"

/** What was seen of a function that asks for pods. */
interface Seen {
  readonly open: Plan["open"]
  /** The generation whose problems were logged. */
  readonly generation: number | undefined
}

/** What is logged and measured of provisioned concurrency (poolmgr.md section 20). */
export interface ProvisionedReport {
  /** Logs what makes no sense, once a generation, and counts the windows that opened or closed since the last look. */
  readonly looked: (fn: FissionFunction, wanted: ProvisionedConcurrency, plan: Plan) => Effect.Effect<void>
  /** How many pods should be held now, and how many are. */
  readonly measured: (fn: FissionFunction, target: number, ready: number) => Effect.Effect<void>
  /** The function asks for nothing; whether it did at the last look. */
  readonly unasked: (fn: FissionFunction) => boolean
  /** Ends the series of a function that is gone. Repeatable. */
  readonly forget: (fn: OwnerReference) => Effect.Effect<void>
}

/** Nothing was seen yet. */
export const make = (): ProvisionedReport => {
  /** By UID of the function. */
  const seen = new Map<string, Seen>()

  return {
    looked: Effect.fnUntraced(function* (fn, wanted, plan) {
      const { name, namespace } = fn.metadata
      const generation = fn.metadata.generation ?? undefined
      const before = seen.get(fn.metadata.uid ?? "")
      seen.set(fn.metadata.uid ?? "", { open: plan.open, generation })
      const annotated = Effect.annotateLogs({ namespace, function: name })
      if (before?.generation !== generation && wanted.problems.length > 0) {
        yield* Effect.logWarning(
          "not all of what this function says about provisioned concurrency makes sense",
          wanted.problems
        ).pipe(annotated)
      }
      const changed = before === undefined ? [] : difference(before.open, plan.open)
      if (changed.length === 0) return
      yield* Metric.update(ofFunction(windowTransitions, fn.metadata), changed.length)
      yield* Effect.logInfo("windows of provisioned concurrency opened or closed", {
        windows: changed,
        open: [...plan.open],
        target: plan.target
      }).pipe(annotated)
    }),
    measured: Effect.fnUntraced(function* ({ metadata }, target, ready) {
      yield* Metric.update(ofFunction(targets, metadata), target)
      yield* Metric.update(ofFunction(readyPods, metadata), ready)
    }),
    unasked: ({ metadata }) => seen.delete(metadata.uid ?? ""),
    forget: Effect.fnUntraced(function* (fn) {
      seen.delete(fn.uid)
      yield* Metric.remove(ofFunction(targets, fn))
      yield* Metric.remove(ofFunction(readyPods, fn))
      yield* Metric.remove(ofFunction(windowTransitions, fn))
    })
  }
}

/** What is in one of them only. */
const difference = (left: ReadonlySet<string>, right: ReadonlySet<string>): ReadonlyArray<string> =>
  [...new Set([...left, ...right])].filter((name) => left.has(name) !== right.has(name))

const targets = Metric.gauge("fission_provisioned_target", {
  description: "Pods that should be held warm for a function now"
})
const readyPods = Metric.gauge("fission_provisioned_ready", {
  description: "Pods that are held warm for a function and can take requests"
})
const windowTransitions = Metric.counter("fission_provisioned_window_transitions_total", {
  description: "Windows of a function's provisioned concurrency that opened or closed",
  incremental: true
})

const ofFunction = <State>(
  metric: Metric.Metric<number, State>,
  { name, namespace }: { readonly name: string; readonly namespace?: string | null | undefined }
) => Metric.withAttributes(metric, { function_name: name, function_namespace: namespace ?? "" })
