import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import type { KubernetesCall } from "../../src/Errors.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import { ConfigMaps, Environments, FunctionAliases, Functions, Secrets } from "../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

const isPodPatch = ({ resource, verb }: KubernetesCall) => verb === "patch" && resource === "pods"
const isPodDelete = ({ resource, verb }: KubernetesCall) => verb === "delete" && resource === "pods"

type World = Effect.Success<typeof ExecutorInMemory.warmWorld>

const running = (
  seed: string,
  test: (world: World) => Effect.Effect<void, unknown, ExecutorInMemory.ExecutorServices>
) =>
  Effect.flatMap(ExecutorInMemory.warmWorld, (world) =>
    ExecutorInMemory.running(world, Effect.orDie(test(world)))
  ).pipe(Random.withSeed(seed))

/** One pod, whose request has ended. */
const served = ({ function: fn }: World) => Effect.flatMap(ExecutorInMemory.ask(fn), ({ release }) => release)

describe("boot", () => {
  it.effect("B1: readiness names the custom resources that the server does not serve", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.warmWorld
      world.api.intercept((call) =>
        ["functions", "environments"].includes(call.resource)
          ? Effect.fail(Failures.answered(404, "NotFound", "the server could not find the requested resource")(call))
          : undefined
      )
      yield* ExecutorInMemory.running(
        world,
        Effect.gen(function* () {
          const dispatcher = yield* Dispatcher
          yield* seconds(30)
          assert.isFalse(yield* dispatcher.ready)
          assert.sameMembers([...dispatcher.missingDefinitions()], ["environments.fission.io", "functions.fission.io"])
          world.api.intercept()
          yield* seconds(400)
          assert.isTrue(yield* dispatcher.ready)
          assert.deepStrictEqual(dispatcher.missingDefinitions(), [])
        })
      )
    }).pipe(Random.withSeed("B1"))
  )
})

describe("the request path", () => {
  it.effect("P7: Secrets and ConfigMaps of a function cost no call", () =>
    running("P7", (world) =>
      Effect.gen(function* () {
        const mounted = { namespace: "default", name: "token" }
        for (const kind of [Secrets, ConfigMaps]) world.api.put(kind, { metadata: mounted })
        const fn = world.fn({ name: "mounts", spec: { secrets: [mounted], configmaps: [mounted] } })
        yield* seconds(1)
        const before = world.api.lines().length
        yield* ExecutorInMemory.ask(fn)
        const reads = world.api.lines().slice(before)
        assert.deepStrictEqual(
          reads.filter((line) => line.startsWith("get") || line.startsWith("list")),
          []
        )
      })
    )
  )

  it.effect("P10: a pod serves although its last patch fails, which is written when it can be", () =>
    running("P10", (world) =>
      Effect.gen(function* () {
        let patches = 0
        world.api.intercept((call) =>
          isPodPatch(call) && ++patches > 1 ? Effect.fail(Failures.etcdTimeout(call)) : undefined
        )
        const first = yield* ExecutorInMemory.ask(world.function)
        yield* first.release
        yield* seconds(90)
        const again = yield* ExecutorInMemory.ask(world.function)
        assert.strictEqual(again.address, first.address)
        const labelsOf = () => world.pod("warm-1")?.metadata.labels
        assert.notProperty(labelsOf(), "fission.io/served")
        world.api.intercept()
        yield* seconds(60)
        assert.propertyVal(labelsOf(), "fission.io/served", "true")
      })
    )
  )
})

describe("what no longer fits", () => {
  it.effect("P15: the pods of a changed function go one by one, whichever of them fails to be deleted", () =>
    running("P15", (world) =>
      Effect.gen(function* () {
        const fn = world.fn({ name: "two", spec: { requestsPerPod: 1 } })
        yield* seconds(1)
        for (const { release } of [yield* ExecutorInMemory.ask(fn), yield* ExecutorInMemory.ask(fn)]) yield* release
        yield* seconds(2)
        let failures = 3
        world.api.intercept((call) =>
          isPodDelete(call) && failures-- > 0 ? Effect.fail(Failures.gatewayTimeout(call)) : undefined
        )
        world.api.merge(Functions, { namespace: "default", name: "two" }, { spec: { functionTimeout: 61 } })
        for (const index of [3, 4]) world.warmPod(world.environment(), `warm-${index}`, `10.0.0.${index}`)
        yield* Effect.repeat(seconds(60), { times: 6 })
        assert.deepStrictEqual([world.pod("warm-1"), world.pod("warm-2")], [undefined, undefined])
      })
    )
  )

  it.effect(
    "P18, P20: the specialized pods of an Environment that is gone are deleted with it, after failures too",
    () =>
      running("P18", (world) =>
        Effect.gen(function* () {
          yield* served(world)
          yield* seconds(2)
          let failures = 3
          world.api.intercept((call) =>
            isPodDelete(call) && failures-- > 0 ? Effect.fail(Failures.etcdTimeout(call)) : undefined
          )
          world.api.remove(Environments, { namespace: "default", name: "nodejs" })
          yield* seconds(60)
          const left = ["warm-1", "warm-2"].filter((name) => world.pod(name)?.metadata.labels?.["managed"] === "false")
          assert.deepStrictEqual(left, [])
          assert.deepStrictEqual(world.pools(), [])
        })
      )
  )

  it.effect(
    "R8: 18.5: older generations stay while nobody can list the aliases, and go when no alias leads to them",
    () =>
      Effect.gen(function* () {
        const world = yield* ExecutorInMemory.warmWorld
        const brief = { idletimeout: 5, functionTimeout: 5 }
        const fn = world.fn({ spec: brief })
        world.api.intercept((call) =>
          call.resource === FunctionAliases.plural ? Effect.fail(Failures.forbidden(call)) : undefined
        )
        yield* ExecutorInMemory.running(
          world,
          Effect.gen(function* () {
            yield* (yield* Effect.orDie(ExecutorInMemory.ask(fn))).release
            yield* seconds(2)
            const changed = world.fn({ spec: { ...brief, concurrency: 9 } })
            // It stays in use, so that the other one stays old.
            yield* Effect.orDie(ExecutorInMemory.ask(changed))
            yield* Effect.repeat(seconds(60), { times: 30 })
            const olderPods = () =>
              ["warm-1", "warm-2"].filter(
                (name) =>
                  world.pod(name)?.metadata.labels?.["fission.io/function-generation"] ===
                  String(fn.metadata.generation)
              ).length
            assert.strictEqual(olderPods(), 1)
            world.api.intercept()
            yield* Effect.repeat(seconds(60), { times: 10 })
            assert.strictEqual(olderPods(), 0)
          })
        )
      }).pipe(Random.withSeed("R8"))
  )
})
