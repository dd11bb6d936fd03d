import { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { canonical, hash16 } from "../../fission/Canonical.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { HorizontalPodAutoscalers } from "../../fission/ResourceKind.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { isSameAutoscaler } from "../../podspec/Autoscaler.ts"
import type { FunctionObjects } from "../../podspec/FunctionObjects.ts"
import { objectOf } from "../../podspec/Json.ts"
import type { ObjectWrites } from "./ObjectWrites.ts"

/** The autoscalers of functions, which are not watched (newdeploy-and-container.md section 22). */
export interface Autoscalers {
  /**
   * Has the autoscaler there as the Function wants it. Looked at live for a generation of the Function that is new to this
   * process, for another spec of the autoscaler, and after a doubt; otherwise nothing is asked.
   *
   * @param isNew whether nothing of the function was there before, so that it is created without a look
   */
  readonly ensure: (
    fn: FissionFunction,
    objects: FunctionObjects,
    isNew: boolean
  ) => Effect.Effect<void, KubernetesError>
  /** Nothing is believed any more of the autoscaler of that name. */
  readonly doubt: (name: string) => void
}

/** Nothing is known of any autoscaler. */
export const make = (writes: ObjectWrites): Autoscalers => {
  /** Generation and hash of the spec that each was last seen with, or written. */
  const known = new Map<string, string>()

  return {
    ensure: Effect.fnUntraced(function* (fn, { autoscaler, name }, isNew) {
      const state = `${fn.metadata.generation ?? 0}/${hash16(JSON.stringify(canonical(autoscaler.spec)))}`
      if (known.get(name) === state) return
      const wantedOf = (live: KubernetesObject): KubernetesObject =>
        isSameAutoscaler(objectOf(live["spec"]), autoscaler.spec) ? live : { ...live, spec: autoscaler.spec }
      const created = writes.create(HorizontalPodAutoscalers, autoscaler)
      const isMade = isNew && (yield* created) !== undefined
      if (!isMade) {
        yield* writes
          .change(HorizontalPodAutoscalers, autoscaler, wantedOf)
          .pipe(Effect.catchTag("KubernetesNotFound", () => created))
      }
      known.set(name, state)
    }),
    doubt: (name) => void known.delete(name)
  }
}
