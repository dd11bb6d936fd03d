import { Clock, Duration, Effect } from "effect"
import { keyOf } from "../fission/ObjectMeta.ts"
import type { Described } from "../fission/ResourceKind.ts"

/** A change of a view. `evidence` says what told us that an object is gone: its event, or its absence from a list. */
export type Change<A> =
  | { readonly type: "Upsert"; readonly object: A; readonly previous: A | undefined }
  | { readonly type: "Delete"; readonly object: A; readonly evidence: "Event" | "List" }

/** Read access to a view. Reads are synchronous and never wait for the API. */
export interface StoreReader<A> {
  readonly get: (namespace: string, name: string) => A | undefined
  /** Every object, or those of one namespace. */
  readonly values: (namespace?: string) => Iterable<A>
  /** Objects for which the index function gave this value. Throws for an index that does not exist. */
  readonly indexed: (index: string, value: string) => ReadonlyArray<A>
  readonly size: () => number
  /** Whether one complete list has been applied. */
  readonly isSynced: () => boolean
  /** Time since the last list, event or bookmark; infinite before the first list. */
  readonly age: Effect.Effect<Duration.Duration>
  /**
   * When the latest complete list began (monotonic nanoseconds): what exists since before is in the view. Undefined
   * before the first.
   */
  readonly listedAt: () => bigint | undefined
}

/** Write access, for the Reflector alone. Every call returns what it changed, in order. */
export interface StoreWriter<A> {
  /** Takes an object of an event in, unless what is held is as new. */
  readonly upsert: (object: A) => ReadonlyArray<Change<A>>
  /** Takes out what an event says is gone: metadata are enough, and another UID or a newer version stays. */
  readonly remove: (gone: Described) => ReadonlyArray<Change<A>>
  /** Takes one page of a list in; what no page of the list held is removed by `endList`. */
  readonly applyPage: (objects: ReadonlyArray<A>) => ReadonlyArray<Change<A>>
  readonly endList: () => ReadonlyArray<Change<A>>
  /** A list is about to be asked for. Forgets the pages taken in since the last `endList`; the objects stay. */
  readonly beginList: Effect.Effect<void>
  /** Remembers that an object which cannot be read exists, so that the end of the list does not remove an older form. */
  readonly keep: (key: string) => void
  /** The API said something: the view is as of now. */
  readonly touch: Effect.Effect<void>
}

/** Index functions by name; each gives the values under which an object is found. */
export type Indexes<A> = { readonly [index: string]: (object: A) => ReadonlyArray<string> }

/** Makes an empty store and its two faces. */
export const make = <A extends Described>(
  indexes: Indexes<A> = {}
): { readonly reader: StoreReader<A>; readonly writer: StoreWriter<A> } => {
  const byNamespace = new Map<string, Map<string, A>>()
  const byIndex = new Map<string, Map<string, Set<A>>>(Object.keys(indexes).map((name) => [name, new Map()]))
  let listed: Set<string> | undefined
  let synced = false
  let asOf: bigint | undefined
  let listBegan: bigint | undefined
  let listedAt: bigint | undefined
  let count = 0

  const get = (namespace: string, name: string) => byNamespace.get(namespace)?.get(name)

  const unindex = (object: A) => {
    for (const [name, values] of byIndex) {
      for (const value of indexes[name]?.(object) ?? []) {
        const found = values.get(value)
        found?.delete(object)
        if (found?.size === 0) values.delete(value)
      }
    }
  }

  const put = (object: A) => {
    const { name, namespace } = object.metadata
    const partition = byNamespace.get(namespace ?? "") ?? new Map<string, A>()
    byNamespace.set(namespace ?? "", partition)
    const previous = partition.get(name)
    if (previous === undefined) count++
    else unindex(previous)
    partition.set(name, object)
    for (const [index, values] of byIndex) {
      for (const value of indexes[index]?.(object) ?? []) {
        values.set(value, (values.get(value) ?? new Set()).add(object))
      }
    }
  }

  const takeOut = (object: A) => {
    const { name, namespace } = object.metadata
    const partition = byNamespace.get(namespace ?? "")
    if (partition?.delete(name) !== true) return
    count--
    if (partition.size === 0) byNamespace.delete(namespace ?? "")
    unindex(object)
  }

  const upsert = (object: A): ReadonlyArray<Change<A>> => {
    const previous = get(object.metadata.namespace ?? "", object.metadata.name)
    if (previous !== undefined && !isNewer(object, previous)) return []
    if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) {
      takeOut(previous)
      put(object)
      return [
        { type: "Delete", object: previous, evidence: "Event" },
        { type: "Upsert", object, previous: undefined }
      ]
    }
    put(object)
    return [{ type: "Upsert", object, previous }]
  }

  const remove = (gone: Described): ReadonlyArray<Change<A>> => {
    const held = get(gone.metadata.namespace ?? "", gone.metadata.name)
    if (held === undefined || held.metadata.uid !== gone.metadata.uid || isNewer(held, gone)) return []
    takeOut(held)
    return [{ type: "Delete", object: held, evidence: "Event" }]
  }

  const values = function* (namespace?: string): Generator<A> {
    if (namespace !== undefined) yield* byNamespace.get(namespace)?.values() ?? []
    else for (const partition of byNamespace.values()) yield* partition.values()
  }

  const endList = (): ReadonlyArray<Change<A>> => {
    const seen = listed ?? new Set()
    const gone = [...values()].filter((object) => !seen.has(keyOf(object.metadata)))
    for (const object of gone) takeOut(object)
    listed = undefined
    synced = true
    listedAt = listBegan
    return gone.map((object) => ({ type: "Delete", object, evidence: "List" }))
  }

  return {
    reader: {
      get,
      values,
      indexed: (index, value) => {
        const found = byIndex.get(index)
        if (found === undefined) throw new Error(`no index "${index}" in this view`)
        return [...(found.get(value) ?? [])]
      },
      size: () => count,
      isSynced: () => synced,
      age: Effect.map(Clock.monotonicTimeNanos, (now) =>
        asOf === undefined || !synced ? Duration.infinity : Duration.nanos(now - asOf)
      ),
      listedAt: () => listedAt
    },
    writer: {
      upsert,
      remove,
      applyPage: (objects) => {
        const seen = (listed ??= new Set())
        return objects.flatMap((object) => {
          seen.add(keyOf(object.metadata))
          return upsert(object)
        })
      },
      endList,
      beginList: Effect.map(Clock.monotonicTimeNanos, (now) => {
        listed = undefined
        listBegan = now
      }),
      keep: (key) => void (listed ??= new Set()).add(key),
      touch: Effect.map(Clock.monotonicTimeNanos, (now) => {
        asOf = now
      })
    }
  }
}

const isNewer = (candidate: Described, held: Described): boolean =>
  isNewerVersion(candidate.metadata.resourceVersion ?? "", held.metadata.resourceVersion ?? "")

/**
 * Whether a resourceVersion is newer than another one of the same kind, or no number. Versions grow within a kind; they
 * are compared as numbers, never as text (failure-semantics.md section 9.4).
 */
export const isNewerVersion = (candidate: string, held: string): boolean => {
  const [next, current] = [numberOf(candidate), numberOf(held)]
  return next === undefined || current === undefined || next > current
}

const numberOf = (version: string): bigint | undefined => (/^\d+$/u.test(version) ? BigInt(version) : undefined)
