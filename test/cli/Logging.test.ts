import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { TestConsole } from "effect/testing"
import * as Logging from "../../src/cli/Logging.ts"
import { makeTraced, Tracing } from "../../src/Tracing.ts"
import { nativeTracing } from "../fakes/Traces.ts"

/** The lines that an effect logs, parsed. */
const linesOf = (self: Effect.Effect<void>, level?: "Debug") =>
  Effect.gen(function* () {
    yield* Effect.provide(self, Logging.layer("json", level))
    return (yield* TestConsole.logLines).map((line) => JSON.parse(String(line)))
  })

describe("a line for machines", () => {
  it.effect("has level, time, logger and message first, and then its fields (observability.md section 5)", () =>
    Effect.gen(function* () {
      const line = Effect.logInfo("function specialized").pipe(
        Effect.annotateLogs({ logger: "poolmgr", function: "cart", duration_ms: 71 })
      )
      const [logged] = yield* linesOf(line)
      assert.deepStrictEqual(Object.entries(logged), [
        ["level", "info"],
        ["ts", "1970-01-01T00:00:00.000Z"],
        ["logger", "poolmgr"],
        ["msg", "function specialized"],
        ["function", "cart"],
        ["duration_ms", 71]
      ])
    })
  )

  it.effect("has the details of the message as fields", () =>
    Effect.gen(function* () {
      const [named, plain] = yield* linesOf(
        Effect.andThen(Effect.logWarning("a setting", { setting: "X" }), Effect.logError("a port", "in use"))
      )
      assert.deepInclude(named, { level: "warn", logger: "executor", setting: "X" })
      assert.deepInclude(plain, { level: "error", detail: "in use" })
    })
  )

  it.effect("stays one line with an error and its stack (row 7)", () =>
    Effect.gen(function* () {
      const [logged] = yield* linesOf(Effect.logError("it died", Cause.die(new TypeError("a bug\nof two lines"))))
      assert.strictEqual(logged.error, "TypeError: a bug\nof two lines")
      assert.include(logged.stacktrace, "Logging.test.ts")
    })
  )

  it.effect("of debugging is written with DEBUG_ENV only", () =>
    Effect.gen(function* () {
      assert.lengthOf(yield* linesOf(Effect.logDebug("step")), 0)
      assert.deepInclude((yield* linesOf(Effect.logDebug("step"), "Debug"))[0], { level: "debug", msg: "step" })
    })
  )

  it.effect("names the trace that it belongs to where somebody records it", () =>
    Effect.gen(function* () {
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const line = Effect.flatMap(makeTraced, (traced) =>
        traced({ traceparent: `00-${traceId}-b7ad6b7169203331-01` }, () => ({ name: "POST", attributes: {} }))(
          Effect.logInfo("inside")
        )
      )
      const [inside] = yield* linesOf(Effect.provideService(line, Tracing, nativeTracing))
      assert.strictEqual(inside.trace_id, traceId)
      assert.match(inside.span_id, /^[0-9a-f]{16}$/u)
    })
  )
})
