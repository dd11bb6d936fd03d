import { hash } from "node:crypto"
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import { DebugListener } from "../../src/observability/DebugListener.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { exchange } from "../fakes/HttpExchange.ts"

const page = (variables: { readonly [name: string]: string }) =>
  Effect.gen(function* () {
    const world = yield* ExecutorInMemory.make()
    const settings = Settings.layer({ METRICS_ADDR: "127.0.0.1:0", ...variables })
    const context = yield* Layer.build(
      DebugListener.layer.pipe(Layer.provide(world.executor()), Layer.provide(settings))
    )
    return yield* exchange(Context.get(context, DebugListener).port ?? 0, { path: "/" })
  })

it.live("is one document, whose policy admits its own style and script and no other", () =>
  Effect.gen(function* () {
    const { body, headers, status } = yield* page({})
    assert.strictEqual(status, 200)
    assert.strictEqual(headers["content-type"], "text/html; charset=utf-8")
    const policy = String(headers["content-security-policy"])
    assert.include(policy, "default-src 'none'")
    for (const [element, directive] of [
      ["style", "style-src"],
      ["script", "script-src"]
    ] as const) {
      const [, content = ""] = new RegExp(`<${element}[^>]*>([^]*)</${element}>`, "u").exec(body) ?? []
      assert.include(policy, `${directive} 'sha256-${hash("sha256", content, "base64")}'`)
    }
    assert.notMatch(body, /\son\w+=|\sstyle=|^(?:import|export) |https?:\/\/(?!www\.w3\.org\/2000\/svg)/mu)
    assert.strictEqual(headers["x-content-type-options"], "nosniff")
  })
)

it.live("is not served where EXECUTOR_OPERATOR_PAGE_ENABLED is false; the other pages are", () =>
  Effect.gen(function* () {
    const { body, status } = yield* page({ EXECUTOR_OPERATOR_PAGE_ENABLED: "false" })
    assert.strictEqual(status, 404)
    assert.match(body, /^not found; here are \/metrics, /u)
  })
)
