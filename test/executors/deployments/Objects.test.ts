import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import {
  ConfigMaps,
  Deployments,
  Environments,
  Functions,
  FunctionVersions,
  HorizontalPodAutoscalers,
  Secrets,
  Services
} from "../../../src/fission/ResourceKind.ts"
import { type Json, listOf, objectOf } from "../../../src/podspec/Json.ts"
import { at } from "../../podspec/StockObjects.ts"
import { ask, groundsOf, running, settle } from "../../fakes/ExecutorInMemory.ts"
import * as Failures from "../../fakes/Failures.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"
import { kinds, referenceOf } from "./DeploymentWorld.ts"

const types = ["newdeploy", "container"] as const

const templateOf = (world: DeploymentWorld.DeploymentWorld) => objectOf(at(world.only(Deployments), "spec", "template"))

const containersOf = (world: DeploymentWorld.DeploymentWorld) => listOf(at(templateOf(world), "spec", "containers"))

const conditionOf = (world: DeploymentWorld.DeploymentWorld, type: string) =>
  listOf(at(world.api.find(Functions, { namespace: "default", name: "hello" }), "status", "conditions")).find(
    (condition) => condition["type"] === type
  )

/** A test in a running executor whose function is served. */
const served = <A, E>(
  world: DeploymentWorld.DeploymentWorld,
  test: Effect.Effect<A, E, Parameters<typeof running>[1] extends Effect.Effect<unknown, unknown, infer R> ? R : never>
) => running(world, settle.pipe(Effect.andThen(world.bringUp), Effect.andThen(test)))

