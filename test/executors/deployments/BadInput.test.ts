import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Functions, HorizontalPodAutoscalers } from "../../../src/fission/ResourceKind.ts"
import { type Json, listOf } from "../../../src/podspec/Json.ts"
import { ask, running } from "../../fakes/ExecutorInMemory.ts"
import { answered } from "../../fakes/Failures.ts"
import { at } from "../../podspec/StockObjects.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const hello = { name: "hello", image: "app", ports: [{ containerPort: 8080 }] }
const withContext = (securityContext: Json) => ({ containers: [{ ...hello, securityContext }] })

describe("a container function", () => {
  it.effect.each<readonly [problem: string, podspec: Json | null]>([
    ["requires a pod spec", null],
    ["exactly one container, not 0", { containers: [] }],
    ["exactly one container, not 2", { containers: [hello, { ...hello, name: "other" }] }],
    ["must have an image", { containers: [{ name: "hello", ports: hello.ports }] }],
    ["exactly one port", { containers: [{ name: "hello", image: "app" }] }],
    ["exactly one port", { containers: [{ ...hello, ports: [{ containerPort: 1 }, { containerPort: 2 }] }] }],
    ["must have the function's name", { containers: [{ ...hello, name: "other" }] }],
    ["hostNetwork is not allowed", { containers: [hello], hostNetwork: true }],
    ["hostPID is not allowed", { containers: [hello], hostPID: true }],
    ["hostIPC is not allowed", { containers: [hello], hostIPC: true }],
    ["serviceAccountName override is not allowed", { containers: [hello], serviceAccountName: "admin" }],
    ["serviceAccount override is not allowed", { containers: [hello], serviceAccount: "admin" }],
    ["hostPath is not allowed", { containers: [hello], volumes: [{ name: "v", hostPath: { path: "/" } }] }],
    ["ephemeralContainers is not allowed", { containers: [hello], ephemeralContainers: [{ name: "e" }] }],
    ["privileged=true is not allowed", withContext({ privileged: true })],
    ["allowPrivilegeEscalation=true is not allowed", withContext({ allowPrivilegeEscalation: true })],
    ["is not in the allowlist", withContext({ capabilities: { add: ["SYS_ADMIN"] } })],
    [
      "initContainers[i].securityContext.privileged=true is not allowed",
      { containers: [hello], initContainers: [{ name: "i", image: "i", securityContext: { privileged: true } }] }
    ]
  ])("gets no objects, and says why: %s (lifecycle.md section 14)", ([problem, podspec]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.function("container", {}, { podspec })
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(world.objectWrites(), [])
        const stored = world.api.find(Functions, { namespace: "default", name: "hello" })
        const [condition] = listOf(at(stored, "status", "conditions"))
        assert.deepInclude(condition, { type: "ExecutorDegraded", status: "True", reason: "InvalidSpec" })
        assert.include(String(condition?.["message"]), problem)
      })
      yield* running(world, test)
    })
  )

  it.effect("may be called fetcher: nothing of its container is left out, and a change of its command rolls it", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const container = { ...hello, name: "fetcher", command: ["serve"], env: [{ name: "FISSION_X", value: "1" }] }
      const strategy = { ExecutionStrategy: { ExecutorType: "container", MinScale: 0, MaxScale: 1 } }
      const given = (command: string) => ({
        InvokeStrategy: strategy,
        podspec: { containers: [{ ...container, command: [command] }] }
      })
      world.fn({ name: "fetcher", spec: given("serve") })
      const only = () => listOf(at(world.only(Deployments, "container"), "spec", "template", "spec", "containers"))[0]
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        assert.deepInclude(only(), { image: "app", command: ["serve"] })
        assert.deepInclude(listOf(only()?.["env"]), { name: "FISSION_X", value: "1" })
        world.api.merge(Functions, { namespace: "default", name: "fetcher" }, { spec: given("other") })
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(only()?.["command"], ["other"])
      })
      yield* running(world, test)
    })
  )
})

