import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { KubernetesCall } from "../../src/Errors.ts"
import { listing, Outcome, ReflectorState, step } from "../../src/kubernetes/ReflectorState.ts"
import * as Failures from "../fakes/Failures.ts"

const list: KubernetesCall = { verb: "list", resource: "environments", namespace: "team-a" }
const watching = (fields: Partial<Omit<Extract<ReflectorState, { _tag: "Watching" }>, "_tag">> = {}) =>
  ReflectorState.Watching({ resourceVersion: "7", failures: 0, shortStreams: 0, quiet: Duration.zero, ...fields })
const page = (fields: Partial<{ continue: string; objects: number; bytes: number }> = {}) =>
  Outcome.Page({ continue: undefined, resourceVersion: "9", objects: 0, bytes: 0, ...fields })
const ended = (seconds: number, heard = true) =>
  Outcome.StreamEnded({ resourceVersion: "8", lasted: Duration.seconds(seconds), heard })
const failed = (failure: Failures.Failure, seconds = 0, heard = true) =>
  Outcome.StreamFailed({ resourceVersion: "8", lasted: Duration.seconds(seconds), heard, error: failure(list) })
const listFailed = (failure: Failures.Failure) => Outcome.ListFailed({ error: failure(list) })

const isWaiting = (state: ReflectorState) => {
  assert.strictEqual(state._tag, "Waiting")
  if (state._tag !== "Waiting") throw new Error("not waiting")
  return state
}
/** What comes next, after how many milliseconds, and after how many failures. */
const after = (state: ReflectorState, outcome: Outcome, random = 0.5) => {
  const { delay, failures, next } = isWaiting(step(state, outcome, random))
  return { delay: Duration.toMillis(delay), failures, next }
}

describe("listing", () => {
  it("goes on with the next page", () => {
    const next = step(listing(2), page({ continue: "token", objects: 500, bytes: 1000 }), 0)
    assert.deepStrictEqual(
      next,
      ReflectorState.Listing({ continue: "token", limit: 500, failures: 2, watchFailures: 0 })
    )
  })

  it.for([
    { objects: 500, bytes: 16 * 1024 * 1024, limit: 250 },
    { objects: 500, bytes: 8 * 1024 * 1024, limit: 500 },
    { objects: 1, bytes: 64 * 1024 * 1024, limit: 1 },
    { objects: 0, bytes: 100, limit: 500 }
  ])("asks for as many objects as fit into 8 MiB: $objects in $bytes bytes", ({ objects, bytes, limit }) => {
    const next = step(listing(0), page({ continue: "token", objects, bytes }), 0)
    assert.strictEqual(next._tag === "Listing" ? next.limit : undefined, limit)
  })

  it("watches from the list's version after the last page, with its failures forgotten", () => {
    assert.deepStrictEqual(step(listing(4), page(), 0), watching({ resourceVersion: "9" }))
  })

  it("does not forget the failures of the watch that led to it", () => {
    assert.deepStrictEqual(step(listing(6, 5), page(), 0), watching({ resourceVersion: "9", failures: 5 }))
  })

  it("starts again after a failure, later each time", () => {
    const first = after(listing(0), listFailed(Failures.etcdTimeout))
    assert.deepStrictEqual(first, { delay: 400, failures: 1, next: listing(1) })
    const second = after(first.next, listFailed(Failures.etcdTimeout))
    assert.deepStrictEqual(second, { delay: 800, failures: 2, next: listing(2) })
  })

  it("starts again soon, and without a failure, when its continue token is too old", () => {
    const state = ReflectorState.Listing({ continue: "old", limit: 100, failures: 0, watchFailures: 0 })
    assert.deepStrictEqual(after(state, listFailed(Failures.expired)), { delay: 500, failures: 0, next: listing(0) })
  })

  it("counts 410 without a continue token as the failure it is", () => {
    assert.strictEqual(after(listing(0), listFailed(Failures.expired)).failures, 1)
  })
})

