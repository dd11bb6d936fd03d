import { definitionOf, type PrinterColumn } from "./CustomResources.ts"
import { humanDuration } from "./HumanDuration.ts"
import type { ServedKind } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"
import { isJson, jsonIn, type StoredObject } from "./StoredObject.ts"

/** A column of `kubectl get`; with `wide` it shows with `-o wide` only. */
interface Column {
  readonly name: string
  readonly type: string
  readonly wide: boolean
  readonly cell: (object: StoredObject, now: Date) => unknown
}

const column = (name: string, cell: Column["cell"], type = "string"): Column => ({ name, type, wide: false, cell })

const wide = (name: string, cell: Column["cell"]): Column => ({ name, type: "string", wide: true, cell })

const since = (timestamp: unknown, now: Date): string => {
  const at = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN
  return Number.isNaN(at) ? "<unknown>" : humanDuration(Math.max(0, now.getTime() - at))
}

const age = column("Age", (object, now) => since(object.metadata.creationTimestamp, now))

const spec = (object: Status.Json) => jsonIn(object, "spec")
const status = (object: Status.Json) => jsonIn(object, "status")
const elements = (object: Status.Json, field: string): ReadonlyArray<Status.Json> => {
  const list = object[field]
  return Array.isArray(list) ? list.filter(isJson) : []
}
const count = (value: unknown): number => (typeof value === "number" ? value : 0)
const orNone = (text: string): string => (text === "" ? "<none>" : text)
const pairs = (object: Status.Json): string =>
  orNone(
    Object.entries(object)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(",")
  )

const containers = (object: StoredObject, field: "name" | "image"): string =>
  elements(jsonIn(jsonIn(spec(object), "template"), "spec"), "containers")
    .map((container) => String(container[field]))
    .join(",")

const template: ReadonlyArray<Column> = [
  wide("Containers", (object) => containers(object, "name")),
  wide("Images", (object) => containers(object, "image")),
  wide("Selector", (object) => pairs(jsonIn(jsonIn(spec(object), "selector"), "matchLabels")))
]

/** What a pod does, in one word. */
const podState = (pod: StoredObject): string => {
  if (pod.metadata.deletionTimestamp !== undefined) return "Terminating"
  const reasons = elements(status(pod), "containerStatuses").flatMap((container) => {
    const { terminated, waiting } = jsonIn(container, "state")
    const reason = [waiting, terminated].find(isJson)?.["reason"]
    return typeof reason === "string" ? [reason] : []
  })
  return reasons.at(-1) ?? String(status(pod)["reason"] ?? status(pod)["phase"])
}

const ports = (service: StoredObject): string =>
  orNone(
    elements(spec(service), "ports")
      .map(({ port, protocol }) => `${String(port)}/${String(protocol)}`)
      .join(",")
  )

const byKind: { readonly [kind: string]: ReadonlyArray<Column> } = {
  Pod: [
    column("Ready", (pod) => {
      const ready = elements(status(pod), "containerStatuses").filter((container) => container["ready"] === true)
      return `${ready.length}/${elements(spec(pod), "containers").length}`
    }),
    column("Status", podState),
    column("Restarts", (pod) =>
      String(elements(status(pod), "containerStatuses").reduce((sum, one) => sum + count(one["restartCount"]), 0))
    ),
    age,
    wide("IP", (pod) => status(pod)["podIP"] ?? "<none>"),
    wide("Node", (pod) => spec(pod)["nodeName"] ?? "<none>"),
    wide("Nominated Node", (pod) => status(pod)["nominatedNodeName"] ?? "<none>"),
    wide("Readiness Gates", () => "<none>")
  ],
  Deployment: [
    column("Ready", (object) => `${count(status(object)["readyReplicas"])}/${count(spec(object)["replicas"])}`),
    column("Up-to-date", (object) => count(status(object)["updatedReplicas"]), "integer"),
    column("Available", (object) => count(status(object)["availableReplicas"]), "integer"),
    age,
    ...template
  ],
  ReplicaSet: [
    column("Desired", (object) => count(spec(object)["replicas"]), "integer"),
    column("Current", (object) => count(status(object)["replicas"]), "integer"),
    column("Ready", (object) => count(status(object)["readyReplicas"]), "integer"),
    age,
    ...template
  ],
  Service: [
    column("Type", (service) => spec(service)["type"]),
    column("Cluster-IP", (service) => spec(service)["clusterIP"] ?? "<none>"),
    column("External-IP", () => "<none>"),
    column("Port(s)", ports),
    age,
    wide("Selector", (service) => pairs(jsonIn(spec(service), "selector")))
  ],
  ConfigMap: [column("Data", (object) => Object.keys(jsonIn(object, "data")).length), age],
  Secret: [
    column("Type", (secret) => secret["type"]),
    column("Data", (secret) => Object.keys(jsonIn(secret, "data")).length),
    age
  ],
  Namespace: [column("Status", (namespace) => status(namespace)["phase"]), age],
  Event: [
    column("Last Seen", (event, now) => since(event["lastTimestamp"] ?? event.metadata.creationTimestamp, now)),
    column("Type", (event) => event["type"]),
    column("Reason", (event) => event["reason"]),
    column("Object", (event) => {
      const { kind, name } = jsonIn(event, "involvedObject")
      return `${String(kind).toLowerCase()}/${String(name)}`
    }),
    column("Message", (event) => event["message"])
  ],
  Lease: [column("Holder", (lease) => spec(lease)["holderIdentity"]), age]
}

/** A column that a CustomResourceDefinition declares; paths of fields, and of the condition of one type. */
const declared = ({ jsonPath, name, type }: PrinterColumn): Column => {
  const steps = [...jsonPath.matchAll(/\.([\w-]+)(?:\[\?\(@\.type=="(\w+)"\)\])?/gu)]
  const cell: Column["cell"] = (object, now) => {
    const found = steps.reduce<unknown>((value, [, field = "", condition]) => {
      if (!isJson(value)) return undefined
      return condition === undefined ? value[field] : elements(value, field).find((one) => one["type"] === condition)
    }, object)
    return type === "date" && found !== undefined ? since(found, now) : found
  }
  return column(name, cell, type)
}

const columnsOf = (kind: ServedKind): ReadonlyArray<Column> => {
  const own = definitionOf(kind)?.columns ?? []
  const others = byKind[kind.kind] ?? (own.length === 0 ? [age] : own.map(declared))
  // Events have no name to be shown by, unlike everything else.
  return kind.kind === "Event" ? others : [column("Name", (object) => object.metadata.name), ...others]
}

/** Objects as `kubectl get` asks for them: rows that the server has laid out, each with the metadata of its object. */
export const tableOf = (
  kind: ServedKind,
  objects: ReadonlyArray<StoredObject>,
  metadata: Status.Json,
  now: Date
): Status.Json => {
  const columns = columnsOf(kind)
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns.map(({ name, type, wide }) => ({
      name,
      type,
      format: name === "Name" ? "name" : "",
      description: "",
      priority: wide ? 1 : 0
    })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, now) ?? null),
      object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata }
    }))
  }
}
