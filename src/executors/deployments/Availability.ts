import { Duration, Effect, Latch, Result } from "effect"
import { Deployments } from "../../fission/ResourceKind.ts"
import type { Deployment } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import { availableReplicas, type Reference } from "./FunctionDeployment.ts"

/** Time between two looks at the live Deployment, for a watch that is silent. */
const lookEvery = Duration.seconds(5)

/** Waits for pods. */
export interface Availability {
  /** Something about the Deployment of that name changed in a view. */
  readonly wake: (reference: Pick<Reference, "namespace" | "name">) => void
  /**
   * Waits until the Deployment has a pod that is available, and its controller has seen at least this generation of it.
   * The watch tells; a look at the live object now and then makes up for a watch that does not. No error ends it.
   */
  readonly wait: (view: NamespaceView, deployment: Deployment) => Effect.Effect<void>
}

/** Nobody waits yet. */
export const make = (api: KubernetesApi["Service"]): Availability => {
  const waiting = new Map<string, Set<Latch.Latch>>()
  const keyOf = ({ name, namespace }: Pick<Reference, "namespace" | "name">) => `${namespace}/${name}`

  return {
    wake: (reference) => {
      for (const latch of waiting.get(keyOf(reference)) ?? []) latch.openUnsafe()
    },
    wait: (view, { metadata }) =>
      Effect.gen(function* () {
        const reference = { namespace: metadata.namespace ?? "", name: metadata.name }
        // Another one under the name was made after this one was deleted.
        const isSeen = (found: Deployment | undefined) =>
          found?.metadata.uid !== metadata.uid || (found?.status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)
        const isThere = (found: Deployment | undefined) => availableReplicas(found) >= 1 && isSeen(found)
        const look = api.get(Deployments, reference, { priority: "request" }).pipe(
          Effect.map((live) => Result.getOrUndefined(Deployments.decode(live))),
          Effect.catch(() => Effect.succeed(undefined))
        )
        const latch = yield* Latch.make()
        const latches = waiting.get(keyOf(reference)) ?? new Set()
        waiting.set(keyOf(reference), latches.add(latch))
        yield* Effect.gen(function* () {
          while (!isThere(view.deployments.get(reference.namespace, reference.name))) {
            latch.closeUnsafe()
            const told = yield* Effect.timeoutOption(latch.await, lookEvery)
            if (told._tag === "None" && isThere(yield* look)) return
          }
        }).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              latches.delete(latch)
              if (latches.size === 0) waiting.delete(keyOf(reference))
            })
          )
        )
      })
  }
}