describe("watching", () => {
  it("resumes after a clean end, from the last version, within a second", () => {
    assert.deepStrictEqual(after(watching({ failures: 3 }), ended(300)), {
      delay: 550,
      failures: 0,
      next: watching({ resourceVersion: "8" })
    })
  })

  it("resumes after growing pauses while streams end as soon as they are opened", () => {
    const pauses: Array<number> = []
    let state: ReflectorState = watching()
    for (let round = 0; round < 7; round++) {
      const { delay, next } = after(state, ended(1), 0.999999)
      pauses.push(Math.round(delay))
      state = next
    }
    assert.deepStrictEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    assert.strictEqual(Math.round(after(state, ended(5), 0.999999).delay), 1000)
  })

  it("does not take a stream that ends at once for a recovery", () => {
    assert.strictEqual(after(watching({ failures: 3 }), ended(1)).failures, 3)
  })

  it("resumes after a failure, from the last version, later each time", () => {
    const first = after(watching(), failed(Failures.connectionReset))
    assert.deepStrictEqual(first, {
      delay: 400,
      failures: 1,
      next: watching({ resourceVersion: "8", failures: 1 })
    })
    assert.strictEqual(after(first.next, failed(Failures.connectionReset)).delay, 800)
  })

  it("lists again after five failures in a row, and does not start its delays over", () => {
    const { delay, next } = after(watching({ failures: 4 }), failed(Failures.connectionReset))
    assert.strictEqual(delay, 6400)
    assert.deepStrictEqual(next, listing(5, 5))
  })

  it("forgets earlier failures after two healthy minutes", () => {
    assert.strictEqual(after(watching({ failures: 4 }), failed(Failures.connectionReset, 119)).failures, 5)
    assert.strictEqual(after(watching({ failures: 4 }), failed(Failures.connectionReset, 120)).failures, 1)
  })

  it("lists again when its version is too old, later each time it happens", () => {
    const first = after(watching(), failed(Failures.expired))
    assert.deepStrictEqual(first, { delay: 400, failures: 1, next: listing(1, 1) })
    const again = after(step(first.next, page(), 0), failed(Failures.expired))
    assert.strictEqual(again.delay, 800)
  })

  it("lists again when it is in doubt, at once", () => {
    assert.deepStrictEqual(step(watching({ failures: 2 }), Outcome.Doubted(), 0.5), listing(0))
  })

  it("adds up how long streams were open without a word, and lists again after three minutes of it", () => {
    const once = after(watching(), failed(Failures.connectionReset, 100, false))
    assert.deepStrictEqual(once.next, watching({ resourceVersion: "8", failures: 1, quiet: Duration.seconds(100) }))
    assert.deepStrictEqual(after(once.next, failed(Failures.connectionReset, 80, false)).next, listing(2, 2))
    assert.deepStrictEqual(after(once.next, ended(80, false)).next, listing(0))
    const heard = after(once.next, failed(Failures.connectionReset, 80, true))
    assert.deepStrictEqual(heard.next, watching({ resourceVersion: "8", failures: 2 }))
  })
})

describe("waiting", () => {
  it("goes on with what it waited for", () => {
    const { next } = after(watching(), ended(300))
    assert.strictEqual(step(step(watching(), ended(300), 0), Outcome.Waited(), 0)._tag, next._tag)
  })
})

it("an outcome that nobody asked for changes nothing", () => {
  const states: ReadonlyArray<ReflectorState> = [listing(1), watching(), step(watching(), ended(9), 0)]
  for (const state of states) {
    const outcomes =
      state._tag === "Listing"
        ? [ended(1), Outcome.Waited(), Outcome.Doubted()]
        : state._tag === "Watching"
          ? [page(), Outcome.Waited()]
          : [page(), ended(1), Outcome.Doubted()]
    for (const outcome of outcomes) assert.strictEqual(step(state, outcome, 0.5), state)
  }
})
