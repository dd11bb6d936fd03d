import { Result } from "effect"
import { type Environment } from "../../fission/Environment.ts"
import { executorTypeOf, type FissionFunction } from "../../fission/Function.ts"
import { functionObjectName } from "../../fission/FunctionObjectName.ts"
import { functionServiceName } from "../../fission/FunctionServiceName.ts"
import type { OwnedKind } from "../../fission/ClaimedOwners.ts"
import { annotations, labels } from "../../fission/Labels.ts"
import { poolName } from "../../fission/PoolName.ts"
import type { Described } from "../../fission/ResourceKind.ts"
import { isDeleting } from "../../fission/Workloads.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import { objectOf } from "../../podspec/Json.ts"

/** The live owners that an object is to have. */
export interface Owners {
  readonly environment?: Environment | undefined
  readonly fn?: FissionFunction | undefined
}

type IdentityLabels = { readonly [label: string]: string }

/** Why an object cannot be given to an owner. */
const refusal = (sentence: string): Result.Result<never, string> => Result.fail(sentence)

/**
 * The labels by which the executor takes an object for one of these owners' (lifecycle.md section 6.2), or why it must
 * not have them: the executor would never use it, or take it for what it is not.
 */
export const identityLabels = (
  kind: OwnedKind,
  object: KubernetesObject,
  owners: Owners
): Result.Result<IdentityLabels, string> => {
  const wanted =
    kind === "Pod"
      ? ofPod(object, owners)
      : kind === "Deployment" && owners.fn === undefined
        ? ofPool(owners)
        : ofFunction(kind, object, owners)
  return Result.flatMap(wanted, (identity) => {
    const problem = objectionTo(object, identity, owners)
    return problem === undefined ? Result.succeed(identity) : refusal(problem)
  })
}

/** The name that an owner's object of that kind has, or what it begins with; undefined where the owner has none. */
export const nameFor = (kind: OwnedKind, { metadata }: Described, { environment, fn }: Owners): string | undefined => {
  if (fn === undefined) {
    const isPool = kind === "Deployment" && environment !== undefined
    return isPool ? poolName({ ...environment, metadata: { ...environment.metadata, resourceVersion: "" } }) : undefined
  }
  const version = metadata.labels?.[labels.functionVersion] ?? ""
  const type = metadata.labels?.[labels.executorType] ?? executorTypeOf(fn)
  if (type === "poolmgr") return kind === "Service" ? functionServiceName(fn.metadata, version) : undefined
  const held = version === "" ? {} : { labels: { [labels.functionVersion]: version } }
  return kind === "Pod" ? undefined : functionObjectName(type, { ...fn.metadata, labels: {}, ...held })
}

/**
 * What becomes of an object once it has these labels, where that is not what one expects: a Deployment whose selector does not
 * name its Function is replaced (newdeploy-and-container.md section 12.3).
 */
export const adoptionWarning = (kind: OwnedKind, object: KubernetesObject, { fn }: Owners): string | undefined =>
  kind !== "Deployment" || fn === undefined || selectedBy(object)[labels.functionUid] === fn.metadata.uid
    ? undefined
    : `its selector, which cannot be changed, does not ask for ${labels.functionUid}: the executor deletes it, leaves its pods to themselves, and makes another Deployment`

const ofEnvironment = ({ metadata }: Environment): IdentityLabels => ({
  [labels.executorType]: "poolmgr",
  [labels.environmentName]: metadata.name,
  [labels.environmentNamespace]: metadata.namespace ?? "",
  [labels.environmentUid]: metadata.uid ?? ""
})

const namesOf = ({ metadata }: FissionFunction): IdentityLabels => ({
  [labels.functionName]: metadata.name,
  [labels.functionNamespace]: metadata.namespace ?? "",
  [labels.functionUid]: metadata.uid ?? ""
})

const ofPool = ({ environment }: Owners): Result.Result<IdentityLabels, string> =>
  environment === undefined ? refusal("it names no owner") : Result.succeed(ofEnvironment(environment))

const ofFunction = (
  kind: OwnedKind,
  object: KubernetesObject,
  owners: Owners
): Result.Result<IdentityLabels, string> => {
  const { fn } = owners
  if (fn === undefined) return refusal(`a ${kind} belongs to a Function; name one with --function`)
  const type = object.metadata.labels?.[labels.executorType] ?? executorTypeOf(fn)
  const name = nameFor(kind, object, owners)
  if (name === undefined) return refusal(`a Function of type ${type} has no ${kind} of its own`)
  if (name !== object.metadata.name) return refusal(`the executor would never use it: it looks for ${kind} ${name}`)
  return Result.succeed({
    [labels.executorType]: type,
    ...namesOf(fn),
    ...(kind === "Service" ? { [labels.managedBy]: "fission" } : {})
  })
}

/** A pod runs the code of one function for ever: what its labels say is completed, never changed. */
const ofPod = (object: KubernetesObject, { environment, fn }: Owners): Result.Result<IdentityLabels, string> => {
  const held = object.metadata.labels ?? {}
  if (held[labels.managed] !== "false") return refusal("a pod of a pool goes with its Deployment")
  if ((object.metadata.annotations?.[annotations.serviceHost] ?? "") === "") {
    return refusal("it never finished specialization, so it serves nothing")
  }
  if (environment === undefined || fn === undefined) return refusal("a pod needs both its Environment and its Function")
  const identity = { ...ofEnvironment(environment), ...namesOf(fn) }
  const other = Object.entries(identity).find(([label, value]) => held[label] !== undefined && held[label] !== value)
  return other === undefined
    ? Result.succeed(identity)
    : refusal(`it runs for another one: its ${other[0]} is ${held[other[0]]}`)
}

/** The labels that the pods of an object must have. */
const selectedBy = (object: KubernetesObject) => objectOf(objectOf(objectOf(object["spec"])["selector"])["matchLabels"])

const objectionTo = (object: KubernetesObject, identity: IdentityLabels, owners: Owners): string | undefined => {
  const all = [owners.environment, owners.fn].filter((owner) => owner !== undefined)
  const leaving = all.find(({ metadata }) => isDeleting(metadata))
  if (leaving !== undefined) return `${leaving.metadata.name} is being deleted`
  if (isDeleting(object.metadata)) return "it is being deleted"
  const apart = all.find(({ metadata }) => !["default", object.metadata.namespace].includes(metadata.namespace ?? ""))
  if (apart !== undefined) return `objects of namespace ${apart.metadata.namespace} do not live here`
  const controller = object.metadata.ownerReferences?.find((owner) => owner.controller === true)
  if (controller !== undefined && all.every(({ metadata }) => metadata.uid !== controller.uid)) {
    return `it is controlled by ${controller.kind} ${controller.name} (UID ${controller.uid})`
  }
  const selected = selectedBy(object)
  const fixed = Object.entries(identity).find(
    ([label, value]) => selected[label] !== undefined && selected[label] !== value
  )
  return fixed && `its selector, which cannot be changed, asks for ${fixed[0]} ${String(selected[fixed[0]])}`
}
