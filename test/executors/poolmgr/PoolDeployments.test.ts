import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { TimeoutError } from "../../../src/Errors.ts"
import { Deployments, Environments, Pods } from "../../../src/fission/ResourceKind.ts"
import { runtimeFingerprint } from "../../../src/fission/RuntimeHash.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle, writes } from "../../fakes/ExecutorInMemory.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** A world with one Environment, whose pool is there; the test goes on in the executor that made it. */
const withPool = <A, E>(
  test: (
    world: ExecutorInMemory.ExecutorInMemory,
    pool: string
  ) => Effect.Effect<A, E, ExecutorInMemory.ExecutorServices>,
  variables: { readonly [name: string]: string } = {}
) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make(variables)
    world.environment({ spec: { poolsize: 2 } })
    return yield* running(
      world,
      Effect.suspend(() => test(world, world.pools()[0]?.metadata.name ?? ""))
    )
  })

const specOf = (world: ExecutorInMemory.ExecutorInMemory) => JSON.parse(JSON.stringify(world.pools()[0]?.["spec"]))

/** A change of one field of the pool's runtime container, as `kubectl edit` makes it. */
const edited = (world: ExecutorInMemory.ExecutorInMemory, image: string) => {
  const { template } = specOf(world)
  const [runtime, ...others] = template.spec.containers
  return { spec: { template: { spec: { containers: [{ ...runtime, image }, ...others] } } } }
}

describe("W20: a pool that somebody edits by hand", () => {
  it.effect("gets its size back", () =>
    withPool((world, pool) =>
      Effect.gen(function* () {
        world.api.merge(Deployments, reference(pool), { spec: { replicas: 7 } })
        yield* settle
        assert.strictEqual(specOf(world).replicas, 2)
      })
    )
  )

  it.effect("gets its template back, by one write", () =>
    withPool((world, pool) =>
      Effect.gen(function* () {
        const before = specOf(world)
        const written = writes(world).length
        world.api.merge(Deployments, reference(pool), edited(world, "node-env:mine"))
        yield* settle
        assert.deepStrictEqual(specOf(world), before)
        yield* TestClock.adjust("30 minutes")
        assert.strictEqual(writes(world).length, written + 1)
      })
    )
  )

  it.effect("keeps what another executor made of a newer state of the Environment", () =>
    withPool((world, pool) =>
      Effect.gen(function* () {
        const environment = world.environment({ spec: { runtime: { image: "node-env:2" } } })
        const annotations = { "fission.io/runtime-fingerprint": runtimeFingerprint(environment) }
        world.api.merge(Deployments, reference(pool), {
          ...edited(world, "node-env:2-mirror"),
          metadata: { annotations }
        })
        yield* TestClock.adjust("1 minute")
        assert.include(JSON.stringify(specOf(world)), "node-env:2-mirror")
      })
    )
  )

  it.effect("keeps the mark of a restart by kubectl", () =>
    withPool((world, pool) =>
      Effect.gen(function* () {
        const restart = { "kubectl.kubernetes.io/restartedAt": "2026-11-24T00:00:00Z" }
        world.api.merge(Deployments, reference(pool), {
          spec: { template: { metadata: { annotations: restart } } }
        })
        yield* settle
        world.api.merge(Deployments, reference(pool), { spec: { replicas: 7 } })
        yield* settle
        assert.strictEqual(specOf(world).replicas, 2)
        assert.deepStrictEqual(specOf(world).template.metadata.annotations, restart)
      })
    )
  )

  it.effect("comes back at once when it is deleted right after it was made", () =>
    withPool((world, pool) =>
      Effect.gen(function* () {
        world.api.remove(Deployments, reference(pool))
        yield* settle
        assert.strictEqual(world.pools().length, 1)
      })
    )
  )
})

it.effect("W08: a label of the Environment enters the template, and the selector stays", () =>
  withPool((world) =>
    Effect.gen(function* () {
      const before = specOf(world)
      world.api.merge(Environments, reference("nodejs"), { metadata: { labels: { team: "a" } } })
      yield* settle
      const after = specOf(world)
      assert.deepStrictEqual(after.selector, before.selector)
      assert.deepInclude(after.template.metadata.labels, { ...before.selector.matchLabels, team: "a" })
    })
  )
)

