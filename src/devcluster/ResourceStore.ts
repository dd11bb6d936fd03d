import { isDeepStrictEqual } from "node:util"
import type { ServedKind } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import {
  born,
  graceOf,
  inSelection,
  isHeld,
  jsonIn,
  markedForDeletion,
  type Selection,
  type StoredObject,
  withMain,
  withNamespaceFinalizers,
  withStatus
} from "./StoredObject.ts"

export { inSelection, type Selection, type StoredObject }

/** What happened to one object, as watches see it. `previous` is undefined for a creation. */
export interface StoreEvent {
  readonly kind: ServedKind
  readonly version: number
  readonly type: "ADDED" | "MODIFIED" | "DELETED"
  readonly object: StoredObject
  readonly previous: StoredObject | undefined
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

/** Which part of an object a write is about; `finalize` is what holds a namespace. */
export type Part = "main" | "status" | "finalize"

/** Preconditions and manner of a delete. */
export interface DeleteRequest {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly gracePeriodSeconds?: number | undefined
}

/**
 * The objects of the embedded cluster, with the rules that clients rely on: versions, preconditions, finalizers, grace,
 * generation, the status subresource. Synchronous; refusals are thrown as `StatusError`.
 */
export class ResourceStore {
  readonly #options: StoreOptions
  readonly #objects = new Map<string, Map<string, StoredObject>>()
  readonly #history: Array<StoreEvent> = []
  readonly #listeners = new Set<(event: StoreEvent) => void>()
  /** Events that listeners have not been told of, because one of them made a write of its own. */
  readonly #untold: Array<StoreEvent> = []
  #version = 1
  #floor = 1

  constructor(options: StoreOptions) {
    this.#options = options
  }

  /** The version of the latest write. */
  get version(): number {
    return this.#version
  }

  /** The oldest version that a watch can resume from. */
  get floor(): number {
    return this.#floor
  }

  /** What time it is for this store. */
  get now(): () => Date {
    return this.#options.now
  }

  has(kind: ServedKind, namespace: string | undefined, name: string): boolean {
    return this.#collection(kind).has(keyOf(kind, namespace, name))
  }

  get(kind: ServedKind, namespace: string | undefined, name: string): StoredObject {
    const object = this.#collection(kind).get(keyOf(kind, namespace, name))
    if (object === undefined) throw Status.notFound(kind.plural, kind.group, name)
    return object
  }

