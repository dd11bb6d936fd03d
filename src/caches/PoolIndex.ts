import { Duration } from "effect"
import type { FunctionGeneration, PooledPod } from "./Admission.ts"
import * as PoolGroup from "./PoolGroup.ts"

/** How long a deleted UID is refused, and an unused group without pods is kept (function-service-cache.md C18, C21). */
const rememberedFor = Duration.toMillis(Duration.minutes(10))

/** The generations of one function. */
interface Generations {
  readonly namespace: string
  readonly groups: Map<number, PoolGroup.PoolGroup>
}

/**
 * Finds groups by function and namespace, and pods by UID and address. Nothing here runs on a timer: what is out of date
 * goes when it is next looked at.
 */
export interface PoolIndex {
  readonly find: (fn: Pick<FunctionGeneration, "uid" | "generation">) => PoolGroup.PoolGroup | undefined
  /** The group of a generation, made where there is none; born deleted under a deleted UID. */
  readonly obtain: (fn: FunctionGeneration) => PoolGroup.PoolGroup
  /** A copy, in order of creation: groups may go while it is walked. */
  readonly groups: () => ReadonlyArray<PoolGroup.PoolGroup>
  /** The same for the groups of functions of one namespace. */
  readonly inNamespace: (namespace: string) => ReadonlyArray<PoolGroup.PoolGroup>
  /** The same for the groups of one function. */
  readonly ofFunction: (functionUid: string) => ReadonlyArray<PoolGroup.PoolGroup>
  /** Whether no newer generation of the function has a group. */
  readonly isNewest: (group: PoolGroup.PoolGroup) => boolean
  /** Drops a group that nothing runs, comes or waits in and that has no future (function-service-cache.md C18). */
  readonly collect: (group: PoolGroup.PoolGroup) => void
  /** The pod's entries: one, or one for each of the functions that share it. */
  readonly byUid: (podUid: string) => ReadonlyArray<PoolGroup.PodEntry>
  readonly byAddress: (address: string) => ReadonlyArray<PoolGroup.PodEntry>
  /** Enters a pod; entries that its UID or address no longer belongs to are the caller's to delete. */
  readonly insert: (group: PoolGroup.PoolGroup, pod: PooledPod) => PoolGroup.PodEntry
  /** Forgets a pod, and its group if that was all there was to it. */
  readonly delete: (entry: PoolGroup.PodEntry) => void
  /** Marks every generation of the UID as deleted and refuses it for 10 minutes. */
  readonly bury: (functionUid: string) => void
  /** Whether the UID was buried within the last 10 minutes. */
  readonly isBuried: (functionUid: string) => boolean
}

/** Makes an empty index. `now` gives monotonic milliseconds. */
export const make = (now: () => number): PoolIndex => {
  const functions = new Map<string, Generations>()
  const namespaces = new Map<string, Set<Generations>>()
  const uids: Entries = new Map()
  const addresses: Entries = new Map()
  /** When each UID was deleted. */
  const tombstones = new Map<string, number>()

  const isBuried = (functionUid: string) => {
    const at = tombstones.get(functionUid)
    return at !== undefined && now() - at < rememberedFor
  }

  const expireTombstones = () => {
    const current = now()
    for (const [uid, at] of tombstones) {
      if (current - at >= rememberedFor) tombstones.delete(uid)
    }
  }

  const generationsOf = (fn: FunctionGeneration) => {
    const known = functions.get(fn.uid)
    if (known !== undefined) return known
    const generations: Generations = { namespace: fn.namespace, groups: new Map() }
    functions.set(fn.uid, generations)
    const neighbours = namespaces.get(fn.namespace)
    if (neighbours === undefined) namespaces.set(fn.namespace, new Set([generations]))
    else neighbours.add(generations)
    return generations
  }

  const find = (fn: Pick<FunctionGeneration, "uid" | "generation">) => functions.get(fn.uid)?.groups.get(fn.generation)

  const obtain = (fn: FunctionGeneration) => {
    const known = find(fn)
    if (known !== undefined) return known
    const group = PoolGroup.make(fn, isBuried(fn.uid), now())
    generationsOf(fn).groups.set(fn.generation, group)
    return group
  }

  const isNewest = (group: PoolGroup.PoolGroup) => {
    const generations = functions.get(group.fn.uid)?.groups.keys() ?? []
    for (const generation of generations) if (generation > group.fn.generation) return false
    return true
  }

  const drop = (group: PoolGroup.PoolGroup) => {
    const generations = functions.get(group.fn.uid)
    if (generations === undefined) return
    generations.groups.delete(group.fn.generation)
    if (generations.groups.size > 0) return
    functions.delete(group.fn.uid)
    const neighbours = namespaces.get(generations.namespace)
    neighbours?.delete(generations)
    if (neighbours?.size === 0) namespaces.delete(generations.namespace)
  }

  /** A remembered failure keeps a superseded generation: an alias may go on asking for it. */
  const hasFuture = (group: PoolGroup.PoolGroup) =>
    !group.deleted && (group.failure !== undefined || isNewest(group)) && now() - group.usedAt < rememberedFor

  const collect = (group: PoolGroup.PoolGroup) => {
    if (PoolGroup.isEmpty(group) && !hasFuture(group)) drop(group)
  }

  return {
    find,
    obtain,
    groups: () => [...functions.values()].flatMap(({ groups }) => [...groups.values()]),
    inNamespace: (namespace) => {
      expireTombstones()
      return [...(namespaces.get(namespace) ?? [])].flatMap(({ groups }) => [...groups.values()])
    },
    ofFunction: (functionUid) => [...(functions.get(functionUid)?.groups.values() ?? [])],
    isNewest,
    collect,
    byUid: (podUid) => [...(uids.get(podUid) ?? [])],
    byAddress: (address) => [...(addresses.get(address) ?? [])],
    insert: (group, pod) => {
      const at = now()
      const entry: PoolGroup.PodEntry = { pod, group, createdAt: at, usedAt: at, active: 0, cpuUsage: 0 }
      group.pods.set(pod.uid, entry)
      enter(uids, pod.uid, entry)
      enter(addresses, pod.address, entry)
      return entry
    },
    delete: (entry) => {
      entry.group.pods.delete(entry.pod.uid)
      leave(uids, entry.pod.uid, entry)
      leave(addresses, entry.pod.address, entry)
      collect(entry.group)
    },
    bury: (functionUid) => {
      expireTombstones()
      tombstones.set(functionUid, now())
      for (const group of functions.get(functionUid)?.groups.values() ?? []) {
        group.deleted = true
        collect(group)
      }
    },
    isBuried
  }
}

type Entries = Map<string, Set<PoolGroup.PodEntry>>

const enter = (entries: Entries, key: string, entry: PoolGroup.PodEntry) => {
  const known = entries.get(key)
  if (known === undefined) entries.set(key, new Set([entry]))
  else known.add(entry)
}

const leave = (entries: Entries, key: string, entry: PoolGroup.PodEntry) => {
  const known = entries.get(key)
  known?.delete(entry)
  if (known?.size === 0) entries.delete(key)
}
