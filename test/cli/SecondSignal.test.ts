import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventually, http, isSo } from "../e2e/World.ts"
import { open } from "../fakes/HttpExchange.ts"
import * as CommandProcess from "./CommandProcess.ts"

/** An executor without an API server, in the middle of a request whose body does not come. */
const busy = Effect.gen(function* () {
  const port = yield* CommandProcess.freePort
  const executor = yield* CommandProcess.start([
    "--executorPort",
    String(port),
    "--host",
    "127.0.0.1",
    "--api-server",
    `http://127.0.0.1:${yield* CommandProcess.freePort}`
  ])
  const status = http(`http://127.0.0.1:${port}/healthz`).pipe(
    Effect.map(({ status }) => status),
    Effect.catchDefect(() => Effect.succeed(0))
  )
  yield* isSo(Effect.map(status, (status) => status === 200))
  const socket = yield* open(port)
  socket.write("POST /v2/tapServices HTTP/1.1\r\nHost: executor\r\nContent-Length: 100\r\n\r\n[")
  yield* isSo(Effect.map(status, (status) => status === 200))
  return { executor, isDraining: Effect.map(status, (status) => status === 0), socket }
})

it.live("waits for open requests after one signal, and ends with 0", () =>
  Effect.gen(function* () {
    const { executor, isDraining, socket } = yield* busy
    executor.child.kill("SIGTERM")
    yield* isSo(isDraining)
    assert.isNull(executor.child.exitCode)
    socket.destroy()
    assert.strictEqual(yield* executor.exited, 0)
  })
)

it.live("ends at once with 1 after a second signal", () =>
  Effect.gen(function* () {
    const { executor, isDraining } = yield* busy
    executor.child.kill("SIGTERM")
    yield* isSo(isDraining)
    const code = yield* eventually(
      Effect.sync(() => {
        executor.child.kill("SIGTERM")
        return executor.child.exitCode ?? undefined
      })
    )
    assert.strictEqual(code, 1)
  })
)
