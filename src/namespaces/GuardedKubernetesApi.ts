import { Context, Effect, Layer, Stream } from "effect"
import type { KubernetesCall, KubernetesError } from "../Errors.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import { ApiServerHealth } from "../kubernetes/ApiServerHealth.ts"
import { countErrors } from "../kubernetes/CallMetrics.ts"
import { type CallOptions, KubernetesApi, KubernetesDeletion } from "../kubernetes/KubernetesApi.ts"
import * as WarmUp from "../kubernetes/WarmUp.ts"
import { Circuits } from "./Circuits.ts"

/**
 * Puts every single-object call behind its namespace's circuits, and makes a refusal that has outlasted the warm-up of a
 * server the `FatalError` it stands for, per verb, resource and namespace (failure-semantics.md section 2). Lists and
 * watches pass the circuits, for their reflectors back off by themselves and their success closes a circuit early; only
 * while the server is away do they wait for their namespace's turn.
 */
export const layer: Layer.Layer<
  KubernetesApi | KubernetesDeletion,
  never,
  KubernetesApi | KubernetesDeletion | Circuits | ApiServerHealth
> = Layer.effectContext(
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    const deletion = yield* KubernetesDeletion
    const circuits = yield* Circuits
    const server = yield* ApiServerHealth
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
      const call = { verb, resource: kind.plural, namespace, name, someoneWaits }
      return circuits.protect(call, countErrors(call)(self)).pipe(
        Effect.tap(() => warmUp.judge(undefined)),
        Effect.catch((error) => Effect.flatMap(warmUp.judge(error), Effect.fail))
      )
    }

    /** A refusal shows a server that answers; a stream that breaks later was answered before. */
    const attempted = (namespace: string) => (error: KubernetesError) =>
      Effect.sync(() => {
        const isTimeout = error._tag === "KubernetesTimeoutError" && error.kind !== "Warmup"
        server.attempted(namespace, isTimeout ? "Timeout" : "Answer")
      })

    const list: KubernetesApi["Service"]["list"] = (kind, options) => {
      const { namespace = "" } = options
      const count = countErrors({ verb: "list", resource: kind.plural, namespace })
      if (kind.aggregated) return count(api.list(kind, options))
      const listed = Effect.tap(api.list(kind, options), () =>
        Effect.sync(() => {
          server.attempted(namespace, "Answer")
          server.succeeded(namespace, kind)
        })
      )
      return Effect.andThen(server.turn(namespace), listed.pipe(count, Effect.tapError(attempted(namespace))))
    }

    const watch: KubernetesApi["Service"]["watch"] = (kind, options) => {
      const { namespace = "" } = options
      const failed = attempted(namespace)
      const count = countErrors({ verb: "watch", resource: kind.plural, namespace })
      return Stream.unwrap(
        Effect.map(server.turn(namespace), () => {
          let isOpen = false
          const opened = Effect.suspend(() => {
            isOpen = true
            server.attempted(namespace, "Answer")
            return options.opened ?? Effect.void
          })
          return api.watch(kind, { ...options, opened }).pipe(
            Stream.tapError((error) => Effect.ignore(count(Effect.fail(error)))),
            Stream.tapError((error) => (isOpen ? Effect.void : failed(error)))
          )
        })
      )
    }

    return Context.make(KubernetesApi, {
      list,
      watch,
      serverVersion: countErrors({ verb: "get", resource: "version" })(api.serverVersion),
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
