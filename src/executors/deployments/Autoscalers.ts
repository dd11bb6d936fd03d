import { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { canonical, hash16 } from "../../fission/Canonical.ts"
import { labels } from "../../fission/Labels.ts"
import { HorizontalPodAutoscalers } from "../../fission/ResourceKind.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { CallOptions, KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { isSameAutoscaler } from "../../podspec/Autoscaler.ts"
import type { FunctionObjects } from "../../podspec/FunctionObjects.ts"
import { objectOf } from "../../podspec/Json.ts"
import type { ObjectWrites } from "./ObjectWrites.ts"

/** The autoscalers of functions. */
export interface Autoscalers {
  /**
   * Has the autoscaler there as the Function wants it. The view tells what there is, or a live look where the view was
   * never listed: not every install grants the right to watch this kind.
   *
   * @param isNew whether nothing of the function was there before, so that it is created without a look
   */
  readonly ensure: (
    view: NamespaceView,
    objects: FunctionObjects,
    isNew: boolean,
    options?: CallOptions
  ) => Effect.Effect<void, KubernetesError>
  /** Nothing is believed any more of the autoscaler of that name. */
  readonly doubt: (name: string) => void
}

/** Nothing is known of any autoscaler. */
export const make = (writes: ObjectWrites): Autoscalers => {
  /** Hash of the spec that each was last seen with, or written. */
  const known = new Map<string, string>()

  return {
    ensure: Effect.fnUntraced(function* (view, { autoscaler, name, namespace }, isNew, options) {
      const hash = hash16(JSON.stringify(canonical(autoscaler.spec)))
      if (known.get(name) === hash) return
      const shown = view.autoscalers.get(namespace, name)
      const isOurs = shown?.metadata.labels?.[labels.functionUid] === autoscaler.metadata.labels[labels.functionUid]
      if (shown === undefined || !isOurs || !isSameAutoscaler(shown.spec, autoscaler.spec)) {
        const wantedOf = (live: KubernetesObject): KubernetesObject =>
          isSameAutoscaler(objectOf(live["spec"]), autoscaler.spec) ? live : { ...live, spec: autoscaler.spec }
        const created = writes.create(HorizontalPodAutoscalers, autoscaler, options)
        const lacks = isNew || (shown === undefined && view.autoscalers.isSynced())
        const isMade = lacks && (yield* created) !== undefined
        if (!isMade) {
          yield* writes
            .change(HorizontalPodAutoscalers, autoscaler, wantedOf, options)
            .pipe(Effect.catchTag("KubernetesNotFound", () => created))
        }
      }
      known.set(name, hash)
    }),
    doubt: (name) => void known.delete(name)
  }
}
