import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  Deployments,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Services
} from "../../../src/fission/ResourceKind.ts"
import type { Json } from "../../../src/podspec/Json.ts"
import { Supervisor } from "../../../src/namespaces/Supervisor.ts"
import { type ExecutorServices, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { forbidden } from "../../fakes/Failures.ts"
import { at } from "../../podspec/StockObjects.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"
import { kinds, referenceOf } from "./DeploymentWorld.ts"

type World = DeploymentWorld.DeploymentWorld

/** What a hand does to an object of a function. */
const edits: ReadonlyArray<readonly [what: string, kind: ResourceKind, spec: Json]> = [
  ["the template of a Deployment", Deployments, { template: { spec: { terminationGracePeriodSeconds: 1 } } }],
  [
    "the image in a Deployment",
    Deployments,
    { template: { spec: { containers: [{ name: "nodejs", image: "mine" }] } } }
  ],
  ["the port of a Service", Services, { ports: [{ port: 80, targetPort: 1 }] }],
  ["the selector of a Service", Services, { selector: { app: "mine" } }]
]
/** The same of an autoscaler, which is not watched. */
const unseenEdits: typeof edits = [
  ["the ceiling of an autoscaler", HorizontalPodAutoscalers, { maxReplicas: 99 }],
  ["the metrics of an autoscaler", HorizontalPodAutoscalers, { metrics: [] }]
]

/** A served function of an earlier process, or of this one. */
const served = <A, E>(world: World, test: Effect.Effect<A, E, ExecutorServices>) =>
  running(
    world,
    settle.pipe(Effect.andThen(world.bringUp), Effect.andThen(DeploymentWorld.aSecond), Effect.andThen(test))
  )

const edit = (world: World, kind: ResourceKind, spec: Json) =>
  void world.api.merge(kind, referenceOf(world.only(kind)?.metadata), { spec })

const specsOf = (world: World) => kinds.map((kind) => world.only(kind)?.["spec"])

const updates = (world: World) => world.objectWrites().filter((line) => line.startsWith("update "))

const editImage = (world: World) =>
  edit(world, Deployments, { template: { spec: { terminationGracePeriodSeconds: 1 } } })

const graceOf = (world: World) =>
  at(world.only(Deployments), "spec", "template", "spec", "terminationGracePeriodSeconds")

describe("what somebody edits by hand", () => {
  it.effect.each(edits)("is set right at once by one write: %s (section 22)", ([, kind, spec]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        const before = specsOf(world)
        edit(world, kind, spec)
        assert.notDeepEqual(specsOf(world), before)
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(specsOf(world), before)
        yield* TestClock.adjust("30 minutes")
        assert.lengthOf(updates(world), 1)
      })
      yield* served(world, test)
    })
  )

  it.effect.each([...edits, ...unseenEdits])(
    "while no executor ran is set right when one starts: %s",
    ([, kind, spec]) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.function("newdeploy")
        yield* served(world, Effect.void)
        const before = specsOf(world)
        edit(world, kind, spec)
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          assert.deepStrictEqual(specsOf(world), before)
          assert.lengthOf(updates(world), 1)
        })
        yield* running(world, test)
      })
  )

  it.effect.each(["newdeploy", "container"])(
    "25.11: is the only thing that is written after a restart: what a function of type %s has stays",
    (type) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.function(type, { MinScale: 1 })
        yield* served(world, Effect.void)
        const before = world.objectWrites().length
        const test = Effect.gen(function* () {
          yield* TestClock.adjust("30 minutes")
          assert.lengthOf(world.objectWrites(), before)
        })
        yield* running(world, test)
      })
  )

  it.effect("again and again, by another controller, stays for ten minutes at a time", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        editImage(world)
        for (let second = 0; second < 60; second++) {
          yield* DeploymentWorld.aSecond
          if (graceOf(world) !== 1) editImage(world)
        }
        assert.lengthOf(updates(world), 1)
        assert.strictEqual(graceOf(world), 1)
        yield* TestClock.adjust("25 minutes")
        assert.lengthOf(updates(world), 2)
        assert.strictEqual(graceOf(world), 90)
      })
      yield* served(world, test)
    })
  )

  it.effect("by a webhook, whatever is written, is taken for right after one try", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        editImage(world)
        world.api.interceptAnswers((call) =>
          call.verb === "update" && call.resource === "deployments" ? Effect.sync(() => editImage(world)) : undefined
        )
        yield* TestClock.adjust("9 minutes")
        assert.lengthOf(updates(world), 1)
      })
      yield* served(world, test)
    })
  )
})

/** What happens to an autoscaler that nobody tells us of. */
const unseen: ReadonlyArray<readonly [what: string, happen: (world: World) => void]> = [
  ["edited", (world) => edit(world, HorizontalPodAutoscalers, { maxReplicas: 99 })],
  [
    "deleted",
    (world) =>
      void world.api.remove(HorizontalPodAutoscalers, referenceOf(world.only(HorizontalPodAutoscalers)?.metadata))
  ]
]

/** What makes a function be looked at again, so that its autoscaler is. */
const occasions: ReadonlyArray<readonly [occasion: string, arise: (world: World) => void]> = [
  ["its Function changes", (world) => void world.change({ idletimeout: 500 })],
  [
    "its Deployment is repaired",
    (world) => void world.api.remove(Deployments, referenceOf(world.only(Deployments)?.metadata))
  ],
  ["its Service is repaired", (world) => edit(world, Services, { selector: { app: "mine" } })]
]

const callsOf = (world: World) => world.api.lines().filter((line) => line.includes(HorizontalPodAutoscalers.plural))

describe("an autoscaler", () => {
  it.effect.each(
    unseen.flatMap(([what, happen]) =>
      occasions.map(([occasion, arise]) => [`${what} comes right when ${occasion}`, happen, arise] as const)
    )
  )("25.6: that somebody %s, and not sooner (section 22)", ([, happen, arise]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        const before = world.only(HorizontalPodAutoscalers)?.["spec"]
        happen(world)
        yield* TestClock.adjust("30 minutes")
        assert.notDeepEqual(world.only(HorizontalPodAutoscalers)?.["spec"], before)
        arise(world)
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(world.only(HorizontalPodAutoscalers)?.["spec"], before)
      })
      yield* served(world, test)
    })
  )

  it.effect("is looked at live when its function is seen first, and never again while nothing happens", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const name = world.function("newdeploy").metadata.name
      yield* served(world, Effect.void)
      const before = callsOf(world).length
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("1 hour")
        const { metadata } = world.only(HorizontalPodAutoscalers) ?? {}
        assert.sameMembers(callsOf(world).slice(before), [
          "list horizontalpodautoscalers default",
          `get horizontalpodautoscalers default/${metadata?.name ?? name}`
        ])
      })
      yield* running(world, test)
    })
  )

  it.effect("is kept without the right to list them, and the namespace is healthy", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.api.intercept((call) =>
        call.resource === HorizontalPodAutoscalers.plural && call.verb === "list"
          ? Effect.fail(forbidden(call))
          : undefined
      )
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        assert.isDefined(world.only(HorizontalPodAutoscalers))
        world.change({ InvokeStrategy: { ExecutionStrategy: { MaxScale: 9 } } })
        yield* DeploymentWorld.aSecond
        assert.strictEqual(at(world.only(HorizontalPodAutoscalers), "spec", "maxReplicas"), 9)
        yield* TestClock.adjust("1 minute")
        const { cells } = yield* Supervisor
        assert.deepStrictEqual(
          cells.map((cell) => cell.health().state),
          ["Healthy"]
        )
      })
      yield* served(world, test)
    })
  )
})
