import { Data, Effect } from "effect"
import type { KubernetesError } from "../Errors.ts"
import type { Environment } from "../fission/Environment.ts"
import type { FissionFunction } from "../fission/Function.ts"
import { Environments } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"

/** A Function has no Environment that can be used; it stays so until somebody edits one of them. */
export class EnvironmentMissing extends Data.TaggedError("EnvironmentMissing")<{ readonly message: string }> {}

/** A Function's Environment from the view, or live where the view does not have it yet. A request may wait for it. */
export const functionEnvironment = (
  api: KubernetesApi["Service"],
  view: NamespaceView,
  fn: FissionFunction
): Effect.Effect<Environment, EnvironmentMissing | KubernetesError> =>
  Effect.gen(function* () {
    const { namespace } = fn.spec.environment ?? {}
    const name = fn.spec.environment?.name ?? ""
    if ((namespace ?? "") !== "" && namespace !== view.namespace) {
      const message = `cross-namespace environment reference is not allowed: fn.namespace=${view.namespace} env.namespace=${namespace}`
      return yield* new EnvironmentMissing({ message })
    }
    const known = view.environments.get(view.namespace, name)
    if (known !== undefined) return known
    const missing = new EnvironmentMissing({ message: `Environment.fission.io "${name}" not found` })
    if (name === "") return yield* missing
    const live = yield* api.get(Environments, { namespace: view.namespace, name }, { priority: "request" }).pipe(
      RetryPolicy.retry(RetryPolicy.critical),
      Effect.catchTag("KubernetesNotFound", () => Effect.fail(missing))
    )
    return yield* Effect.fromResult(Environments.decode(live)).pipe(
      Effect.mapError(
        (problem) => new EnvironmentMissing({ message: `environment "${name}" cannot be read: ${problem.message}` })
      )
    )
  })
