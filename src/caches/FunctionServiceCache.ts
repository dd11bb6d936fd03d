import { Clock, Duration, Effect } from "effect"
import { functionKey } from "../fission/Function.ts"
import * as FunctionSeries from "./FunctionSeries.ts"
import { runningSeconds } from "./RunningTime.ts"

/** Which function, as of which spec. A published version has its name here; the live function has none. */
export interface FunctionIdentity {
  readonly uid: string
  readonly generation: number
  readonly name: string
  readonly namespace: string
  /** Empty for the live function. */
  readonly version: string
}

/** Where one function is served: the address of a Service, and the objects of one name behind it. */
export interface FunctionService {
  readonly fn: FunctionIdentity
  readonly address: string
  /** Name and namespace of its Deployment, Service and HorizontalPodAutoscaler. */
  readonly name: string
  readonly namespace: string
  readonly deploymentUid: string
  /** What its spec says of an idle function; of a version nobody else remembers it. */
  readonly minScale: number
  readonly idleThreshold: Duration.Duration
}

/** A service that was last used longer ago than was asked for. */
export interface IdleService {
  readonly service: FunctionService
  readonly idleFor: Duration.Duration
}

/**
 * Which single address serves a function, and when it was last used: the cache of one executor type with Deployments
 * (function-service-cache.md part A). It lives in memory, belongs to the process and never asks Kubernetes. The live
 * function and each of its versions have at most one entry, whatever generation it is of (C3, C32).
 */
export interface FunctionServiceCache {
  /**
   * Takes in a service, in the place of older generations behind the same objects; one that is older itself counts as an
   * access of the newer one (C3). Repeatable.
   */
  readonly add: (service: FunctionService) => void
  /** The service of exactly this generation; an access. */
  readonly find: (fn: Pick<FunctionIdentity, "uid" | "generation" | "version">) => FunctionService | undefined
  /** The newest of the live function; no access (C2). */
  readonly live: (uid: string) => FunctionService | undefined
  /** Every generation and version of a function. */
  readonly ofFunction: (uid: string) => ReadonlyArray<FunctionService>
  /** Those of a version in a namespace of Functions. */
  readonly ofVersion: (namespace: string, version: string) => ReadonlyArray<FunctionService>
  /** Refreshes the last access of an address; false where it is unknown. */
  readonly touch: (address: string) => boolean
  /** The same for every address of a namespace of Functions: accesses may have gone elsewhere until now. */
  readonly touchAll: (namespace: string) => void
  /** Forgets exactly this service, if it is the one that is held (C4), and is not younger than `minimumAge`. */
  readonly remove: (service: FunctionService, minimumAge?: Duration.Duration) => boolean
  /** Services of a namespace of Functions, or of all, whose last access is longer ago than that. */
  readonly idle: (age: Duration.Duration, namespace?: string) => ReadonlyArray<IdleService>
  /** Time since the last access of this service; undefined when it is not held. */
  readonly idleFor: (service: FunctionService) => Duration.Duration | undefined
}

interface Entry {
  readonly service: FunctionService
  readonly createdAt: number
  usedAt: number
}

/** An empty cache. Times are monotonic. */
export const make: Effect.Effect<FunctionServiceCache> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const recordRunning = FunctionSeries.make(runningSeconds, yield* Effect.context<never>())
  const entries = new Map<string, Entry>()
  /** Key of the entry that registered an address last. */
  const byAddress = new Map<string, string>()

  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
  const held = () => [...entries.values()].map(({ service }) => service)
  const entryOf = (service: FunctionService) => {
    const entry = entries.get(keyOf(service.fn))
    return entry !== undefined && isSame(entry.service, service) ? entry : undefined
  }
  const ageOf = (entry: Entry) => Duration.millis(now() - entry.usedAt)

  const forget = (key: string, { createdAt, service, usedAt }: Entry) => {
    entries.delete(key)
    if (byAddress.get(service.address) === key) byAddress.delete(service.address)
    recordRunning(service.fn, (usedAt - createdAt) / 1000)
  }

  const put = (key: string, service: FunctionService, createdAt: number) => {
    entries.set(key, { service, createdAt, usedAt: now() })
    byAddress.set(service.address, key)
  }

  return {
    add: (service) => {
      const key = keyOf(service.fn)
      const known = entries.get(key)
      if (known !== undefined) {
        if (byAddress.get(known.service.address) === key) byAddress.delete(known.service.address)
        put(key, service, known.createdAt)
        return
      }
      const successor = [...entries.values()].find((entry) => isSucceededBy(service, entry.service))
      if (successor !== undefined) {
        successor.usedAt = now()
        return
      }
      for (const [other, entry] of entries) if (isSucceededBy(entry.service, service)) forget(other, entry)
      put(key, service, now())
    },
    find: (fn) => {
      const entry = entries.get(keyOf(fn))
      if (entry === undefined) return undefined
      entry.usedAt = now()
      return entry.service
    },
    live: (uid) =>
      held()
        .filter(({ fn }) => fn.uid === uid && fn.version === "")
        .sort((left, right) => right.fn.generation - left.fn.generation)[0],
    ofFunction: (uid) => held().filter(({ fn }) => fn.uid === uid),
    ofVersion: (namespace, version) =>
      held().filter(({ fn }) => fn.namespace === namespace && fn.version === version && version !== ""),
    touch: (address) => {
      const entry = entries.get(byAddress.get(address) ?? "")
      if (entry === undefined) return false
      entry.usedAt = now()
      return true
    },
    touchAll: (namespace) => {
      for (const entry of entries.values()) if (entry.service.fn.namespace === namespace) entry.usedAt = now()
    },
    remove: (service, minimumAge = Duration.zero) => {
      const entry = entryOf(service)
      if (entry === undefined || Duration.isLessThan(ageOf(entry), minimumAge)) return false
      forget(keyOf(service.fn), entry)
      return true
    },
    idle: (age, namespace) =>
      [...entries.values()]
        .filter(({ service }) => namespace === undefined || service.fn.namespace === namespace)
        .map((entry) => ({ service: entry.service, idleFor: ageOf(entry) }))
        .filter(({ idleFor }) => Duration.isGreaterThan(idleFor, age)),
    idleFor: (service) => {
      const entry = entryOf(service)
      return entry === undefined ? undefined : ageOf(entry)
    }
  }
})

/** `<uid>_<generation>`, and the version behind it: a version is of the generation that the live function has too (C32). */
const keyOf = ({ version, ...fn }: Pick<FunctionIdentity, "uid" | "generation" | "version">): string =>
  version === "" ? functionKey(fn) : `${functionKey(fn)}@${version}`

const isSame = (one: FunctionService, other: FunctionService): boolean =>
  one.address === other.address && one.deploymentUid === other.deploymentUid

/** Two generations of the live function share their Deployment: only the newer one is used and tapped (C3). */
const isSucceededBy = (older: FunctionService, newer: FunctionService): boolean =>
  older.fn.version === "" &&
  newer.fn.version === "" &&
  older.fn.uid === newer.fn.uid &&
  older.fn.generation < newer.fn.generation &&
  older.name === newer.name
