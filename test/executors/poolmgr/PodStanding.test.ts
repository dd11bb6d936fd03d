import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Environments, Functions, Packages, Pods } from "../../../src/fission/ResourceKind.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import { reference, request, shown } from "./ServedWorld.ts"

type World = ExecutorInMemory.ExecutorInMemory

const fingerprint = "fission.io/runtime-fingerprint"
const hash = "fission.io/env-runtime-hash"

const changeImage = (world: World) => world.environment({ spec: { runtime: { image: "node-env:2" } } })

/** What the Deployment controller reports once every pod runs the current template, with a new warm pod. */
const rollOut = (world: World) => {
  for (const { metadata } of world.pools()) {
    const status = { observedGeneration: metadata.generation, replicas: 2, updatedReplicas: 2 }
    world.api.merge(Deployments, reference(metadata.name), { status })
  }
}

/** What the claim left on the pod of the function is taken for, written by hand. */
const marked = (world: World, annotation: string | null, label: string | null | undefined) =>
  world.api.merge(Pods, reference("warm-1"), {
    metadata: {
      annotations: { [fingerprint]: annotation },
      ...(label === undefined ? {} : { labels: { [hash]: label } })
    }
  })

const rolled = (world: World) =>
  Effect.gen(function* () {
    const environment = changeImage(world)
    yield* shown
    world.warmPod(environment, "new-1", "10.0.0.9")
    rollOut(world)
  })

interface Case {
  readonly what: string
  readonly happens: (world: World) => Effect.Effect<unknown>
  /** The ground on which the pod goes, or why it stays. */
  readonly ground?: string
}

/** The situations of poolmgr.md section 13 and, with letters, those of the stock executor's ReplicaSet rule. */
const cases: ReadonlyArray<Case> = [
  {
    what: "stays when the template is the one that it was made from, as after a roll for another reason",
    happens: (world) => Effect.sync(() => rollOut(world))
  },
  { what: "stays while the pool has not rolled out", happens: (world) => Effect.sync(() => changeImage(world)) },
  { what: "goes when the pool has rolled out another template", happens: rolled, ground: "Superseded" },
  {
    what: "goes for its label alone, when another executor left no fingerprint",
    happens: (world) =>
      Effect.andThen(
        Effect.sync(() => marked(world, null, undefined)),
        rolled(world)
      ),
    ground: "Superseded"
  },
  {
    what: "stays without fingerprint and label, under an owner that has another template already",
    happens: (world) =>
      Effect.andThen(
        Effect.sync(() => marked(world, null, null)),
        rolled(world)
      )
  },
  {
    what: "goes for a foreign fingerprint, whatever its label says",
    happens: (world) =>
      Effect.sync(() => {
        world.warmPod(world.environment(), "new-1", "10.0.0.9")
        rollOut(world)
        marked(world, "0123456789abcdef", undefined)
      }),
    ground: "Superseded"
  },
  {
    what: "stays when only its pool Deployment is gone, which comes back (W20)",
    happens: (world) =>
      Effect.sync(() => {
        for (const { metadata } of world.pools()) world.api.remove(Deployments, reference(metadata.name))
      })
  },
  {
    what: "stays while its Environment cannot be read",
    happens: (world) =>
      Effect.sync(() => {
        world.api.intercept((call) => (call.verb === "get" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
        world.api.remove(Environments, reference("nodejs"))
      })
  },
  {
    what: "goes with its Environment, once that is proven gone",
    happens: (world) => Effect.sync(() => world.api.remove(Environments, reference("nodejs"))),
    ground: "OwnerAbsent"
  },
  {
    what: "goes when another Environment has taken the name of its own",
    happens: (world) =>
      Effect.sync(() => {
        world.api.remove(Environments, reference("nodejs"))
        world.environment()
      }),
    ground: "OwnerAbsent"
  }
]

describe("section 23: a function's pod when something about its Environment changes (section 13)", () => {
  for (const { ground, happens, what } of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const world = yield* ExecutorInMemory.make()
        const environment = world.environment()
        for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
        const fn = world.fn({ spec: { idletimeout: 3600, functionTimeout: 30 } })
        yield* running(
          world,
          Effect.gen(function* () {
            yield* request(fn)
            yield* settle
            yield* happens(world)
            yield* TestClock.adjust("5 minutes")
            assert.strictEqual(world.pod("warm-1") === undefined, ground !== undefined)
            assert.deepStrictEqual(yield* groundsOf("warm-1"), ground === undefined ? [] : [ground])
          })
        )
      })
    )
  }
})

it.effect("a Package and its Function that change while a pod loads: the request is served, and the pod drains", () =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    const fn = world.fn({ spec: { idletimeout: 3600, functionTimeout: 30 } })
    yield* running(
      world,
      Effect.gen(function* () {
        world.answer(() => Effect.sleep("5 seconds"))
        const asked = yield* Effect.forkChild(ask(fn))
        yield* TestClock.adjust("2 seconds")
        const changed = { metadata: { annotations: { built: "again" } } }
        const { metadata } = world.api.merge(Packages, reference("hello-pkg"), changed)
        const packageref = { resourceversion: metadata.resourceVersion }
        world.api.merge(Functions, reference("hello"), { spec: { package: { packageref } } })
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
        yield* TestClock.adjust("15 seconds")
        assert.isUndefined(world.pod("warm-1")?.metadata.labels?.["fission.io/served"])
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* groundsOf("warm-1"), ["Superseded"])
      })
    )
  })
)
