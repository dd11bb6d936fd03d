import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { FissionError } from "../Errors.ts"
import { normalizeAddress } from "../fission/Address.ts"
import type { Admission, Demand, FunctionGeneration, PooledPod, Reservation } from "./Admission.ts"
import * as FunctionSeries from "./FunctionSeries.ts"
import * as PoolAdmission from "./PoolAdmission.ts"
import * as PoolGroup from "./PoolGroup.ts"
import * as PoolIndex from "./PoolIndex.ts"
import { runningSeconds } from "./RunningTime.ts"

export type { Admission, Demand, FunctionGeneration, PooledPod, Reservation, Slot } from "./Admission.ts"

/** A pod that may go, as far as the cache can tell: nobody uses it and it is not one of those to keep. */
export interface IdlePod {
  readonly pod: PooledPod
  /** Time since the last access. */
  readonly idleFor: Duration.Duration
  /** Its function was deleted. */
  readonly deleted: boolean
}

/** One function generation for the debug dump; the letters are those of function-service-cache.md section 3. */
export interface GroupSnapshot {
  /** `<uid>_<generation>`. */
  readonly key: string
  readonly fn: FunctionGeneration
  /** Pods. */
  readonly n: number
  /** Requests in progress in all of them. */
  readonly active: number
  /** Specializations in flight plus parked requests. */
  readonly w: number
  /** Parked requests. */
  readonly q: number
  /** Specializations in flight. */
  readonly p: number
  readonly deleted: boolean
  /** Pods to keep when idle. */
  readonly retain: number
  /** The remembered failure: its answer, and for how long it still holds. */
  readonly failure: { readonly status: number; readonly text: string; readonly holdsFor: Duration.Duration } | undefined
  /** Requests that each pod may serve at a time. */
  readonly requestsPerPod: number
  readonly pods: ReadonlyArray<{
    readonly name: string
    readonly address: string
    readonly active: number
    /** Millicores at the last sample. */
    readonly cpuUsage: number
    /** Millicores; 0: no limit. */
    readonly cpuLimit: number
    /** Time since the last access. */
    readonly idleFor: Duration.Duration
  }>
}

/**
 * Which specialized pod may take one more request, or whether another one may be made: the cache of the executor type
 * poolmgr (function-service-cache.md part B). It lives in memory, belongs to the process and never asks Kubernetes.
 * Every operation is one synchronous step; the only wait is that of a parked request.
 */
export class PoolCache extends Context.Service<
  PoolCache,
  {
    /**
     * A place in a pod, or the duty to create one (function-service-cache.md section 4.1). Waits while a pod in
     * preparation has room for the request. Only that wait is interruptible if the caller is not; interrupting it leaves
     * at once and gives back whatever was handed over (C23, C24), so run it uninterruptibly and without a restore.
     * Fails with `TooManyRequests` at the concurrency limit, `NotFound` for a function deleted within the last 10
     * minutes (H9), or the remembered answer of a pod (section 4.11).
     */
    readonly admit: (demand: Demand) => Effect.Effect<Admission, FissionError>
    /**
     * The duty to create one more pod whatever is idle, for at most `maxPending` in preparation, 0 being unbounded
     * (function-service-cache.md section 4.2). Never waits; fails like `admit`.
     */
    readonly reserve: (demand: Demand, maxPending: number) => Effect.Effect<Reservation, FissionError>
    /**
     * Takes in a pod that serves without anybody having reserved it: adoption, warm-up (C25, C26). It starts without
     * requests and gives its places to whoever waits. A pod that is known is left as it is.
     */
    readonly adopt: (pod: PooledPod, options: { readonly requestsPerPod: number; readonly retainPods: number }) => void
    /**
     * Gives back one place of the pod at the address to whoever waits, whichever generation of the function is named
     * (sections 4.5, C10, C11). Unknown addresses, and those of other functions, are ignored.
     */
    readonly unTap: (fn: Pick<FunctionGeneration, "uid" | "generation">, address: string) => void
    /** Refreshes the last access of each function in the pod at the address; false when there is none (section 4.7). */
    readonly touch: (address: string) => boolean
    /** The same for every function of a namespace: accesses may have gone elsewhere until now. */
    readonly touchAll: (fnNamespace: string) => void
    /** Stores a measured usage; above its limit the pod takes no further request (section 4.6). Unknown: ignored. */
    readonly setCpuUsage: (address: string, millicores: number) => void
    /** Whether the pod has a record here. */
    readonly holds: (podUid: string) => boolean
    /** Forgets a pod, for each function in it: it is invalid or gone. Whether it was known; repeatable. */
    readonly remove: (podUid: string) => boolean
    /** The function is gone: its pods drain, and its UID is refused for 10 minutes (section 4.9, C21). Repeatable. */
    readonly markFunctionDeleted: (functionUid: string) => void
    /**
     * Pods of the functions of one namespace that have no request and exceed the number to keep, longest idle first
     * (section 4.10). `retained` says whether an alias still refers to an older generation.
     */
    readonly idle: (
      fnNamespace: string,
      retained: (functionUid: string, generation: number) => boolean
    ) => ReadonlyArray<IdlePod>
    /**
     * Forgets the requests of pods that were last used longer ago than their limit: a lost un-tap must not keep a pod for
     * ever (C12). Gives the pods concerned.
     */
    readonly resetLeaked: (limitOf: (pod: PooledPod) => Duration.Duration) => ReadonlyArray<PooledPod>
    /**
     * Forgets the pod, a shared one for this function alone, if it has no request now and was last used at least
     * `minimumAge` ago (C20). The idle time as just read, or undefined when it was refused.
     */
    readonly removeIfIdle: (
      pod: Pick<PooledPod, "uid" | "fn">,
      minimumAge: Duration.Duration
    ) => Duration.Duration | undefined
    /** Everything known, one entry a generation. */
    readonly snapshot: () => ReadonlyArray<GroupSnapshot>
    /** The same for the generations of one function, oldest first; none for one that nobody asked for. */
    readonly ofFunction: (functionUid: string) => ReadonlyArray<GroupSnapshot>
  }
