import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Kubelet } from "../../src/devcluster/Kubelet.ts"
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

layer(World.layer({ variables: { OBJECT_REAPER_INTERVAL: "1" } }), { excludeTestServices: true })("pods", (it) => {
  it.effect("that die during specialization are replaced by another within the request, and leave nothing behind", () =>
    Effect.gen(function* () {
      yield* World.createEnvironment()
      const loading = join(yield* temporaryFolder, "loading")
      yield* World.createFunction("slow", slow(loading))
      yield* World.warm(2)
      const asked = yield* Effect.forkChild(World.ask("slow"))
      const victim = yield* World.eventually(Effect.map(World.specialized(), ([pod]) => pod))
      yield* World.isSo(Effect.sync(() => existsSync(loading)))
      const kubelet = yield* Kubelet
      const processes =
        kubelet
          .pods()
          .find(({ address }) => address === victim.status?.podIP)
          ?.pids() ?? new Map()
      for (const pid of processes.values()) process.kill(pid, "SIGKILL")
      const { body, status } = yield* Fiber.join(asked)
      assert.strictEqual(status, 200)
      assert.notInclude(body, victim.status?.podIP ?? "")
      yield* World.isSo(
        Effect.map(World.specialized(), (pods) => pods.length === 1 && pods[0]?.metadata.name !== victim.metadata.name)
      )
    })
  )

  it.effect("are reaped when idle: first no new requests, then deleted", () =>
    Effect.gen(function* () {
      yield* World.createFunction("idle", World.answering("idle"), { idletimeout: 1, functionTimeout: 1 })
      yield* World.warm(1)
      assert.strictEqual((yield* World.call("idle")).status, 200)
      const draining = Effect.map(
        World.podsOf("default", "functionName=idle"),
        ([pod]) => pod !== undefined && pod.metadata.annotations?.["fission.io/draining-since"] !== undefined
      )
      yield* World.isSo(draining)
      const decisions = yield* DecisionLog.use((log) => log.recent("default"))
      assert.isTrue(decisions.some(({ action, reason }) => action === "Draining" && reason !== ""))
    })
  )

  it.effect("of twelve first requests at once are twelve pods, each claimed once", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 12 }, (_, index) => `burst-${index}`)
      for (const name of names) yield* World.createFunction(name)
      const answers = yield* Effect.forEach(names, (name) => World.call(name), { concurrency: "unbounded" })
      assert.deepStrictEqual(
        answers.map(({ body }) => body),
        names
      )
      const pods = (yield* World.specialized()).filter((pod) =>
        pod.metadata.labels?.["functionName"]?.startsWith("burst-")
      )
      assert.strictEqual(new Set(pods.map((pod) => pod.metadata.labels?.["functionName"])).size, names.length)
      assert.strictEqual(pods.length, names.length)
      const dump = (yield* World.executorGet("/v2/debugInfo")).body
      assert.notMatch(dump, /function_name:burst-.*active_req:[1-9]/u)
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
})
