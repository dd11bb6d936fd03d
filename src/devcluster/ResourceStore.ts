import type { Matches } from "./Selectors.ts"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"

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

/** What happened to one object, as watches see it. `previous` is undefined for a creation. */
export interface StoreEvent {
  readonly kind: ServedKind
  readonly version: number
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly object: StoredObject
  readonly previous: StoredObject | undefined
}

/** Which objects of a kind. */
export interface Selection {
  readonly namespace: string | undefined
  readonly matches: Matches
}

/** Time and chance, given so that tests can hold them still. */
export interface StoreOptions {
  readonly now: () => Date
  readonly uid: () => string
  /** Five characters of a generated name. */
  readonly suffix: () => string
  /** Events kept for watches that resume; older versions answer 410. */
  readonly history?: number
}

/** Which part of an object a write is about. */
export type Part = "main" | "status"

/** Preconditions and manner of a delete. */
export interface DeleteRequest {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly gracePeriodSeconds?: number | undefined
}

const isJson = (value: unknown): value is Status.Json =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const same = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right)

const validName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u

/**
 * The objects of the embedded cluster, with the rules that clients rely on: versions, preconditions, finalizers, grace,
 * generation, the status subresource. Synchronous; refusals are thrown as `StatusError`.
 */
export class ResourceStore {
  readonly #options: StoreOptions
  readonly #objects = new Map<string, Map<string, StoredObject>>()
  readonly #history: Array<StoreEvent> = []
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  #version = 1
  /** Oldest version that a watch can resume from. */
  #floor = 1

  constructor(options: StoreOptions) {
    this.#options = options
  }

  /** The version of the latest write. */
  get version(): number {
    return this.#version
  }

  get(kind: ServedKind, namespace: string | undefined, name: string): StoredObject {
    const object = this.#collection(kind).get(keyOf(kind, namespace, name))
    if (object === undefined) throw Status.notFound(kind.plural, kind.group, name)
    return object
  }