>()("fission-executor/caches/PoolCache") {
  /** An empty cache. */
  static readonly layer: Layer.Layer<PoolCache> = Layer.effect(
    PoolCache,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const services = yield* Effect.context<never>()
      const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
      const index = PoolIndex.make(now)

      const recordRunning = FunctionSeries.make(runningSeconds, services)
      const forget = (entry: PoolGroup.PodEntry) => {
        index.delete(entry)
        recordRunning(entry.group.fn, (entry.usedAt - entry.createdAt) / 1000)
      }

      const { admit, give, giveBack, reserve, store } = PoolAdmission.make({
        now,
        index,
        forget,
        countRejection: FunctionSeries.make(PoolAdmission.rejections, services),
        onSurplusRelease: (pod) => Effect.runSyncWith(services)(reportSurplusRelease(pod))
      })

      const idleFor = (entry: PoolGroup.PodEntry) => Duration.millis(now() - entry.usedAt)

      const idle = (fnNamespace: string, retained: (functionUid: string, generation: number) => boolean) =>
        index
          .inNamespace(fnNamespace)
          .flatMap((group) => {
            index.collect(group)
            const isReferred = () => retained(group.fn.uid, group.fn.generation)
            return PoolGroup.surplus(group, PoolGroup.retention(group, index.isNewest(group), isReferred))
          })
          .map((entry) => ({ pod: entry.pod, idleFor: idleFor(entry), deleted: entry.group.deleted }))
          .toSorted((left, right) => Duration.Order(right.idleFor, left.idleFor))

      const resetLeaked = (limitOf: (pod: PooledPod) => Duration.Duration) => {
        const leaked = index
          .groups()
          .flatMap((group) => [...group.pods.values()])
          .filter((entry) => entry.active > 0 && Duration.isGreaterThan(idleFor(entry), limitOf(entry.pod)))
        for (const entry of leaked) entry.active = 0
        for (const entry of leaked) give(entry.group)
        return leaked.map((entry) => entry.pod)
      }

      return PoolCache.of({
        admit,
        reserve,
        adopt: (pod, { requestsPerPod, retainPods }) => {
          if (index.byUid(pod.uid).length > 0) return
          const group = index.obtain(pod.fn)
          group.requestsPerPod = requestsPerPod
          store(group, pod, retainPods)
          give(group)
        },
        unTap: (fn, address) => {
          const own = index.byAddress(normalizeAddress(address)).filter(({ group }) => group.fn.uid === fn.uid)
          const entry = own.find(({ group }) => group.fn.generation === fn.generation) ?? own[0]
          if (entry !== undefined) giveBack(entry)
        },
        touch: (address) => {
          const entries = index.byAddress(normalizeAddress(address))
          for (const entry of entries) entry.usedAt = now()
          return entries.length > 0
        },
        touchAll: (fnNamespace) => {
          for (const { pods } of index.inNamespace(fnNamespace)) for (const entry of pods.values()) entry.usedAt = now()
        },
        setCpuUsage: (address, millicores) => {
          for (const entry of index.byAddress(normalizeAddress(address))) {
            entry.cpuUsage = millicores
            give(entry.group)
          }
        },
        holds: (podUid) => index.byUid(podUid).length > 0,
        remove: (podUid) => {
          const entries = index.byUid(podUid)
          for (const entry of entries) forget(entry)
          return entries.length > 0
        },
        markFunctionDeleted: index.bury,
        idle,
        resetLeaked,
        removeIfIdle: ({ fn, uid }, minimumAge) => {
          const entry = index.find(fn)?.pods.get(uid)
          if (entry === undefined || entry.active > 0) return undefined
          const age = idleFor(entry)
          if (Duration.isLessThan(age, minimumAge)) return undefined
          forget(entry)
          return age
        },
        snapshot: () => index.groups().map((group) => snapshotOf(group, now())),
        ofFunction: (functionUid) => index.ofFunction(functionUid).map((group) => snapshotOf(group, now()))
      })
    })
  )
}

const reportSurplusRelease = (pod: PooledPod) =>
  Effect.logError("a pod got a request back although it has none").pipe(
    Effect.annotateLogs({ namespace: pod.namespace, pod: pod.name, address: pod.address, function: pod.fn.name })
  )

const snapshotOf = (group: PoolGroup.PoolGroup, now: number): GroupSnapshot => {
  const pods = Array.from(group.pods.values(), ({ active, cpuUsage, pod, usedAt }) => ({
    name: pod.name,
    address: pod.address,
    active,
    cpuUsage,
    cpuLimit: pod.cpuLimit,
    idleFor: Duration.millis(now - usedAt)
  }))
  return {
    key: PoolGroup.keyOf(group),
    fn: group.fn,
    n: pods.length,
    active: pods.reduce((sum, pod) => sum + pod.active, 0),
    w: group.pending + group.queue.size,
    q: group.queue.size,
    p: group.pending,
    deleted: group.deleted,
    retain: group.retain,
    requestsPerPod: group.requestsPerPod,
    failure: group.failure && {
      status: group.failure.answer.status,
      text: group.failure.answer.text,
      holdsFor: Duration.millis(Math.max(0, group.failure.validUntil - now))
    },
    pods
  }
}
