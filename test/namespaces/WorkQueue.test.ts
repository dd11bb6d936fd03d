import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Exit, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import * as WorkQueue from "../../src/namespaces/WorkQueue.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import { etcdTimeout, forbidden } from "../fakes/Failures.ts"
import { withRandom } from "../fakes/FixedRandom.ts"
import { afterWarmUp } from "../../src/kubernetes/Classify.ts"

const key = (name: string): WorkQueue.WorkKey => ({ handler: "function", name })
const call: KubernetesCall = { verb: "patch", resource: "pods", namespace: "team-a", name: "pod-1" }
const seconds = Effect.map(Clock.currentTimeMillis, (millis) => millis / 1000)

/** Lets seconds pass in steps so small that only a few items are due in each. */
const pass = (seconds: number) => Effect.repeat(TestClock.adjust("10 millis"), { times: seconds * 100 - 1 })

/** A queue that is being worked on, and what was handled when (seconds). */
const worked = (
  handle: (name: string, queue: WorkQueue.WorkQueue) => Effect.Effect<void, WorkQueue.WorkError>,
  probeIn?: () => Duration.Duration | undefined
) =>
  Effect.gen(function* () {
    const queue = yield* WorkQueue.make("team-a", probeIn)
    const handled: Array<readonly [name: string, at: number]> = []
    const run = queue.run(({ name }) =>
      Effect.andThen(
        Effect.map(seconds, (at) => void handled.push([name, at])),
        Effect.suspend(() => handle(name, queue))
      )
    )
    return { queue, handled, run, fiber: yield* Effect.forkChild(run) }
  })

describe("a queue", () => {
  it.effect("handles a key once however often it was enqueued while it waited", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked(() => Effect.void)
      for (const name of ["a", "b", "a", "a"]) queue.enqueue(key(name))
      assert.strictEqual(queue.size(), 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(handled, [
        ["a", 0],
        ["b", 0]
      ])
      assert.strictEqual(queue.size(), 0)
    })
  )

  it.effect("handles a key once more when it was enqueued while it was being handled", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked(() => Effect.sleep("10 seconds"))
      queue.enqueue(key("a"))
      yield* TestClock.adjust("5 seconds")
      queue.enqueue(key("a"))
      queue.enqueue(key("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(handled, [
        ["a", 0],
        ["a", 10]
      ])
    })
  )

  it.effect("leaves what it is not asked to handle to a later run", () =>
    Effect.gen(function* () {
      const queue = yield* WorkQueue.make("team-a")
      const handled: Array<string> = []
      const handle = ({ name }: WorkQueue.WorkKey) => Effect.sync(() => void handled.push(name))
      for (const name of ["a", "b", "c"]) queue.enqueue(key(name))
      const some = yield* Effect.forkChild(queue.run(handle, ({ name }) => name === "b"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(handled, ["b"])
      yield* Fiber.interrupt(some)
      yield* Effect.forkChild(queue.run(handle))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(handled, ["b", "a", "c"])
    })
  )

  it.effect("handles four keys at a time and never one key twice at a time", () =>
    Effect.gen(function* () {
      let running = 0
      let most = 0
      const { queue } = yield* worked(() =>
        Effect.acquireUseRelease(
          Effect.sync(() => (most = Math.max(most, ++running))),
          () => Effect.sleep("1 second"),
          () => Effect.sync(() => running--)
        )
      )
      for (let index = 0; index < 10; index++) queue.enqueue(key(`item-${index}`))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(most, 4)
      assert.strictEqual(queue.size(), 0)
    })
  )

  it.effect("handles a key after a delay, or earlier when somebody enqueues it", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked(() => Effect.void)
      yield* queue.enqueueAfter(key("later"), Duration.seconds(60))
      yield* queue.enqueueAfter(key("sooner"), Duration.seconds(60))
      yield* TestClock.adjust("20 seconds")
      queue.enqueue(key("sooner"))
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(handled, [
        ["sooner", 20],
        ["later", 60]
      ])
    })
  )

  it.effect("lets a handler ask for its own key again after a delay", () =>
    Effect.gen(function* () {
      let looks = 0
      const { handled, queue } = yield* worked((name, queue) =>
        looks++ === 0 ? queue.enqueueAfter(key(name), Duration.seconds(60)) : Effect.void
      )
      queue.enqueue(key("owner"))
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(handled, [
        ["owner", 0],
        ["owner", 60]
      ])
      assert.strictEqual(queue.size(), 0)
    })
  )
})

