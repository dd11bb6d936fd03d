import type { ServerResponse } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, type Duration, Effect, Fiber, Layer, Stream } from "effect"
import { Environments, Pods } from "../../src/fission/ResourceKind.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, type WatchOptions } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import * as StubServer from "../fakes/StubServer.ts"

const event = (type: string, name: string, more: object = {}) =>
  `${JSON.stringify({ type, object: { metadata: { name, resourceVersion: "7" }, ...more } })}\n`

const watchFrom = (
  answer: (request: StubServer.StubRequest, response: ServerResponse) => void,
  silence: Duration.Input = "100 seconds"
) =>
  Effect.gen(function* () {
    const server = yield* StubServer.listen(answer)
    const context = yield* Layer.build(KubernetesApiLive.layer(Credentials.fromServer(server.url), "test"))
    const api = yield* Effect.provide(KubernetesApi, context)
    const options: WatchOptions = { namespace: "team-a", resourceVersion: "5", timeout: "451 seconds", silence }
    return { server, api, events: api.watch(Environments, options) }
  })

/** Opens the stream, writes these chunks one by one, and then does as told. */
const streaming = (chunks: ReadonlyArray<string>, then: (response: ServerResponse) => void) => {
  return (_: StubServer.StubRequest, response: ServerResponse) => {
    response.writeHead(200, { "content-type": "application/json" })
    const write = (index: number) => {
      const chunk = chunks[index]
      if (chunk === undefined) return then(response)
      response.write(chunk, () => setImmediate(write, index + 1))
    }
    write(0)
  }
}
const end = (response: ServerResponse) => void response.end()
const stayOpen = () => {}

const names = (events: Iterable<{ readonly type: string; readonly object: { readonly metadata: { name: string } } }>) =>
  [...events].map(({ object, type }) => `${type} ${object.metadata.name}`)