  /**
   * In the order of namespace and name, as etcd keeps them; as of now, or of a version from which on the history is
   * known.
   */
  list(kind: ServedKind, selection: Selection, version = this.#version): ReadonlyArray<StoredObject> {
    return [...this.#collectionAt(kind, version)]
      .filter(([, object]) => inSelection(object, selection))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
  }

  /** Stores what `admit` makes of the body once that has its name. */
  create(
    kind: ServedKind,
    namespace: string | undefined,
    body: Status.Json,
    admit: (named: Status.Json) => Status.Json = (named) => named
  ): StoredObject {
    const metadata = jsonIn(body, "metadata")
    const name = this.#nameOf(metadata)
    this.#requireNamespace(kind, namespace ?? "", name)
    if ((metadata["resourceVersion"] ?? "") !== "") {
      throw Status.internalError("resourceVersion should not be set on objects to be created")
    }
    const admitted = admit({ ...body, metadata: { ...metadata, name } })
    const held = this.#collection(kind).get(keyOf(kind, namespace, name))
    if (held !== undefined) {
      throw Status.alreadyExists(kind.plural, kind.group, name, held.metadata.deletionTimestamp !== undefined)
    }
    const object = born(kind, admitted, {
      name,
      namespace: kind.namespaced ? (namespace ?? "") : undefined,
      uid: this.#options.uid(),
      creationTimestamp: this.#timestamp(0)
    })
    return this.#write(kind, "ADDED", object, undefined)
  }

  /**
   * Replaces one part of an object. `metadata.uid` and `metadata.resourceVersion` of the wanted object are
   * preconditions; a write that changes nothing keeps the version.
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
    const { resourceVersion, uid } = jsonIn(wanted, "metadata")
    if (typeof uid === "string" && uid !== "" && uid !== current.metadata.uid) {
      throw Status.conflict(kind.plural, kind.group, name, Status.otherUid(kind, current.metadata, uid))
    }
    if (
      typeof resourceVersion === "string" &&
      resourceVersion !== "" &&
      resourceVersion !== current.metadata.resourceVersion
    ) {
      if (/^\d+$/u.test(resourceVersion)) throw Status.conflict(kind.plural, kind.group, name)
      throw Status.internalError(`strconv.ParseUint: parsing "${resourceVersion}": invalid syntax`)
    }
    const next = withPart(kind, part, current, wanted)
    if (isDeepStrictEqual(next, current)) return current
    const released = next.metadata.deletionTimestamp !== undefined && !isHeld(kind, next)
    return released ? this.#remove(kind, next) : this.#write(kind, "MODIFIED", next, current)
  }

  /**
   * Deletes, or marks for deletion where finalizers or a grace period hold the object back; returns its last form.
   * Idempotent while it is held.
   */
  delete(kind: ServedKind, namespace: string | undefined, name: string, request: DeleteRequest): StoredObject {
    const current = this.get(kind, namespace, name)
    const { uid, resourceVersion } = request
    for (const [field, wanted, found, happened] of [
      ["UID", uid, current.metadata.uid, "deleted and then recreated"],
      ["ResourceVersion", resourceVersion, current.metadata.resourceVersion, "modified"]
    ]) {
      if (wanted === undefined || wanted === found) continue
      throw Status.conflict(
        kind.kind,
        kind.group,
        name,
        `the ${field} in the precondition (${wanted}) does not match the ${field} in record (${found}). The object might have been ${happened}`
      )
    }
    const grace = graceOf(kind, current, request.gracePeriodSeconds)
    const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = current.metadata
    if (deletionTimestamp !== undefined && deletionGracePeriodSeconds <= grace && isHeld(kind, current)) {
      return current
    }
    const marked = markedForDeletion(kind, current, grace, this.#timestamp(grace))
    return isHeld(kind, marked) ? this.#write(kind, "MODIFIED", marked, current) : this.#remove(kind, current)
  }

  /** Events after a version. Throws 410 when they are no longer all known. */
  since(version: number): ReadonlyArray<StoreEvent> {
    if (version < this.#floor) throw Status.expired(`too old resource version: ${version} (${this.#floor})`)
    return this.#history.filter((event) => event.version > version)
  }

  /**
   * Tells about every event from now on, in order, until the returned function is called: before the write returns,
   * unless a listener itself made it. A listener must not throw.
   */
  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Forgets the history: every watch and every page from an older version than now answers 410. */
  compact(): void {
    this.#history.length = 0
    this.#floor = this.#version
  }

  #collectionAt(kind: ServedKind, version: number): Map<string, StoredObject> {
    if (version >= this.#version) return this.#collection(kind)
    const objects = new Map(this.#collection(kind))
    for (const event of this.since(version).toReversed()) {
      if (event.kind !== kind) continue
      const { name, namespace } = event.object.metadata
      if (event.previous === undefined) objects.delete(keyOf(kind, namespace, name))
      else objects.set(keyOf(kind, namespace, name), event.previous)
    }
    return objects
  }

  #collection(kind: ServedKind): Map<string, StoredObject> {
    const id = `${kind.group}/${kind.plural}`
    const known = this.#objects.get(id)
    if (known !== undefined) return known
    const made = new Map<string, StoredObject>()
    this.#objects.set(id, made)
    return made
  }

  /** Now, or some seconds later, as Kubernetes writes it. */
  #timestamp(secondsLater: number): string {
    return new Date(this.#options.now().getTime() + secondsLater * 1000).toISOString().replace(/\.\d+Z$/u, "Z")
  }

  /** Empty when the object brings neither a name nor a prefix. */
  #nameOf({ generateName, name }: Status.Json): string {
    if (typeof name === "string" && name !== "") return name
    return typeof generateName === "string" && generateName !== "" ? `${generateName}${this.#options.suffix()}` : ""
  }

  /** Throws where nothing can be created: 404 without such a namespace, 403 while it is being deleted. */
  #requireNamespace(kind: ServedKind, namespace: string, name: string): void {
    if (!kind.namespaced) return
    const found = this.#objects.get("/namespaces")?.get(`/${namespace}`)
    if (found === undefined) throw Status.notFound("namespaces", "", namespace)
    if (found.metadata.deletionTimestamp !== undefined) {
      throw Status.namespaceTerminating(kind.plural, kind.group, name, namespace)
    }
  }

  #write(
    kind: ServedKind,
    type: "ADDED" | "MODIFIED",
    object: StoredObject,
    previous: StoredObject | undefined
  ): StoredObject {
    const stored = this.#versioned(object)
    this.#collection(kind).set(keyOf(kind, stored.metadata.namespace, stored.metadata.name), stored)
    this.#publish({ kind, version: this.#version, type, object: stored, previous })
    return stored
  }

  #remove(kind: ServedKind, object: StoredObject): StoredObject {
    const key = keyOf(kind, object.metadata.namespace, object.metadata.name)
    const previous = this.#collection(kind).get(key)
    const last = this.#versioned(object)
    this.#collection(kind).delete(key)
    this.#publish({ kind, version: this.#version, type: "DELETED", object: last, previous })
    return last
  }

  #versioned(object: StoredObject): StoredObject {
    this.#version++
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } }
  }

  #publish(event: StoreEvent): void {
    this.#history.push(event)
    while (this.#history.length > (this.#options.history ?? 5000)) {
      this.#floor = this.#history.shift()?.version ?? this.#floor
    }
    this.#untold.push(event)
    if (this.#untold.length > 1) return
    for (let next = this.#untold[0]; next !== undefined; next = this.#untold[0]) {
      for (const listener of this.#listeners) listener(next)
      this.#untold.shift()
    }
  }
}

const withPart = (kind: ServedKind, part: Part, current: StoredObject, wanted: Status.Json): StoredObject => {
  switch (part) {
    case "main":
      return withMain(kind, current, wanted)
    case "status":
      return withStatus(current, wanted["status"])
    case "finalize":
      return withNamespaceFinalizers(current, wanted)
  }
}

const keyOf = (kind: ServedKind, namespace: string | undefined, name: string): string =>
  `${kind.namespaced ? (namespace ?? "") : ""}/${name}`
