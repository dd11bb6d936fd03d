import type { ResourceStore } from "../../src/devcluster/ResourceStore.ts"
import { mergePatch } from "../../src/devcluster/MergePatch.ts"
import { type ServedKind, storedKinds } from "../../src/devcluster/ServedKinds.ts"
import * as Status from "../../src/devcluster/Status.ts"
import type { ResourceKind } from "../../src/fission/ResourceKind.ts"
import { isObject, type KubernetesObject, type ObjectReference } from "../../src/kubernetes/KubernetesApi.ts"

/** An object as a test writes it down: everything that the server fills in may be left out. */
export interface GivenObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

/** Somebody else who writes into the same cluster: not recorded, not intercepted, at once. */
export interface OtherWriter {
  readonly ensureNamespace: (name: string) => void
  /** Creates or replaces an object. Makes its namespace too. */
  readonly put: (kind: ResourceKind, object: GivenObject) => KubernetesObject
  /** Changes status, or any other field, of an object. */
  readonly merge: (
    kind: ResourceKind,
    reference: ObjectReference,
    patch: { readonly [field: string]: unknown }
  ) => KubernetesObject
  /** Removes an object at once, whatever holds it. */
  readonly remove: (kind: ResourceKind, reference: ObjectReference) => void
  /** The object as it is stored, undefined when there is none. */
  readonly find: (kind: ResourceKind, reference: ObjectReference) => KubernetesObject | undefined
  /** Every object of a kind, or those of one namespace, by namespace and name. */
  readonly list: (kind: ResourceKind, namespace?: string) => ReadonlyArray<KubernetesObject>
}

/** A value as it crosses the wire: without undefined fields, shared with nobody. */
export const plain = (value: unknown): Status.Json => JSON.parse(JSON.stringify(value))

const asObject = (value: unknown): KubernetesObject => {
  if (isObject(value)) return value
  throw new Error("the store holds something that is no object")
}

/** The kind as the store knows it. Throws what a server answers where nobody serves it. */
export const servedKind = (kind: ResourceKind): ServedKind => {
  const served = storedKinds.find((one) => one.group === kind.group && one.plural === kind.plural)
  if (served === undefined) throw Status.noSuchPath()
  return served
}

const namespaces = storedKinds.filter((kind) => kind.plural === "namespaces")

/** An object as it is answered: whole, or its metadata alone. */
export const projected = (kind: ResourceKind, object: unknown): KubernetesObject => {
  const { metadata, ...rest } = asObject(plain(object))
  return kind.metadataOnly
    ? { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata }
    : { ...rest, metadata }
}

/** Writes into a store as another client of the cluster. */
export const otherWriter = (store: ResourceStore): OtherWriter => {
  const find = (kind: ResourceKind, { name, namespace }: ObjectReference) => {
    try {
      return asObject(plain(store.get(servedKind(kind), namespace, name)))
    } catch (error) {
      if (error instanceof Status.StatusError && error.code === 404) return undefined
      throw error
    }
  }

  const ensureNamespace = (name: string) => {
    for (const kind of namespaces) {
      const known = store.list(kind, { namespace: undefined, matches: ({ metadata }) => nameIn(metadata) === name })
      if (known.length === 0) store.create(kind, undefined, { metadata: { name } })
    }
  }

  const merge = (
    kind: ResourceKind,
    { name, namespace }: ObjectReference,
    patch: { readonly [field: string]: unknown }
  ) => {
    const served = servedKind(kind)
    const { status, ...main } = patch
    const write = (part: "main" | "status", body: Status.Json) =>
      store.update(served, namespace, name, part, (current) => plain(mergePatch(current, body)))
    if (status !== undefined) write(served.status ? "status" : "main", { status })
    if (Object.keys(main).length > 0) write("main", main)
    return asObject(plain(store.get(served, namespace, name)))
  }

  const put = (kind: ResourceKind, object: GivenObject) => {
    const { name, namespace } = object.metadata
    const { status, ...given } = object
    if (namespace !== undefined) ensureNamespace(namespace)
    if (find(kind, object.metadata) === undefined) store.create(servedKind(kind), namespace, plain(given))
    else store.update(servedKind(kind), namespace, name, "main", () => plain(given))
    return merge(kind, { name, namespace }, status === undefined ? {} : { status })
  }

  const remove = (kind: ResourceKind, { name, namespace }: ObjectReference) => {
    const finalizers = find(kind, { name, namespace })?.metadata.finalizers ?? []
    if (finalizers.length > 0) merge(kind, { name, namespace }, { metadata: { finalizers: null } })
    if (find(kind, { name, namespace }) === undefined) return
    store.delete(servedKind(kind), namespace, name, { gracePeriodSeconds: 0 })
  }

  const list = (kind: ResourceKind, namespace?: string) =>
    store.list(servedKind(kind), { namespace, matches: () => true }).map((object) => asObject(plain(object)))

  return { ensureNamespace, put, merge, remove, find, list }
}

const nameIn = (metadata: unknown): unknown =>
  typeof metadata === "object" && metadata !== null && "name" in metadata ? metadata.name : undefined
