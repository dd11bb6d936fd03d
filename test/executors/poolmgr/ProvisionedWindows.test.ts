import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { TestClock } from "effect/testing"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import { type ExecutorServices, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"
import * as ProvisionedWorld from "./ProvisionedWorld.ts"

const window = (start: string, duration: string, target: number, name = "window") => ({ name, start, duration, target })

/** A test of a function with a floor of one and these windows, from that time on. */
const from = <A, E>(
  time: string,
  windows: ReadonlyArray<ReturnType<typeof window>>,
  test: (world: ProvisionedWorld.ProvisionedWorld) => Effect.Effect<A, E, ExecutorServices>
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse(time))
    const world = yield* ProvisionedWorld.make(6, { OBJECT_REAPER_INTERVAL: "600" })
    world.asking({ target: 1, windows }, { idletimeout: 86_400 })
    return yield* running(world, Effect.andThen(settle, test(world)))
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

/** Goes to a time of the day that the executor was started on, and gives how many pods are held then. */
const heldAt = (world: ProvisionedWorld.ProvisionedWorld, time: string) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse(time))
    yield* settle
    return world.held().length
  })

const transitions = Effect.map(Metric.snapshot, (metrics) =>
  metrics.flatMap(({ id, state }) =>
    id === "fission_provisioned_window_transitions_total" && "count" in state ? [state.count] : []
  )
)

it.effect("17: a window that opens holds more, and one that closes holds fewer, at its edges", () =>
  from("2026-06-01T05:55:00Z", [window("CRON_TZ=Europe/Berlin 0 8 * * 1-5", "10m", 4)], (world) =>
    Effect.gen(function* () {
      assert.strictEqual(world.held().length, 1)
      assert.strictEqual(yield* heldAt(world, "2026-06-01T05:59:59Z"), 1)
      assert.strictEqual(yield* heldAt(world, "2026-06-01T06:00:01Z"), 4)
      assert.strictEqual(world.told(), "True ProvisionedSatisfied: 4 of 4, base 1")
      assert.strictEqual(yield* heldAt(world, "2026-06-01T06:09:59Z"), 4)
      assert.strictEqual(yield* heldAt(world, "2026-06-01T06:10:01Z"), 1)
      assert.strictEqual(world.told(), "True ProvisionedSatisfied: 1 of 1, base 1")
      assert.deepStrictEqual(yield* transitions, [2])
    })
  )
)

it.effect("17: a window of target 0 holds nothing, and is no clamp", () =>
  from("2026-06-01T00:00:00Z", [window("CRON_TZ=UTC 10 0 * * *", "10m", 0)], (world) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* heldAt(world, "2026-06-01T00:10:01Z"), 0)
      assert.strictEqual(world.told(), "False ProvisionedDisabled: 0 of 0, base 0")
      assert.strictEqual(yield* heldAt(world, "2026-06-01T00:20:01Z"), 1)
      assert.strictEqual(world.told(), "True ProvisionedSatisfied: 1 of 1, base 1")
    })
  )
)

it.effect("W19: a window with a lower target than the base is told as satisfied, not as clamped", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse("2026-06-01T12:00:00Z"))
    const world = yield* ProvisionedWorld.make(4)
    world.asking({ target: 3, windows: [window("CRON_TZ=UTC 0 12 * * *", "1h", 2)] })
    yield* running(world, settle)
    assert.strictEqual(world.told(), "True ProvisionedSatisfied: 2 of 2, base 3")
  })
)

it.effect("17: a window across midnight holds on both sides of it", () =>
  from("2026-06-01T23:50:00Z", [window("CRON_TZ=UTC 55 23 * * *", "10m", 3)], (world) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* heldAt(world, "2026-06-01T23:55:01Z"), 3)
      assert.strictEqual(yield* heldAt(world, "2026-06-02T00:00:01Z"), 3)
      assert.strictEqual(yield* heldAt(world, "2026-06-02T00:05:01Z"), 1)
    })
  )
)

describe("when the clocks change in New York", () => {
  const newYork = (fields: string) => `CRON_TZ=America/New_York ${fields}`

  it.effect("17: a window of three hours from 01:00 EST ends at 05:00 EDT", () =>
    from("2026-03-08T05:50:00Z", [window(newYork("0 1 * * *"), "3h", 3)], (world) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* heldAt(world, "2026-03-08T06:00:01Z"), 3)
        assert.strictEqual(yield* heldAt(world, "2026-03-08T08:59:59Z"), 3)
        assert.strictEqual(yield* heldAt(world, "2026-03-08T09:00:01Z"), 1)
      })
    )
  )

  it.effect("17: a window in the hour that is skipped does not open", () =>
    from("2026-03-08T06:50:00Z", [window(newYork("30 2 * * *"), "1h", 3)], (world) =>
      Effect.gen(function* () {
        yield* heldAt(world, "2026-03-08T09:00:00Z")
        assert.deepStrictEqual(yield* transitions, [])
        assert.strictEqual(world.held().length, 1)
      })
    )
  )

  it.effect("17: a window in the hour that is repeated opens twice", () =>
    from("2026-11-01T05:20:00Z", [window(newYork("30 1 * * *"), "10m", 3)], (world) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* heldAt(world, "2026-11-01T05:30:01Z"), 3)
        assert.strictEqual(yield* heldAt(world, "2026-11-01T05:40:01Z"), 1)
        assert.strictEqual(yield* heldAt(world, "2026-11-01T06:30:01Z"), 3)
        assert.strictEqual(yield* heldAt(world, "2026-11-01T06:40:01Z"), 1)
        assert.deepStrictEqual(yield* transitions, [4])
      })
    )
  )
})

it.effect("17: an edge is not looked at sooner than ten seconds after the last look", () =>
  from("2026-06-01T05:59:57Z", [window("CRON_TZ=UTC 0 6 * * *", "10m", 3)], (world) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* heldAt(world, "2026-06-01T06:00:05Z"), 1)
      assert.strictEqual(yield* heldAt(world, "2026-06-01T06:00:09Z"), 3)
    })
  )
)

it.effect("a window that stays open for ever costs no writes", () =>
  from("2026-06-01T00:00:00Z", [window("* * * * * *", "1h", 2)], (world) =>
    Effect.gen(function* () {
      const before = writes(world).length
      yield* TestClock.adjust("30 minutes")
      assert.strictEqual(writes(world).length, before)
      assert.strictEqual(world.held().length, 2)
    })
  )
)

it.effect("what a window releases is taken for idle like any other pod", () =>
  Effect.gen(function* () {
    yield* TestClock.setTime(Date.parse("2026-06-01T12:00:00Z"))
    const world = yield* ProvisionedWorld.make(2)
    world.asking({ target: 1, windows: [window("CRON_TZ=UTC 0 12 * * *", "1m", 2)] }, { idletimeout: 60 })
    yield* running(
      world,
      Effect.gen(function* () {
        yield* settle
        assert.strictEqual(world.held().length, 2)
        yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 30 })
        assert.strictEqual(world.api.list(Pods).length, 1)
        assert.strictEqual(world.held().length, 1)
      })
    )
  })
)
