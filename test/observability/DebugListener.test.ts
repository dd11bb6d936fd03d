import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import { DebugListener } from "../../src/observability/DebugListener.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { exchange } from "../fakes/HttpExchange.ts"

const started = (address: string) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const log = yield* CapturedLog.make
    const context = yield* Layer.build(
      DebugListener.layer.pipe(
        Layer.provide(world.executor()),
        Layer.provide(Settings.layer({ METRICS_ADDR: address })),
        Layer.provide(log.layer)
      )
    )
    return { port: Context.get(context, DebugListener).port, log }
  })

it.live("serves the pages where METRICS_ADDR says", () =>
  Effect.gen(function* () {
    const { port = 0 } = yield* started("127.0.0.1:0")
    const metrics = yield* exchange(port, { path: "/metrics" })
    assert.strictEqual(metrics.status, 200)
    assert.strictEqual(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
    assert.include(metrics.body, "# TYPE fission_executor_circuit_state gauge")
    const namespaces = yield* exchange(port, { path: "/debug/namespaces" })
    assert.strictEqual(JSON.parse(namespaces.body).namespaces[0].namespace, "default")
  })
)

it.live("X9: a port that is in use is a warning, and nothing else", () =>
  Effect.gen(function* () {
    const { port } = yield* started("127.0.0.1:0")
    const second = yield* started(`127.0.0.1:${port}`)
    assert.isUndefined(second.port)
    assert.deepStrictEqual(
      second.log.lines.filter(({ level }) => level === "Warn").map(({ message }) => message),
      ["metrics and debug pages are not served; everything else works"]
    )
  })
)