describe("the objects of a function", () => {
  it.effect.each(types)("of type %s are made when it is seen, and it is said to be ready with its first pod", (type) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function(type, { MinScale: 2 })
      const test = Effect.gen(function* () {
        yield* settle
        for (const kind of kinds) assert.isDefined(world.only(kind, type), kind.kind)
        assert.strictEqual(world.replicas(), 2)
        assert.isUndefined(conditionOf(world, "Ready"))
        yield* world.bringUp
        assert.deepInclude(conditionOf(world, "Ready"), { status: "True", message: `${type} deployment is ready` })
        assert.strictEqual(world.objectWrites().length, 3)
      })
      yield* running(world, test)
    })
  )

  it.effect("cost five requests, the finalizer and the condition included", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        const before = world.api.calls.length
        world.function("newdeploy", {}, {}, { finalizers: [] })
        yield* settle
        yield* world.bringUp
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(
          world.api
            .lines()
            .slice(before)
            .map((line) => line.split(" ").slice(0, 2).join(" ")),
          [
            "patch functions",
            "create services",
            "create deployments",
            "create horizontalpodautoscalers",
            "patch functions/status"
          ]
        )
      })
      yield* running(world, test)
    })
  )

  it.effect(
    "are left alone while nothing changes that concerns them, whatever the Function's status and labels do",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.function("newdeploy")
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          const before = world.objectWrites().length
          world.api.merge(Functions, { namespace: "default", name: "hello" }, { metadata: { labels: { extra: "1" } } })
          world.change({ idletimeout: 500 })
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(world.objectWrites().length, before)
        })
        yield* served(world, test)
      })
  )

  it.effect.each<readonly [change: string, type: string, spec: Json]>([
    ["package", "newdeploy", { package: { packageref: { resourceversion: "9" } } }],
    ["function name", "newdeploy", { package: { functionName: "other" } }],
    ["resources", "newdeploy", { resources: { requests: { cpu: "7m" } } }],
    ["state", "newdeploy", { state: { keyspace: "k" } }],
    ["variables", "newdeploy", { env: [{ name: "A", value: "1" }] }],
    [
      "pod spec",
      "container",
      { podspec: { containers: [{ name: "hello", image: "app:2", ports: [{ containerPort: 8080 }] }] } }
    ],
    ["resources", "container", { resources: { limits: { memory: "7Mi" } } }]
  ])("25.6: roll once when the %s of a function of type %s changes, and keep their replicas", ([, type, spec]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function(type)
      const test = Effect.gen(function* () {
        world.api.merge(Deployments, referenceOf(world.only(Deployments)?.metadata), { spec: { replicas: 3 } })
        yield* DeploymentWorld.aSecond
        const before = { writes: world.objectWrites().length, template: JSON.stringify(templateOf(world)) }
        world.change(spec)
        yield* DeploymentWorld.aSecond
        assert.notStrictEqual(JSON.stringify(templateOf(world)), before.template)
        assert.strictEqual(world.replicas(), 3)
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(
          world
            .objectWrites()
            .slice(before.writes)
            .map((line) => line.split(" ").slice(0, 2).join(" ")),
          ["update deployments"]
        )
      })
      yield* served(world, test)
    })
  )

  it.effect("change their port with the container's, in the Service too", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("container")
      const test = Effect.gen(function* () {
        world.change({ podspec: { containers: [{ name: "hello", image: "app", ports: [{ containerPort: 9090 }] }] } })
        yield* DeploymentWorld.aSecond
        assert.strictEqual(at(world.only(Services), "spec", "ports", "0", "targetPort"), undefined)
        assert.deepInclude(listOf(at(world.only(Services), "spec", "ports"))[0], { port: 80, targetPort: 9090 })
      })
      yield* served(world, test)
    })
  )

  it.effect.each<readonly [change: string, strategy: Json, spec: Json]>([
    ["MinScale 0 to 2", { MinScale: 2 }, { minReplicas: 2, maxReplicas: 3 }],
    ["MaxScale", { MaxScale: 9 }, { minReplicas: 1, maxReplicas: 9 }],
    ["TargetCPUPercent", { TargetCPUPercent: 33 }, { minReplicas: 1, maxReplicas: 3 }],
    ["a part of a behaviour", { hpaBehavior: { scaleDown: { stabilizationWindowSeconds: 5 } } }, { minReplicas: 1 }]
  ])("have their autoscaler changed by %s, once, and no pod replaced (section 12.1)", ([, strategy, spec]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        const before = {
          spec: world.only(HorizontalPodAutoscalers)?.["spec"],
          template: JSON.stringify(templateOf(world))
        }
        world.change({ InvokeStrategy: { ExecutionStrategy: strategy } })
        yield* TestClock.adjust("30 seconds")
        assert.notDeepEqual(world.only(HorizontalPodAutoscalers)?.["spec"], before.spec)
        assert.deepInclude(objectOf(world.only(HorizontalPodAutoscalers)?.["spec"]), spec)
        assert.strictEqual(world.api.lines("update").filter((line) => line.includes(" horizontal")).length, 1)
        assert.strictEqual(JSON.stringify(templateOf(world)), before.template)
        assert.strictEqual(world.replicas(), "MinScale" in strategy ? 2 : 1)
      })
      yield* served(world, test)
    })
  )

  it.effect("25.6: accept MinScale 2 to 0: the autoscaler keeps one replica (section 12.1)", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy", { MinScale: 2 })
      const test = Effect.gen(function* () {
        world.change({ InvokeStrategy: { ExecutionStrategy: { MinScale: 0 } } })
        yield* DeploymentWorld.aSecond
        assert.strictEqual(at(world.only(HorizontalPodAutoscalers), "spec", "minReplicas"), 1)
      })
      yield* served(world, test)
    })
  )

  it.effect(
    "25.8: roll with their Environment, which has labels, every function of it and each once, the pool besides",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.environment({ name: "other" })
        world.function("newdeploy")
        const strategy = { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1 } }
        world.api.merge(Environments, { namespace: "default", name: "nodejs" }, { metadata: { labels: { team: "a" } } })
        world.fn({ name: "second", spec: { InvokeStrategy: strategy, environment: { name: "nodejs", namespace: "" } } })
        world.fn({ name: "stranger", environment: "other", spec: { InvokeStrategy: strategy } })
        const test = Effect.gen(function* () {
          world.api.merge(
            Environments,
            { namespace: "default", name: "nodejs" },
            { spec: { runtime: { image: "new" } } }
          )
          yield* TestClock.adjust("30 seconds")
          const images = world.api
            .list(Deployments)
            .map(({ metadata, spec }) => [
              metadata.labels?.["functionName"] ?? metadata.labels?.["environmentName"],
              listOf(at(spec, "template", "spec", "containers"))[0]?.["image"]
            ])
          assert.sameDeepMembers(images, [
            ["hello", "new"],
            ["second", "new"],
            ["stranger", "node-env"],
            ["nodejs", "new"],
            ["other", "node-env"]
          ])
          const updates = world.api.lines("update").filter((line) => line.includes("/newdeploy-"))
          assert.strictEqual(updates.length, 2)
        })
        yield* served(world, test)
      })
  )

  it.effect(
    "25.7: move to another Environment in place: the selector stays, so that no pod is lost (section 12.3)",
    () =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        world.environment({ name: "python", spec: { runtime: { image: "python-env" } } })
        world.function("newdeploy")
        const test = Effect.gen(function* () {
          const selector = at(world.only(Deployments, "newdeploy"), "spec", "selector")
          const { uid } = world.only(Deployments, "newdeploy")?.metadata ?? {}
          world.change({ environment: { name: "python", namespace: "default" } })
          yield* DeploymentWorld.aSecond
          const deployment = world.only(Deployments, "newdeploy")
          assert.strictEqual(deployment?.metadata.uid, uid)
          assert.strictEqual(containerImage(deployment), "python-env")
          assert.deepStrictEqual(at(deployment, "spec", "selector"), selector)
          assert.deepInclude(
            objectOf(at(deployment, "spec", "template", "metadata", "labels")),
            objectOf(at(selector, "matchLabels"))
          )
          assert.deepStrictEqual(at(world.only(Services), "spec", "selector"), at(selector, "matchLabels"))
        })
        yield* served(world, test)
      })
  )

  it.effect.each([
    ["Secret", Secrets, "secrets"],
    ["ConfigMap", ConfigMaps, "configmaps"]
  ] as const)(
    "18.13, 25.14: roll once when a %s changes that they refer to, also after the API failed for a minute",
    ([, kind, list]) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const reference = { namespace: "default", name: "settings" }
        world.api.put(kind, { metadata: reference })
        world.environment({ spec: { runtime: { image: "node-env", container: { name: "custom" } } } })
        world.function("newdeploy", {}, { [list]: [reference] })
        const test = Effect.gen(function* () {
          yield* DeploymentWorld.aSecond
          const before = countOf(world)
          world.api.intercept((call) => (call.verb === "update" ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
          world.api.merge(kind, reference, { metadata: { annotations: { rotated: "1" } } })
          yield* TestClock.adjust("1 minute")
          assert.strictEqual(countOf(world), before)
          world.api.intercept()
          const updates = world.api.lines("update").length
          yield* TestClock.adjust("2 minutes")
          assert.isAbove(Number(countOf(world)), Number(before))
          assert.strictEqual(world.api.lines("update").length, updates + 1)
          assert.strictEqual(containersOf(world).length, 2)
        })
        yield* served(world, test)
      })
  )

  it.effect.each(kinds)("come back when somebody deletes a $kind, the others untouched (section 22)", (kind) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        const uids = kinds.map((one) => world.only(one)?.metadata.uid)
        world.api.remove(kind, referenceOf(world.only(kind)?.metadata))
        // Autoscalers are not watched: the next look at the function is caused by something else.
        if (kind === HorizontalPodAutoscalers) world.change({ idletimeout: 500 })
        yield* DeploymentWorld.aSecond
        kinds.forEach((one, index) => {
          assert.isDefined(world.only(one), one.kind)
          assert.strictEqual(world.only(one)?.metadata.uid === uids[index], one !== kind, one.kind)
        })
      })
      yield* served(world, test)
    })
  )

  it.effect("have a Service repaired that somebody led astray, and what others added to it stays", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("newdeploy")
      const test = Effect.gen(function* () {
        const reference = referenceOf(world.only(Services)?.metadata)
        const selector = at(world.only(Services), "spec", "selector")
        const astray = {
          metadata: { annotations: { "cloud.example/lb": "1" } },
          spec: { selector: { functionUid: "x" } }
        }
        world.api.merge(Services, reference, astray)
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(at(world.only(Services), "spec", "selector"), selector)
        assert.strictEqual(world.only(Services)?.metadata.annotations?.["cloud.example/lb"], "1")
      })
      yield* served(world, test)
    })
  )

  it.effect("are not made for a function that cannot have them, which says why until it can", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("container", {}, { podspec: { containers: [] } })
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        assert.isUndefined(world.only(Services))
        assert.deepInclude(conditionOf(world, "ExecutorDegraded"), { status: "True", reason: "InvalidSpec" })
        world.change({ podspec: { containers: [{ name: "hello", image: "app", ports: [{ containerPort: 80 }] }] } })
        yield* DeploymentWorld.aSecond
        assert.isDefined(world.only(Services))
        assert.deepInclude(conditionOf(world, "ExecutorDegraded"), { status: "False" })
      })
      yield* running(world, test)
    })
  )

  it.effect.each(["create", "update", "patch", "get", "list"] as const)(
    "25.9: survive every %s that fails for a minute: nothing is deleted, and all is there afterwards",
    (verb) =>
      Effect.gen(function* () {
        const world = yield* DeploymentWorld.make()
        const test = Effect.gen(function* () {
          world.api.intercept((call) => (call.verb === verb ? Effect.fail(Failures.etcdTimeout(call)) : undefined))
          world.function("newdeploy")
          yield* TestClock.adjust("1 minute")
          world.change({ env: [{ name: "A", value: "1" }] })
          yield* TestClock.adjust("1 minute")
          world.api.intercept()
          // A circuit that no request waits for is tried again within five minutes.
          yield* TestClock.adjust("8 minutes")
          for (const kind of kinds) assert.isDefined(world.only(kind), kind.kind)
          assert.isDefined(listOf(containersOf(world)[0]?.["env"]).find(({ name }) => name === "A"))
          assert.deepStrictEqual(world.api.lines("delete"), [])
        })
        yield* running(world, test)
      })
  )
})

