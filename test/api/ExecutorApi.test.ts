import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import { countedService } from "../fakes/ExecutorTypeFake.ts"
import { dispatcherOf, functionBody, post, startApi } from "../fakes/ApiUnderTest.ts"
import { exchange, open, readSome, readToEnd } from "../fakes/HttpExchange.ts"

const getFunction = post("/v2/getServiceForFunction", functionBody())
const warm = { address: "10.1.2.3:8888", release: Effect.void }

/** The request as bytes, for connections that are handled by hand. */
const bytesOf = (body: string) =>
  `POST /v2/getServiceForFunction HTTP/1.1\r\nHost: executor\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe("the slot of an answer", () => {
  it.live("stays with the router that got the address", () =>
    Effect.gen(function* () {
      const { released, service } = countedService("10.1.2.3:8888")
      const port = yield* startApi(dispatcherOf({ getService: () => Effect.succeed(service) }))
      yield* exchange(port, getFunction)
      assert.strictEqual(released(), 0)
    })
  )

  it.live("comes back at once where the type is empty, because that router never un-taps (H4)", () =>
    Effect.gen(function* () {
      const back = yield* Deferred.make<void>()
      const service = { address: "10.1.2.3:8888", release: Effect.asVoid(Deferred.succeed(back, undefined)) }
      const port = yield* startApi(dispatcherOf({ getService: () => Effect.succeed(service) }))
      const answer = yield* exchange(port, post(getFunction.path, functionBody({ type: "" })))
      assert.deepStrictEqual([answer.status, answer.body], [200, "10.1.2.3:8888"])
      yield* Deferred.await(back)
    })
  )

  it.live("comes back when the client is gone before the answer could leave (H6, G7)", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const back = yield* Deferred.make<void>()
      const service = { address: "10.1.2.3:8888", release: Effect.asVoid(Deferred.succeed(back, undefined)) }
      const untilGone = Effect.exit(Effect.interruptible(Effect.never))
      const getService = () =>
        Deferred.succeed(asked, undefined).pipe(Effect.andThen(untilGone), Effect.as(service), Effect.uninterruptible)
      const port = yield* startApi(dispatcherOf({ getService }))
      const client = yield* Effect.forkChild(exchange(port, getFunction))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(client)
      yield* Deferred.await(back)
    })
  )

  it.live("is never taken for a client that leaves while it waits (G6)", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const getService = () =>
        Deferred.succeed(asked, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
          Effect.interruptible
        )
      const port = yield* startApi(dispatcherOf({ getService }))
      const client = yield* Effect.forkChild(exchange(port, getFunction))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(client)
      yield* Deferred.await(stopped)
    })
  )
})

describe("connections", () => {
  it.live("are kept for the next request", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({ getService: () => Effect.succeed(warm) }))
      const socket = yield* open(port)
      for (let request = 0; request < 2; request++) {
        socket.write(bytesOf(functionBody()))
        assert.match(yield* readSome(socket), /^HTTP\/1.1 200 OK\r\n[^]*10\.1\.2\.3:8888$/u)
      }
    })
  )

  it.live("answer requests that came together one after the other", () =>
    Effect.gen(function* () {
      const port = yield* startApi(
        dispatcherOf({
          getService: (fn) => Effect.succeed({ address: fn.metadata.uid ?? "", release: Effect.void })
        })
      )
      const socket = yield* open(port)
      const last = bytesOf(functionBody({ uid: "third" })).replace("Host:", "Connection: close\r\nHost:")
      socket.write(bytesOf(functionBody({ uid: "first" })) + bytesOf(functionBody({ uid: "second" })) + last)
      const answers = yield* readToEnd(socket)
      assert.deepStrictEqual(
        answers.match(/\r\n\r\n(first|second|third)/gu),
        ["first", "second", "third"].map((uid) => `\r\n\r\n${uid}`)
      )
    })
  )

  for (const [part, bytes] of [
    ["head", "POST /v2/tapServices HTTP/1.1\r\nHost: executor\r\n"],
    ["body", "POST /v2/tapServices HTTP/1.1\r\nHost: executor\r\nContent-Length: 9\r\n\r\n["]
  ] as const) {
    it.live(`whose ${part} stalls are cut with 408`, () =>
      Effect.gen(function* () {
        const port = yield* startApi(dispatcherOf({}), {}, { receiveWithin: Duration.millis(50) })
        const socket = yield* open(port)
        socket.write(bytes)
        assert.match(yield* readToEnd(socket), /^HTTP\/1.1 408 /u)
      })
    )
  }
})

describe("closing", () => {
  it.live("lets open requests finish, refuses new connections and creations, and fails readiness", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const proceed = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const getService = () =>
        Deferred.succeed(asked, undefined).pipe(Effect.andThen(Deferred.await(proceed)), Effect.as(warm))
      const stopCreating = () => Deferred.doneUnsafe(stopped, Exit.void)
      const port = yield* Scope.provide(startApi(dispatcherOf({ getService, stopCreating })), scope)

      const probe = yield* open(port)
      probe.write("GET /readyz HTTP/1.1\r\nHost: executor\r\n\r\n")
      assert.match(yield* readSome(probe), /^HTTP\/1.1 200 /u)
      const client = yield* Effect.forkChild(exchange(port, getFunction))
      yield* Deferred.await(asked)
      const held = yield* open(port)
      held.write("GET /readyz HTTP/1.1\r\n")

      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* Deferred.await(stopped)
      held.write("Host: executor\r\n\r\n")
      const readyz = yield* readToEnd(held)
      assert.match(readyz, /^HTTP\/1.1 503 /u)
      assert.match(readyz, /\r\nConnection: close\r\n/u)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(exchange(port, { path: "/healthz" }))))

      yield* Deferred.succeed(proceed, undefined)
      assert.strictEqual((yield* Fiber.join(client)).status, 200)
      yield* Fiber.join(closing)
    })
  )

  it.live("interrupts what is still open when the time is up", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const getService = () =>
        Deferred.succeed(asked, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(stopped, undefined)),
          Effect.interruptible
        )
      const variables = { GRACEFUL_SHUTDOWN_TIMEOUT: "10ms" }
      const port = yield* Scope.provide(startApi(dispatcherOf({ getService }), variables), scope)
      const client = yield* Effect.forkChild(Effect.exit(exchange(port, getFunction)))
      yield* Deferred.await(asked)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.await(stopped)
      assert.isTrue(Exit.hasDies(yield* Fiber.join(client)))
    })
  )
})

it.live("names the port that somebody else listens on", () =>
  Effect.gen(function* () {
    const port = yield* startApi(dispatcherOf({}))
    const error = yield* Effect.flip(startApi(dispatcherOf({}), {}, { port }))
    assert.strictEqual(error._tag, "ConfigurationError")
    assert.strictEqual(
      error.message,
      `executor API on 127.0.0.1:${port}: the port is in use; stop whoever listens there or choose another`
    )
  })
)
