import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { annotations } from "../../src/fission/Labels.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as World from "./World.ts"

/** Code that says when it is being loaded, and takes its time over it. */
const slow = (marker: string) => `
  require("node:fs").writeFileSync(${JSON.stringify(marker)}, "")
  const end = Date.now() + 1500
  while (Date.now() < end);
  module.exports = async () => ({ status: 200, body: "slow" })`

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "fission-pods-test-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Of all requests that were made none is counted any more. */
const noRequestIsOpen = Effect.map(World.cachedPods, (pods) => pods.every(({ active }) => active === 0))

/** Tests that mostly wait, each with Environments of its own, so that they can do so together. */
const together = { concurrent: true, timeout: 90_000 }

layer(World.layer({ variables: { OBJECT_REAPER_INTERVAL: "1" } }), { excludeTestServices: true })("pods", (it) => {
  it.effect("that die during specialization are replaced by another within the request, and leave nothing behind", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment()
      const loading = join(yield* temporaryFolder, "loading")
      yield* World.createFunction("slow", slow(loading))
      yield* World.warm(2)
      const called = yield* Effect.forkChild(World.call("slow"))
      yield* World.isSo(Effect.sync(() => existsSync(loading)))
      const [claim] = yield* World.claimsOf("slow")
      const victim = yield* World.eventually(
        Effect.map(World.podsOf(), (pods) => pods.find(({ metadata }) => metadata.name === claim?.name))
      )
      const running = (yield* Kubelet).pods().find(({ address }) => address === victim.status?.podIP)
      for (const pid of running?.pids().values() ?? []) process.kill(pid, "SIGKILL")
      assert.deepInclude(yield* Fiber.join(called), { status: 200, body: "slow" })
      yield* World.isSo(
        Effect.map(World.specialized(), (pods) => pods.length === 1 && pods[0]?.metadata.name !== victim.metadata.name)
      )
      yield* World.isSo(noRequestIsOpen)
    })
  )

  it.effect("are claimed by conflicting writes only once, whatever the API answers in between", () =>
    Effect.gen(function* () {
      const faults = yield* Faults
      yield* faults.inject({
        client: World.executorAgent,
        verb: "patch",
        resource: "pods",
        share: 0.3,
        action: { type: "error", preset: "tooManyRequests", retryAfterSeconds: 0 }
      })
      const names = Array.from({ length: 6 }, (_, index) => `shaky-${index}`)
      for (const name of names) yield* World.createFunction(name)
      const answers = yield* Effect.forEach(names, (name) => World.call(name), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ body }) => body),
        names
      )
      yield* faults.liftAll
    })
  )

  it.effect(
    "are reaped when idle: they get no new requests, and are deleted once their last ones had their time",
    () =>
      Effect.gen(function* () {
        yield* World.createEnvironment({}, "default", "quiet")
        const idle = { idletimeout: 3, functionTimeout: 3, ...World.inEnvironment("quiet") }
        yield* World.createFunction("idle", World.answering("idle"), idle)
        yield* World.isSo(Effect.map(World.call("idle"), ({ status }) => status === 200))
        const served = World.podsOf("default", "functionName=idle,fission.io/served=true")
        const first = yield* World.eventually(Effect.map(served, ([pod]) => pod))
        const named = Effect.map(World.podsOf("default", "functionName=idle"), (pods) =>
          pods.find(({ metadata }) => metadata.name === first.metadata.name)
        )
        yield* World.isSo(
          Effect.map(named, (pod) => pod?.metadata.annotations?.[annotations.drainingSince] !== undefined)
        )
        assert.deepInclude(yield* World.call("idle"), { status: 200, body: "idle" })
        const handedOut = (yield* World.cachedPods).filter(({ fn }) => fn === "idle")
        assert.notInclude(
          handedOut.map(({ address }) => address),
          first.status?.podIP
        )

        yield* World.isSo(Effect.map(named, (pod) => pod === undefined))
        const decisions = yield* DecisionLog.use((log) => log.recent("default"))
        const ofPod = decisions.filter(({ name }) => name === first.metadata.name)
        assert.deepStrictEqual(
          ofPod.flatMap(({ action, ground }) => (action === "Reserved" ? [] : [[action, ground]])),
          [
            ["Claimed", undefined],
            ["Draining", undefined],
            ["Deleted", "Idle"]
          ]
        )
      }),
    together
  )

  it.effect(
    "of thirty first requests at once, on three pools of three, are thirty pods, each claimed once",
    () =>
      Effect.gen(function* () {
        const pools = ["pool-a", "pool-b", "pool-c"]
        for (const pool of pools) yield* World.createEnvironment({ poolsize: 3 }, "default", pool)
        const names = Array.from({ length: 30 }, (_, index) => `burst-${index}`)
        for (const [index, name] of names.entries()) {
          yield* World.createFunction(
            name,
            World.answering(name),
            World.inEnvironment(pools[index % pools.length] ?? "")
          )
        }
        const answers = yield* Effect.forEach(names, (name) => World.call(name), { concurrency: "unbounded" })
        assert.deepStrictEqual(
          answers.map(({ body }) => body),
          names
        )
        const claims = (yield* Effect.forEach(names, (name) => World.claimsOf(name))).flat()
        assert.strictEqual(claims.length, names.length)
        assert.strictEqual(new Set(claims.map(({ name }) => name)).size, names.length)
        yield* World.isSo(noRequestIsOpen)
      }),
    together
  )

  it.effect(
    "that cannot load a function are reported to its caller, by the router too",
    () =>
      Effect.gen(function* () {
        yield* World.createEnvironment({}, "default", "doomed")
        yield* World.createFunction("doomed", "throw new Error('no luck')", World.inEnvironment("doomed"))
        const { body, status } = yield* World.call("doomed")
        assert.strictEqual(status, 500)
        assert.include(body, `"reason":"specialization_failed"`)
        assert.include(body, "HTTP 500: error specializing function pod")
      }),
    together
  )
})
