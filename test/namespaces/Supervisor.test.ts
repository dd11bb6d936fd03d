import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Environments } from "../../src/fission/ResourceKind.ts"
import * as Cells from "../fakes/Cells.ts"

const messages = (cells: Cells.Cells, namespace: string) =>
  cells.log.of(namespace, "Error").map((line) => `${line.message}; ${String(line.fields["nextAttemptIn"])}`)
const died = "namespace cell died of a bug and is restarted; other namespaces are not affected"

describe("a supervised cell", () => {
  it.effect("that keeps dying is restarted after 1, 2, 4 … 60 s, while its neighbour works on", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a", "team-b"])
      const startedAt: Array<number> = []
      yield* cells.start({
        ...cells.recording,
        loops: [
          (view) =>
            view.namespace === "team-b"
              ? Effect.never
              : Effect.gen(function* () {
                  startedAt.push(yield* Clock.currentTimeMillis)
                  return yield* Effect.die(new Error("a bug"))
                })
        ]
      })
      yield* Effect.repeat(TestClock.adjust("1 second"), { times: 299 })
      const delays = ["1s", "2s", "4s", "8s", "16s", "32s", "1m", "1m", "1m"]
      assert.deepStrictEqual(
        messages(cells, "team-a").slice(0, 9),
        delays.map((delay) => `${died}; ${delay}`)
      )
      assert.deepStrictEqual(messages(cells, "team-b"), [])
      cells.api.put(Environments, {
        metadata: { namespace: "team-b", name: "node" },
        spec: { version: 3, runtime: {} }
      })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(cells.handled, ["team-b/node"])
    })
  )

  it.effect("is restarted soon again after two good minutes", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a"])
      yield* cells.start({
        ...cells.recording,
        loops: [() => Effect.andThen(Effect.sleep("2 minutes"), Effect.die(new Error("a bug")))]
      })
      yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 60 })
      const seen = messages(cells, "team-a")
      assert.isTrue(seen.length >= 4)
      assert.deepStrictEqual([...new Set(seen)], [`${died}; 1s`])
    })
  )

  it.effect("goes on with the view it had, without listing again", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a"])
      let bugs = 1
      yield* cells.start({
        ...cells.recording,
        work: { record: () => (bugs-- > 0 ? Effect.die(new Error("a bug")) : Effect.void) }
      })
      yield* TestClock.adjust("1 second")
      const lists = cells.api.lines("list").length
      const cell = cells.supervisor.cell("team-a")
      cell?.enqueue({ handler: "record", name: "x" })
      yield* TestClock.adjust("500 millis")
      assert.isTrue(cell?.view.functions.isSynced())
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(messages(cells, "team-a").length, 1)
      assert.strictEqual(cells.api.lines("list").length, lists)
    })
  )

  it.effect("survives an interruption from within", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a", "team-b"])
      let interruptions = 1
      const process = yield* cells.start({
        ...cells.recording,
        loops: [(view) => (view.namespace === "team-a" && interruptions-- > 0 ? Effect.interrupt : Effect.never)]
      })
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(process.pollUnsafe())
      assert.deepStrictEqual(messages(cells, "team-a"), [`${died}; 1s`])
      assert.strictEqual(cells.supervisor.cell("team-a")?.health().state, "Healthy")
    })
  )

  it.effect("ends with the process, and its watches with it", () =>
    Effect.gen(function* () {
      const cells = yield* Cells.make(["team-a"])
      const process = yield* cells.start(cells.recording)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(cells.api.watches().length, 6)
      yield* Fiber.interrupt(process)
      assert.deepStrictEqual(cells.api.watches(), [])
      assert.deepStrictEqual(messages(cells, "team-a"), [])
    })
  )
})

it.effect("finds cells by their namespace and by where their workloads live", () =>
  Effect.gen(function* () {
    const { supervisor } = yield* Cells.make(["team-a", "team-b"])
    assert.strictEqual(supervisor.cell("team-b"), supervisor.cellOfWorkloads("team-b"))
    assert.isUndefined(supervisor.cell("team-c"))
    assert.strictEqual(supervisor.cells.length, 2)
  })
)
