import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { imageHash } from "../../../src/fission/ImageVolume.ts"
import { Packages } from "../../../src/fission/ResourceKind.ts"
import { listOf, objectOf } from "../../../src/podspec/Json.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import type { EnvironmentGiven, FunctionGiven } from "../../fakes/ExecutorInMemory.ts"
import { ask, running, settle } from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout } from "../../fakes/Failures.ts"
import * as ReplicaRole from "../../fakes/ReplicaRole.ts"
import * as ImageWorld from "./ImageWorld.ts"

const image = "registry.example.com/code/hello:v1"
const archive = ImageWorld.oci(image)

const hashOf = (hasFetcher: boolean) => imageHash({ reference: image, subPath: "", pullSecrets: [], hasFetcher })

const containersOf = (pool: { readonly [field: string]: unknown } | undefined) =>
  listOf(objectOf(objectOf(objectOf(pool?.["spec"])["template"])["spec"])["containers"]).map(({ name }) => name)

describe("a function with an OCI package", () => {
  it.effect("gets a pod of a pool for its image, and its runtime is told to load by itself (B-direct)", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive })
      yield* running(
        world,
        Effect.gen(function* () {
          const service = yield* world.serve(fn, "image-1", "10.0.1.1")
          assert.strictEqual(service.address, "10.0.1.1:8888")
          const [pool] = world.imagePools()
          assert.strictEqual(pool?.metadata.labels?.["ociImageHash"], hashOf(false))
          assert.deepStrictEqual(containersOf(pool), ["nodejs"])
          assert.strictEqual(objectOf(pool?.["spec"])["replicas"], 1)
          assert.deepStrictEqual(world.specialized, [])
          const [call] = world.runtimeCalls
          assert.strictEqual(call?.podAddress, "10.0.1.1")
          assert.deepInclude(call?.body, { filepath: "/userfunc/deployarchive", envVersion: 3 })
          yield* settle
          const labels = world.pod("image-1")?.metadata.labels
          assert.deepInclude(labels, { managed: "false", ociImageHash: hashOf(false), "fission.io/served": "true" })
        })
      )
    })
  )

  it.effect.each<readonly [why: string, spec: FunctionGiven["spec"]]>([
    ["has a Secret", { secrets: [{ namespace: "default", name: "key" }] }],
    ["has a ConfigMap", { configmaps: [{ namespace: "default", name: "settings" }] }],
    ["has state (W15)", { state: { keyspace: "hello" } }]
  ])("that %s gets a pod with a fetcher beside the image (B-fetcher)", ([, spec]) =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive, spec: spec ?? {} })
      yield* running(
        world,
        Effect.gen(function* () {
          yield* world.serve(fn, "image-1", "10.0.1.1")
          const [pool] = world.imagePools()
          assert.strictEqual(pool?.metadata.labels?.["ociImageHash"], hashOf(true))
          assert.deepStrictEqual(containersOf(pool), ["nodejs", "fetcher"])
          assert.deepStrictEqual(world.specialized, ["10.0.1.1"])
          assert.deepStrictEqual(world.runtimeCalls, [])
        })
      )
    })
  )

  it.effect.each<
    readonly [where: string, environment: EnvironmentGiven["spec"], variables: { readonly [name: string]: string }]
  >([
    ["the operator does not want image volumes", {}, { ENABLE_OCI_IMAGE_VOLUME: "false" }],
    ["its Environment is of version 1", { version: 1 }, {}],
    ["functions share a pod", { allowedFunctionsPerContainer: "infinite" }, {}],
    ["archives are kept", { keeparchive: true }, {}]
  ])("gets a generic pod, whose fetcher pulls the image, where %s", ([, spec, variables]) =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make(variables)
      world.warmPod(world.environment({ spec: spec ?? {} }), "warm-1", "10.0.0.1")
      const fn = world.fn({ archive })
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
          assert.deepStrictEqual(world.specialized, ["10.0.0.1"])
          assert.deepStrictEqual(world.imagePools(), [])
        })
      )
    })
  )

  it.effect("B2: gets a generic pod while the server has not said how old it is", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn({ archive })
      world.api.intercept((call) => (call.resource === "version" ? etcdTimeout(call) : undefined))
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual((yield* ask(fn)).address, "10.0.0.1:8888")
          world.api.intercept()
          yield* TestClock.adjust("1 minute")
          const other = world.fn({ name: "other", archive })
          assert.strictEqual((yield* world.serve(other, "image-1", "10.0.1.1")).address, "10.0.1.1:8888")
        })
      )
    })
  )

  it.effect("P2: gets a generic pod while its Package cannot be read", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn({ archive })
      world.api.intercept((call) =>
        call.verb === "get" && call.resource === "packages" ? etcdTimeout(call) : undefined
      )
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(fn))
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.0.1:8888")
        })
      )
    })
  )

  it.effect("is refused before a pool is made when its reference is none", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive: ImageWorld.oci("https://registry.example.com/Hello") })
      yield* running(
        world,
        Effect.gen(function* () {
          const { status, text } = yield* Effect.flip(ask(fn))
          assert.strictEqual(status, 500)
          assert.include(
            text,
            'package hello-pkg: "https://registry.example.com/Hello" is no reference of an OCI image'
          )
          assert.deepStrictEqual(world.imagePools(), [])
        })
      )
    })
  )

  it.effect("whose runtime could not be reached to the end gets a second pod (W35)", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive })
      world.answer(({ podAddress }) =>
        podAddress === "10.0.1.1"
          ? Effect.fail(new SpecializeError({ reason: "AnswerLost", status: 0, text: "ECONNRESET" }))
          : undefined
      )
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forkChild(ask(fn))
          yield* settle
          world.bringUp("image-1", "10.0.1.1")
          yield* settle
          world.bringUp("image-2", "10.0.1.2")
          yield* settle
          assert.strictEqual((yield* Fiber.join(asked)).address, "10.0.1.2:8888")
          assert.isUndefined(world.pod("image-1"))
        })
      )
    })
  )

  it.effect("never gets a pod of another image, and a plain one never its", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const one = world.fn({ archive })
      const other = world.fn({ name: "other", archive: ImageWorld.oci("code/other") })
      const plain = world.fn({ name: "plain" })
      yield* running(
        world,
        Effect.gen(function* () {
          const asked = yield* Effect.forEach([plain, one, other], (fn) => Effect.forkChild(ask(fn)))
          yield* settle
          assert.strictEqual(world.imagePools().length, 2)
          for (const fiber of asked) assert.isUndefined(fiber.pollUnsafe())
          world.bringUp("image-1", "10.0.1.1")
          yield* settle
          const waiting = asked.filter((fiber) => fiber.pollUnsafe() === undefined)
          assert.strictEqual(waiting.length, 2)
          assert.strictEqual(world.runtimeCalls.length, 1)
          assert.deepStrictEqual(world.specialized, [])
        })
      )
    })
  )
})

