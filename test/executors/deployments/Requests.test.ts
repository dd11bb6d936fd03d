import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import { TestClock } from "effect/testing"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import { Deployments, Functions, HorizontalPodAutoscalers, Services } from "../../../src/fission/ResourceKind.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const types = ["newdeploy", "container"] as const

const failure = (outcome: Result.Result<unknown, { readonly kind: string; readonly text: string }>) =>
  Result.isFailure(outcome) ? { kind: outcome.failure.kind, text: outcome.failure.text } : undefined

describe("a request for a function with a Deployment of its own", () => {
  it.effect.each(types)("of type %s waits for a pod and gets the name of the Service; the next costs nothing", (type) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function(type)
      const test = Effect.gen(function* () {
        const first = yield* Effect.forkChild(ask(fn))
        yield* settle
        assert.isUndefined(first.pollUnsafe(), "it did not wait")
        yield* world.bringUp
        const { address } = yield* Fiber.join(first)
        const name = world.only(Services)?.metadata.name
        assert.strictEqual(address, `${name}.default.svc.cluster.local.`)
        yield* DeploymentWorld.aSecond
        const calls = world.api.calls.length
        assert.strictEqual((yield* ask(fn)).address, address)
        assert.strictEqual(world.api.calls.length, calls)
      })
      yield* running(world, test)
    })
  )

  it.effect("comes ten times at once and makes one creation (G1)", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const requests = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 10 }, () => ask(fn)),
            { concurrency: 10 }
          )
        )
        yield* settle
        yield* world.bringUp
        const addresses = yield* Fiber.join(requests)
        assert.strictEqual(new Set(addresses.map(({ address }) => address)).size, 1)
        assert.deepStrictEqual(
          world.objectWrites().map((line) => line.split(" ").slice(0, 2).join(" ")),
          ["create services", "create deployments", "create horizontalpodautoscalers"]
        )
      })
      yield* running(world, test)
    })
  )

  it.effect("scales the function up from zero, by one guarded write", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      yield* running(world, settle)
      world.api.merge(Deployments, DeploymentWorld.referenceOf(world.only(Deployments)?.metadata), {
        spec: { replicas: 0 }
      })
      const test = Effect.gen(function* () {
        const before = world.objectWrites().length
        const request = yield* Effect.forkChild(ask(fn))
        yield* settle
        assert.strictEqual(world.replicas(), 1)
        assert.strictEqual(world.objectWrites().length, before + 1)
        yield* world.bringUp
        yield* Fiber.join(request)
      })
      yield* running(world, test)
    })
  )

  it.effect("25.11: is answered by what an earlier process made, and nothing is written", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      yield* running(world, Effect.andThen(settle, world.bringUp))
      const before = world.objectWrites().length
      const test = Effect.gen(function* () {
        yield* ask(fn)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(world.objectWrites().length, before)
      })
      yield* running(world, test)
    })
  )

  it.effect("N14: 25.10: survives an API that fails for half a minute while it waits for a pod", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(ask(fn))
        yield* settle
        world.api.intercept((call) => Effect.fail(Failures.etcdTimeout(call)))
        for (const watch of world.api.watches()) watch.fail(Failures.connectionReset)
        yield* TestClock.adjust("30 seconds")
        assert.isUndefined(request.pollUnsafe())
        world.api.intercept()
        yield* world.bringUp
        yield* TestClock.adjust("40 seconds")
        assert.isDefined((yield* Fiber.join(request)).address)
        assert.isDefined(world.only(Deployments))
      })
      yield* running(world, test)
    })
  )

  it.effect("N15: 25.10: that no pod comes for ends after its time, and leaves the objects alone", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(Effect.result(ask(fn)))
        yield* TestClock.adjust("121 seconds")
        const text =
          "[hello] error creating service for function: failed to create deployment within the timeout window of 120 seconds"
        assert.deepStrictEqual(failure(yield* Fiber.join(request)), { kind: "Internal", text })
        for (const kind of DeploymentWorld.kinds) assert.isDefined(world.only(kind))
        assert.deepStrictEqual(world.api.lines("delete"), [])
      })
      yield* running(world, test)
    })
  )

  it.effect("25.13: comes twice, and both get the error of the one creation, however long it takes", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const asked = Effect.forkChild(Effect.result(ask(fn)))
        const first = yield* asked
        yield* TestClock.adjust("90 seconds")
        const second = yield* asked
        const before = world.objectWrites().length
        yield* TestClock.adjust("31 seconds")
        const error = failure(yield* Fiber.join(first))
        assert.strictEqual(error?.kind, "Internal")
        assert.deepStrictEqual(failure(yield* Fiber.join(second)), error)
        assert.lengthOf(world.objectWrites(), before, "the second one created nothing")
      })
      yield* running(world, test)
    })
  )

  it.effect("for a function that is gone is refused, and makes nothing", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      world.api.remove(Functions, { namespace: "default", name: "hello" })
      const test = Effect.gen(function* () {
        const outcome = yield* Effect.result(ask(fn))
        const text = "function default/hello is gone, not creating service"
        assert.deepStrictEqual(failure(outcome), { kind: "NotFound", text })
        assert.isUndefined(world.only(Services))
      })
      yield* running(world, test)
    })
  )

  it.effect("with a UID that is none is refused (section 2)", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const odd = { ...fn, metadata: { ...fn.metadata, uid: "short" } }
      const test = Effect.map(Effect.result(ask(odd)), (outcome) => {
        assert.strictEqual(failure(outcome)?.kind, "InvalidArgument")
      })
      yield* running(world, test)
    })
  )

  it.effect.each([
    ["the live function", ""],
    ["a version", "hello-v1"]
  ] as const)("N16: for %s is answered while no autoscaler can be made, which comes when it can", ([, version]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const autoscalers = () => world.api.list(HorizontalPodAutoscalers).length
      world.api.intercept((call) =>
        call.resource === HorizontalPodAutoscalers.plural ? Effect.fail(Failures.etcdTimeout(call)) : undefined
      )
      const live = world.function("newdeploy")
      const labels = version === "" ? {} : { "fission.io/function-version": version }
      const fn = { ...live, metadata: { ...live.metadata, labels } }
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(ask(fn))
        yield* settle
        yield* world.bringUp
        assert.match((yield* Fiber.join(request)).address, /^newdeploy-hello/u)
        assert.strictEqual(autoscalers(), 0)
        world.api.intercept()
        yield* TestClock.adjust("8 minutes")
        assert.strictEqual(autoscalers(), world.api.list(Services).length)
      })
      yield* running(world, test)
    })
  )

  it.effect("for a version gets objects of its own, also while the live function is of the same generation (G11)", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const labels = { "fission.io/function-version": "hello-v1" }
      const version = { ...fn, metadata: { ...fn.metadata, labels } }
      const test = Effect.gen(function* () {
        const requests = yield* Effect.forkChild(Effect.all([ask(fn), ask(version)], { concurrency: 2 }))
        yield* settle
        yield* world.bringUp
        const [live, own] = yield* Fiber.join(requests)
        assert.match(own.address, /-v1\.default\.svc/u)
        assert.notStrictEqual(live.address, own.address)
      })
      yield* running(world, test)
    })
  )

  it.effect("whose pods are gone is brought up again: a cached address is checked first", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("container")
      const test = Effect.gen(function* () {
        yield* settle
        yield* world.bringUp
        yield* ask(fn)
        world.api.merge(Deployments, DeploymentWorld.referenceOf(world.only(Deployments)?.metadata), {
          status: { availableReplicas: 0 }
        })
        yield* settle
        const again = yield* Effect.forkChild(ask(fn))
        yield* settle
        assert.isUndefined(again.pollUnsafe())
        yield* world.bringUp
        yield* Fiber.join(again)
      })
      yield* running(world, test)
    })
  )

  it.effect("gets the pods of the Deployment that replaces one that somebody deletes while it waits", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(ask(fn))
        yield* settle
        world.api.remove(Deployments, DeploymentWorld.referenceOf(world.only(Deployments)?.metadata))
        yield* DeploymentWorld.aSecond
        yield* world.bringUp
        assert.isDefined((yield* Fiber.join(request)).address)
      })
      yield* running(world, test)
    })
  )

  it.effect("keeps its address busy by taps, and takes no un-taps", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        yield* settle
        yield* world.bringUp
        const { address } = yield* ask(fn)
        const dispatcher = yield* Dispatcher
        const tap = { executorType: "newdeploy", metadata: fn.metadata, address }
        assert.strictEqual((yield* dispatcher.tap([tap])).touched, 1)
        assert.strictEqual((yield* Effect.flip(dispatcher.unTap(tap))).kind, "InvalidArgument")
      })
      yield* running(world, test)
    })
  )
})
