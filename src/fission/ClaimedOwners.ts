import { annotations, labels } from "./Labels.ts"
import type { ObjectMeta } from "./ObjectMeta.ts"

/** Kinds of the objects that executors make for Environments and Functions. */
export type OwnedKind = "Deployment" | "Service" | "Pod" | "HorizontalPodAutoscaler"

/** What an object says it cannot be without. */
export interface ClaimedOwner {
  readonly kind: "Environment" | "Function" | "FunctionVersion"
  readonly namespace: string
  readonly name: string
  /** Undefined for a FunctionVersion, whose label is its name alone. */
  readonly uid: string | undefined
}

/** What the labels of an object say about whose it is (lifecycle.md section 6.2). */
export interface Claim {
  readonly owners: ReadonlyArray<ClaimedOwner>
  /** Labels without which nothing proves whose it is. */
  readonly missing: ReadonlyArray<string>
}

/** What is under the name of an owner. */
export type OwnerState = "Present" | "Absent" | "AnotherUid"

const environmentLabels = [labels.environmentName, labels.environmentNamespace, labels.environmentUid]
const functionLabels = [labels.functionName, labels.functionNamespace, labels.functionUid]

/**
 * Whose an object is by its labels. A Deployment of one function outlives its Environment, and what poolmgr has of a
 * published version goes when it is idle, so neither claims those.
 */
export const claimOf = (kind: OwnedKind, metadata: ObjectMeta): Claim => {
  const held = (label: string) => metadata.labels?.[label] ?? ""
  const hasAll = (trio: ReadonlyArray<string>) => trio.every((label) => held(label) !== "")
  const isOfPoolmgr = held(labels.executorType) === "poolmgr"
  const ofEnvironment: ReadonlyArray<ClaimedOwner> =
    isOfPoolmgr && hasAll(environmentLabels)
      ? [
          {
            kind: "Environment",
            namespace: held(labels.environmentNamespace),
            name: held(labels.environmentName),
            uid: held(labels.environmentUid)
          }
        ]
      : []
  const namespace = held(labels.functionNamespace)
  const version = held(labels.functionVersion)
  const ofFunction: ReadonlyArray<ClaimedOwner> = hasAll(functionLabels)
    ? [
        { kind: "Function", namespace, name: held(labels.functionName), uid: held(labels.functionUid) },
        ...(version === "" || isOfPoolmgr
          ? []
          : [{ kind: "FunctionVersion" as const, namespace, name: version, uid: undefined }])
      ]
    : []
  return {
    owners: [...ofEnvironment, ...ofFunction],
    missing: requiredLabels(kind, metadata).filter((label) => held(label) === "")
  }
}

/** Why an object has no owner, in words for a person; undefined while it has one, whole and alive. */
export const ownerlessReason = (
  { missing, owners }: Claim,
  stateOf: (owner: ClaimedOwner) => OwnerState
): string | undefined => {
  if (missing.length > 0) return `its labels are incomplete: it has no ${missing.join(", ")}`
  const lost = owners.find((owner) => stateOf(owner) !== "Present")
  if (lost === undefined) return undefined
  const owner = `${lost.kind} ${lost.namespace}/${lost.name}`
  return stateOf(lost) === "Absent"
    ? `${owner} does not exist`
    : `${owner} is another one: its UID is not ${lost.uid ?? ""}`
}

const requiredLabels = (kind: OwnedKind, metadata: ObjectMeta): ReadonlyArray<string> => {
  const type = metadata.labels?.[labels.executorType]
  if (type !== "poolmgr") return [labels.executorType, ...functionLabels]
  switch (kind) {
    case "Service":
      return [labels.managedBy, ...functionLabels]
    case "Pod":
      return isOfFunction(metadata) ? [...environmentLabels, ...functionLabels] : [labels.managed, ...environmentLabels]
    case "Deployment":
    case "HorizontalPodAutoscaler":
      return environmentLabels
  }
}

/** A pod that finished specialization. One that did not is looked after as a claim, whatever labels it lacks. */
const isOfFunction = ({ annotations: noted, labels: held }: ObjectMeta): boolean =>
  held?.[labels.managed] === "false" &&
  held[labels.claimed] === undefined &&
  (noted?.[annotations.serviceHost] ?? "") !== ""
