import { Effect } from "effect"
import { FunctionVersions } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { WorkError } from "../namespaces/WorkQueue.ts"
import { ExecutorTypes, functionVersionWork } from "../executors/ExecutorType.ts"
import { AbsentOwners } from "./AbsentOwners.ts"

/**
 * Handles one FunctionVersion by name (lifecycle.md section 10): removes what was made for one that is proven gone.
 * Level-triggered, repeatable.
 */
export const make = Effect.gen(function* () {
  const types = yield* ExecutorTypes
  const absentOwners = yield* AbsentOwners

  return (view: NamespaceView, name: string): Effect.Effect<void, WorkError> =>
    absentOwners.settle({
      view,
      kind: FunctionVersions,
      name,
      liveUid: view.functionVersions.get(view.namespace, name)?.metadata.uid ?? undefined,
      key: { handler: functionVersionWork, name },
      remove: (owner, ground) =>
        Effect.forEach(types.all(), (type) => type.removeFunctionVersion?.(view, owner, ground) ?? Effect.void, {
          discard: true
        })
    })
})
