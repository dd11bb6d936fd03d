import { Effect } from "effect"
import { FissionError } from "../Errors.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { Supervisor } from "../namespaces/Supervisor.ts"

/** The view of the namespace that a Function is in; 500 for one that this executor does not serve. */
export const viewOf = (
  supervisor: Supervisor["Service"],
  { metadata }: Pick<FissionFunction, "metadata">
): Effect.Effect<NamespaceView, FissionError> => {
  const view = supervisor.cell(metadata.namespace ?? "")?.view
  if (view !== undefined) return Effect.succeed(view)
  const text = `namespace "${metadata.namespace ?? ""}" is not among the namespaces that this executor serves`
  return Effect.fail(new FissionError({ kind: "Internal", text }))
}
