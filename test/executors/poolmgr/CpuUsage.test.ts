import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { PodMetrics, Pods } from "../../../src/fission/ResourceKind.ts"
import { FatalError } from "../../../src/Errors.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running } from "../../fakes/ExecutorInMemory.ts"
import { reference } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

/** One function that takes many requests a pod, and two warm pods of one core each, or without a limit. */
const measured = (limits: { readonly [resource: string]: string } = { cpu: "1" }) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    for (const index of [1, 2]) {
      world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
      const containers = [{ name: "runtime", resources: { limits } }, { name: "fetcher" }]
      world.api.merge(Pods, reference(`warm-${index}`), { spec: { containers } })
    }
    return { ...world, function: world.fn({ spec: { requestsPerPod: 10, concurrency: 10, idletimeout: 7200 } }) }
  })

/** What the metrics server says from now on. */
const uses = (world: World, name: string, cpu: string) =>
  void world.api.put(PodMetrics, {
    metadata: { ...reference(name), labels: { managed: "false" } },
    containers: [
      { name: "runtime", usage: { cpu, memory: "10Mi" } },
      { name: "fetcher", usage: { cpu: "1m" } }
    ]
  })

const lists = (world: World) => world.api.lines("list").filter((line) => line === "list pods default").length

it.effect("a pod that uses more than 85 % of its CPU limits takes no further request until it uses less", () =>
  Effect.gen(function* () {
    const world = yield* measured()
    yield* running(
      world,
      Effect.gen(function* () {
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
        uses(world, "warm-1", "850m")
        yield* TestClock.adjust("34 seconds")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.2:8888")
        uses(world, "warm-1", "100m")
        uses(world, "warm-2", "2")
        yield* TestClock.adjust("34 seconds")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect("W13: pods without a CPU limit are not measured, and whatever they use they take requests", () =>
  Effect.gen(function* () {
    const world = yield* measured({ memory: "1Gi" })
    uses(world, "warm-1", "64")
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        const before = lists(world)
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(lists(world), before)
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
      })
    )
  })
)

it.effect("W14: one list a namespace every 30 s, however many Environments have pods there", () =>
  Effect.gen(function* () {
    const world = yield* measured()
    const other = world.environment({ name: "python" })
    world.warmPod(other, "other-1", "10.0.0.3")
    const containers = [{ name: "runtime", resources: { limits: { cpu: "1" } } }]
    world.api.merge(Pods, reference("other-1"), { spec: { containers } })
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        yield* ask(world.fn({ name: "other", environment: "python" }))
        yield* TestClock.adjust("1 minute")
        const before = lists(world)
        yield* TestClock.adjust("10 minutes")
        assert.approximately(lists(world) - before, 20, 2)
      })
    )
  })
)

it.effect("W14: what was measured is forgotten when nobody measures any more, who is asked every 180 s", () =>
  Effect.gen(function* () {
    const world = yield* measured()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        uses(world, "warm-1", "2")
        yield* TestClock.adjust("34 seconds")
        world.api.intercept((call) =>
          call.verb === "list" && call.resource === "pods"
            ? Effect.fail(new FatalError({ ...call, scope: "resource", detail: "the server could not find it" }))
            : undefined
        )
        yield* TestClock.adjust("34 seconds")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
        const before = lists(world)
        yield* TestClock.adjust("30 minutes")
        assert.approximately(lists(world) - before, 10, 2)
      })
    )
  })
)

it.effect("a pod that is not among what was measured counts as unused", () =>
  Effect.gen(function* () {
    const world = yield* measured()
    yield* running(
      world,
      Effect.gen(function* () {
        yield* ask(world.function)
        uses(world, "warm-1", "2")
        yield* TestClock.adjust("34 seconds")
        world.api.remove(PodMetrics, reference("warm-1"))
        yield* TestClock.adjust("34 seconds")
        assert.strictEqual((yield* ask(world.function)).address, "10.0.0.1:8888")
      })
    )
  })
)
