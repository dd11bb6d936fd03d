import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { WarmPods } from "../../../src/executors/poolmgr/WarmPods.ts"
import type { Pod } from "../../../src/fission/Workloads.ts"

const podOf = (name: string): Pod => ({ metadata: { name, uid: `uid-${name}` } })

/** A pool whose pods come and go as a test says. */
const poolOf = (...names: ReadonlyArray<string>) => {
  const pods = names.map(podOf)
  let looks = 0
  return {
    pods,
    looks: () => looks,
    source: {
      pool: "uid-nodejs",
      pods: () => {
        looks++
        return pods
      },
      prefers: (pod: Pod) => !pod.metadata.name.startsWith("old")
    }
  }
}

const nameOf = (pod: Pod) => pod.metadata.name

const take = (pool: ReturnType<typeof poolOf>) =>
  Effect.flatMap(WarmPods, (warmPods) => Effect.map(warmPods.take(pool.source), nameOf))

it.effect("W06: pods of the current template go before those of an outgoing one, which are better than none", () =>
  Effect.gen(function* () {
    const pool = poolOf("old-1", "new-1", "new-2")
    assert.deepStrictEqual([yield* take(pool), yield* take(pool), yield* take(pool)], ["new-1", "new-2", "old-1"])
  }).pipe(Effect.provide(WarmPods.layer))
)

it.effect("W02: a pod that is given back goes to the oldest that waits", () =>
  Effect.gen(function* () {
    const warmPods = yield* WarmPods
    const pool = poolOf("warm-1")
    assert.strictEqual(yield* take(pool), "warm-1")
    const waiting = yield* Effect.forEach([1, 2], () => Effect.forkChild(take(pool), { startImmediately: true }))
    warmPods.release("uid-warm-1")
    yield* Effect.yieldNow
    assert.deepStrictEqual(
      waiting.map((fiber) => fiber.pollUnsafe() !== undefined),
      [true, false]
    )
  }).pipe(Effect.provide(WarmPods.layer))
)

it.effect("W02: what a request was handed just as it left goes to the next", () =>
  Effect.gen(function* () {
    const warmPods = yield* WarmPods
    const pool = poolOf()
    const [first, second] = yield* Effect.forEach([1, 2], () =>
      Effect.forkChild(take(pool), { startImmediately: true })
    )
    yield* Fiber.interrupt(first ?? (yield* Effect.die("no fiber")))
    pool.pods.push(podOf("warm-1"))
    warmPods.wake("uid-nodejs")
    assert.strictEqual(yield* Fiber.join(second ?? (yield* Effect.die("no fiber"))), "warm-1")
  }).pipe(Effect.provide(WarmPods.layer))
)

it.effect("gives a pod that nobody waits for at once, and none that somebody has or waits for", () =>
  Effect.gen(function* () {
    const warmPods = yield* WarmPods
    const pool = poolOf("warm-1")
    assert.strictEqual(warmPods.takeFree(pool.source)?.metadata.name, "warm-1")
    assert.isTrue(warmPods.isTaken("uid-warm-1"))
    assert.isUndefined(warmPods.takeFree(pool.source))
    const waiting = yield* Effect.forkChild(take(pool), { startImmediately: true })
    pool.pods.push(podOf("warm-2"))
    assert.isUndefined(warmPods.takeFree(pool.source))
    warmPods.wake("uid-nodejs")
    assert.strictEqual(yield* Fiber.join(waiting), "warm-2")
  }).pipe(Effect.provide(WarmPods.layer))
)

it.effect("looks at the pool once for each of 500 requests that wait, and once for each pod that comes", () =>
  Effect.gen(function* () {
    const warmPods = yield* WarmPods
    const pool = poolOf()
    const waiting = yield* Effect.forEach(Array.from({ length: 500 }), () =>
      Effect.forkChild(take(pool), { startImmediately: true })
    )
    assert.strictEqual(pool.looks(), 500)
    for (const index of waiting.keys()) {
      pool.pods.push(podOf(`warm-${index}`))
      warmPods.wake("uid-nodejs")
    }
    const names = yield* Effect.forEach(waiting, Fiber.join)
    assert.deepStrictEqual(
      names,
      names.map((_, index) => `warm-${index}`)
    )
    assert.isAtMost(pool.looks(), 1500)
  }).pipe(Effect.provide(WarmPods.layer))
)