describe("MinScale above MaxScale", () => {
  it.effect("is served without the autoscaler that the API server refuses, and says so; an edit helps", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const refused = answered(
        422,
        "Invalid",
        "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"
      )
      world.api.intercept((call) =>
        call.verb === "create" && call.resource === HorizontalPodAutoscalers.plural
          ? Effect.fail(refused(call))
          : undefined
      )
      const fn = world.function("newdeploy", { MinScale: 5, MaxScale: 3 })
      const degraded = () =>
        listOf(at(world.api.find(Functions, { namespace: "default", name: "hello" }), "status", "conditions")).find(
          ({ type }) => type === "ExecutorDegraded"
        )
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("1 minute")
        yield* world.bringUp
        assert.match((yield* ask(fn)).address, /^newdeploy-hello/u)
        assert.strictEqual(world.replicas(), 5)
        assert.deepInclude(degraded(), { status: "True", reason: "InvalidSpec" })
        assert.include(String(degraded()?.["message"]), "spec.maxReplicas")
        assert.deepStrictEqual(world.api.lines("delete"), [])
        world.api.intercept()
        world.change({ InvokeStrategy: { ExecutionStrategy: { MaxScale: 9 } } })
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(at(world.only(HorizontalPodAutoscalers), "spec", "maxReplicas"), 9)
        assert.deepInclude(degraded(), { status: "False" })
      })
      yield* running(world, test)
    })
  )
})

describe("an Environment of an older version", () => {
  it.effect.each([
    [1, "/userfunc/user"],
    [2, "/userfunc/deployarchive"],
    [3, "/userfunc/deployarchive"]
  ])("%i has its code loaded from %s, and its functions are served (section 7)", ([version, filepath]) =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      world.environment({ spec: { version } })
      const fn = world.function("newdeploy")
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        yield* world.bringUp
        const template = at(world.only(Deployments), "spec", "template", "spec", "containers")
        const command = listOf(template).find(({ name }) => name === "fetcher")?.["command"]
        const words = Array.isArray(command) ? command.map(String) : []
        const { LoadReq } = JSON.parse(words[words.indexOf("-specialize-request") + 1] ?? "{}")
        assert.deepInclude(LoadReq, { filepath, envVersion: version })
        assert.match((yield* ask(fn)).address, /^newdeploy-hello/u)
      })
      yield* running(world, test)
    })
  )
})

describe("names", () => {
  it.effect("25.1: of 63 characters in two namespaces give each function objects of its own, of at most 63", () =>
    Effect.gen(function* () {
      const spaces = ["a".repeat(63), "b".repeat(63)]
      const world = yield* DeploymentWorld.make({ FISSION_RESOURCE_NAMESPACES: spaces.join(",") })
      const strategy = { ExecutionStrategy: { ExecutorType: "newdeploy", MinScale: 0, MaxScale: 1 } }
      for (const namespace of spaces) {
        world.environment({ namespace })
        world.fn({ name: "f".repeat(63), namespace, spec: { InvokeStrategy: strategy } })
      }
      const test = Effect.gen(function* () {
        yield* TestClock.adjust("2 seconds")
        const made = world.api
          .list(Deployments)
          .filter(({ metadata }) => metadata.labels?.["executorType"] === "newdeploy")
        assert.sameMembers(
          made.map(({ metadata }) => metadata.namespace),
          spaces
        )
        assert.strictEqual(new Set(made.map(({ metadata }) => metadata.name)).size, 2)
        for (const { metadata } of made) assert.isAtMost(metadata.name.length, 63)
      })
      yield* running(world, test)
    })
  )
})

describe("a metric that does not exist", () => {
  it.effect("is handed on as it is, and the function is served without it", () =>
    Effect.gen(function* () {
      const world = yield* DeploymentWorld.make()
      const metric = {
        type: "Pods",
        pods: { metric: { name: "no-such" }, target: { type: "AverageValue", averageValue: "1" } }
      }
      world.function("newdeploy", { hpaMetrics: [metric] })
      const test = Effect.gen(function* () {
        yield* DeploymentWorld.aSecond
        assert.deepStrictEqual(at(world.only(HorizontalPodAutoscalers), "spec", "metrics"), [metric])
        yield* world.bringUp
        const stored = world.api.find(Functions, { namespace: "default", name: "hello" })
        assert.deepInclude(listOf(at(stored, "status", "conditions"))[0], { type: "Ready", status: "True" })
      })
      yield* running(world, test)
    })
  )
})