describe("the Package of a function", () => {
  it.effect("is read once for each version, before anybody asks for the function (section 22.2)", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.environment()
      const fn = world.fn({ archive })
      yield* running(
        world,
        Effect.gen(function* () {
          assert.strictEqual(world.packageReads(), 1)
          yield* world.serve(fn, "image-1", "10.0.1.1")
          yield* world.serve({ ...fn, metadata: { ...fn.metadata, generation: 7 } }, "image-2", "10.0.1.2")
          assert.strictEqual(world.packageReads(), 1)
          world.api.merge(Packages, { namespace: "default", name: "hello-pkg" }, { metadata: { labels: { new: "1" } } })
          yield* settle
          assert.strictEqual(world.packageReads(), 2)
        })
      )
    })
  )

  it.effect("costs the cold start of a plain one no call", () =>
    Effect.gen(function* () {
      const world = yield* ImageWorld.make()
      world.warmPod(world.environment(), "warm-1", "10.0.0.1")
      const fn = world.fn()
      yield* running(
        world,
        Effect.gen(function* () {
          const before = world.packageReads()
          yield* ask(fn)
          assert.strictEqual(world.packageReads(), before)
        })
      )
    })
  )

  it.effect("is not read where nobody wants image volumes, nor one that no function has", () =>
    Effect.gen(function* () {
      const without = yield* ImageWorld.make({ ENABLE_OCI_IMAGE_VOLUME: "false" })
      without.fn({ archive })
      yield* running(
        without,
        Effect.sync(() => assert.strictEqual(without.packageReads(), 0))
      )
      const world = yield* ImageWorld.make()
      world.api.put(Packages, { metadata: { name: "unused", namespace: "default" }, spec: { deployment: archive } })
      yield* running(
        world,
        Effect.sync(() => assert.strictEqual(world.packageReads(), 0))
      )
    })
  )
})

it.effect("a replica that does not lead serves a function with an OCI package out of its reserve, by the fetcher", () =>
  Effect.gen(function* () {
    const world = yield* ImageWorld.make({ EXECUTOR_WARM_RESERVE: "1" })
    const role = yield* ReplicaRole.make
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    const fn = world.fn({ archive })
    yield* running(
      world,
      Effect.gen(function* () {
        role.become("Standby")
        yield* settle
        assert.match((yield* ask(fn)).address, /^10\.0\.0\.[12]:8888$/u)
        assert.strictEqual(world.specialized.length, 1)
        assert.deepStrictEqual(world.runtimeCalls, [])
      }),
      role.layer
    )
  })
)
