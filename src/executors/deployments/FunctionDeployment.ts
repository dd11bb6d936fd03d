import { Result } from "effect"
import type { FissionFunction } from "../../fission/Function.ts"
import { annotations, labels } from "../../fission/Labels.ts"
import { type Described, Services } from "../../fission/ResourceKind.ts"
import { type Deployment, isDeleting, type Service } from "../../fission/Workloads.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesApi.ts"
import type { DesiredObject, FunctionObjects } from "../../podspec/FunctionObjects.ts"
import { listOf, objectOf } from "../../podspec/Json.ts"
import type { DesiredDeployment } from "../../podspec/PoolDeployment.ts"
import { templateState } from "../../podspec/TemplateHash.ts"
import type { OwnerReference } from "../../safeguards/Ground.ts"
import { templateOf, updated } from "../DeploymentUpdate.ts"

/** Whether an object is of that executor type and of a Function of this namespace: two may share one for workloads. */
export const isOf = (type: string, view: NamespaceView, { metadata }: Described): boolean =>
  metadata.labels?.[labels.executorType] === type && metadata.labels[labels.functionNamespace] === view.namespace

/** The Function that an object says it belongs to. */
const ownerOf = (view: NamespaceView, { metadata }: Described): OwnerReference => ({
  kind: "Function",
  namespace: view.namespace,
  name: metadata.labels?.[labels.functionName] ?? "",
  uid: metadata.labels?.[labels.functionUid] ?? ""
})

/** What there is of that type: Deployments and Services of its functions in the view, and what is left over without them. */
export function* objectsOf(
  type: string,
  view: NamespaceView,
  leftovers: ReadonlyArray<Described>
): Generator<Described> {
  for (const objects of [view.deployments.values(), view.services.values(), leftovers]) {
    for (const object of objects) if (isOf(type, view, object)) yield object
  }
}

/** The Functions that `objectsOf` say they belong to, and the published versions, of which they know the name alone. */
export function* owners(...of: Parameters<typeof objectsOf>): Generator<OwnerReference> {
  const [, view] = of
  for (const object of objectsOf(...of)) {
    const version = object.metadata.labels?.[labels.functionVersion] ?? ""
    yield ownerOf(view, object)
    if (version !== "") yield { kind: "FunctionVersion", namespace: view.namespace, name: version, uid: "" }
  }
}

/** Whether a published version of a Function is what the object serves. */
export const isOfVersion = ({ metadata }: Described): boolean =>
  (metadata.labels?.[labels.functionVersion] ?? "") !== ""

/**
 * The Function as of the published version that a Deployment serves, with what its view keeps of the frozen spec. Undefined
 * for a Deployment of the live function, and where the version is unknown or one of another Function of that name.
 */
export const publishedFunction = (view: NamespaceView, { metadata }: Deployment): FissionFunction | undefined => {
  const { [labels.functionName]: name = "", [labels.functionVersion]: version = "" } = metadata.labels ?? {}
  const published = version === "" ? undefined : view.functionVersions.get(view.namespace, version)?.spec
  const uid = metadata.labels?.[labels.functionUid]
  if (published === undefined || published.functionUID !== uid) return undefined
  const { functionGeneration: generation, snapshot } = published
  return {
    metadata: { name, namespace: view.namespace, uid, generation, labels: { [labels.functionVersion]: version } },
    spec: snapshot ?? {}
  }
}

/** Pods that can answer now. */
export const availableReplicas = (deployment: Deployment | undefined): number =>
  deployment === undefined || isDeleting(deployment.metadata) ? 0 : (deployment.status?.availableReplicas ?? 0)

/** Where the objects of a function are. */
export type Reference = Pick<FunctionObjects, "name" | "namespace" | "address">

/** The Deployment of a function that the view shows under its name; one that has the name but is another's is none. */
export const deploymentOf = (
  view: NamespaceView,
  { name, namespace }: Reference,
  fn: Pick<FissionFunction, "metadata">
): Deployment | undefined => {
  const found = view.deployments.get(namespace, name)
  return found?.metadata.labels?.[labels.functionUid] === fn.metadata.uid ? found : undefined
}

/**
 * Whether the view shows that requests to the address are answered: the Service is there, and a pod behind it. Services
 * that could not be listed are taken to be there (http-api.md section 4.1, validity check).
 */
