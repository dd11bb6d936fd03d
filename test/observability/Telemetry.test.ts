import { assert, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import * as Telemetry from "../../src/observability/Telemetry.ts"
import { makeTraced } from "../../src/Tracing.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"
import { listen, sendJson } from "../fakes/StubServer.ts"
import { freePort } from "../cli/CommandProcess.ts"

const request = (name: string) =>
  Effect.flatMap(makeTraced, (traced) => traced({}, () => ({ name, attributes: {} }))(Effect.void))

/** Runs requests with an exporter to this endpoint, whose end is awaited, as at a shutdown. */
const exportTo = (endpoint: string, requests: Effect.Effect<void>, variables = {}) =>
  Effect.gen(function* () {
    const log = yield* CapturedLog.make
    const settings = Settings.layer({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, ...variables })
    yield* requests.pipe(Effect.provide(Telemetry.layer.pipe(Layer.provide([settings, log.layer]))))
    return log
  })

it.live("spans go to the collector by the end of the process, with the name of the stock executor", () =>
  Effect.gen(function* () {
    const collector = yield* listen((_, response) => sendJson(response, {}))
    yield* exportTo(collector.url, request("POST /v2/tapServices"), {
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic YTpi"
    })
    const { body, headers, path } = yield* collector.nextRequest
    assert.strictEqual(path, "/v1/traces")
    assert.strictEqual(headers["authorization"], "Basic YTpi")
    const text = JSON.stringify(body)
    assert.include(text, '"name":"POST /v2/tapServices"')
    assert.include(text, '"key":"service.name","value":{"stringValue":"Fission-Executor"}')
  })
)

it.live("a collector that cannot be reached is logged once and harms nothing", () =>
  Effect.gen(function* () {
    const port = yield* freePort
    const log = yield* exportTo(`127.0.0.1:${port}`, request("POST"))
    const warnings = log.lines.filter(({ level }) => level === "Warn").map(({ message }) => message)
    assert.deepStrictEqual(warnings, ["the telemetry collector takes nothing; what is recorded meanwhile is dropped"])
  })
)

it.live("a resource attribute that cannot be read switches the export off, and nothing else", () =>
  Effect.gen(function* () {
    let ran = false
    const log = yield* exportTo(
      "127.0.0.1:1",
      Effect.sync(() => void (ran = true)),
      {}
    ).pipe(
      Effect.provideService(
        ConfigProvider.ConfigProvider,
        ConfigProvider.fromEnvRecord({ OTEL_RESOURCE_ATTRIBUTES: "a=%zz" })
      )
    )
    assert.isTrue(ran)
    assert.include(
      log.lines.map(({ message }) => message),
      "telemetry is not exported: its OTEL_ variables cannot be used"
    )
  })
)
