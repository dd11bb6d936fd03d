import { Context, Effect, Layer, Option, Stream } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { labels } from "../../fission/Labels.ts"
import { type Described, HorizontalPodAutoscalers } from "../../fission/ResourceKind.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { isOfVersion } from "./FunctionDeployment.ts"

const labelSelector = `${labels.executorType} in (newdeploy,container)`
/** Most objects of a page. */
const limit = 500

/**
 * Autoscalers without the Deployment of their name. They are not watched: one list of each namespace finds what was left
 * over before this process began, and later they go with their Deployment (lifecycle.md section 6.2).
 */
export class LeftoverAutoscalers extends Context.Service<
  LeftoverAutoscalers,
  {
    /** Lists those of a namespace, unless that was done. Repeatable: a look that fails has found nothing. */
    readonly look: (view: NamespaceView) => Effect.Effect<void, KubernetesError>
    /** Those that the look found, less those that were removed since; none before it. */
    readonly of: (view: NamespaceView) => ReadonlyArray<Described>
    /** Whatever has that name in the namespace for workloads is gone. */
    readonly forget: (view: NamespaceView, name: string) => void
  }
>()("fission-executor/executors/deployments/LeftoverAutoscalers") {
  static readonly layer: Layer.Layer<LeftoverAutoscalers, never, KubernetesApi> = Layer.effect(
    LeftoverAutoscalers,
    Effect.map(KubernetesApi, (api) => {
      /** By namespace of Fission's resources, and by name. */
      const found = new Map<string, Map<string, Described>>()

      const listed = (namespace: string) =>
        Stream.paginate(undefined, (page: string | undefined) =>
          Effect.map(
            api.list(HorizontalPodAutoscalers, { namespace, labelSelector, limit, continue: page }),
            (answer) => [answer.items, Option.fromUndefinedOr(answer.continue)] as const
          )
        )

      return LeftoverAutoscalers.of({
        look: Effect.fn("LeftoverAutoscalers.look")(function* (view) {
          if (found.has(view.namespace)) return
          const all = yield* Stream.runCollect(listed(view.workloadNamespace))
          const leftOver = all.filter(({ metadata: { name } }) => !view.deployments.get(view.workloadNamespace, name))
          if (leftOver.some(isOfVersion)) view.wantVersions()
          found.set(view.namespace, new Map(leftOver.map(({ metadata }) => [metadata.name, { metadata }])))
        }),
        of: ({ namespace }) => [...(found.get(namespace)?.values() ?? [])],
        forget: ({ namespace }, name) => void found.get(namespace)?.delete(name)
      })
    })
  )
}
