import { existsSync, readFileSync, watch } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { decisionFile } from "../../examples/decisionFile.ts"
import { externalType } from "../../examples/externalType.ts"
import { registryPolicy } from "../../examples/registryPolicy.ts"
import type { AddOn } from "../../src/Executor.ts"
import { Deployments } from "../../src/fission/ResourceKind.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import { ask, type ExecutorInMemory, type ExecutorServices, make } from "../fakes/ExecutorInMemory.ts"

/** Runs a test in an executor with an add-on, which is a second old. */
const running = <A, E>(world: ExecutorInMemory, addOn: AddOn, test: Effect.Effect<A, E, ExecutorServices>) =>
  Effect.andThen(TestClock.adjust("1 second"), test).pipe(
    Effect.provide(world.executor(Leadership.layerAlways, {}, addOn))
  )

const ofType = (executorType: string) => ({ InvokeStrategy: { ExecutionStrategy: { ExecutorType: executorType } } })

describe("the executor type external", () => {
  it.effect("answers with the address that the annotation names, and creates nothing", () =>
    Effect.gen(function* () {
      const world = yield* make()
      const annotations = { "example.org/address": "legacy.example.org:8080" }
      const fn = world.fn({ metadata: { annotations }, spec: ofType("external") })
      const { address } = yield* running(world, externalType, ask(fn))
      assert.strictEqual(address, "legacy.example.org:8080")
      assert.deepStrictEqual(world.sent, [])
    })
  )

  it.effect("refuses a function without an address in one line", () =>
    Effect.gen(function* () {
      const world = yield* make()
      const error = yield* running(world, externalType, Effect.flip(ask(world.fn({ spec: ofType("external") }))))
      assert.strictEqual(error.status, 400)
      assert.strictEqual(error.text, "function default/hello: annotation example.org/address must be host:port")
    })
  )

  it.effect("leaves the other types as they are", () =>
    Effect.gen(function* () {
      const world = yield* make()
      world.warmPod(world.environment(), "warm", "10.0.0.1")
      const { address } = yield* running(world, externalType, ask(world.fn()))
      assert.strictEqual(address, "10.0.0.1:8888")
    })
  )
})

describe("the policy of registries", () => {
  it.effect("keeps a pool with a foreign image from being made, and says why to whoever asks", () =>
    Effect.gen(function* () {
      const world = yield* make()
      world.environment()
      const error = yield* running(world, registryPolicy("ghcr.io"), Effect.flip(ask(world.fn())))
      assert.include(error.text, "policy registry: container nodejs has the image node-env, which is not from ghcr.io")
      assert.strictEqual(error.degraded, "InvalidSpec")
      assert.deepStrictEqual(world.pools(), [])
    })
  )

  it.effect("denies the Deployment of a function of its own, too", () =>
    Effect.gen(function* () {
      const world = yield* make()
      world.environment()
      const fn = world.fn({
        metadata: { uid: "0f0e0d0c-0000-4000-8000-000000000001" },
        spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: "newdeploy", MaxScale: 1 } } }
      })
      const error = yield* running(world, registryPolicy("ghcr.io"), Effect.flip(ask(fn)))
      assert.include(error.text, "policy registry: container nodejs has the image node-env")
      assert.deepStrictEqual(
        world.sent.filter(({ resource }) => resource === Deployments.plural),
        []
      )
    })
  )

  it.effect("lets a pool be made whose images are all from the registry", () =>
    Effect.gen(function* () {
      const world = yield* make()
      world.environment({ spec: { runtime: { image: "ghcr.io/fission/node-env" } } })
      yield* running(world, registryPolicy("ghcr.io"), Effect.void)
      assert.strictEqual(world.pools().length, 1)
    })
  )

  it.effect("leaves a pool alone that was there before it", () =>
    Effect.gen(function* () {
      const world = yield* make()
      world.warmPod(world.environment(), "warm", "10.0.0.1")
      yield* running(world, Layer.empty, Effect.void)
      const before = world.pools()
      const { address } = yield* running(world, registryPolicy("ghcr.io"), ask(world.fn()))
      assert.strictEqual(address, "10.0.0.1:8888")
      assert.deepStrictEqual(world.pools(), before)
    })
  )
})

/** The lines of a file in a folder, once there are that many. */
const linesOf = (folder: string, name: string, count: number) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const file = join(folder, name)
    const look = () => {
      const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []
      if (lines.length >= count) resume(Effect.succeed(lines))
    }
    const watcher = watch(folder, look)
    look()
    return Effect.sync(() => watcher.close())
  })

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "decisions-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true }))
)

const record = (name: string) =>
  DecisionLog.use((log) =>
    log.record({ action: "Kept", kind: "Pod", namespace: "default", name, reason: "it is used" })
  )

describe("the file of decisions", () => {
  it.effect("gets a line of JSON for each decision, in order", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lines = yield* running(
        yield* make(),
        decisionFile(join(folder, "decisions.jsonl")),
        Effect.andThen(Effect.forEach(["first", "second"], record), linesOf(folder, "decisions.jsonl", 2))
      )
      assert.deepStrictEqual(
        lines.map((line): unknown => JSON.parse(line)),
        ["first", "second"].map((name, index) => ({
          at: "1970-01-01T00:00:01.000Z",
          action: "Kept",
          kind: "Pod",
          namespace: "default",
          name,
          reason: "it is used",
          number: index + 1
        }))
      )
    })
  )

  it.effect("gets them later where it could not be written at first", () =>
    Effect.gen(function* () {
      const complained = yield* Deferred.make<void>()
      const logger = Logger.make<unknown, void>(({ message }) => {
        if (String(message).includes("cannot be written")) Deferred.doneUnsafe(complained, Effect.void)
      })
      const missing = join(yield* temporaryFolder, "missing")
      const lines = yield* running(
        yield* make({}, Logger.layer([logger])),
        decisionFile(join(missing, "decisions.jsonl")),
        Effect.gen(function* () {
          yield* record("first")
          yield* Deferred.await(complained)
          yield* Effect.promise(() => mkdir(missing))
          yield* TestClock.adjust("1 second")
          return yield* linesOf(missing, "decisions.jsonl", 1)
        })
      )
      assert.deepInclude(JSON.parse(lines[0] ?? ""), { name: "first" })
    })
  )
})
