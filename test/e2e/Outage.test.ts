import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { type FaultAction, Faults } from "../../src/devcluster/Faults.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as World from "./World.ts"

const deletions = Effect.map(
  DecisionLog.use((log) => log.recent()),
  (decisions) => decisions.filter(({ action }) => action === "Deleted")
)

const healthOf = (namespace: string) =>
  Supervisor.use((supervisor) => Effect.succeed(supervisor.cell(namespace)?.health()))

layer(World.layer(), { excludeTestServices: true })("while the whole API is away", (it) => {
  it.effect(
    "warm requests are answered, nothing is deleted, and more functions than the reserve holds work later",
    () =>
      Effect.gen(function* () {
        yield* World.createEnvironment()
        yield* World.createFunction("hello")
        yield* World.createFunction("reserved")
        yield* World.createFunction("later")
        yield* World.warm(2)
        assert.strictEqual((yield* World.call("hello")).status, 200)
        yield* World.warm(2)
        yield* World.reserved(1)
        const before = (yield* deletions).length

        const faults = yield* Faults
        yield* faults.inject({ client: World.executorAgent, action: { type: "error", preset: "etcdTimeout" } })
        yield* faults.inject({ client: World.executorAgent, action: { type: "dropWatch" } })
        let answered = 0
        for (let request = 0; request < 150; request++) {
          if ((yield* World.call("hello")).status === 200) answered++
        }
        assert.strictEqual(answered, 150)
        assert.strictEqual((yield* World.executorGet("/readyz")).status, 200)
        assert.strictEqual((yield* World.executorGet("/healthz")).status, 200)
        assert.deepInclude(yield* World.call("reserved"), { status: 200, body: "reserved" })
        const cold = yield* World.ask("later")
        assert.strictEqual(cold.status, 503)
        assert.match(String(cold.headers["retry-after"]), /^\d+$/u)
        assert.strictEqual((yield* deletions).length, before)

        yield* faults.liftAll
        assert.deepInclude(yield* World.eventually(served("later")), { status: 200, body: "later" })
      })
  )

  it.effect(
    "a claim that was applied although its answer was an error ends well, or with 503 and without a lost pod",
    () =>
      Effect.gen(function* () {
        const faults = yield* Faults
        yield* World.createFunction("doubtful")
        yield* World.warm(2)
        yield* faults.inject({
          client: World.executorAgent,
          verb: "patch",
          resource: "pods",
          count: 2,
          action: { type: "applyThenError", preset: "timeout" }
        })
        const { status } = yield* World.ask("doubtful")
        assert.include([200, 503], status)
        yield* faults.liftAll
        const settled = Effect.gen(function* () {
          const claimed = (yield* World.specialized()).map((pod) => pod.status?.podIP ?? "")
          const handedOut = (yield* World.cachedPods).map(({ address }) => address)
          return claimed.toSorted().join() === handedOut.toSorted().join()
        })
        yield* World.isSo(settled)
      })
  )
})

/** The answer of a function once it is one of the function itself. */
const served = (name: string, namespace = "default") =>
  Effect.map(World.call(name, namespace), (answer) => (answer.status === 200 ? answer : undefined))

const kinds = [
  { type: "error", preset: "etcdTimeout" },
  { type: "error", preset: "timeout" },
  { type: "error", preset: "tooManyRequests" },
  { type: "error", preset: "forbidden" },
  { type: "reset" },
  { type: "hang" }
] as const

/** Both namespaces have a function; the Environments of `bad` cannot be listed. */
const twoNamespaces = (action: FaultAction) =>
  World.layer({
    namespaces: ["good", "bad"],
    before: Faults.use((faults) =>
      faults.inject({ client: World.executorAgent, verb: "list", resource: "environments", namespace: "bad", action })
    )
  })

// Each has a cluster of its own and mostly waits.
describe(
  "a namespace whose Environments cannot be listed from the start",
  { concurrent: true, timeout: 60_000 },
  () => {
    it.live.each(kinds)("does not keep the others from serving, and serves when it can (%j)", (action) =>
      Effect.gen(function* () {
        yield* World.createEnvironment({}, "good")
        yield* World.createEnvironment({}, "bad")
        yield* World.createFunction("hello", World.answering("good"), {}, "good")
        yield* World.createFunction("hello", World.answering("bad"), {}, "bad")
        yield* World.isSo(Effect.map(World.executorGet("/readyz"), ({ status }) => status === 200))
        assert.deepInclude(yield* World.eventually(served("hello", "good")), { body: "good" })
        assert.notStrictEqual((yield* healthOf("bad"))?.state, "Healthy")
        const refused = yield* World.ask("hello", "bad")
        assert.strictEqual(refused.status, 503)
        assert.strictEqual(refused.headers["retry-after"], "1")

        yield* Faults.use((faults) => faults.liftAll)
        assert.deepInclude(yield* World.eventually(served("hello", "bad")), { body: "bad" })
        assert.strictEqual((yield* healthOf("bad"))?.state, "Healthy")
      }).pipe(Effect.provide(twoNamespaces(action)))
    )
  }
)
