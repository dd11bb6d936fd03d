import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type IncomingHttpHeaders } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { handlersOf } from "../../../src/devcluster/kubelet/Handlers.ts"
import type { Container, Handler } from "../../../src/devcluster/kubelet/PodObject.ts"

/** A server whose answer a test decides. */
const serving = Effect.gen(function* () {
  const answer: { status: number; headers: IncomingHttpHeaders } = { status: 200, headers: {} }
  const server = createServer((request, response) => {
    answer.headers = request.headers
    response.writeHead(request.url === "/ready" ? answer.status : 404).end()
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return { answer, port: typeof address === "object" && address !== null ? address.port : 0 }
})

const run = (handler: Handler, container: Partial<Container> = {}) =>
  handlersOf({
    container: { name: "main", ...container },
    address: "127.0.0.1",
    directory: tmpdir(),
    environment: { WORD: "hello" }
  })(handler)

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const problemOf = (handler: Handler) => Effect.map(Effect.flip(run(handler)), ({ message }) => message)

describe("httpGet", () => {
  it.live("succeeds with a status below 400", () =>
    Effect.gen(function* () {
      const { answer, port } = yield* serving
      for (const status of [200, 302, 399]) {
        answer.status = status
        yield* run({ httpGet: { path: "/ready", port } })
      }
      answer.status = 503
      assert.strictEqual(
        yield* problemOf({ httpGet: { path: "/ready", port } }),
        "HTTP probe failed with statuscode: 503"
      )
    })
  )

  it.live("finds a port by its name, and sends headers along", () =>
    Effect.gen(function* () {
      const { answer, port } = yield* serving
      const httpHeaders = [{ name: "X-Word", value: "hello" }]
      yield* run(
        { httpGet: { path: "ready", port: "http", httpHeaders } },
        { ports: [{ name: "http", containerPort: port }] }
      )
      assert.strictEqual(answer.headers["x-word"], "hello")
    })
  )

  it.live("fails where nobody listens", () =>
    Effect.gen(function* () {
      const message = yield* problemOf({ httpGet: { path: "/ready", port: 1 } })
      assert.match(message, /^Get "http:\/\/127\.0\.0\.1:1\/ready": .*ECONNREFUSED/u)
    })
  )
})

it.live("tcpSocket succeeds where somebody listens", () =>
  Effect.gen(function* () {
    const { port } = yield* serving
    yield* run({ tcpSocket: { port } })
    assert.match(yield* problemOf({ tcpSocket: { port: 1 } }), /^dial tcp 127\.0\.0\.1:1: .*ECONNREFUSED/u)
  })
)

describe("exec", () => {
  const shell = (script: string): Handler => ({ exec: { command: ["/bin/sh", "-c", script] } })

  it.live("succeeds when the command does, in the container's environment", () =>
    Effect.andThen(run(shell('test "$WORD" = hello')), Effect.void)
  )

  it.live("fails with the command's exit code and words", () =>
    Effect.gen(function* () {
      assert.match(yield* problemOf(shell("echo no luck; exit 3")), /^command \/bin\/sh ended with 3: /u)
    })
  )

  it.live("fails where there is no such command", () =>
    Effect.gen(function* () {
      assert.match(yield* problemOf({ exec: { command: ["/no/such/command"] } }), /ended with 128/u)
    })
  )

  it.live("ends the command when it is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "handlers-"))),
        (path) => Effect.promise(() => rm(path, { recursive: true }))
      )
      const file = join(folder, "pid")
      const fiber = yield* Effect.forkChild(run(shell(`echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 60`)))
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => existsSync(file) })
      const pid = Number(readFileSync(file, "utf8"))
      assert.isTrue(isAlive(pid))
      yield* Fiber.interrupt(fiber)
      assert.isFalse(isAlive(pid))
    })
  )
})

it.live("a handler of an unknown kind succeeds", () => run({}))
