import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { labels } from "../../fission/Labels.ts"
import type { ResourceKind } from "../../fission/ResourceKind.ts"
import type { CallOptions, KubernetesApi, KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import * as RetryPolicy from "../../kubernetes/RetryPolicy.ts"
import type { DesiredObject } from "../../podspec/FunctionObjects.ts"
import type { DecisionLog } from "../../safeguards/DecisionLog.ts"
import { functionNamedBy, isOwnedBy, type TakenNames } from "../TakenNames.ts"

/** Looks at a live object that somebody else keeps writing, before it is left to the next try. */
export const attempts = { times: 4, while: (error: { readonly _tag: string }) => error._tag === "KubernetesConflict" }

/** Guarded writes of the objects of functions, each in the decision log. */
export interface ObjectWrites {
  /** What a request waits for is repeated here; background work is repeated by its queue. */
  readonly retried: <A>(
    options: CallOptions | undefined,
    call: Effect.Effect<A, KubernetesError>
  ) => Effect.Effect<A, KubernetesError>
  /** Undefined: it was there already. */
  readonly create: (
    what: ResourceKind,
    desired: DesiredObject,
    options?: CallOptions
  ) => Effect.Effect<KubernetesObject | undefined, KubernetesError>
  /**
   * Changes the live object, unless it is as it should be. Whether it had to be changed, and what it is now. An object of
   * somebody else's under the name is left alone, and fails with `FatalError`.
   */
  readonly change: (
    what: ResourceKind,
    desired: DesiredObject,
    wantedOf: (live: KubernetesObject) => KubernetesObject,
    options?: CallOptions
  ) => Effect.Effect<{ readonly object: KubernetesObject; readonly written: boolean }, KubernetesError>
}

/** The writes of one executor type. */
export const make = (
  type: string,
  given: {
    readonly api: KubernetesApi["Service"]
    readonly decisions: DecisionLog["Service"]
    readonly takenNames: TakenNames["Service"]
  }
): ObjectWrites => {
  const { api, decisions, takenNames } = given

  const retried: ObjectWrites["retried"] = (options, call) =>
    options?.priority === "request" ? RetryPolicy.retry(RetryPolicy.critical)(call) : call

  const record = (action: "Created" | "Updated", what: ResourceKind, desired: DesiredObject, reason: string) => {
    const { name, namespace } = desired.metadata
    const fn = `${desired.metadata.labels[labels.functionNamespace]}/${desired.metadata.labels[labels.functionName]}`
    return decisions.record({ action, kind: what.kind, namespace, name, reason, evidence: { function: fn } })
  }

  return {
    retried,
    create: Effect.fnUntraced(function* (what, desired, options) {
      const made = yield* retried(options, api.create(what, desired, options)).pipe(
        Effect.catchTag("KubernetesAlreadyExists", () => Effect.succeed(undefined))
      )
      if (made !== undefined) yield* record("Created", what, desired, `${type} function gets its objects`)
      return made
    }),
    change: (what, desired, wantedOf, options) =>
      Effect.gen(function* () {
        const live = yield* retried(options, api.get(what, desired.metadata, options))
        const owner = functionNamedBy(desired.metadata.labels)
        if (!isOwnedBy(live, labels.functionUid, owner.uid)) return yield* takenNames.refuse(what, live, owner)
        const wanted = wantedOf(live)
        if (isDeepStrictEqual(wanted, live)) return { object: live, written: false }
        const object = yield* retried(options, api.update(what, wanted, options))
        yield* record("Updated", what, desired, `${type} function's object brought to what the function says`)
        return { object, written: true }
      }).pipe(Effect.retry(attempts))
  }
}