  /** In the order of namespace and name, as etcd keeps them. */
  list(kind: ServedKind, selection: Selection): ReadonlyArray<StoredObject> {
    return [...this.#collection(kind).values()]
      .filter((object) => inSelection(object, selection))
      .sort((a, b) =>
        keyOf(kind, a.metadata.namespace, a.metadata.name) < keyOf(kind, b.metadata.namespace, b.metadata.name) ? -1 : 1
      )
  }

  create(kind: ServedKind, namespace: string | undefined, body: Status.Json): StoredObject {
    const given = isJson(body["metadata"]) ? body["metadata"] : {}
    const name = this.#nameOf(kind, given)
    if (kind.namespaced) this.#requireNamespace(namespace ?? "")
    if (this.#collection(kind).has(keyOf(kind, namespace, name))) {
      throw Status.alreadyExists(kind.plural, kind.group, name)
    }
    const { generateName: _, ...kept } = given
    const { status, ...rest } = body
    const object: StoredObject = {
      ...(kind.status && kind.group === "fission.io" ? rest : { ...rest, ...(status === undefined ? {} : { status }) }),
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      metadata: {
        ...kept,
        name,
        ...(kind.namespaced ? { namespace: namespace ?? "" } : {}),
        uid: this.#options.uid(),
        resourceVersion: "",
        ...(tracksGeneration(kind) ? { generation: 1 } : {}),
        creationTimestamp: this.#timestamp()
      }
    }
    return this.#write(kind, "ADDED", withInitialStatus(kind, object), undefined)
  }

  /**
   * Replaces one part of an object. `expected` are the versions that must hold; a write that changes nothing keeps the
   * version.
   */
  update(
    kind: ServedKind,
    namespace: string | undefined,
    name: string,
    part: Part,
    change: (current: StoredObject) => Status.Json
  ): StoredObject {
    const current = this.get(kind, namespace, name)
    const wanted = change(current)
    const meta = isJson(wanted["metadata"]) ? wanted["metadata"] : {}
    if (typeof meta["uid"] === "string" && meta["uid"] !== current.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${meta["uid"]}, UID in object meta: ${current.metadata.uid}`
      throw Status.conflict(kind.plural, kind.group, name, why)
    }
    const version = meta["resourceVersion"]
    if (typeof version === "string" && version !== "" && version !== current.metadata.resourceVersion) {
      throw Status.conflict(kind.plural, kind.group, name)
    }
    const next = part === "status" ? withStatus(current, wanted["status"]) : withMain(kind, current, wanted, meta)
    if (same(next, current)) return current
    if (
      next.metadata.deletionTimestamp !== undefined &&
      (next.metadata.finalizers ?? []).length === 0 &&
      !isGraceful(kind, next)
    ) {
      return this.#remove(kind, next)
    }
    return this.#write(kind, "MODIFIED", next, current)
  }

  /** Deletes, or marks for deletion where finalizers or a grace period hold it back. Idempotent while it is held. */
  delete(kind: ServedKind, namespace: string | undefined, name: string, request: DeleteRequest): StoredObject {
    const current = this.get(kind, namespace, name)
    const { uid, resourceVersion } = request
    if (uid !== undefined && uid !== current.metadata.uid) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`
      throw Status.conflict(kind.plural, kind.group, name, why)
    }
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
      const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${current.metadata.resourceVersion}`
      throw Status.conflict(kind.plural, kind.group, name, why)
    }
    const grace = kind.kind === "Pod" ? graceOf(current, request.gracePeriodSeconds) : 0
    const held = (current.metadata.finalizers ?? []).length > 0 || grace > 0
    if (!held) return this.#remove(kind, current)

    const before = current.metadata.deletionGracePeriodSeconds
    if (current.metadata.deletionTimestamp !== undefined && (before ?? 0) <= grace) return current
    const deletionTimestamp = new Date(this.#options.now().getTime() + grace * 1000)
      .toISOString()
      .replace(/\.\d+Z$/u, "Z")
    const marked: StoredObject = {
      ...current,
      metadata: {
        ...current.metadata,
        deletionTimestamp,
        ...(kind.kind === "Pod" ? { deletionGracePeriodSeconds: grace } : {}),
        ...(current.metadata.generation === undefined ? {} : { generation: current.metadata.generation + 1 })
      }
    }
    return this.#write(kind, "MODIFIED", marked, current)
  }

  /** Events after a version. Throws 410 when they are no longer all known. */
  since(version: number): ReadonlyArray<StoreEvent> {
    if (version < this.#floor) {
      throw Status.expired(`too old resource version: ${version} (${this.#floor})`)
    }
    return this.#history.filter((event) => event.version > version)
  }

  /** Tells about every event from now on, synchronously, until the returned function is called. */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Forgets the history: every watch from an older version than now answers 410. */
  compact(): void {
    this.#history.length = 0
    this.#floor = this.#version
  }

  #collection(kind: ServedKind): Map<string, StoredObject> {
    const id = `${kind.group}/${kind.plural}`
    const known = this.#objects.get(id)
    if (known !== undefined) return known
    const made = new Map<string, StoredObject>()
    this.#objects.set(id, made)
    return made
  }

  #timestamp(): string {
    return this.#options
      .now()
      .toISOString()
      .replace(/\.\d+Z$/u, "Z")
  }

  #nameOf(kind: ServedKind, metadata: Status.Json): string {
    const { generateName, name } = metadata
    if (typeof name === "string" && name !== "") {
      if (name.length <= 253 && validName.test(name)) return name
      throw Status.invalid(
        kind.kind,
        kind.group,
        name,
        "metadata.name",
        `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`
      )
    }
    if (typeof generateName === "string" && generateName !== "") return `${generateName}${this.#options.suffix()}`
    throw Status.invalid(kind.kind, kind.group, "", "metadata.name", "Required value: name or generateName is required")
  }

  #requireNamespace(namespace: string): void {
    const found = this.#objects.get("/namespaces")?.get(`/${namespace}`)
    if (found === undefined) throw Status.notFound("namespaces", "", namespace)
    if (found.metadata.deletionTimestamp === undefined) return
    throw new Status.StatusError(
      403,
      "Forbidden",
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      {
        causes: [
          {
            reason: "NamespaceTerminating",
            message: `namespace ${namespace} is being terminated`,
            field: "metadata.namespace"
          }
        ]
      }
    )
  }

  #write(
    kind: ServedKind,
    type: "ADDED" | "MODIFIED",
    object: StoredObject,
    previous: StoredObject | undefined
  ): StoredObject {
    this.#version++
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
    this.#collection(kind).set(keyOf(kind, stored.metadata.namespace, stored.metadata.name), stored)
    this.#publish({ kind, version: this.#version, type, object: stored, previous })
    return stored
  }

  #remove(kind: ServedKind, object: StoredObject): StoredObject {
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name)
    const previous = this.#collection(kind).get(key)
    this.#version++
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
    this.#collection(kind).delete(key)
    this.#publish({ kind, version: this.#version, type: "DELETED", object: last, previous })
    return last
  }

  #publish(event: StoreEvent): void {
    this.#history.push(event)
    while (this.#history.length > (this.#options.history ?? 5000)) {
      this.#floor = this.#history.shift()?.version ?? this.#floor
    }
    for (const listener of this.#listeners) listener(event)
  }
}

