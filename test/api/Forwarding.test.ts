import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Layer } from "effect"
import { Leadership, type Role } from "../../src/safeguards/Leadership.ts"
import { FissionError } from "../../src/Errors.ts"
import type { Tap } from "../../src/executors/Dispatcher.ts"
import { dispatcherOf, functionBody, post, signed, startApi } from "../fakes/ApiUnderTest.ts"
import { exchange } from "../fakes/HttpExchange.ts"

const secret = "s3cret"
const auth = { FISSION_INTERNAL_AUTH_SECRET: secret }

const replica = (role: Role, leader?: string) =>
  Layer.succeed(Leadership, {
    role: () => role,
    leader: () => leader,
    whileLeading: () => Effect.never,
    whileFollowing: (self) => self
  })

/** A stand-by before a leader whose dispatcher is given; nothing else answers in the stand-by itself. */
const standbyOf = Effect.fnUntraced(function* (
  members: Parameters<typeof dispatcherOf>[0],
  variables: { readonly [name: string]: string } = {},
  own: Parameters<typeof dispatcherOf>[0] = {}
) {
  const leader = yield* startApi(dispatcherOf(members), variables)
  const standby = yield* startApi(dispatcherOf(own), variables, {}, replica("Standby", `127.0.0.1:${leader}`))
  return { leader, standby }
})

const warm = {
  getService: () => Effect.succeed({ address: "10.0.0.1:8888", release: Effect.void })
}

describe("a stand-by", () => {
  it.live("passes each POST on to the leader and gives its answer (G10)", () =>
    Effect.gen(function* () {
      const taps: Array<string> = []
      const { standby } = yield* standbyOf({
        ...warm,
        ensureCapacity: () => Effect.fail(new FissionError({ kind: "TooManyRequests", text: "limit reached" })),
        tap: (batch) =>
          Effect.sync(() => (taps.push(`${batch.length} taps`), { touched: 1, notFound: 0, unknownType: [] })),
        unTap: () => Effect.sync(() => void taps.push("un-tap"))
      })
      const asked = yield* exchange(standby, post("/v2/getServiceForFunction", functionBody()))
      assert.deepStrictEqual([asked.status, asked.body], [200, "10.0.0.1:8888"])
      const refused = yield* exchange(standby, post("/v2/ensureCapacity", `{"function":${functionBody()}}`))
      assert.deepStrictEqual(
        [refused.status, refused.body, refused.headers["retry-after"]],
        [429, "limit reached\n", "1"]
      )
      const meta = `"FnMetadata":{"name":"hello","namespace":"default"},"FnExecutorType":"poolmgr","ServiceURL":"x"`
      assert.strictEqual((yield* exchange(standby, post("/v2/tapServices", `[{${meta}}]`))).status, 200)
      assert.strictEqual((yield* exchange(standby, post("/v2/unTapService", `{${meta}}`))).status, 200)
      assert.deepStrictEqual(taps, ["1 taps", "un-tap"])
    })
  )

  it.live("keeps the signature and the caller's id, for nothing signed names the host", () =>
    Effect.gen(function* () {
      const ids: Array<string> = []
      const { standby } = yield* standbyOf(
        {
          getService: (_, correlationId) => {
            ids.push(correlationId)
            return warm.getService()
          }
        },
        auth
      )
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const call = signed(secret, now, post("/v2/getServiceForFunction", functionBody()))
      const headers = { ...call.headers, "X-Fission-Request-ID": "caller-1" }
      assert.strictEqual((yield* exchange(standby, { ...call, headers })).status, 200)
      assert.deepStrictEqual(ids, ["caller-1"])
    })
  )

  it.live("answers with the address that its view shows, and tells the leader of the access afterwards (G10)", () =>
    Effect.gen(function* () {
      const told = yield* Deferred.make<ReadonlyArray<Tap>>()
      const address = "hello-1.default.svc.cluster.local."
      const { standby } = yield* standbyOf(
        {
          tap: (batch) =>
            Effect.as(Deferred.succeed(told, batch), { touched: batch.length, notFound: 0, unknownType: [] })
        },
        auth,
        { addressInView: () => Effect.succeed(address) }
      )
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const call = signed(secret, now, post("/v2/getServiceForFunction", functionBody({ type: "newdeploy" })))
      for (let request = 0; request < 3; request++) {
        const answer = yield* exchange(standby, call)
        assert.deepStrictEqual([answer.status, answer.body], [200, address])
      }
      const metadata = { name: "hello", namespace: "default", uid: "uid-1", generation: 3 }
      assert.deepStrictEqual(yield* Deferred.await(told), [{ executorType: "newdeploy", metadata, address }])
    })
  )

  it.live("goes on answering from its view when the leader cannot be told", () =>
    Effect.gen(function* () {
      const own = dispatcherOf({ addressInView: () => Effect.succeed("hello-1.default.svc.cluster.local.") })
      for (const leader of [undefined, "127.0.0.1:1"]) {
        const port = yield* startApi(own, {}, {}, replica("Standby", leader))
        const answer = yield* exchange(port, post("/v2/getServiceForFunction", functionBody({ type: "newdeploy" })))
        assert.strictEqual(answer.status, 200)
      }
    })
  )

  it.live("is ready, and answers what is about itself", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({ debugInfo: Effect.succeed("mine") }), {}, {}, replica("Standby"))
      assert.strictEqual((yield* exchange(port, { path: "/readyz" })).status, 200)
      assert.strictEqual((yield* exchange(port, { path: "/v2/debugInfo" })).body, "mine")
    })
  )

  it.live("sends the caller away while no leader is known, or it cannot be reached (G12)", () =>
    Effect.gen(function* () {
      const nobody = yield* startApi(dispatcherOf({}), {}, {}, replica("Standby"))
      const gone = yield* startApi(dispatcherOf({}), {}, {}, replica("Standby", "127.0.0.1:1"))
      for (const port of [nobody, gone]) {
        const answer = yield* exchange(port, post("/v2/getServiceForFunction", functionBody()))
        assert.deepStrictEqual(
          [answer.status, answer.body, answer.headers["retry-after"]],
          [503, "not the leader; retry against the executor service\n", "1"]
        )
      }
    })
  )

  it.live("does not pass on what was passed on to it (G12)", () =>
    Effect.gen(function* () {
      const first = yield* startApi(dispatcherOf({}), {}, {}, replica("Standby", "127.0.0.1:1"))
      const second = yield* startApi(dispatcherOf({}), {}, {}, replica("Standby", `127.0.0.1:${first}`))
      const answer = yield* exchange(second, post("/v2/getServiceForFunction", functionBody()))
      assert.strictEqual(answer.status, 503)
    })
  )

  it.live("breaks its connection to the leader when the caller goes away", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const abandoned = yield* Deferred.make<void>()
      const { standby } = yield* standbyOf({
        getService: () =>
          Effect.andThen(Deferred.succeed(asked, undefined), Effect.never).pipe(
            Effect.onInterrupt(() => Deferred.succeed(abandoned, undefined)),
            Effect.interruptible
          )
      })
      const caller = yield* Effect.forkChild(exchange(standby, post("/v2/getServiceForFunction", functionBody())))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(caller)
      yield* Deferred.await(abandoned)
    })
  )
})

describe("a replica that led before and knows no leader", () => {
  it.live("answers from its own caches", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf(warm), {}, {}, replica("Demoted"))
      const answer = yield* exchange(port, post("/v2/getServiceForFunction", functionBody()))
      assert.deepStrictEqual([answer.status, answer.body], [200, "10.0.0.1:8888"])
    })
  )
})
