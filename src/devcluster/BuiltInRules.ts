import { isDeepStrictEqual } from "node:util"
import { mistake, wrongValue } from "./MetadataRules.ts"
import { labelProblems } from "./NameRules.ts"
import type { ServedKind } from "./ServedKinds.ts"
import type { Cause, Json } from "./Status.ts"
import { isJson, jsonIn } from "./StoredObject.ts"

type Causes = ReadonlyArray<Cause>

/** What is wrong with an object of a built-in kind, given what it was before an update: mistakes that clients make. */
export const builtInProblems = (kind: ServedKind, object: Json, previous: Json | undefined): Causes => {
  const spec = jsonIn(object, "spec")
  switch (kind.kind) {
    case "Pod":
      return [...podProblems("spec", spec), ...(previous === undefined ? [] : podChangeProblems(previous, object))]
    case "Deployment":
    case "ReplicaSet":
      return workloadProblems(kind, spec, previous)
    case "Service":
      return serviceProblems(spec)
    case "HorizontalPodAutoscaler":
      return scalerProblems(spec)
    case "Event":
      return eventProblems(object)
    case "Lease":
      return positiveProblems("spec.leaseDurationSeconds", spec["leaseDurationSeconds"])
    default:
      return []
  }
}

const required = (field: string): Cause => mistake(field, "Required value", "FieldValueRequired")

const positiveProblems = (field: string, value: unknown): Causes =>
  typeof value === "number" && value <= 0 ? [wrongValue(field, value, "must be greater than 0")] : []

const elements = (list: unknown): ReadonlyArray<Json> => (Array.isArray(list) ? list.filter(isJson) : [])

const podProblems = (path: string, spec: Json): Causes => {
  const containers = elements(spec["containers"])
  if (containers.length === 0) return [required(`${path}.containers`)]
  const volumes = new Set(elements(spec["volumes"]).map(({ name }) => name))
  return containers.flatMap((container, index) => {
    const at = `${path}.containers[${index}]`
    const name = String(container["name"] ?? "")
    return [
      ...(name === "" ? [required(`${at}.name`)] : labelProblems(name).map((it) => wrongValue(`${at}.name`, name, it))),
      ...((container["image"] ?? "") === "" ? [required(`${at}.image`)] : []),
      ...elements(container["volumeMounts"]).flatMap((mount, position) =>
        volumes.has(mount["name"])
          ? []
          : [
              mistake(
                `${at}.volumeMounts[${position}].name`,
                `Not found: ${JSON.stringify(mount["name"])}`,
                "FieldValueNotFound"
              )
            ]
      )
    ]
  })
}

/** What may change in the spec of a pod that runs. */
const changeable = (pod: Json): Json => {
  const { activeDeadlineSeconds: _, tolerations: __, ...spec } = jsonIn(pod, "spec")
  const withoutImages = (field: string) => elements(spec[field]).map((container) => ({ ...container, image: "" }))
  return { ...spec, containers: withoutImages("containers"), initContainers: withoutImages("initContainers") }
}

const podChangeProblems = (before: Json, after: Json): Causes => {
  if (isDeepStrictEqual(changeable(before), changeable(after))) return []
  const fields =
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
  return [mistake("spec", `Forbidden: pod updates may not change fields other than ${fields}`, "FieldValueForbidden")]
}

/** A Deployment or ReplicaSet has a possible number of pods, and selects those that it makes, in the same way for life. */
const workloadProblems = (kind: ServedKind, spec: Json, previous: Json | undefined): Causes => {
  const { replicas, selector } = spec
  const template = jsonIn(spec, "template")
  const labels = jsonIn(template, "metadata")["labels"] ?? null
  const selected = Object.entries(jsonIn(jsonIn(spec, "selector"), "matchLabels"))
  const matches = selected.every(([label, value]) => isJson(labels) && labels[label] === value)
  const isEmpty = isJson(selector) && Object.keys(selector).length === 0
  const before = previous === undefined ? selector : jsonIn(previous, "spec")["selector"]
  return [
    ...(selector === undefined ? [required("spec.selector")] : []),
    ...(isEmpty
      ? [wrongValue("spec.selector", selector, `empty selector is invalid for ${kind.kind.toLowerCase()}`)]
      : []),
    ...(typeof replicas === "number" && replicas < 0
      ? [wrongValue("spec.replicas", replicas, "must be greater than or equal to 0")]
      : []),
    ...(selector === undefined || !matches
      ? [wrongValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]
      : []),
    ...podProblems("spec.template.spec", jsonIn(template, "spec")),
    ...(isDeepStrictEqual(before, selector) ? [] : [wrongValue("spec.selector", selector, "field is immutable")])
  ]
}

const scalerProblems = ({ maxReplicas, minReplicas }: Json): Causes => [
  ...(typeof minReplicas === "number" && minReplicas < 1
    ? [wrongValue("spec.minReplicas", minReplicas, "must be greater than or equal to 1")]
    : []),
  ...(typeof maxReplicas !== "number" || maxReplicas < 1
    ? [mistake("spec.maxReplicas", "Required value: must be set and greater than 0", "FieldValueRequired")]
    : []),
  ...(typeof maxReplicas === "number" && typeof minReplicas === "number" && maxReplicas < minReplicas
    ? [wrongValue("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`")]
    : [])
]

/** An Event is told where its object is. */
const eventProblems = (event: Json): Causes => {
  const { namespace } = jsonIn(event, "involvedObject")
  const elsewhere = namespace !== undefined && namespace !== jsonIn(event, "metadata")["namespace"]
  return elsewhere ? [wrongValue("involvedObject.namespace", namespace, "does not match event.namespace")] : []
}

const serviceProblems = (spec: Json): Causes =>
  elements(spec["ports"]).length > 0 || spec["clusterIP"] === "None" || spec["type"] === "ExternalName"
    ? []
    : [required("spec.ports")]
