import { Effect } from "effect"
import { FunctionVersions } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { WorkError } from "../namespaces/WorkQueue.ts"
import { ExecutorTypes, versionWork } from "../executors/ExecutorType.ts"
import { AbsentOwners } from "./AbsentOwners.ts"

/**
 * Handles one FunctionVersion by name (lifecycle.md section 10): removes what runs for one that is proven gone.
 * Level-triggered, repeatable. One that was deleted while nobody watched goes with its Function.
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
      key: { handler: versionWork, name },
      remove: (owner, ground) =>
        Effect.forEach(types.all(), (type) => type.removeVersion?.(view, owner, ground) ?? Effect.void, {
          discard: true
        })
    })
})
