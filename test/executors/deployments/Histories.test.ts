import { assert, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import {
  Deployments,
  type Described,
  Environments,
  Functions,
  HorizontalPodAutoscalers,
  type ResourceKind
} from "../../../src/fission/ResourceKind.ts"
import { type Json, objectOf } from "../../../src/podspec/Json.ts"
import { ask, type ExecutorServices, running } from "../../fakes/ExecutorInMemory.ts"
import { connectionReset, expired } from "../../fakes/Failures.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

type World = DeploymentWorld.DeploymentWorld
const hello = { namespace: "default", name: "hello" }

/** Something that happens in a cluster, whether an executor runs or not. */
type Happening = (world: World) => Effect.Effect<void>

const pick = <A>(choices: readonly [A, ...Array<A>]): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, choices.length), (index) => choices[index] ?? choices[0])

const exists = (world: World) => world.api.find(Functions, hello) !== undefined
const change = (world: World, spec: Json) => void (exists(world) && world.change(spec))
const strategy = (changes: Json) => ({ InvokeStrategy: { ExecutionStrategy: changes } })

const own = (world: World, kind: ResourceKind) =>
  world.api.list(kind).filter(({ metadata }) => metadata.labels?.["executorType"] !== "poolmgr")

const breakWatches = (world: World, harm: (watch: ReturnType<World["api"]["watches"]>[number]) => void) =>
  Effect.sync(() => {
    for (const watch of world.api.watches()) harm(watch)
  })

/** Somebody edits pods by hand. */
const editPods = (world: World) =>
  Effect.sync(() => {
    for (const { metadata } of own(world, Deployments)) {
      const template = { spec: { terminationGracePeriodSeconds: 1 } }
      world.api.merge(Deployments, DeploymentWorld.referenceOf(metadata), { spec: { template } })
    }
  })

const happenings: readonly [Happening, ...Array<Happening>] = [
  (world) =>
    Effect.map(pick(["poolmgr", "newdeploy", "container"]), (ExecutorType) =>
      change(world, strategy({ ExecutorType }))
    ),
  (world) => Effect.map(Random.nextIntBetween(0, 3), (MinScale) => change(world, strategy({ MinScale }))),
  (world) => Effect.map(Random.nextIntBetween(3, 6), (MaxScale) => change(world, strategy({ MaxScale }))),
  (world) =>
    Effect.map(Random.nextIntBetween(1, 9), (tag) =>
      change(world, {
        podspec: { containers: [{ name: "hello", image: `app:${tag}`, ports: [{ containerPort: 8080 }] }] }
      })
    ),
  (world) =>
    Effect.map(
      Random.nextIntBetween(1, 9),
      (tag) => void world.environment({ spec: { runtime: { image: `node-env:${tag}` } } })
    ),
  (world) =>
    Effect.sync(() => {
      if (exists(world)) world.userDeletes(Functions, "hello")
    }),
  (world) =>
    Effect.map(pick(["poolmgr", "newdeploy", "container"]), (type) => {
      if (!exists(world)) world.function(type)
    }),
  // Somebody's hand.
  (world) =>
    Effect.map(pick(DeploymentWorld.kinds), (kind) => {
      for (const { metadata } of own(world, kind)) world.api.remove(kind, DeploymentWorld.referenceOf(metadata))
    }),
  (world) => editPods(world),
  (world) =>
    Effect.sync(() => {
      for (const { metadata } of own(world, HorizontalPodAutoscalers)) {
        world.api.merge(HorizontalPodAutoscalers, DeploymentWorld.referenceOf(metadata), { spec: { maxReplicas: 99 } })
      }
    }),
  // Events that are lost, come twice, or are too old to come again.
  (world) => breakWatches(world, (watch) => watch.end()),
  (world) => breakWatches(world, (watch) => watch.fail(connectionReset)),
  (world) => breakWatches(world, (watch) => watch.fail(expired)),
  (world) => breakWatches(world, (watch) => watch.mute()),
  (world) => world.bringUp
]