it.effect("W08: a label of the Environment that the selector demands and that is gone stays in the template", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment()
    world.api.merge(Environments, reference("nodejs"), { metadata: { labels: { team: "a" } } })
    yield* running(
      world,
      Effect.gen(function* () {
        world.api.merge(Environments, reference("nodejs"), { metadata: { labels: { team: null } } })
        yield* settle
        assert.strictEqual(specOf(world).template.metadata.labels.team, "a")
      })
    )
  })
)

it.effect("W09, W10: re-applying a manifest changes neither template nor hash", () =>
  withPool((world) =>
    Effect.gen(function* () {
      const before = specOf(world)
      const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}" }
      world.api.merge(Environments, reference("nodejs"), { metadata: { annotations }, spec: { poolsize: 3 } })
      yield* settle
      assert.deepStrictEqual(specOf(world), { ...before, replicas: 3 })
    })
  )
)

it.effect("W29: a pool in another namespace than its Environment has no owner reference", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make({ FISSION_FUNCTION_NAMESPACE: "functions" })
    world.api.ensureNamespace("functions")
    world.environment()
    yield* running(
      world,
      Effect.sync(() => {
        const [pool] = world.pools("functions")
        assert.strictEqual(pool?.metadata.namespace, "functions")
        assert.strictEqual(pool?.metadata["ownerReferences"], undefined)
      })
    )
  })
)

it.effect("W17: one Environment's pool that cannot be created holds up no other's cold start", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.environment({ name: "slow" })
    const environment = world.environment()
    world.warmPod(environment, "warm-1", "10.0.0.1")
    world.api.intercept((call) => (call.name?.startsWith("poolmgr-slow") === true ? Effect.never : undefined))
    yield* running(
      world,
      Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(ask(world.fn({ name: "waiting", environment: "slow" })))
        yield* settle
        assert.strictEqual((yield* ask(world.fn())).address, "10.0.0.1:8888")
        yield* Fiber.interrupt(waiting)
      })
    )
  })
)

it.effect("W07: a Deployment of no pods, as the stock executor keeps it for size 0, gets one for a request", () =>
  withPool((world, pool) =>
    Effect.gen(function* () {
      let isHeld = true
      world.api.intercept((call) =>
        isHeld && call.verb === "delete"
          ? Effect.fail(new TimeoutError({ ...call, detail: "etcd", kind: "Etcd", outcomeUnknown: false }))
          : undefined
      )
      world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 0 } })
      world.api.merge(Deployments, reference(pool), { spec: { replicas: 0 } })
      yield* settle
      isHeld = false
      const asked = yield* Effect.forkChild(ask(world.fn()))
      yield* settle
      assert.strictEqual(specOf(world).replicas, 1)
      yield* Fiber.interrupt(asked)
    })
  )
)

it.effect("W12: an Environment that is deleted takes its pool and all its pods along, and nobody else's", () =>
  withPool((world, pool) =>
    Effect.gen(function* () {
      const [environment, other] = [world.environment(), world.environment({ name: "python" })]
      world.warmPod(environment, "warm-1", "10.0.0.1")
      world.warmPod(other, "warm-2", "10.0.0.2")
      yield* settle
      yield* ask(world.fn())
      yield* ask(world.fn({ name: "other", environment: "python" }))
      yield* settle
      world.api.remove(Environments, reference("nodejs"))
      yield* settle
      assert.deepStrictEqual([yield* groundsOf(pool), yield* groundsOf("warm-1")], [["OwnerAbsent"], ["OwnerAbsent"]])
      assert.deepStrictEqual([world.pools().length, world.pod("warm-1")], [1, undefined])
      assert.notStrictEqual(world.api.find(Pods, reference("warm-2")), undefined)
    })
  )
)

it.effect("an Environment that is deleted and made again gets a pool of its own, and the old one's goes", () =>
  withPool((world, pool) =>
    Effect.gen(function* () {
      world.api.remove(Environments, reference("nodejs"))
      const again = world.environment()
      yield* settle
      assert.deepStrictEqual(
        world.pools().map(({ metadata }) => metadata.labels?.["environmentUid"]),
        [again.metadata.uid]
      )
      assert.deepStrictEqual(yield* groundsOf(pool), ["OwnerAbsent"])
    })
  )
)
