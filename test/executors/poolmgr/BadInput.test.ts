import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { FissionError } from "../../../src/Errors.ts"
import { ConfigMaps, Deployments, Pods, Secrets } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"

const reference = (name: string) => ({ namespace: "default", name })

/** What the first request of a function is answered in the end, if the one pod of its pool says this. */
const refusedWith = (
  status: { readonly [field: string]: unknown },
  check: (error: FissionError) => void,
  change: (world: ExecutorInMemory.ExecutorInMemory) => void = () => {}
) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const none = { phase: "Pending", podIP: "", containerStatuses: [] }
    world.api.merge(Pods, reference("warm-1"), { status: { ...none, ...status } })
    yield* running(
      world,
      Effect.gen(function* () {
        change(world)
        const asked = yield* Effect.forkChild(Effect.flip(ask(world.fn())))
        yield* TestClock.adjust("129 seconds")
        const error = yield* Fiber.join(asked)
        assert.strictEqual(error.status, 500)
        assert.include(error.text, "[hello] error creating service for function: timeout: waited too long")
        check(error)
      })
    )
  })

describe("a pool that has no Ready pod", () => {
  it.effect("says that its pods cannot be scheduled", () => {
    const message = "0/3 nodes are available: 3 Insufficient memory."
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }]
    return refusedWith({ conditions }, ({ text }) => assert.include(text, `(pod warm-1: ${message})`))
  })

  it.effect("says that its image cannot be pulled", () => {
    const waiting = { reason: "ImagePullBackOff", message: 'Back-off pulling image "no/such:1"' }
    return refusedWith({ containerStatuses: [{ name: "nodejs", ready: false, state: { waiting } }] }, ({ text }) =>
      assert.include(text, `(pod warm-1, container nodejs: ${waiting.reason} ${waiting.message})`)
    )
  })

  it.effect("says that its pods may not be made", () => {
    const message = 'pods "x" is forbidden: exceeded quota: team'
    return refusedWith(
      {},
      ({ text }) => assert.include(text, message),
      (world) => {
        const conditions = [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }]
        world.api.merge(Deployments, reference(world.pools()[0]?.metadata.name ?? ""), { status: { conditions } })
      }
    )
  })

  it.effect("blames nothing on a pod that has left it", () =>
    refusedWith(
      { message: "node is gone" },
      ({ text }) => assert.notInclude(text, "node is gone"),
      (world) => void world.api.merge(Pods, reference("warm-1"), { metadata: { labels: { managed: "false" } } })
    )
  )
})

it.effect("negative numbers: one request a pod, no limit of pods, nothing kept", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    const fn = world.fn({ spec: { requestsPerPod: -3, concurrency: -1, retainPods: -2, idletimeout: -5 } })
    yield* running(
      world,
      Effect.gen(function* () {
        const services = [yield* ask(fn), yield* ask(fn)]
        assert.sameMembers(
          services.map(({ address }) => address),
          ["10.0.0.1:8888", "10.0.0.2:8888"]
        )
        for (const { release } of services) yield* release
        yield* TestClock.adjust("3 minutes")
        assert.deepStrictEqual([world.pod("warm-1"), world.pod("warm-2")], [undefined, undefined])
      })
    )
  })
)

it.effect("an Environment with a name of 63 characters has a pool and serves", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const name = "e".repeat(63)
    world.warmPod(world.environment({ name }), "warm-1", "10.0.0.1")
    yield* running(
      world,
      Effect.gen(function* () {
        assert.strictEqual((yield* ask(world.fn({ environment: name }))).address, "10.0.0.1:8888")
        assert.isAtMost(world.pools()[0]?.metadata.name?.length ?? 64, 63)
      })
    )
  })
)

it.effect("an Environment of another namespace is refused, and nothing is asked for it", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: "default,team-a" })
    world.environment({ namespace: "team-a" })
    const fn = world.fn({ spec: { environment: { name: "nodejs", namespace: "team-a" } } })
    yield* running(
      world,
      Effect.gen(function* () {
        const before = world.api.lines().length
        const error = yield* Effect.flip(ask(fn))
        assert.strictEqual(
          error.text,
          "[hello] error creating service for function: cross-namespace environment reference is not allowed: fn.namespace=default env.namespace=team-a"
        )
        yield* ExecutorInMemory.settle
        const told = world.api.lines().slice(before)
        assert.deepStrictEqual(
          told.map((line) => line.split(" ", 2).join(" ")),
          ["patch functions/status", "create events"]
        )
      })
    )
  })
)

it.effect("W38: a Secret of another namespace costs no warm pod", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const fn = world.fn({ spec: { secrets: [{ name: "nope", namespace: "team-a" }] } })
    yield* running(
      world,
      Effect.gen(function* () {
        const error = yield* Effect.flip(ask(fn))
        assert.strictEqual(error.status, 500)
        assert.include(error.text, "secret nope must be in same namespace as function namespace")
        assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["managed"], "true")
      })
    )
  })
)

describe("W38: what a function lists is looked for in the view, before a pod is taken", () => {
  const lists = {
    configmaps: [{ name: "app", namespace: "default" }],
    secrets: [{ name: "db", namespace: "default" }]
  }

  it.effect("and where it is not there, no pod is spent and nothing is asked", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      world.api.put(ConfigMaps, { metadata: reference("app") })
      const fn = world.fn({ spec: lists })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* settle
          const before = world.api.lines("get").length
          const error = yield* Effect.flip(ask(fn))
          assert.strictEqual(
            error.text,
            "[hello] error creating service for function: secret db must be in same namespace as function namespace: there is none"
          )
          assert.strictEqual(world.pod("warm-1")?.metadata.labels?.["managed"], "true")
          assert.deepStrictEqual(world.api.lines("get").slice(before), [])
          world.api.put(Secrets, { metadata: reference("db") })
          yield* settle
          assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
        })
      )
    })
  )

  it.effect("and a view that has not been listed proves no absence: the fetcher says what it finds", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn({ spec: lists })
      world.api.intercept(({ resource, verb }) =>
        verb === "list" && resource === "secrets" ? Effect.never : undefined
      )
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
          assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
        })
      )
    })
  )
})

it.effect("a Function without UID and generation is served, and harms nothing", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    world.warmPod(world.environment(), "warm-1", "10.0.0.1")
    const { metadata, spec } = world.fn()
    yield* running(
      world,
      Effect.gen(function* () {
        const service = yield* ask({ metadata: { name: metadata.name, namespace: "default" }, spec })
        yield* service.release
        yield* settle
        assert.strictEqual(service.address, "10.0.0.1:8888")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(world.pod("warm-1"), undefined)
      })
    )
  })
)
