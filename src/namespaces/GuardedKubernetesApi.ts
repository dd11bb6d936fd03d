import { Context, Effect, Layer } from "effect"
import type { KubernetesCall, KubernetesError } from "../Errors.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import { type CallOptions, KubernetesApi, KubernetesDeletion } from "../kubernetes/KubernetesApi.ts"
import * as WarmUp from "../kubernetes/WarmUp.ts"
import { Circuits } from "./Circuits.ts"

/**
 * Puts every single-object call behind its namespace's circuits, and makes a refusal that has outlasted the warm-up of a
 * server the `FatalError` it stands for, per verb, resource and namespace (failure-semantics.md section 2). Lists and
 * watches pass: their reflectors do both by themselves, and their success is what closes a circuit early.
 */
export const layer: Layer.Layer<
  KubernetesApi | KubernetesDeletion,
  never,
  KubernetesApi | KubernetesDeletion | Circuits
> = Layer.effectContext(
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const deletion = yield* KubernetesDeletion
    const circuits = yield* Circuits
    const warmUps = new Map<string, WarmUp.WarmUp>()

    const warmUpOf = (id: string) => {
      const known = warmUps.get(id) ?? WarmUp.makeUnsafe()
      warmUps.set(id, known)
      return known
    }

    const guard = <A>(
      verb: KubernetesCall["verb"],
      kind: ResourceKind,
      reference: { readonly namespace?: string | undefined | null; readonly name: string },
      options: CallOptions | undefined,
      self: Effect.Effect<A, KubernetesError>
    ) => {
      const { namespace, name } = reference
      if (namespace === undefined || namespace === null || namespace === "") return self
      const someoneWaits = options?.priority === "request"
      const warmUp = warmUpOf(`${verb} ${kind.plural} ${namespace}`)
      return circuits.protect({ verb, resource: kind.plural, namespace, name, someoneWaits }, self).pipe(
        Effect.tap(() => warmUp.judge(undefined)),
        Effect.catch((error) => Effect.flatMap(warmUp.judge(error), Effect.fail))
      )
    }

    return Context.make(KubernetesApi, {
      ...api,
      get: (kind, reference, options) => guard("get", kind, reference, options, api.get(kind, reference, options)),
      create: (kind, object, options) =>
        guard("create", kind, object.metadata, options, api.create(kind, object, options)),
      update: (kind, object, options) =>
        guard("update", kind, object.metadata, options, api.update(kind, object, options)),
      patch: (kind, reference, patch, options) =>
        guard("patch", kind, reference, options, api.patch(kind, reference, patch, options))
    }).pipe(
      Context.add(KubernetesDeletion, {
        delete: (kind, reference, options) =>
          guard("delete", kind, reference, options, deletion.delete(kind, reference, options))
      })
    )
  })
)
