import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Environments, Events, Functions, Secrets, Services } from "../../../src/fission/ResourceKind.ts"
import { listOf } from "../../../src/podspec/Json.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { answered, etcdTimeout } from "../../fakes/Failures.ts"
import { at } from "../../podspec/StockObjects.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const degraded = (world: DeploymentWorld.DeploymentWorld) => {
  const stored = world.api.find(Functions, { namespace: "default", name: "hello" })
  const found = listOf(at(stored, "status", "conditions")).find(({ type }) => type === "ExecutorDegraded")
  return found && { status: found["status"], reason: found["reason"], message: String(found["message"]) }
}

const podspec = (fields: object, container: object = {}) => ({
  podspec: { containers: [{ name: "hello", image: "app", ports: [{ containerPort: 8080 }], ...container }], ...fields }
})

describe("a Function says of itself (failure-semantics.md section 5.6)", () => {
  it.effect.each(["newdeploy", "container"])(
    "NotReadyInTime when no pod of type %s comes within its time, until one comes (section 13.3)",
    (type) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const fn = world.function(type)
        const test = Effect.gen(function* () {
          const request = yield* Effect.forkChild(Effect.flip(ask(fn)))
          yield* TestClock.adjust("3 minutes")
          assert.match((yield* Fiber.join(request)).text, /within the timeout window of 120 seconds/u)
          assert.deepInclude(degraded(world), { status: "True", reason: "NotReadyInTime" })
          assert.isDefined(world.only(Services, type))
          yield* world.bringUp
          yield* DeploymentWorld.aSecond
          assert.deepInclude(degraded(world), { status: "False", reason: "NotReadyInTime" })
        })
        yield* running(world, test)
      })
  )

  it.effect("nothing of the kind while the API server does not answer", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        yield* settle
        world.api.intercept((call) => (call.verb === "patch" ? undefined : Effect.fail(etcdTimeout(call))))
        const request = yield* Effect.forkChild(Effect.flip(ask(fn)))
        yield* TestClock.adjust("3 minutes")
        yield* Fiber.join(request)
        assert.isUndefined(degraded(world))
      })
      yield* running(world, test)
    })
  )

  it.effect(
    "IgnoredPodSpecFields, with each of them, while it is served; an edit takes it back (section 8.2, W31)",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const fn = world.function("container", {}, podspec({ dnsConfig: { searches: ["a"] }, hostUsers: true }))
        const test = Effect.gen(function* () {
          yield* settle
          yield* world.bringUp
          yield* ask(fn)
          yield* DeploymentWorld.aSecond
          assert.deepStrictEqual(degraded(world), {
            status: "True",
            reason: "IgnoredPodSpecFields",
            message: "its pods do not have: spec.podspec.dnsConfig, spec.podspec.hostUsers"
          })
          const writes = world.api.lines("patch").length
          yield* TestClock.adjust("30 minutes")
          assert.lengthOf(
            world.api.lines("patch").filter((line) => !line.includes("deployments/scale")),
            writes
          )
          world.change(podspec({ dnsConfig: null, hostUsers: null }))
          yield* DeploymentWorld.aSecond
          assert.deepInclude(degraded(world), { status: "False", reason: "IgnoredPodSpecFields" })
        })
        yield* running(world, test)
      })
  )

  it.effect("IgnoredPodSpecFields for what its Environment asks for, and stays served for other requests", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.environment({
        spec: { runtime: { image: "node-env", podspec: { readinessGates: [{ conditionType: "x" }] } } }
      })
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(ask(fn))
        yield* settle
        yield* world.bringUp
        yield* Fiber.join(request)
        yield* DeploymentWorld.aSecond
        const message = "its pods do not have: spec.runtime.podspec.readinessGates"
        assert.deepStrictEqual(degraded(world), { status: "True", reason: "IgnoredPodSpecFields", message })
      })
      yield* running(world, test)
    })
  )

  it.effect("that a target of 100 percent is none (section 14)", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy", { TargetCPUPercent: 100 })
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        assert.deepInclude(degraded(world), { status: "True", reason: "IgnoredPodSpecFields" })
        assert.include(degraded(world)?.message, "TargetCPUPercent of 100")
      })
      yield* running(world, test)
    })
  )

  it.effect(
    "ReferenceMissing while a Secret is missing, and is made when it appears; one that disappears harms nothing",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const reference = { namespace: "default", name: "creds" }
        world.function("container", {}, { secrets: [reference] })
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          assert.isUndefined(world.only(Services))
          assert.deepStrictEqual(degraded(world), {
            status: "True",
            reason: "ReferenceMissing",
            message: "function default/hello: secret creds does not exist"
          })
          world.api.put(Secrets, { metadata: reference })
          yield* DeploymentWorld.aSecond
          assert.isDefined(world.only(Services))
          yield* world.bringUp
          assert.deepInclude(degraded(world), { status: "False", reason: "ReferenceMissing" })
          const uids = DeploymentWorld.kinds.map((kind) => world.only(kind)?.metadata.uid)
          world.api.remove(Secrets, reference)
          yield* TestClock.adjust("15 minutes")
          assert.deepInclude(degraded(world), { status: "True", reason: "ReferenceMissing" })
          assert.deepStrictEqual(
            DeploymentWorld.kinds.map((kind) => world.only(kind)?.metadata.uid),
            uids
          )
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
        yield* running(world, test)
      })
  )

  it.effect(
    "EnvironmentMissing while its Environment is missing, and is made when it appears; a deletion harms nothing",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.function("newdeploy", {}, { environment: { name: "later", namespace: "default" } })
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          assert.deepInclude(degraded(world), { status: "True", reason: "EnvironmentMissing" })
          world.environment({ name: "later" })
          yield* DeploymentWorld.aSecond
          assert.isDefined(world.only(Services, "newdeploy"))
          assert.deepInclude(degraded(world), { status: "False", reason: "EnvironmentMissing" })
          world.api.remove(Environments, { namespace: "default", name: "later" })
          yield* TestClock.adjust("15 minutes")
          for (const kind of DeploymentWorld.kinds) assert.isDefined(world.only(kind, "newdeploy"), kind.kind)
          assert.deepInclude(degraded(world), { status: "True", reason: "EnvironmentMissing" })
        })
        yield* running(world, test)
      })
  )

  it.effect("QuotaExceeded while a quota refuses its Deployment, with an Event, and comes once there is room", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const exceeded = answered(403, "Forbidden", 'deployments.apps "x" is forbidden: exceeded quota: team')
      world.api.intercept((call) =>
        call.verb === "create" && call.resource === "deployments" && (call.name ?? "").startsWith("newdeploy-")
          ? Effect.fail(exceeded(call))
          : undefined
      )
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(degraded(world), { status: "True", reason: "QuotaExceeded" })
        assert.isTrue(world.api.list(Events).some((event) => event["reason"] === "DeploymentFailed"))
        assert.isDefined(world.only(Services), "what was made before the refusal stays")
        world.api.intercept()
        yield* TestClock.adjust("10 minutes")
        yield* world.bringUp
        assert.deepInclude(degraded(world), { status: "False" })
      })
      yield* running(world, test)
    })
  )
})
