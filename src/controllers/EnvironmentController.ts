import { Effect } from "effect"
import { Environments } from "../fission/ResourceKind.ts"
import { isDeleting } from "../fission/Workloads.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { WorkError } from "../namespaces/WorkQueue.ts"
import { environmentWork, ExecutorTypes } from "../executors/ExecutorType.ts"
import { AbsentOwners } from "./AbsentOwners.ts"

/**
 * Handles one Environment by name (lifecycle.md section 8): keeps the objects of every executor type in step with it,
 * and removes those of one that is proven gone; a failed look proves nothing. Level-triggered, repeatable.
 */
export const make = Effect.gen(function* () {
  const types = yield* ExecutorTypes
  const absentOwners = yield* AbsentOwners

  return (view: NamespaceView, name: string): Effect.Effect<void, WorkError> =>
    Effect.gen(function* () {
      const environment = view.environments.get(view.namespace, name)
      yield* absentOwners.settle({
        view,
        kind: Environments,
        name,
        liveUid: environment?.metadata.uid ?? undefined,
        key: { handler: environmentWork, name },
        remove: (owner, ground) =>
          Effect.forEach(types.all(), (type) => type.removeEnvironment(view, owner, ground), { discard: true })
      })
      if (environment === undefined || isDeleting(environment.metadata)) return
      yield* Effect.forEach(types.all(), (type) => type.reconcileEnvironment(view, environment), { discard: true })
    })
})
