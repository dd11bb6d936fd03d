import { assert, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope } from "effect"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import { exchange, open, readToEnd } from "../fakes/HttpExchange.ts"

const posting = (fn: FissionFunction) => {
  const body = JSON.stringify(fn)
  const head = `POST /v2/getServiceForFunction HTTP/1.1\r\nHost: executor\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
  return { head, rest: `\r\n${body}` }
}

/** An API over a whole executor, with one warm function and one that has never been asked for. */
const started = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make()
  const environment = world.environment()
  const [warm, cold] = [world.fn({ name: "warm", spec: { requestsPerPod: 10 } }), world.fn({ name: "cold" })]
  world.warmPod(environment, "pod-1", "10.0.0.1")
  world.warmPod(environment, "pod-2", "10.0.0.2")
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(
    ExecutorApi.layer({ host: "127.0.0.1", port: 0 }).pipe(
      Layer.provide(world.executor()),
      Layer.provide([Settings.layer({}), Leadership.layerAlways, Logger.layer([])])
    ),
    scope
  )
  const { port } = Context.get(context, ExecutorApi)
  const body = JSON.stringify(warm)
  while ((yield* exchange(port, { path: "/readyz" })).status !== 200) yield* Effect.sleep("10 millis")
  const asked = yield* exchange(port, { method: "POST", path: "/v2/getServiceForFunction", body })
  assert.strictEqual(asked.status, 200)
  return { world, scope, port, warm, cold, address: asked.body }
})

it.live("18.14: a shutdown fails readiness at once, answers warm requests, refuses creations, and then closes", () =>
  Effect.gen(function* () {
    const { address, cold, port, scope, warm, world } = yield* started
    const begin = (head: string) => Effect.tap(open(port), (socket) => Effect.sync(() => socket.write(head)))
    const readiness = yield* begin("GET /readyz HTTP/1.1\r\n")
    const warmRequest = yield* begin(posting(warm).head)
    const coldRequest = yield* begin(posting(cold).head)
    // This one is in the middle of its body, and holds up the end of the drain.
    const holding = yield* begin(`${posting(warm).head}\r\n{`)
    yield* exchange(port, { path: "/healthz" })

    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    readiness.write("Host: executor\r\n\r\n")
    assert.match(yield* readToEnd(readiness), /^HTTP\/1\.1 503 .*shutting down\n$/su)

    warmRequest.write(posting(warm).rest)
    const warmAnswer = yield* readToEnd(warmRequest)
    assert.match(warmAnswer, /^HTTP\/1\.1 200 /u)
    assert.isTrue(warmAnswer.endsWith(address))

    const before = world.specialized.length
    coldRequest.write(posting(cold).rest)
    const coldAnswer = yield* readToEnd(coldRequest)
    assert.match(coldAnswer, /^HTTP\/1\.1 503 .*Retry-After: 1.*shutting down; retry\n$/su)
    assert.strictEqual(world.specialized.length, before)

    assert.isUndefined(closing.pollUnsafe())
    holding.destroy()
    yield* Fiber.join(closing)
  })
)
