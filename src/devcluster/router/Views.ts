import { Effect, type Scope } from "effect"
import { type Described, Functions, type ResourceKind } from "../../fission/ResourceKind.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as Reflector from "../../kubernetes/Reflector.ts"
import { type RawObject, rawKind } from "../RawKind.ts"
import { type CompiledTrigger, HttpTriggers, inOrder } from "./HttpTriggers.ts"

/** The Functions and HTTPTriggers as of now. */
export interface Views {
  readonly find: (namespace: string, name: string) => RawObject | undefined
  /** In the order in which they are asked. */
  readonly triggers: () => ReadonlyArray<CompiledTrigger>
  /** Whether the Functions of every namespace have been listed. */
  readonly knowsFunctions: () => boolean
  /** The same of the HTTPTriggers. */
  readonly knowsTriggers: () => boolean
}

/** Watches both kinds in these namespaces. Functions keep every field, since the executor gets them whole. */
export const watch = (namespaces: ReadonlyArray<string>): Effect.Effect<Views, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    let ordered: ReadonlyArray<CompiledTrigger> | undefined
    const functions = yield* watchKind(rawKind(Functions), namespaces, () => {})
    const triggers = yield* watchKind(HttpTriggers, namespaces, () => {
      ordered = undefined
    })
    return {
      find: (namespace, name) => functions.get(namespace)?.store.get(namespace, name),
      triggers: () => (ordered ??= inOrder([...triggers.values()].flatMap(({ store }) => [...store.values()]))),
      knowsFunctions: () => isSynced(functions),
      knowsTriggers: () => isSynced(triggers)
    }
  })

type Reflectors<A> = ReadonlyMap<string, Reflector.Reflector<A>>

/** Whether the kind has been listed in each of its namespaces. */
export const isSynced = (reflectors: Reflectors<unknown>): boolean =>
  [...reflectors.values()].every(({ store }) => store.isSynced())

/** Watches one kind in these namespaces, as long as the scope is open; by namespace. */
export const watchKind = <A extends Described>(
  kind: ResourceKind<A>,
  namespaces: ReadonlyArray<string>,
  onChange: () => void,
  labelSelector?: string
): Effect.Effect<Reflectors<A>, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    const reflectors = new Map<string, Reflector.Reflector<A>>()
    for (const namespace of new Set(namespaces)) {
      const reflector = yield* Reflector.make<A>({
        kind,
        namespace,
        ...(labelSelector === undefined ? {} : { labelSelector }),
        onChange,
        onStatus: ({ error }) =>
          error === undefined
            ? Effect.void
            : Effect.logWarning("the router's view is old", error).pipe(
                Effect.annotateLogs({ namespace, resource: kind.plural })
              )
      })
      reflectors.set(namespace, reflector)
      yield* Effect.forkScoped(reflector.run)
    }
    return reflectors
  })
