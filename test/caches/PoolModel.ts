import { assert } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import {
  type Admission,
  type Demand,
  type FunctionGeneration,
  PoolCache,
  type PooledPod,
  type Reservation,
  type Slot
} from "../../src/caches/PoolCache.ts"
import type { FissionError } from "../../src/Errors.ts"
import { finalAnswer, hello, podOf } from "./PoolRequests.ts"

export interface ModelSettings {
  readonly requestsPerPod: number
  /** 0: unlimited. */
  readonly concurrency: number
  /** Every function is loaded into one pod. */
  readonly shared: boolean
}

const keyOf = (fn: FunctionGeneration) => `${fn.uid}_${fn.generation}`

/**
 * Requests of two functions at a cache, and what each of them must hold by now, kept apart from what the cache says.
 * Every step lets the requests go on that it answered; `check` compares the two.
 */
export const makeModel = Effect.fnUntraced(function* ({ shared, ...settings }: ModelSettings) {
  const cache = yield* PoolCache
  const functions = [hello, { ...hello, uid: "uid-other", name: "other" }]
  const waiting: Array<Fiber.Fiber<Admission, FissionError>> = []
  const owned: Array<{ readonly demand: Demand; readonly reservation: Reservation }> = []
  const held: Array<Slot> = []
  const pods: Array<PooledPod> = []
  /** Generations with a pod that nobody reserved: these may exceed the concurrency. */
  const adopted = new Set<string>()
  let created = 0

  const at = <A>(items: ReadonlyArray<A>, pick: number): A | undefined => items[pick % Math.max(1, items.length)]
  const takeAt = <A>(items: Array<A>, pick: number): A | undefined =>
    items.splice(pick % Math.max(1, items.length), 1)[0]

  const demandFor = (pick: number): Demand => ({
    fn: at(functions, pick) ?? hello,
    ...settings,
    retainPods: 0,
    inputs: "package"
  })
  const isRecordOf = (pod: PooledPod) => (other: PooledPod) =>
    other.uid === pod.uid && keyOf(other.fn) === keyOf(pod.fn)
  const newPod = (fn: FunctionGeneration) => {
    const name = shared ? (pods[0]?.name ?? `pod-${created++}`) : `pod-${created++}`
    const pod = podOf(name, { fn, cpuLimit: 100, shared })
    if (!pods.some(isRecordOf(pod))) pods.push(pod)
    return pod
  }
  const lose = (pod: PooledPod) => {
    pods.splice(pods.findIndex(isRecordOf(pod)), 1)
    for (const slot of held.filter((slot) => isRecordOf(pod)(slot.pod))) held.splice(held.indexOf(slot), 1)
  }
  const keep = (demand: Demand) => (admission: Admission) =>
    Effect.sync(() => {
      if (admission._tag === "Hit") held.push(admission.slot)
      else owned.push({ demand, reservation: admission.reservation })
    })

  const parked = () => waiting.filter((fiber) => fiber.pollUnsafe() === undefined)
  /** Runs a step; with `leaving`, the client of a parked request goes away before the request can go on. */
  const step = (run: () => void, leaving = false) =>
    Effect.gen(function* () {
      const [first] = parked()
      run()
      if (leaving && first !== undefined) yield* Fiber.interrupt(first)
      yield* Effect.yieldNow
    })

  const check = () => {
    const snapshot = cache.snapshot()
    for (const group of snapshot) {
      const { concurrency, requestsPerPod } = settings
      assert.isAtLeast(group.q, 0)
      assert.strictEqual(group.w, group.q + group.p)
      assert.isAtMost(group.q, group.p * (requestsPerPod - 1), "nobody waits for a pod that does not come")
      assert.strictEqual(group.p, owned.filter(({ demand }) => keyOf(demand.fn) === group.key).length)
      if (concurrency > 0 && !adopted.has(group.key)) assert.isAtMost(group.n + group.p, concurrency)
      for (const pod of group.pods) {
        if (!shared) assert.isAtMost(pod.active, requestsPerPod)
        const own = held.filter((slot) => slot.pod.address === pod.address && keyOf(slot.pod.fn) === group.key)
        assert.strictEqual(pod.active, own.length)
        const isFree = pod.active < requestsPerPod && pod.cpuUsage <= pod.cpuLimit
        assert.isFalse(isFree && group.q > 0, "nobody waits while a pod has a free place")
      }
    }
    const sum = (count: (group: (typeof snapshot)[number]) => number) =>
      snapshot.reduce((total, group) => total + count(group), 0)
    assert.strictEqual(
      sum(({ q }) => q),
      parked().length
    )
    assert.strictEqual(
      sum(({ p }) => p),
      owned.length
    )
    assert.strictEqual(
      sum(({ n }) => n),
      pods.length
    )
  }

  const get = (pick: number) =>
    Effect.gen(function* () {
      const demand = demandFor(pick)
      const request = Effect.tap(cache.admit(demand), keep(demand))
      waiting.push(yield* Effect.forkChild(request, { startImmediately: true }))
      yield* Effect.yieldNow
    })
  const reserve = (pick: number) => {
    const demand = demandFor(pick)
    return cache.reserve(demand, 2).pipe(
      Effect.tap((reservation) => Effect.sync(() => owned.push({ demand, reservation }))),
      Effect.ignore
    )
  }
  const succeed = (pick: number, leaving: boolean) =>
    step(() => {
      const owner = takeAt(owned, pick)
      if (owner === undefined) return
      held.push(owner.reservation.fulfil(newPod(owner.demand.fn)))
      owner.reservation.abandon()
    }, leaving)
  const fail = (pick: number, final: boolean, leaving: boolean) =>
    step(() => {
      const owner = takeAt(owned, pick)
      owner?.reservation.abandon(final ? finalAnswer() : undefined)
      owner?.reservation.abandon()
    }, leaving)
  const adopt = (pick: number, leaving: boolean) =>
    step(() => {
      const { fn, requestsPerPod } = demandFor(pick)
      if (shared) return
      adopted.add(keyOf(fn))
      cache.adopt(newPod(fn), { requestsPerPod, retainPods: 0 })
    }, leaving)
  const release = (pick: number) =>
    step(() => {
      const slot = takeAt(held, pick)
      slot?.release()
      slot?.release()
    })
  const unTap = (pick: number) =>
    step(() => {
      const slot = takeAt(held, pick)
      if (slot === undefined) return
      const { generation, uid } = slot.pod.fn
      cache.unTap({ uid, generation: shared ? generation : pick }, slot.pod.address)
    })
  const leave = (pick: number) =>
    Effect.suspend(() => {
      const fiber = at(parked(), pick)
      return fiber === undefined ? Effect.void : Fiber.interrupt(fiber)
    })
  const remove = (pick: number) =>
    step(() => {
      const pod = at(pods, pick)
      if (pod === undefined) return
      assert.isTrue(cache.remove(pod.uid))
      for (const record of pods.filter(({ uid }) => uid === pod.uid)) lose(record)
    })
  const touch = (pick: number) => step(() => void cache.touch(at(pods, pick)?.address ?? ""))
  const measure = (pick: number, busy: boolean) =>
    step(() => cache.setCpuUsage(at(pods, pick)?.address ?? "", busy ? 101 : 100))
  const reap = (minimumAge: Duration.Duration) =>
    step(() => {
      for (const { idleFor, pod } of cache.idle(hello.namespace, () => false)) {
        const removed = cache.removeIfIdle(pod, minimumAge)
        assert.deepStrictEqual(removed, Duration.isLessThan(idleFor, minimumAge) ? undefined : idleFor)
        if (removed !== undefined) lose(pod)
      }
    })
  const deleteFunction = (pick: number) => step(() => cache.markFunctionDeleted((at(functions, pick) ?? hello).uid))
  /** The next requests of a function are for its next generation. */
  const publish = (pick: number) =>
    step(() => {
      const index = pick % functions.length
      functions.splice(
        index,
        1,
        ...functions.slice(index, index + 1).map((fn) => ({ ...fn, generation: fn.generation + 1 }))
      )
    })

  /** Every creator fails, whoever becomes one included, and every request ends. */
  const settle = Effect.gen(function* () {
    while (owned.length > 0) yield* fail(0, false, false)
    while (held.length > 0) yield* release(0)
  })

  return {
    cache,
    check,
    get,
    reserve,
    succeed,
    fail,
    adopt,
    release,
    unTap,
    leave,
    remove,
    touch,
    measure,
    reap,
    deleteFunction,
    publish,
    settle,
    unanswered: parked
  }
})
