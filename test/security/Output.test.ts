import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, openSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { freePort } from "../cli/CommandProcess.ts"
import { exchange } from "../fakes/HttpExchange.ts"

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** Waits until somebody listens. */
const listening = (port: number): Effect.Effect<void> =>
  exchange(port, { path: "/healthz" }).pipe(
    Effect.catchDefect(() => Effect.andThen(Effect.sleep("20 millis"), listening(port))),
    Effect.asVoid
  )

/** An executor whose API server is away, so that it has much to log, and whose output goes there. */
const serveInto = (output: "closed pipe" | number) =>
  Effect.gen(function* () {
    const port = yield* freePort
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const parameters = ["serve", "--api-server", "http://127.0.0.1:1", "--host", "127.0.0.1"]
        const child = spawn(process.execPath, [main, ...parameters, "--executorPort", String(port)], {
          env: { PATH: process.env["PATH"], METRICS_ADDR: "127.0.0.1:0" },
          stdio: ["ignore", output === "closed pipe" ? "pipe" : output, output === "closed pipe" ? "pipe" : output]
        })
        child.stdout?.destroy()
        child.stderr?.destroy()
        return child
      }),
      (child) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          child.kill("SIGKILL")
          await once(child, "exit")
        })
    )
    const ended = Effect.promise(() => once(child, "exit"))
    yield* Effect.raceFirst(listening(port), Effect.andThen(ended, Effect.die("the executor ended")))
    // Requests that are logged: there is no route, and the signature of nobody is asked for.
    for (let index = 0; index < 20; index++) {
      const answer = yield* exchange(port, { method: "POST", path: "/v2/unTapService", body: "no JSON" })
      assert.strictEqual(answer.status, 503)
    }
    assert.isNull(child.exitCode)
    child.kill("SIGTERM")
    const [code] = yield* ended
    return code
  })

describe("the executor goes on, and ends in order, where its log", () => {
  it.live("is a pipe that nobody reads any more", () =>
    Effect.map(serveInto("closed pipe"), (code) => assert.strictEqual(code, 0))
  )

  it.live.skipIf(!existsSync("/dev/full"))("is on a disk that is full", () =>
    Effect.map(serveInto(openSync("/dev/full", "w")), (code) => assert.strictEqual(code, 0))
  )
})
