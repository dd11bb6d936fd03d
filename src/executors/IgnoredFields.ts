import { Effect } from "effect"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { Environments, Functions } from "../fission/ResourceKind.ts"
import type { EventRecorder } from "../safeguards/EventRecorder.ts"

/**
 * Tells the owner of pods which fields of their pod spec are not taken, by an Event (W31, W37). `ignored` are paths of
 * fields; nothing is told where there are none.
 */
export const tellIgnored = (
  events: EventRecorder["Service"],
  owner:
    | { readonly kind: "Environment"; readonly object: Environment }
    | { readonly kind: "Function"; readonly object: FissionFunction },
  ignored: ReadonlyArray<string>
): Effect.Effect<void> => {
  if (ignored.length === 0) return Effect.void
  const { name, namespace, uid } = owner.object.metadata
  const kind = owner.kind === "Environment" ? Environments : Functions
  return events.record(
    { kind, namespace: namespace ?? "", name, uid: uid ?? undefined },
    {
      type: "Warning",
      reason: "PodSpecFieldsIgnored",
      message: `the pods do not have everything that was asked for: ${ignored.join(", ")}`
    }
  )
}
