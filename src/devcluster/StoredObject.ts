import { isDeepStrictEqual } from "node:util"
import type { Matches } from "./FieldSelector.ts"
import type { ServedKind } from "./ServedKinds.ts"
import type * as Status from "./Status.ts"

/** Metadata as the server keeps it. */
export interface StoredMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid: string
  readonly resourceVersion: string
  readonly creationTimestamp: string
  readonly generation?: number
  readonly deletionTimestamp?: string
  readonly deletionGracePeriodSeconds?: number
  readonly finalizers?: ReadonlyArray<string>
  readonly labels?: { readonly [label: string]: string }
  readonly annotations?: { readonly [annotation: string]: string }
  readonly ownerReferences?: ReadonlyArray<Status.Json>
  readonly [field: string]: unknown
}

/** An object as the server keeps it; never changed in place. */
export interface StoredObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: StoredMeta
  readonly [field: string]: unknown
}

/** Which objects of a kind. */
export interface Selection {
  readonly namespace: string | undefined
  readonly matches: Matches
}

/** Whether an object belongs to a selection. */
export const inSelection = (object: StoredObject, selection: Selection): boolean =>
  (selection.namespace === undefined || object.metadata.namespace === selection.namespace) && selection.matches(object)

/** Whether a value is a JSON object. */
export const isJson = (value: unknown): value is Status.Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The field when it is an object, else an empty one. */
export const jsonIn = (object: Status.Json, field: string): Status.Json => {
  const value = object[field]
  return isJson(value) ? value : {}
}

/** The texts of a field that holds labels or annotations. */
export const textsIn = (object: Status.Json, field: string): { readonly [name: string]: string } =>
  Object.fromEntries(
    Object.entries(jsonIn(object, field)).flatMap(([name, value]) =>
      typeof value === "string" ? [[name, value] as const] : []
    )
  )

/** `group/version`, or the version alone for the core group. */
export const apiVersionOf = (kind: ServedKind): string =>
  kind.group === "" ? kind.version : `${kind.group}/${kind.version}`

/** What the server itself sets on a new object. */
export interface Birth {
  readonly name: string
  readonly namespace: string | undefined
  readonly uid: string
  readonly creationTimestamp: string
}

/** A new object: custom resources lose the status they came with, because that is a subresource. */
export const born = (kind: ServedKind, body: Status.Json, birth: Birth): StoredObject => {
  const { status, ...rest } = body
  const kept = kind.status ? initialStatus(kind, status) : status
  return {
    ...rest,
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...givenIn(jsonIn(body, "metadata")),
      name: birth.name,
      ...(birth.namespace === undefined ? {} : { namespace: birth.namespace }),
      uid: birth.uid,
      resourceVersion: "",
      ...(kind.generation ? { generation: 1 } : {}),
      creationTimestamp: birth.creationTimestamp
    },
    ...(kept === undefined ? {} : { status: kept })
  }
}

const initialStatus = (kind: ServedKind, given: unknown): unknown => {
  if (kind.kind === "Pod") return { phase: "Pending", ...(isJson(given) ? given : {}) }
  if (kind.kind === "Namespace") return { phase: "Active" }
  return kind.group === "fission.io" ? undefined : given
}

/** The object with another status. */
export const withStatus = (current: StoredObject, status: unknown): StoredObject =>
  status === undefined ? current : { ...current, status }

/** The object with everything but its status replaced; a change outside metadata makes a new generation. */
export const withMain = (kind: ServedKind, current: StoredObject, wanted: Status.Json): StoredObject => {
  const { status, metadata: _, ...body } = wanted
  const kept = kind.status ? current["status"] : status
  const next = {
    ...body,
    ...(kind.kind === "Namespace" ? { spec: current["spec"] } : {}),
    apiVersion: current.apiVersion,
    kind: current.kind,
    metadata: { ...givenIn(jsonIn(wanted, "metadata")), ...serverOwned(current.metadata) },
    ...(kept === undefined ? {} : { status: kept })
  }
  const { generation } = current.metadata
  return generation === undefined || isDeepStrictEqual(specOf(next), specOf(current))
    ? next
    : { ...next, metadata: { ...next.metadata, generation: generation + 1 } }
}

/** Everything but metadata and status: what a generation counts. */
const specOf = (object: StoredObject): Status.Json => ({ ...object, metadata: undefined, status: undefined })

/** Fields of the metadata that a server does not store when there is nothing in them. */
const collections = new Set(["labels", "annotations", "finalizers", "ownerReferences"])

/** Fields of the metadata that only the server sets. */
const timeline = new Set(["generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"])

/** What a client says in the metadata. */
const givenIn = (metadata: Status.Json): Status.Json =>
  Object.fromEntries(
    Object.entries(metadata).filter(
      ([field, value]) =>
        !timeline.has(field) && (!collections.has(field) || Object.keys(Object(value ?? {})).length > 0)
    )
  )

/** Fields of the metadata that a client cannot change. */
const serverOwned = (meta: StoredMeta) => ({
  name: meta.name,
  uid: meta.uid,
  resourceVersion: meta.resourceVersion,
  creationTimestamp: meta.creationTimestamp,
  ...(meta.namespace === undefined ? {} : { namespace: meta.namespace }),
  ...(meta.generation === undefined ? {} : { generation: meta.generation }),
  ...(meta.deletionTimestamp === undefined ? {} : { deletionTimestamp: meta.deletionTimestamp }),
  ...(meta.deletionGracePeriodSeconds === undefined
    ? {}
    : { deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds })
})

/** Seconds that a delete leaves the object: a Pod's grace once it is bound and until it has ended, else none. */
export const graceOf = (kind: ServedKind, object: StoredObject, requested: number | undefined): number => {
  if (kind.kind !== "Pod") return 0
  const spec = jsonIn(object, "spec")
  const ended = ["Succeeded", "Failed"].includes(String(jsonIn(object, "status")["phase"]))
  if (typeof spec["nodeName"] !== "string" || ended) return 0
  if (requested !== undefined) return Math.max(0, requested)
  const own = spec["terminationGracePeriodSeconds"]
  return typeof own === "number" ? own : 30
}

/**
 * Whether something holds an object that is being deleted: finalizers, the kubelet that has not stopped a Pod yet, or the
 * controller that has not emptied a namespace.
 */
export const isHeld = (kind: ServedKind, object: StoredObject): boolean => {
  const { deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata
  if (finalizers.length > 0) return true
  if (kind.kind === "Pod") return deletionGracePeriodSeconds > 0
  return kind.kind === "Namespace" && namespaceFinalizersOf(object).length > 0
}

/** What holds a namespace until it is empty. */
const namespaceFinalizersOf = (namespace: Status.Json): ReadonlyArray<unknown> => {
  const { finalizers } = jsonIn(namespace, "spec")
  return Array.isArray(finalizers) ? finalizers : []
}

/** The namespace with the finalizers of another in its spec. */
export const withNamespaceFinalizers = (current: StoredObject, wanted: Status.Json): StoredObject => ({
  ...current,
  spec: { ...jsonIn(current, "spec"), finalizers: namespaceFinalizersOf(wanted) }
})

/** The object marked for deletion. */
export const markedForDeletion = (
  kind: ServedKind,
  current: StoredObject,
  grace: number,
  deletionTimestamp: string
): StoredObject => ({
  ...current,
  metadata: {
    ...current.metadata,
    deletionTimestamp,
    deletionGracePeriodSeconds: grace,
    ...(current.metadata.generation === undefined ? {} : { generation: current.metadata.generation + 1 })
  },
  ...(kind.kind === "Namespace" ? { status: { phase: "Terminating" } } : {})
})
