import { Effect, type Scope } from "effect"
import { addressOf } from "../../fission/Address.ts"
import { ports } from "../../fission/Labels.ts"
import { type Described, Functions, Pods, type ResourceKind, Services } from "../../fission/ResourceKind.ts"
import { isReady } from "../../fission/Workloads.ts"
import type { KubernetesApi } from "../../kubernetes/KubernetesApi.ts"
import * as Reflector from "../../kubernetes/Reflector.ts"
import { PublishedVersions, WeightedAliases } from "../PublishedVersions.ts"
import { type RawObject, rawKind } from "../RawKind.ts"
import { type CompiledTrigger, HttpTriggers, inOrder } from "./HttpTriggers.ts"
import { type FunctionReference, projected, versionBehind } from "./Versions.ts"

/** The Functions, with their versions and aliases, and the HTTPTriggers as of now. */
export interface Views {
  /**
   * What the executor is asked for: the Function itself or the projection of a version; undefined where the reference leads
   * nowhere. `point`, from 0 up to, but not including, 1, chooses between the two versions of an alias.
   */
  readonly find: (reference: FunctionReference, point: number) => RawObject | undefined
  /** In the order in which they are asked. */
  readonly triggers: () => ReadonlyArray<CompiledTrigger>
  /**
   * The pods behind an address that the executor gave, each as host and port: those of a Service that are ready, as the
   * proxy of a node finds them; an address of a pod leads to itself.
   */
  readonly endpointsOf: (address: string) => ReadonlyArray<string>
  /** Whether the Functions of every namespace have been listed, with their versions and aliases. */
  readonly knowsFunctions: () => boolean
  /** The same of the HTTPTriggers. */
  readonly knowsTriggers: () => boolean
}

/** Watches what routes and addresses need in these namespaces. Functions keep every field, since the executor gets them whole. */
export const watch = (namespaces: ReadonlyArray<string>): Effect.Effect<Views, never, KubernetesApi | Scope.Scope> =>
  Effect.gen(function* () {
    let ordered: ReadonlyArray<CompiledTrigger> | undefined
    const functions = yield* watchKind(rawKind(Functions), namespaces, () => {})
    const versions = yield* watchKind(PublishedVersions, namespaces, () => {})
    const aliases = yield* watchKind(WeightedAliases, namespaces, () => {})
    const triggers = yield* watchKind(HttpTriggers, namespaces, () => {
      ordered = undefined
    })
    const services = yield* watchKind(Services, namespaces, () => {}, withService)
    const pods = yield* watchKind(Pods, namespaces, () => {}, withService)

    const endpointsOf = (address: string): ReadonlyArray<string> => {
      const [, name, namespace] = /^([^.:]+)\.([^.:]+)\.svc\.[^:]*\.$/u.exec(address) ?? []
      if (name === undefined || namespace === undefined) return [address]
      const { ports: servicePorts, selector } = services.get(namespace)?.store.get(namespace, name)?.spec ?? {}
      const selected = Object.entries(selector ?? {})
      if (selected.length === 0) return []
      return [...(pods.get(namespace)?.store.values(namespace) ?? [])]
        .filter((pod) => isReady(pod) && selected.every(([label, value]) => pod.metadata.labels?.[label] === value))
        .map(({ status }) => addressOf(status?.podIP ?? "", Number(servicePorts?.[0]?.targetPort ?? ports.runtime)))
    }

    const find: Views["find"] = ({ alias, name, namespace, version }, point) => {
      const fn = functions.get(namespace)?.store.get(namespace, name)
      if (fn === undefined || (alias === undefined && version === undefined)) return fn
      const wanted = version ?? versionBehind(aliases.get(namespace)?.store.get(namespace, alias ?? ""), name, point)
      return projected(fn, versions.get(namespace)?.store.get(namespace, wanted ?? ""))
    }

    return {
      find,
      endpointsOf,
      triggers: () => (ordered ??= inOrder([...triggers.values()].flatMap(({ store }) => [...store.values()]))),
      knowsFunctions: () => isSynced(functions) && isSynced(versions) && isSynced(aliases),
      knowsTriggers: () => isSynced(triggers)
    }
  })

/** Objects of the executor types whose functions have a Service. */
const withService = "executorType in (newdeploy,container)"

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