const happen = (world: World) => Effect.flatMap(pick(happenings), (happening) => happening(world))

/** An executor's life: things happen, requests come, time goes by. */
const life = (world: World): Effect.Effect<void, never, ExecutorServices> =>
  Effect.gen(function* () {
    for (let step = 0; step < 8; step++) {
      yield* happen(world)
      if (exists(world) && (yield* Random.nextBoolean)) {
        yield* Effect.forkChild(Effect.ignore(ask(world.change({}))))
      }
      yield* TestClock.adjust(`${yield* Random.nextIntBetween(0, 40)} seconds`)
    }
  })

/** Nothing happens any more but one edit by hand, after which autoscalers are looked at, and every Deployment has its pods. */
const quiet = (world: World) =>
  Effect.gen(function* () {
    for (let minute = 0; minute < 16; minute++) {
      if (minute === 8) yield* editPods(world)
      yield* world.bringUp
      yield* TestClock.adjust("1 minute")
    }
  })

/** What is there for the function, without what differs from one life to the next. */
const stateOf = (world: World) => {
  const { uid: fn = "" } = world.api.find(Functions, hello)?.metadata ?? {}
  const { uid: environment = "" } = world.api.find(Environments, { ...hello, name: "nodejs" })?.metadata ?? {}
  const names = new Set(own(world, Deployments).map(({ metadata }) => metadata.name))
  // An autoscaler that lost its Deployment and Service to somebody's hand waits for the next process to be looked for.
  const isLookedAfter = (kind: ResourceKind) => (object: Described) =>
    kind !== HorizontalPodAutoscalers || names.has(object.metadata.name)
  return DeploymentWorld.kinds.flatMap((kind) =>
    own(world, kind)
      .filter(isLookedAfter(kind))
      .map(({ metadata, spec }) => {
        const { annotations = {}, labels, name, ownerReferences } = metadata
        const { executorInstanceId: _, ...kept } = annotations ?? {}
        const { replicas: __, ...rest } = objectOf(spec)
        // Written with the last change of the pods, and not for its own sake.
        const text = JSON.stringify({ kind: kind.kind, labels, annotations: kept, ownerReferences, spec: rest })
        return JSON.parse(
          text
            .replaceAll(/(functionResourceVersion|template-hash)":"\w+"/gu, '$1":""')
            .replaceAll(/generation\\":\d+/gu, 'generation\\":0')

            .replaceAll(fn ?? "", "(function)")
            .replaceAll(environment ?? "", "(environment)")
            .replaceAll(name, "(name)")
        )
      })
  )
}

it.effect.each(Array.from({ length: 24 }, (_, index) => [`history ${index}`] as const))(
  "whatever happened, was lost or came twice, the end is that of a quiet life: %s",
  ([seed]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      for (let lives = 0; lives < 3; lives++) {
        yield* running(world, life(world))
        yield* happen(world)
      }
      if (!exists(world)) world.function("container")
      yield* running(world, quiet(world))
      if (!exists(world)) {
        world.function("container")
        yield* running(world, quiet(world))
      }

      const spec = objectOf(world.api.find(Functions, hello)?.["spec"])
      const calm = yield* DeploymentWorld.make()
      calm.environment({ spec: objectOf(world.api.find(Environments, { ...hello, name: "nodejs" })?.["spec"]) })
      calm.function("newdeploy", {}, spec)
      yield* running(calm, quiet(calm))
      assert.deepStrictEqual(stateOf(world), stateOf(calm))
      const { ExecutorType } = objectOf(objectOf(spec["InvokeStrategy"])["ExecutionStrategy"])
      assert.lengthOf(own(world, Deployments), ExecutorType === "poolmgr" ? 0 : 1)
    }).pipe(Random.withSeed(seed)),
  60_000
)
