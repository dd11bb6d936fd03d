import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { functionObjectName } from "../../src/fission/FunctionObjectName.ts"
import { poolName } from "../../src/fission/PoolName.ts"
import { Deployments, Functions, HorizontalPodAutoscalers, Services } from "../../src/fission/ResourceKind.ts"
import { isOwnedBy } from "../../src/executors/TakenNames.ts"
import { listOf } from "../../src/podspec/Json.ts"
import { at } from "../podspec/StockObjects.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { running } from "../fakes/ExecutorInMemory.ts"
import * as DeploymentWorld from "./deployments/DeploymentWorld.ts"

/** An object of somebody else's under that name, whatever its kind. */
const foreign = (name: string) => ({
  metadata: { namespace: "default", name, labels: { app: "other" } },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "other" } },
    template: { metadata: { labels: { app: "other" } }, spec: { containers: [{ name: "other", image: "other" }] } }
  }
})

describe("a name that somebody else's object has", () => {
  it.effect.each([Services, Deployments, HorizontalPodAutoscalers])(
    "9.3: leaves the foreign $kind alone, says so on the Function, and is used once it is free",
    (kind) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const fn = world.function("newdeploy")
        const name = functionObjectName("newdeploy", fn.metadata)
        const reference = { namespace: "default", name }
        const placed = world.api.put(kind, foreign(name))
        const test = Effect.gen(function* () {
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(world.api.find(kind, reference), placed)
          const stored = world.api.find(Functions, { namespace: "default", name: "hello" })
          const condition = listOf(at(stored, "status", "conditions")).find(({ type }) => type === "ExecutorDegraded")
          assert.include(String(condition?.["message"]), `a ${kind.kind} of this name exists`)
          world.api.remove(kind, reference)
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(world.only(kind, "newdeploy")?.metadata.name, name)
        })
        yield* running(world, test)
      })
  )

  it.effect(
    "9.3: leaves a foreign Deployment alone that is called like a pool, and the pool comes once it is free",
    () =>
      Effect.gen(function* () {
        const world = yield* ExecutorInMemory.make()
        const name = poolName(world.environment())
        const placed = world.api.put(Deployments, foreign(name))
        const test = Effect.gen(function* () {
          yield* TestClock.adjust("10 minutes")
          assert.deepStrictEqual(world.api.list(Deployments), [placed])
          world.api.remove(Deployments, { namespace: "default", name })
          yield* TestClock.adjust("10 minutes")
          assert.strictEqual(world.pools()[0]?.metadata.labels?.["executorType"], "poolmgr")
        })
        yield* running(world, test)
      })
  )

  it.effect("12.3: is free once a person gives the Deployment the Function's labels: it goes, its pods are left", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const { metadata } = world.function("newdeploy")
      const reference = { namespace: "default", name: functionObjectName("newdeploy", metadata) }
      const placed = world.api.put(Deployments, foreign(reference.name))
      const degraded = () =>
        listOf(at(world.api.find(Functions, { namespace: "default", name: "hello" }), "status", "conditions")).find(
          ({ type }) => type === "ExecutorDegraded"
        )
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        const { name, namespace, uid } = metadata
        const labels = { executorType: "newdeploy", functionName: name, functionNamespace: namespace, functionUid: uid }
        world.api.merge(Deployments, reference, { metadata: { labels } })
        yield* TestClock.adjust("1 minute")
        const replacement = world.only(Deployments, "newdeploy")
        assert.notStrictEqual(replacement?.metadata.uid, placed.metadata.uid)
        assert.include(JSON.stringify(at(replacement, "spec", "template")), '"image":"node-env"')
        assert.strictEqual(at(replacement, "spec", "selector", "matchLabels", "functionUid"), uid)
        assert.deepStrictEqual(yield* ExecutorInMemory.groundsOf(reference.name), ["Superseded"])
        assert.deepInclude(degraded(), { status: "True", reason: "SelectorReplaced" })
        yield* world.bringUp
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(degraded(), { status: "False", reason: "SelectorReplaced" })
      })
      yield* running(world, test)
    })
  )
})

describe("an object of ours that lost the label by which views show it", () => {
  const lost = { metadata: { labels: { executorType: null } } }

  it.effect.each([Services, Deployments])(
    "6.2: gets it back, a $kind of a function, and nothing else changes",
    (kind) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.function("newdeploy")
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          const before = world.only(kind, "newdeploy")
          world.api.merge(kind, DeploymentWorld.referenceOf(before?.metadata), lost)
          yield* DeploymentWorld.aSecond
          const after = world.only(kind, "newdeploy")
          assert.strictEqual(after?.metadata.uid, before?.metadata.uid)
          assert.deepStrictEqual([after?.metadata.labels, after?.["spec"]], [before?.metadata.labels, before?.["spec"]])
        })
        yield* running(world, test)
      })
  )

  it.effect("6.2: gets it back, the pool of an Environment", () =>
    Effect.gen(function* () {
      const world = yield* ExecutorInMemory.make()
      world.environment()
      const test = Effect.gen(function* () {
        const [before] = world.pools()
        world.api.merge(Deployments, { namespace: "default", name: before?.metadata.name ?? "" }, lost)
        yield* TestClock.adjust("1 minute")
        const [after, ...others] = world.pools()
        assert.deepStrictEqual(others, [])
        assert.strictEqual(after?.metadata.uid, before?.metadata.uid)
        assert.deepStrictEqual([after?.metadata.labels, after?.["spec"]], [before?.metadata.labels, before?.["spec"]])
      })
      yield* running(world, test)
    })
  )
})

describe("whose an object is", () => {
  const owned = (uid: string, labels?: { readonly [label: string]: string }) => ({
    metadata: {
      name: "x",
      ...(labels && { labels }),
      ownerReferences: [{ apiVersion: "v1", kind: "F", name: "f", uid }]
    }
  })

  it("follows from its label, whatever its owner reference says", () => {
    assert.isTrue(isOwnedBy(owned("2", { functionUid: "1" }), "functionUid", "1"))
    assert.isFalse(isOwnedBy(owned("1", { functionUid: "2" }), "functionUid", "1"))
  })

  it("follows from its owner reference where the label is missing", () => {
    assert.isTrue(isOwnedBy(owned("1"), "functionUid", "1"))
    assert.isFalse(isOwnedBy(owned("2"), "functionUid", "1"))
    assert.isFalse(isOwnedBy({ metadata: { name: "x" } }, "functionUid", "1"))
  })
})
