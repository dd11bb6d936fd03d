import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Deployments, Functions, Packages } from "../../../src/fission/ResourceKind.ts"
import { listOf } from "../../../src/podspec/Json.ts"
import { at } from "../../podspec/StockObjects.ts"
import { running, settle } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout, type Failure } from "../../fakes/Failures.ts"
import * as DeploymentWorld from "./DeploymentWorld.ts"

const pkg = { namespace: "default", name: "hello-pkg" }
const image = "registry.example.com/code/hello:v1"

/** A cluster with one newdeploy function, whose code is in that image. */
const worldWith = (reference = image, variables: { readonly [name: string]: string } = {}) =>
  Effect.map(DeploymentWorld.make({ ENABLE_OCI_IMAGE_VOLUME: "true", ...variables }), (world) => {
    world.function("newdeploy", { MinScale: 1 })
    world.api.put(Packages, {
      metadata: pkg,
      spec: { deployment: { type: "oci", oci: { image: reference, subPath: "/app/" } } }
    })
    return world
  })

const failing = (world: DeploymentWorld.DeploymentWorld, resource: string, failure: Failure) =>
  world.api.intercept((call) => (call.verb === "get" && call.resource === resource ? failure(call) : undefined))

const podSpec = (world: DeploymentWorld.DeploymentWorld) => at(world.only(Deployments), "spec", "template", "spec")

/** The images that pods of the only Deployment mount. */
const volumesOf = (world: DeploymentWorld.DeploymentWorld) =>
  listOf(at(podSpec(world), "volumes")).flatMap((volume) => at(volume, "image", "reference") ?? [])

/** Which containers mount the code, and how. */
const mountsOf = (world: DeploymentWorld.DeploymentWorld) =>
  listOf(at(podSpec(world), "containers")).flatMap(({ name, volumeMounts }) =>
    listOf(volumeMounts)
      .filter((mount) => mount["name"] === "oci-package-image")
      .map(({ mountPath, readOnly, subPath }) => [name, mountPath, subPath, readOnly])
  )

/** An executor made the function's objects and has ended. */
const deployed = (world: DeploymentWorld.DeploymentWorld) => running(world, settle)

describe("the pods of a newdeploy function with an OCI package (section 15)", () => {
  it.effect("mount its image in the runtime and in the fetcher", () =>
    Effect.gen(function* () {
      const world = yield* worldWith()
      yield* deployed(world)
      assert.deepStrictEqual(volumesOf(world), [image])
      assert.deepStrictEqual(mountsOf(world), [
        ["nodejs", "/userfunc/deployarchive", "app", true],
        ["fetcher", "/userfunc/deployarchive", "app", true]
      ])
    })
  )

  it.effect(
    "have it from the fetcher where the operator does not want image volumes, and nobody reads the Package",
    () =>
      Effect.gen(function* () {
        const world = yield* worldWith(image, { ENABLE_OCI_IMAGE_VOLUME: "false" })
        yield* deployed(world)
        assert.deepStrictEqual(volumesOf(world), [])
        assert.notInclude(world.api.lines(), "get packages default/hello-pkg")
      })
  )

  it.effect("change in no way at a restart, whether or not the server says how old it is", () =>
    Effect.gen(function* () {
      const world = yield* worldWith()
      yield* deployed(world)
      const before = world.objectWrites().length
      failing(world, "version", etcdTimeout)
      const knownInTheEnd = Effect.andThen(
        TestClock.adjust("1 minute"),
        Effect.andThen(
          Effect.sync(() => world.api.intercept()),
          TestClock.adjust("2 minutes")
        )
      )
      yield* running(world, knownInTheEnd)
      assert.strictEqual(world.objectWrites().length, before)
    })
  )

  it.effect("keep the image when the Package is gone, whatever else changes", () =>
    Effect.gen(function* () {
      const world = yield* worldWith()
      yield* deployed(world)
      world.api.remove(Packages, pkg)
      yield* running(
        world,
        Effect.gen(function* () {
          world.change({ idletimeout: 7, resources: { limits: { cpu: "2" } } })
          yield* settle
          assert.deepStrictEqual(volumesOf(world), [image])
        })
      )
    })
  )

  it.effect("N9: stay as they are while the Package cannot be read, and follow the Function once it can", () =>
    Effect.gen(function* () {
      const world = yield* worldWith()
      yield* deployed(world)
      const before = world.only(Deployments)
      yield* running(
        world,
        Effect.gen(function* () {
          failing(world, "packages", etcdTimeout)
          world.api.merge(Packages, pkg, { spec: { deployment: { oci: { image: "code/hello:v2" } } } })
          world.change({ idletimeout: 7 })
          yield* TestClock.adjust("20 seconds")
          assert.deepStrictEqual(at(world.only(Deployments), "spec"), at(before, "spec"))
          world.api.intercept()
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(volumesOf(world), ["code/hello:v2"])
        })
      )
    })
  )

  it.effect("are not made before the Package can be read", () =>
    Effect.gen(function* () {
      const world = yield* worldWith()
      failing(world, "packages", etcdTimeout)
      yield* running(
        world,
        Effect.gen(function* () {
          yield* TestClock.adjust("20 seconds")
          assert.isUndefined(world.only(Deployments, "newdeploy"))
          world.api.intercept()
          yield* TestClock.adjust("2 minutes")
          assert.deepStrictEqual(volumesOf(world), [image])
        })
      )
    })
  )

  it.effect("are not made of a reference that is none, and the Function says why", () =>
    Effect.gen(function* () {
      const world = yield* worldWith("https://registry.example.com/Hello")
      yield* deployed(world)
      assert.isUndefined(world.only(Deployments, "newdeploy"))
      const [condition] = listOf(
        at(world.api.find(Functions, { namespace: "default", name: "hello" }), "status", "conditions")
      )
      assert.deepInclude(condition, { type: "ExecutorDegraded", reason: "InvalidSpec" })
      assert.include(String(condition?.["message"]), "is no reference of an OCI image")
    })
  )
})