describe("a failed item", () => {
  it.effect("comes back by itself, later each time, and starts over after a success", () =>
    Effect.gen(function* () {
      let failures = 4
      const { handled, queue } = yield* worked(() => (failures-- > 0 ? Effect.fail(etcdTimeout(call)) : Effect.void))
      queue.enqueue(key("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        handled.map(([, at]) => at),
        [0, 0.5, 1.5, 3.5, 7.5]
      )
      failures = 1
      queue.enqueue(key("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        handled.slice(5).map(([, at]) => at),
        [60, 60.5]
      )
    }).pipe(withRandom(0.5))
  )

  it.effect("waits five minutes when nothing but a person can heal it", () =>
    Effect.gen(function* () {
      const refused = forbidden(call)
      const fatal = refused._tag === "KubernetesTimeoutError" ? afterWarmUp(refused) : refused
      const { handled, queue } = yield* worked(() => Effect.fail(fatal))
      queue.enqueue(key("a"))
      yield* TestClock.adjust("301 seconds")
      assert.deepStrictEqual(
        handled.map(([, at]) => at),
        [0, 300]
      )
    }).pipe(withRandom(0.5))
  )

  it.effect("is named once with what happens next, and once more when it succeeds", () =>
    Effect.gen(function* () {
      const log = yield* CapturedLog.make
      let failures = 3
      yield* Effect.gen(function* () {
        const { queue } = yield* worked(() => (failures-- > 0 ? Effect.fail(etcdTimeout(call)) : Effect.void))
        queue.enqueue(key("a"))
        yield* TestClock.adjust("1 minute")
      }).pipe(Effect.provide(log.layer))
      assert.deepStrictEqual(log.of("team-a", "Info", "Warn"), [
        {
          level: "Warn",
          message: "work failed and will be tried again",
          fields: {
            namespace: "team-a",
            work: "function/a",
            verb: "patch",
            resource: "pods",
            name: "pod-1",
            class: "TimeoutError.Etcd",
            kind: "Etcd",
            error: "KubernetesTimeoutError",
            detail: "patch pods team-a/pod-1: etcdserver: request timed out (HTTP 500) [Etcd]",
            failures: 1,
            nextAttemptIn: "500ms"
          }
        },
        {
          level: "Info",
          message: "work succeeded again",
          fields: { namespace: "team-a", work: "function/a", failures: 3 }
        }
      ])
    }).pipe(withRandom(0.5))
  )

  it.effect("does not hold up the others", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked((name) =>
        name === "bad" ? Effect.fail(etcdTimeout(call)) : Effect.void
      )
      queue.enqueue(key("bad"))
      yield* TestClock.adjust("10 minutes")
      queue.enqueue(key("good"))
      yield* TestClock.adjust(0)
      assert.deepInclude(handled, ["good", 600])
    }).pipe(withRandom(0.999))
  )

  it.effect("is repeated at most once a second with all others of its namespace, once the budget is spent", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked(() => Effect.fail(etcdTimeout(call)))
      for (let index = 0; index < 100; index++) queue.enqueue(key(`item-${index}`))
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 599 })
      const retries = handled.length - 100
      assert.isTrue(retries > 550 && retries <= 20 + 600, `${retries} retries in 600 seconds`)
    }).pipe(withRandom(0.01))
  )

  it.effect("comes back within five seconds of a recovery", () =>
    Effect.gen(function* () {
      let fails = true
      const { handled, queue } = yield* worked(() => (fails ? Effect.fail(etcdTimeout(call)) : Effect.void))
      for (const name of ["a", "b", "c"]) queue.enqueue(key(name))
      yield* TestClock.adjust("5 minutes")
      fails = false
      const before = handled.length
      const recoveredAt = yield* seconds
      yield* queue.releaseAll
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        handled
          .slice(before)
          .map(([name]) => name)
          .toSorted(),
        ["a", "b", "c"]
      )
      assert.strictEqual(queue.size(), 0)
      assert.isTrue(new Set(handled.slice(before).map(([, at]) => at - recoveredAt)).size > 1, "not spread")
    }).pipe(Random.withSeed("release"))
  )
})