const keyOf = (kind: ServedKind, namespace: string | undefined, name: string): string =>
  `${kind.namespaced ? (namespace ?? "") : ""}/${name}`

const apiVersionOf = (kind: ServedKind): string => (kind.group === "" ? kind.version : `${kind.group}/${kind.version}`)

/** Whether an object belongs to a selection. */
export const inSelection = (object: StoredObject, selection: Selection): boolean =>
  (selection.namespace === undefined || object.metadata.namespace === selection.namespace) && selection.matches(object)

const tracksGeneration = (kind: ServedKind): boolean => kind.group !== "" || kind.kind === "Service"

const withInitialStatus = (kind: ServedKind, object: StoredObject): StoredObject => {
  if (kind.kind === "Pod")
    return { ...object, status: { phase: "Pending", ...(isJson(object["status"]) ? object["status"] : {}) } }
  if (kind.kind === "Namespace") return { ...object, status: { phase: "Active" } }
  return object
}

const withStatus = (current: StoredObject, status: unknown): StoredObject =>
  status === undefined ? current : { ...current, status }

/** Fields of the metadata that only the server sets. */
const serverOwned = (meta: StoredMeta): Status.Json => ({
  uid: meta.uid,
  resourceVersion: meta.resourceVersion,
  creationTimestamp: meta.creationTimestamp,
  ...(meta.generation === undefined ? {} : { generation: meta.generation }),
  ...(meta.deletionTimestamp === undefined ? {} : { deletionTimestamp: meta.deletionTimestamp }),
  ...(meta.deletionGracePeriodSeconds === undefined
    ? {}
    : { deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds })
})

const withMain = (kind: ServedKind, current: StoredObject, wanted: Status.Json, meta: Status.Json): StoredObject => {
  const { status, metadata: _, ...body } = wanted
  const kept = kind.status ? current["status"] : status
  const next: StoredObject = {
    ...body,
    apiVersion: current.apiVersion,
    kind: current.kind,
    metadata: {
      ...meta,
      ...serverOwned(current.metadata),
      name: current.metadata.name,
      ...(current.metadata.namespace === undefined ? {} : { namespace: current.metadata.namespace })
    } as StoredMeta,
    ...(kept === undefined ? {} : { status: kept })
  }
  const specChanged = !same(specOf(next), specOf(current))
  if (!specChanged || current.metadata.generation === undefined) return sortedLike(current, next)
  return { ...next, metadata: { ...next.metadata, generation: current.metadata.generation + 1 } }
}

/** Everything but metadata and status: what a generation counts. */
const specOf = (object: StoredObject): Status.Json => {
  const { metadata: _, status: __, ...spec } = object
  return canonical(spec)
}

const canonical = (value: Status.Json): Status.Json =>
  Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))

/** The same object with the fields in the order of `current`, so that an unchanged object is recognised as such. */
const sortedLike = (current: StoredObject, next: StoredObject): StoredObject => ({
  ...Object.fromEntries(Object.keys(current).flatMap((key) => (key in next ? [[key, next[key]]] : []))),
  ...next,
  metadata: {
    ...Object.fromEntries(
      Object.keys(current.metadata).flatMap((key) => (key in next.metadata ? [[key, next.metadata[key]]] : []))
    ),
    ...next.metadata
  }
})

const graceOf = (pod: StoredObject, requested: number | undefined): number => {
  if (requested !== undefined) return Math.max(0, requested)
  const spec = isJson(pod["spec"]) ? pod["spec"] : {}
  if (typeof spec["nodeName"] !== "string") return 0
  const own = spec["terminationGracePeriodSeconds"]
  return typeof own === "number" ? own : 30
}

/** A pod that is being deleted stays until the kubelet says that it has stopped. */
const isGraceful = (kind: ServedKind, object: StoredObject): boolean =>
  kind.kind === "Pod" && (object.metadata.deletionGracePeriodSeconds ?? 0) > 0
