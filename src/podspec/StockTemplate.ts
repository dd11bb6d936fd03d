import { annotations, labels } from "../fission/Labels.ts"
import { quantityOf } from "../fission/Quantity.ts"
import { comparableCommand } from "./FetcherContainer.ts"
import { isObject, isUnset, type Json, listOf, objectOf } from "./Json.ts"
import { fetcherOverlay, withoutTokenMounts } from "./TokenMounts.ts"

/** What an API server fills in where a template leaves it out, and what Go leaves out where a template has it. */
const defaults: { readonly [field: string]: unknown } = {
  restartPolicy: "Always",
  dnsPolicy: "ClusterFirst",
  schedulerName: "default-scheduler",
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  protocol: "TCP",
  scheme: "HTTP",
  initialDelaySeconds: 0,
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  defaultMode: 0o644,
  expirationSeconds: 3600,
  apiVersion: "v1",
  divisor: "0",
  readOnly: false,
  stdin: false,
  stdinOnce: false,
  tty: false
}

/** Defaults that depend on other fields: of the image's tag, and the older name of the service account. */
const derived = new Set(["imagePullPolicy", "serviceAccount"])

/** Quantities outside of those maps. */
const quantityFields = new Set(["sizeLimit", "divisor"])

/** Maps of quantities, which an API server rewrites. */
const quantities = new Set(["limits", "requests"])

/**
 * Whether the template of a live Deployment is what the stock executor makes of the Environment for which we would make
 * `desired`. It differs from ours in what we take more care of (W09, W22, W31, W37); none of that is worth a new pod.
 */
export const isOfStock = (desired: Json, live: Json): boolean => {
  const secrets = listOf(objectOf(live["spec"])["imagePullSecrets"])
  return alike(comparable(desired, secrets.length), comparable(live, secrets.length), "template")
}

/**
 * Whether two templates make the same pods: what an API server fills in makes no difference, and how it writes quantities.
 */
export const isFilledIn = (desired: Json, live: Json): boolean => alike(desired, live, "template")

const comparable = (template: Json, pullSecrets: number): Json => {
  const { annotations: allAnnotations, labels: allLabels } = objectOf(template["metadata"])
  const spec = objectOf(template["spec"])
  const isMeant = ([name]: readonly [string, unknown]) =>
    !name.startsWith("kubectl.kubernetes.io/") && name !== annotations.runtimeFingerprint
  const { [labels.runtimeHash]: _, ...otherLabels } = objectOf(allLabels)
  const hasSidecar = listOf(spec["containers"]).length > 1
  return {
    labels: otherLabels,
    annotations: Object.fromEntries(Object.entries(objectOf(allAnnotations)).filter(isMeant)),
    ...spec,
    initContainers: byName(listOf(spec["initContainers"]), comparableContainer),
    containers: byName(listOf(spec["containers"]), hasSidecar ? comparableSidecarOrContainer : comparableContainer),
    // For the Environment's pull secret the stock executor discards the operator's, which stand before it (W31).
    imagePullSecrets: listOf(spec["imagePullSecrets"]).slice(-pullSecrets)
  }
}

/** The order of containers is random in the stock executor (W22). */
const byName = (containers: ReadonlyArray<Json>, comparableOf: (container: Json) => Json): Json =>
  Object.fromEntries(containers.map((container) => [String(container["name"]), comparableOf(container)]))

/** Of the fetcher only what an Environment may say of it (W37). */
const comparableSidecarOrContainer = (container: Json): Json =>
  container["name"] === "fetcher"
    ? { ...fetcherOverlay(container).container, command: comparableCommand(container["command"]) }
    : comparableContainer(container)

/** Without its sleep, which follows another grace (W31). */
const comparableContainer = (container: Json): Json => {
  const { lifecycle, ...others } = withoutTokenMounts(container).container
  const { preStop, ...handlers } = objectOf(lifecycle)
  return { ...others, lifecycle: { ...handlers, ...(objectOf(preStop)["sleep"] === undefined ? { preStop } : {}) } }
}

const alike = (desired: unknown, live: unknown, field: string): boolean => {
  if (Array.isArray(desired) && Array.isArray(live)) {
    return desired.length === live.length && desired.every((element, index) => alike(element, live[index], field))
  }
  if (isObject(desired) && isObject(live)) {
    return [...new Set([...Object.keys(desired), ...Object.keys(live)])].every((key) =>
      quantities.has(field) ? quantityOf(desired[key]) === quantityOf(live[key]) : alike(desired[key], live[key], key)
    )
  }
  if (quantityFields.has(field) && quantityOf(desired) === quantityOf(live)) return true
  return desired === live || (isDefault(desired, field) && isDefault(live, field)) || isDerived(desired, field)
}

/** Whether a field says no more than leaving it out. */
const isDefault = (value: unknown, field: string): boolean =>
  isUnset(value) ||
  value === defaults[field] ||
  (isObject(value) && Object.keys(value).every((key) => isDefault(value[key], key)))

const isDerived = (desired: unknown, field: string): boolean => derived.has(field) && isUnset(desired)