describe("a watch", () => {
  it.live("tells the server from where, for how long and that bookmarks are wanted", () =>
    Effect.gen(function* () {
      const { api, server } = yield* watchFrom(streaming([], end))
      yield* Stream.runDrain(
        api.watch(Pods, {
          resourceVersion: "5",
          labelSelector: "executorType=poolmgr",
          timeout: "451500 millis",
          silence: "1 second"
        })
      )
      const { path, query } = yield* server.nextRequest
      assert.strictEqual(path, "/api/v1/pods")
      assert.deepStrictEqual(query, {
        watch: "true",
        allowWatchBookmarks: "true",
        resourceVersion: "5",
        timeoutSeconds: "452",
        labelSelector: "executorType=poolmgr"
      })
    })
  )

  it.live("gives every event in order, bookmarks too, and ends when the server ends it", () =>
    Effect.gen(function* () {
      const lines = [event("ADDED", "a") + event("MODIFIED", "a"), event("BOOKMARK", ""), event("DELETED", "a")]
      const { events } = yield* watchFrom(streaming(lines, end))
      assert.deepStrictEqual(names(yield* Stream.runCollect(events)), [
        "ADDED a",
        "MODIFIED a",
        "BOOKMARK ",
        "DELETED a"
      ])
    })
  )

  it.live("puts events together that arrive in pieces, in the middle of a character too", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from(`${event("ADDED", "ä")}\n${event("ADDED", "b", { spec: { text: "ü".repeat(50) } })}`)
      const { events } = yield* watchFrom((_, response) => {
        response.writeHead(200)
        const write = (index: number) => {
          if (index >= bytes.length) return void response.end()
          response.write(bytes.subarray(index, index + 3), () => setImmediate(write, index + 3))
        }
        write(0)
      })
      assert.deepStrictEqual(names(yield* Stream.runCollect(events)), ["ADDED ä", "ADDED b"])
    })
  )

  it.live.each<
    readonly [name: string, chunks: ReadonlyArray<string>, then: (response: ServerResponse) => void, text: string]
  >([
    ["ends within a line", [event("ADDED", "a"), '{"type":"ADD'], end, "the stream ended within a line [Connection]"],
    ["is cut", [event("ADDED", "a")], (response) => void response.destroy(), "[Connection]"],
    [
      "says something else",
      [event("ADDED", "a"), "<html>\n"],
      stayOpen,
      "a line of the stream, of 6 characters, is no watch event [Connection]"
    ],
    ["has an event of an unknown type", [event("ADDED", "a"), event("RENAMED", "a")], stayOpen, "[Connection]"],
    [
      "has an event without an object",
      [event("ADDED", "a"), '{"type":"ADDED","object":7}\n'],
      stayOpen,
      "[Connection]"
    ],
    [
      "has an ERROR event",
      [
        event("ADDED", "a"),
        '{"type":"ERROR","object":{"status":"Failure","code":500,"message":"etcdserver: no leader"}}\n'
      ],
      stayOpen,
      "etcdserver: no leader (HTTP 500) [Etcd]"
    ]
  ])("that %s fails, after the events before it", ([, chunks, then, text]) =>
    Effect.gen(function* () {
      const { events } = yield* watchFrom(streaming(chunks, then))
      const seen: Array<string> = []
      const error = yield* Effect.flip(
        Stream.runForEach(events, (one) => Effect.sync(() => void seen.push(...names([one]))))
      )
      assert.deepStrictEqual(seen, ["ADDED a"])
      assert.isTrue(error.message.startsWith("watch environments team-a: "), error.message)
      assert.include(error.message, text)
    })
  )

  it.live("that has an ERROR event of code 410 is expired", () =>
    Effect.gen(function* () {
      const gone = '{"type":"ERROR","object":{"status":"Failure","code":410,"reason":"Expired","message":"too old"}}\n'
      const { events } = yield* watchFrom(streaming([gone], stayOpen))
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(events)))._tag, "KubernetesExpired")
    })
  )

  it.live("that the server refuses fails with its answer", () =>
    Effect.gen(function* () {
      const { events } = yield* watchFrom((_, response) =>
        StubServer.sendJson(response, { status: "Failure", message: "storage is (re)initializing", code: 429 }, 429, {
          "retry-after": "3"
        })
      )
      const error = yield* Effect.flip(Stream.runDrain(events))
      assert.include(error.message, "storage is (re)initializing (HTTP 429) [Throttled]")
    })
  )

  it.live("without a byte for too long is aborted as a lost connection", () =>
    Effect.gen(function* () {
      const { events, server } = yield* watchFrom(streaming([event("ADDED", "a")], stayOpen), "200 millis")
      const error = yield* Effect.flip(Stream.runDrain(events))
      assert.include(error.message, "[Connection]")
      assert.strictEqual(yield* server.nextAbort, "/apis/fission.io/v1/namespaces/team-a/environments")
    })
  )

  it.live("closes its connection when nobody reads it any more", () =>
    Effect.gen(function* () {
      const { events, server } = yield* watchFrom(streaming([event("ADDED", "a")], stayOpen))
      yield* Stream.runDrain(Stream.take(events, 1))
      yield* server.nextAbort
    })
  )

  it.live("closes its connection when its reader is interrupted, also before the headers came", () =>
    Effect.gen(function* () {
      const { events, server } = yield* watchFrom(() => {})
      const fiber = yield* Effect.forkChild(Stream.runDrain(events))
      yield* server.nextRequest
      yield* Fiber.interrupt(fiber)
      yield* server.nextAbort
    })
  )

  it.live("is slowed by a slow reader, and loses nothing by it", () =>
    Effect.gen(function* () {
      const text = "x".repeat(64 * 1024)
      const total = 512
      let written = 0
      const { api, events } = yield* watchFrom((request, response) => {
        if (request.query["watch"] === undefined) return StubServer.sendJson(response, { metadata: {} })
        response.writeHead(200)
        const write = () => {
          while (written < total) {
            written++
            if (!response.write(event("ADDED", `item-${written}`, { text }))) return void response.once("drain", write)
          }
          response.end()
        }
        write()
      })
      const proceed = yield* Deferred.make<void>()
      const begun = yield* Deferred.make<void>()
      let read = 0
      const reader = yield* events.pipe(
        Stream.runForEach(() => {
          read++
          return Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(proceed))
        }),
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      yield* Effect.repeat(api.get(Pods, { namespace: "team-a", name: "x" }), { times: 300 })
      assert.isTrue(written < total / 2, `${written} of ${total} events were written to a reader that does not read`)
      yield* Deferred.succeed(proceed, undefined)
      yield* Fiber.join(reader)
      assert.strictEqual(read, total)
    })
  )
})
