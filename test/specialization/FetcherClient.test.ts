import { createServer } from "node:http"
import { setImmediate } from "node:timers/promises"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Settings } from "../../src/Config.ts"
import { FetcherClient } from "../../src/specialization/FetcherClient.ts"

/** A fetcher that gives these answers, one after the other; `drop` closes the connection without one. */
const answering = (address: string, answers: ReadonlyArray<readonly [status: number, text: string] | "drop">) =>
  Effect.gen(function* () {
    let requests = 0
    yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((request, response) => {
          const answer = answers[requests++] ?? [200, ""]
          request.resume().once("end", () => {
            if (answer === "drop") response.destroy()
            else response.writeHead(answer[0]).end(answer[1])
          })
        })
        server.listen(8000, address, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    return () => requests
  })

/** What a fetcher saw: each request, and the connection that it came on, counted from 1. */
const fetcherOn = (address: string) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    let connections = 0
    yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const numbers = new WeakMap<object, number>()
        const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
          seen.push(`${request.method} ${request.url} ${numbers.get(request.socket)}`)
          request.resume().once("end", () => response.end())
        })
        server.on("connection", (socket) => numbers.set(socket, ++connections))
        server.listen(8000, address, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    return seen
  })

const layer = FetcherClient.layer.pipe(Layer.provide(Layer.orDie(Settings.layer({}))))

const load = (podAddress: string) =>
  FetcherClient.use((fetcher) => fetcher.specialize({ podAddress, body: {}, correlationId: "1" }))

describe("a connection opened ahead", () => {
  it.live("is the one that the load comes on, and ends with it", () =>
    Effect.gen(function* () {
      const address = "127.88.0.1"
      const seen = yield* fetcherOn(address)
      yield* FetcherClient.use((fetcher) => fetcher.openAhead(address))
      // Within the turn of its answer the client still takes the connection for a busy one.
      yield* Effect.promise(() => setImmediate())
      yield* load(address)
      yield* load(address)
      assert.deepStrictEqual(seen, ["GET /healthz 1", "POST /specialize 1", "POST /specialize 2"])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("to a pod where nobody listens is nothing", () =>
    FetcherClient.use((fetcher) => fetcher.openAhead("127.88.0.2")).pipe(Effect.provide(layer))
  )
})

describe("what a load comes to (function-pod-protocol.md section 12)", () => {
  it.live.each<
    readonly [what: string, answers: Parameters<typeof answering>[1], requests: number, failure: string | undefined]
  >([
    ["an answer lost after the request was sent is never asked for again", ["drop"], 1, "AnswerLost"],
    ["401 is final, and says which key it was not", [[401, ""]], 1, "Answered"],
    [
      "404 for a missing Secret is final",
      [[404, "error fetching secrets/configs: secret was not found"]],
      1,
      "Answered"
    ],
    ["an unfinished build is final", [[500, "error fetching deploy package: package build status"]], 1, "Answered"],
    ["W16: the runtime's own 500 is final", [[500, "error specializing function pod: boom"]], 1, "Answered"],
    ["a failed download is tried once more on the same pod", [[400, "failed to download"]], 2, undefined],
    [
      "and a second one is final",
      [
        [400, "failed to download"],
        [400, "failed to download"]
      ],
      2,
      "Answered"
    ],
    [
      "so is a Package that could not be read",
      [
        [500, "error getting package information: x"],
        [500, "error getting package information: x"]
      ],
      2,
      "Answered"
    ]
  ])("%s", ([, answers, expected, failure]) =>
    Effect.gen(function* () {
      const address = "127.88.0.3"
      const requests = yield* answering(address, answers)
      const outcome = yield* Effect.result(load(address))
      assert.strictEqual(requests(), expected)
      assert.strictEqual(outcome._tag === "Failure" ? outcome.failure.reason : undefined, failure)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("a port that opens within a second is loaded", () =>
    Effect.gen(function* () {
      const address = "127.88.0.4"
      const loading = yield* Effect.forkChild(load(address))
      yield* Effect.sleep("60 millis")
      const requests = yield* answering(address, [])
      yield* Fiber.join(loading)
      assert.strictEqual(requests(), 1)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.live("a port that stays closed is unreachable: another pod may be tried", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(load("127.88.0.5"))
      assert.strictEqual(error.reason, "Unreachable")
    }).pipe(Effect.provide(layer))
  )
})
