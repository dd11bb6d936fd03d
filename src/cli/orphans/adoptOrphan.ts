import { Console, Effect } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { labels } from "../../fission/Labels.ts"
import { Deployments, type Described, Environments, Functions, type ResourceKind } from "../../fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import type { Refusal } from "../Refusal.ts"
import { adoptionWarning, identityLabels, type Owners } from "./Adoption.ts"
import {
  find,
  findTarget,
  lookForOwner,
  type NamedOwner,
  refuseToAct,
  resourceKinds,
  type Target,
  titleOf
} from "./Target.ts"

/** The owners that the flags name, or else the labels, even where their UID is another one. */
const ownersNamed = ({ metadata }: KubernetesObject, { kind, namespace, owner }: Target) => {
  const named = (owner: NamedOwner["kind"], name: string, space: string): NamedOwner | undefined => {
    const held = metadata.labels?.[name] ?? ""
    return held === "" ? undefined : { kind: owner, namespace: metadata.labels?.[space] ?? namespace, name: held }
  }
  const fn = named("Function", labels.functionName, labels.functionNamespace)
  const environment = named("Environment", labels.environmentName, labels.environmentNamespace)
  // Of the objects of a function only pods belong to its Environment too.
  const isOfBoth = kind === "Pod"
  return {
    fn: owner?.kind === "Function" ? owner : owner === undefined || isOfBoth ? fn : undefined,
    environment: owner?.kind === "Environment" ? owner : isOfBoth || fn === undefined ? environment : undefined
  }
}

/** An owner as it lives. Nothing is given to one that does not exist, or cannot be read. */
const owner = <A extends Described>(
  kind: ResourceKind<A>,
  named: NamedOwner | undefined
): Effect.Effect<A | undefined, KubernetesError | Refusal, KubernetesApi> =>
  Effect.gen(function* () {
    if (named === undefined) return undefined
    const live = yield* find(kind, named)
    if (live === undefined) return yield* refuseToAct(`${titleOf(named)} does not exist, so nothing can be given to it`)
    return yield* Effect.fromResult(kind.decode(live)).pipe(
      Effect.catch((problem) => refuseToAct(`${titleOf(named)} cannot be read: ${problem.message}`))
    )
  })

/** A second pool would leave it to chance which of the two is used. */
const refuseSecondPool = Effect.fnUntraced(function* ({ kind, name, namespace }: Target, { environment, fn }: Owners) {
  if (kind !== "Deployment" || environment === undefined || fn !== undefined) return
  const labelSelector = `${labels.executorType}=poolmgr,${labels.environmentUid}=${environment.metadata.uid ?? ""}`
  const { items } = yield* KubernetesApi.use((api) => api.list(Deployments, { namespace, labelSelector }))
  const other = items.find(({ metadata }) => metadata.name !== name)
  if (other === undefined) return
  yield* refuseToAct(`Environment ${environment.metadata.name} has a pool already: Deployment ${other.metadata.name}`)
})

/**
 * Gives an object the identity labels of its owner, so that the executor takes it for its own. Changes nothing else, and
 * nothing that somebody has changed meanwhile. Does nothing where the object has its owner.
 */
export const adoptOrphan = Effect.fnUntraced(function* (target: Target) {
  const live = yield* findTarget(target)
  const title = titleOf(target)
  if (target.owner === undefined && (yield* lookForOwner(target.kind, live)) === undefined) {
    return yield* Console.log(`${title} has its owner already; nothing was changed`)
  }
  const named = ownersNamed(live, target)
  if (named.fn === undefined && named.environment === undefined) {
    return yield* refuseToAct(`${title} does not say whose it is; name a --function or an --environment`)
  }
  const owners = { fn: yield* owner(Functions, named.fn), environment: yield* owner(Environments, named.environment) }
  const identity = yield* Effect.fromResult(identityLabels(target.kind, live, owners)).pipe(
    Effect.catch((reason) => refuseToAct(`${title} cannot be adopted: ${reason}`))
  )
  yield* refuseSecondPool(target, owners)
  const warning = adoptionWarning(target.kind, live, owners)
  if (warning !== undefined) yield* Console.error(`fission-executor: warning: ${warning}`)
  const { resourceVersion, uid } = live.metadata
  yield* KubernetesApi.use((api) =>
    api.patch(resourceKinds[target.kind], target, {
      type: "merge",
      body: { metadata: { uid, resourceVersion, labels: identity } }
    })
  ).pipe(
    Effect.catchTag("KubernetesConflict", () => refuseToAct(`${title} was changed meanwhile; look at it and try again`))
  )
  yield* Console.log(`${title} belongs to ${titleOf(named.fn ?? named.environment ?? target)} now`)
})