describe("a function that goes", () => {
  it.effect("25.15: takes its objects along that are in another namespace, where nothing owns them", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make({ FISSION_FUNCTION_NAMESPACE: "fns", FINALIZER_ENABLED: "true" })
      world.api.ensureNamespace("fns")
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        for (const kind of kinds) {
          const { metadata } = world.only(kind) ?? {}
          assert.strictEqual(metadata?.namespace, "fns", kind.kind)
          assert.deepStrictEqual(metadata?.ownerReferences ?? [], [])
        }
        world.userDeletes(Functions, "hello")
        yield* DeploymentWorld.aSecond
        for (const kind of kinds) assert.deepStrictEqual(objectsOf(world, kind, fn.metadata.uid), [], kind.kind)
        assert.isUndefined(world.api.find(Functions, { namespace: "default", name: "hello" }))
      })
      yield* served(world, test)
    })
  )

  it.effect.each(types)("of type %s takes its objects along, versions too, and then its finalizer", (type) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function(type)
      const test = Effect.gen(function* () {
        const name = world.only(Deployments)?.metadata.name ?? ""
        const version = world.only(Deployments)
        world.api.put(Deployments, {
          ...version,
          metadata: { ...referenceOf(version?.metadata), name: `${name}-v1`, labels: { ...version?.metadata.labels } }
        })
        yield* settle
        world.userDeletes(Functions, "hello")
        yield* DeploymentWorld.aSecond
        for (const kind of kinds) assert.deepStrictEqual(objectsOf(world, kind, fn.metadata.uid), [], kind.kind)
        assert.isUndefined(world.api.find(Functions, { namespace: "default", name: "hello" }))
        assert.deepStrictEqual(yield* groundsOf(name), ["OwnerDeleting", "OwnerDeleting", "OwnerDeleting"])
      })
      yield* served(world, test)
    })
  )

  it.effect("as a published version takes its own objects along, and leaves those of the live function", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const fn = world.function("newdeploy")
      const reference = { namespace: "default", name: "hello-v1" }
      world.api.put(FunctionVersions, {
        metadata: reference,
        spec: { functionUID: fn.metadata.uid, functionGeneration: 1 }
      })
      const version = { ...fn, metadata: { ...fn.metadata, labels: { "fission.io/function-version": "hello-v1" } } }
      const test = Effect.gen(function* () {
        const request = yield* Effect.forkChild(ask(version))
        yield* settle
        yield* world.bringUp
        const { address } = yield* Fiber.join(request)
        const name = address.split(".")[0] ?? ""
        yield* DeploymentWorld.aSecond
        world.api.remove(FunctionVersions, reference)
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(yield* groundsOf(name), ["OwnerAbsent", "OwnerAbsent", "OwnerAbsent"])
        for (const kind of kinds) assert.isDefined(world.only(kind), kind.kind)
      })
      yield* served(world, test)
    })
  )

  it.effect.each([
    ["with", "true", ["fission.io/function-cleanup"]],
    ["without", "false", []]
  ] as const)("18.7: %s a finalizer, while a delete fails three times, leaks nothing", ([, enabled, finalizers]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make({ FINALIZER_ENABLED: enabled })
      const fn = world.function("newdeploy", {}, {}, { finalizers })
      const test = Effect.gen(function* () {
        let failures = 0
        world.api.intercept((call) =>
          call.verb === "delete" && failures++ < 3 ? Effect.fail(Failures.etcdTimeout(call)) : undefined
        )
        world.userDeletes(Functions, "hello")
        yield* TestClock.adjust("1 minute")
        for (const kind of kinds) assert.deepStrictEqual(objectsOf(world, kind, fn.metadata.uid), [], kind.kind)
        assert.isUndefined(world.api.find(Functions, { namespace: "default", name: "hello" }))
      })
      yield* served(world, test)
    })
  )

  it.effect("while no executor ran, without a finalizer, is proven gone before its objects go", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make({ FINALIZER_ENABLED: "false" })
      const fn = world.function("newdeploy", {}, {}, { finalizers: [] })
      yield* served(world, Effect.void)
      world.api.remove(Functions, { namespace: "default", name: "hello" })
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("50 seconds")
        assert.isDefined(world.only(Deployments))
        yield* TestClock.adjust("15 minutes")
        for (const kind of kinds) assert.deepStrictEqual(objectsOf(world, kind, fn.metadata.uid), [], kind.kind)
      })
      yield* running(world, test)
    })
  )
})

const containerImage = (deployment: unknown) =>
  listOf(at(deployment, "spec", "template", "spec", "containers"))[0]?.["image"]

const countOf = (world: DeploymentWorld.DeploymentWorld) =>
  listOf(containersOf(world)[0]?.["env"]).find(({ name }) => name === "RESOURCE_VERSION_COUNT")?.["value"]

const objectsOf = (
  world: DeploymentWorld.DeploymentWorld,
  kind: (typeof kinds)[number],
  functionUid: string | null | undefined
) =>
  world.api
    .list(kind)
    .filter(({ metadata }) => metadata.labels?.["functionUid"] === functionUid)
    .map(({ metadata }) => metadata.name)
