import { Effect, Option } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import {
  type ClaimedOwner,
  claimOf,
  type OwnedKind,
  ownerlessReason,
  type OwnerState
} from "../../fission/ClaimedOwners.ts"
import { labels } from "../../fission/Labels.ts"
import {
  Deployments,
  Environments,
  Functions,
  FunctionVersions,
  HorizontalPodAutoscalers,
  Pods,
  type ResourceKind,
  Services
} from "../../fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject, type ObjectReference } from "../../kubernetes/KubernetesApi.ts"
import { refuse, type Refusal } from "../Refusal.ts"

/** Exit code of a command that was understood and not carried out. */
const notDone = 1

/** Says why nothing was done, and ends the process with code 1. */
export const refuseToAct = (message: string): Effect.Effect<never, Refusal> => refuse(message, notDone)

/** An owner that the command line names. */
export interface NamedOwner {
  readonly kind: "Environment" | "Function"
  readonly namespace: string
  readonly name: string
}

/** The object that a command is about, and whose it shall be where its labels do not say. */
export interface Target {
  readonly kind: OwnedKind
  readonly namespace: string
  readonly name: string
  readonly owner: NamedOwner | undefined
}

/** Kinds of which an orphan may be. */
export const resourceKinds: { readonly [kind in OwnedKind]: ResourceKind } = {
  Deployment: Deployments,
  Service: Services,
  Pod: Pods,
  HorizontalPodAutoscaler: HorizontalPodAutoscalers
}

const ownerKinds: { readonly [kind in ClaimedOwner["kind"]]: ResourceKind } = {
  Environment: Environments,
  Function: Functions,
  FunctionVersion: FunctionVersions
}

/** `Deployment default/hello`. */
export const titleOf = ({
  kind,
  name,
  namespace
}: {
  readonly kind: string
  readonly name: string
  readonly namespace: string
}): string => `${kind} ${namespace}/${name}`

/** The owner that a flag names, in the namespace of the object unless it says another. */
export const ownerFlagged = (
  namespace: string,
  flags: { readonly function: Option.Option<string>; readonly environment: Option.Option<string> }
): NamedOwner | undefined => {
  const named = (kind: NamedOwner["kind"]) => (text: string) => {
    const [name = "", space = namespace] = text.split("/").toReversed()
    return { kind, namespace: space, name }
  }
  const owner = Option.orElse(Option.map(flags.function, named("Function")), () =>
    Option.map(flags.environment, named("Environment"))
  )
  return Option.getOrUndefined(owner)
}

/** The live object; undefined when there is none. */
export const find = (
  kind: ResourceKind,
  reference: ObjectReference
): Effect.Effect<KubernetesObject | undefined, KubernetesError, KubernetesApi> =>
  KubernetesApi.use((api) => api.get(kind, reference)).pipe(
    Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined))
  )

/** The live object that the command is about. */
export const findTarget = (target: Target): Effect.Effect<KubernetesObject, KubernetesError | Refusal, KubernetesApi> =>
  Effect.flatMap(find(resourceKinds[target.kind], target), (live) =>
    live === undefined ? refuseToAct(`${titleOf(target)} does not exist`) : Effect.succeed(live)
  )

/**
 * Why a live object has no owner, or undefined when it has one. Each owner that its labels name is looked at live; a look
 * that fails proves nothing, and fails.
 */
export const lookForOwner = (
  kind: OwnedKind,
  { metadata }: KubernetesObject
): Effect.Effect<string | undefined, KubernetesError, KubernetesApi> =>
  Effect.gen(function* () {
    const claim = claimOf(kind, metadata)
    const states = new Map<ClaimedOwner, OwnerState>()
    for (const owner of claim.owners) {
      const live = yield* find(ownerKinds[owner.kind], owner)
      const isOther = owner.uid !== undefined && live?.metadata.uid !== owner.uid
      states.set(owner, live === undefined ? "Absent" : isOther ? "AnotherUid" : "Present")
    }
    return ownerlessReason(claim, (owner) => states.get(owner) ?? "Absent")
  })

/** Whether an executor says that it made the object. */
export const isOfExecutor = ({ metadata }: KubernetesObject): boolean =>
  (metadata.labels?.[labels.executorType] ?? "") !== ""