export const isAnswering = (
  view: NamespaceView,
  reference: Reference,
  fn: Pick<FissionFunction, "metadata">
): boolean => {
  const isShown = view.services.get(reference.namespace, reference.name) !== undefined || !view.services.isSynced()
  return isShown && availableReplicas(deploymentOf(view, reference, fn)) >= 1
}

/** Whether the function had pods, and was scaled to zero because nobody used it: the next request brings it up. */
export const isAsleep = (view: NamespaceView, reference: Reference, fn: Pick<FissionFunction, "metadata">): boolean =>
  deploymentOf(view, reference, fn)?.spec.replicas === 0

/** Whether the selector of a Deployment, which nobody can change, tells the function's pods from all others. */
export const selectsFunction = ({ metadata, spec }: Deployment): boolean => {
  const selected = spec.selector?.matchLabels
  return selected === undefined || selected?.[labels.functionUid] === metadata.labels?.[labels.functionUid]
}

/** The spec of a Service, and the labels of the pods that it leads to: those that the Deployment cannot change any more. */
const serviceSpec = (desired: DesiredObject, deployment: Deployment | undefined) => {
  const selected = deployment !== undefined && selectsFunction(deployment) && deployment.spec.selector?.matchLabels
  return { ...desired.spec, selector: selected || objectOf(desired.spec["selector"]) }
}

/** Whether a Service leads to the pods of the Deployment, on their port. */
export const leadsTo = (service: Service, desired: DesiredObject, deployment: Deployment | undefined): boolean => {
  const pods = objectOf(serviceSpec(desired, deployment).selector)
  const selector = Object.entries(service.spec.selector ?? {})
  const [port] = listOf(desired.spec["ports"])
  const [shown, ...others] = service.spec.ports ?? []
  return (
    service.spec.selector?.[labels.functionUid] !== undefined &&
    selector.every(([label, value]) => pods[label] === value) &&
    others.length === 0 &&
    shown?.port === port?.["port"] &&
    shown?.targetPort === port?.["targetPort"]
  )
}

/** The live Service with our port and selector; whatever else somebody gave it stays. */
const repairedService = (
  live: KubernetesObject,
  desired: DesiredObject,
  deployment: Deployment | undefined
): KubernetesObject => ({
  ...live,
  metadata: {
    ...live.metadata,
    labels: { ...live.metadata.labels, ...desired.metadata.labels },
    annotations: { ...live.metadata.annotations, ...desired.metadata.annotations }
  },
  spec: { ...objectOf(live["spec"]), ...serviceSpec(desired, deployment) }
})

/** The labels by which a view shows an object, and the executor knows whose it is (lifecycle.md section 6.2). */
const identity = [labels.executorType, labels.functionName, labels.functionNamespace, labels.functionUid]

const hasIdentity = ({ metadata }: KubernetesObject, desired: DesiredObject): boolean =>
  identity.every((label) => metadata.labels?.[label] === desired.metadata.labels[label])

/** The live Service as it should be: the very object where nothing has to change. */
export const convergedService = (
  live: KubernetesObject,
  desired: DesiredObject,
  deployment: Deployment | undefined
): KubernetesObject => {
  const leads = Result.match(Services.decode(live), {
    onSuccess: (service) => leadsTo(service, desired, deployment),
    onFailure: () => false
  })
  return leads && hasIdentity(live, desired) ? live : repairedService(live, desired, deployment)
}

/** The live Deployment as it should be, its replicas left alone: the very object where nothing has to change. */
export const convergedDeployment = (
  live: KubernetesObject,
  { metadata, spec }: Deployment,
  desired: DesiredDeployment
): KubernetesObject => {
  const isCurrent = templateState(desired, { metadata, spec }) === "Current"
  if (isCurrent && hasIdentity(live, desired)) return live
  const isHashed = metadata.annotations?.[annotations.templateHash] !== undefined
  return isCurrent && !isHashed
    ? updated(live, withoutHash(desired), spec.replicas ?? 1, templateOf(live))
    : updated(live, desired, spec.replicas ?? 1, isCurrent ? templateOf(live) : undefined)
}

/** A template of the stock executor is none of ours: with our hash it would look edited. */
const withoutHash = (desired: DesiredDeployment): DesiredDeployment => {
  const { [annotations.templateHash]: _, ...others } = desired.metadata.annotations
  return { ...desired, metadata: { ...desired.metadata, annotations: others } }
}