describe("a namespace whose calls are refused", () => {
  const probeIn = () => Duration.millis(300)

  it.effect("has one item ask for all once a second, however long each of them waits", () =>
    Effect.gen(function* () {
      const { handled, queue } = yield* worked(() => Effect.fail(etcdTimeout(call)), probeIn)
      for (const name of ["a", "b", "c"]) queue.enqueue(key(name))
      yield* pass(600)
      const before = handled.length
      yield* pass(60)
      const asked = handled.slice(before)
      // Each comes back by itself once a minute besides.
      assert.isTrue(asked.length >= 50 && asked.length <= 80, `${asked.length} times in a minute`)
      assert.strictEqual(new Set(asked.map(([name]) => name)).size, 3)
    }).pipe(Random.withSeed("scout"))
  )

  it.effect("has no item ask that waits for a person", () =>
    Effect.gen(function* () {
      const refused = forbidden(call)
      const fatal = refused._tag === "KubernetesTimeoutError" ? afterWarmUp(refused) : refused
      const { handled, queue } = yield* worked(() => Effect.fail(fatal), probeIn)
      queue.enqueue(key("a"))
      yield* TestClock.adjust("299 seconds")
      assert.strictEqual(handled.length, 1)
    }).pipe(withRandom(0.5))
  )

  it.effect("is released at fifty items a second when it answers again, so that a few go at once", () =>
    Effect.gen(function* () {
      let fails = true
      const { handled, queue } = yield* worked(() => (fails ? Effect.fail(etcdTimeout(call)) : Effect.void))
      for (let index = 0; index < 100; index++) queue.enqueue(key(`item-${index}`))
      yield* pass(600)
      fails = false
      const before = handled.length
      yield* queue.releaseAll
      yield* pass(1)
      assert.approximately(handled.length - before, 50, 15)
      yield* pass(1)
      assert.strictEqual(handled.length - before, 100)
    }).pipe(Random.withSeed("rate"))
  )

  it.effect("owes no retries any more when it answers again", () =>
    Effect.gen(function* () {
      let failures = 1000
      const { handled, queue } = yield* worked(() => (failures-- > 0 ? Effect.fail(etcdTimeout(call)) : Effect.void))
      for (let index = 0; index < 150; index++) queue.enqueue(key(`item-${index}`))
      yield* pass(2)
      failures = 0
      yield* queue.releaseAll
      yield* pass(5)
      failures = 1
      queue.enqueue(key("late"))
      yield* pass(5)
      assert.strictEqual(handled.filter(([name]) => name === "late").length, 2)
    }).pipe(withRandom(0.5))
  )
})

describe("a defect", () => {
  it.effect("ends the run, and the next one handles the item again", () =>
    Effect.gen(function* () {
      let bugs = 1
      const { fiber, handled, queue, run } = yield* worked(() =>
        bugs-- > 0 ? Effect.die(new Error("a bug")) : Effect.void
      )
      queue.enqueue(key("a"))
      yield* TestClock.adjust(0)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.isFailure(exit))
      assert.strictEqual(queue.size(), 1)
      yield* Effect.forkChild(run)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(handled.length, 2)
      assert.strictEqual(queue.size(), 0)
    }).pipe(withRandom(0.5))
  )

  it.effect("loses none of the items that were being handled beside it", () =>
    Effect.gen(function* () {
      const beside = yield* Deferred.make<void>()
      let first = true
      const { handled, queue, run } = yield* worked((name) => {
        if (!first) return Effect.void
        if (name === "beside") return Effect.andThen(Deferred.succeed(beside, undefined), Effect.never)
        return Effect.andThen(Deferred.await(beside), Effect.die(new Error("a bug")))
      })
      queue.enqueue(key("beside"))
      queue.enqueue(key("broken"))
      yield* TestClock.adjust(0)
      first = false
      yield* Effect.forkChild(run)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(
        handled
          .slice(2)
          .map(([name]) => name)
          .toSorted(),
        ["beside", "broken"]
      )
      assert.strictEqual(queue.size(), 0)
    })
  )

  it.effect("of one item comes back later each time, so that the others get their turn", () =>
    Effect.gen(function* () {
      const { handled, queue, run } = yield* worked(() => Effect.die(new Error("a bug")))
      queue.enqueue(key("a"))
      yield* Effect.forever(Effect.andThen(Effect.exit(run), Effect.sleep("1 millis"))).pipe(Effect.forkChild)
      yield* TestClock.adjust("1 hour")
      assert.isTrue(handled.length < 40, `${handled.length} times in an hour`)
    }).pipe(withRandom(0.5))
  )
})

it.effect("an interruption from within a handler is a failure of that item alone", () =>
  Effect.gen(function* () {
    let interrupted = 1
    const { fiber, handled, queue } = yield* worked(() => (interrupted-- > 0 ? Effect.interrupt : Effect.void))
    queue.enqueue(key("a"))
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(handled.length, 2)
    assert.isUndefined(fiber.pollUnsafe())
  }).pipe(withRandom(0.5))
)
