import { assert, describe, it } from "@effect/vitest"
import { Effect, type LogLevel } from "effect"
import { FissionError } from "../../src/Errors.ts"
import type { Dispatcher, Tap } from "../../src/executors/Dispatcher.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { dispatcherOf, functionBody, post, recordLevels, startApi } from "../fakes/ApiUnderTest.ts"
import { exchange, type HttpCall } from "../fakes/HttpExchange.ts"

const ask = (members: Partial<Dispatcher["Service"]>, call: HttpCall) =>
  Effect.flatMap(startApi(dispatcherOf(members)), (port) => exchange(port, call))

const text = "text/plain; charset=utf-8"
const address = { address: "10.1.2.3:8888", release: Effect.void }
const getFunction = post("/v2/getServiceForFunction", functionBody())
const ensure = post("/v2/ensureCapacity", `{"function":${functionBody()},"observedReadyEndpoints":2}`)
const tapEntry = (type: string, url: string) => ({
  FnMetadata: { name: "hello" },
  FnExecutorType: type,
  ServiceURL: url
})

describe("getServiceForFunction", () => {
  it.live("answers the bare address", () =>
    Effect.gen(function* () {
      const seen: Array<FissionFunction> = []
      const answer = yield* ask({ getService: (fn) => Effect.sync(() => (seen.push(fn), address)) }, getFunction)
      assert.deepStrictEqual([answer.status, answer.body], [200, "10.1.2.3:8888"])
      assert.deepStrictEqual([answer.headers["content-type"], answer.headers["content-length"]], [text, "13"])
      assert.strictEqual(seen[0]?.metadata.uid, "uid-1")
    })
  )

  it.live("answers an error with its status and one line of text", () =>
    Effect.gen(function* () {
      const error = new FissionError({ kind: "NotFound", text: "function default/hello is gone, not creating service" })
      const answer = yield* ask({ getService: () => Effect.fail(error) }, getFunction)
      assert.deepStrictEqual([answer.status, answer.body], [404, `${error.text}\n`])
      assert.strictEqual(answer.headers["content-type"], text)
      assert.isUndefined(answer.headers["retry-after"])
    })
  )

  it.live("asks the router to come again in a second on 429 and 503", () =>
    Effect.gen(function* () {
      for (const kind of ["TooManyRequests", "Unavailable"] as const) {
        const error = new FissionError({ kind, text: "later" })
        const answer = yield* ask({ getService: () => Effect.fail(error) }, getFunction)
        assert.deepStrictEqual([answer.status, answer.headers["retry-after"]], [error.status, "1"])
      }
    })
  )

  it.live("answers 499 for a caller that is known to have left (H18)", () =>
    Effect.gen(function* () {
      const error = new FissionError({ kind: "ClientClosed", text: "client leave early" })
      assert.strictEqual((yield* ask({ getService: () => Effect.fail(error) }, getFunction)).status, 499)
    })
  )

  it.live("answers a bug with 500 and logs it", () => {
    const levels: Array<LogLevel.LogLevel> = []
    return Effect.gen(function* () {
      const answer = yield* ask({ getService: () => Effect.die(new Error("a bug")) }, getFunction)
      assert.deepStrictEqual([answer.status, answer.body, levels], [500, "Internal error\n", ["Error"]])
      assert.strictEqual(answer.headers["vary"], "Origin")
    }).pipe(Effect.provide(recordLevels(levels)))
  })
})

describe("a body that cannot be used", () => {
  const badFunctions = [
    "{",
    "",
    "null",
    "{}",
    "[]",
    `{"metadata":5}`,
    "{} x",
    `{"metadata":{"name":"hello"},"spec":{}}`,
    `{"metadata":{"name":"hello","uid":""},"spec":{}}`,
    `{"metadata":{"name":"hello","uid":"u"},"spec":{"concurrency":"many"}}`,
    "[".repeat(100_000)
  ]

  it.live("is 400 on getServiceForFunction and reaches nobody", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({}))
      for (const body of badFunctions) {
        const answer = yield* exchange(port, post("/v2/getServiceForFunction", body))
        assert.deepStrictEqual([answer.status, answer.body], [400, "Failed to parse request\n"], body.slice(0, 100))
      }
    }).pipe(Effect.provide(recordLevels([])))
  )

  it.live("is 400 on ensureCapacity and reserves nothing (E4)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({}))
      for (const body of ["{", "null", "{}", `{"function":null}`, ...badFunctions.map((fn) => `{"function":${fn}}`)]) {
        const answer = yield* exchange(port, post("/v2/ensureCapacity", body))
        assert.deepStrictEqual([answer.status, answer.body], [400, "Failed to parse request\n"], body.slice(0, 100))
      }
    }).pipe(Effect.provide(recordLevels([])))
  )

  it.live("is 400 on tapServices", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({}))
      for (const body of ["{", "", "{}", "5", `[5]`, `[{"ServiceURL":5}]`, "[] x"]) {
        const answer = yield* exchange(port, post("/v2/tapServices", body))
        assert.deepStrictEqual([answer.status, answer.body], [400, "Failed to decode tap service request\n"], body)
      }
    }).pipe(Effect.provide(recordLevels([])))
  )

  it.live("may hold fields that nobody knows", () =>
    Effect.gen(function* () {
      const body = functionBody().replace(`"status":{}`, `"status":{"x":[1]},"__proto__":{"y":1},"extra":null`)
      const answer = yield* ask({ getService: () => Effect.succeed(address) }, post(getFunction.path, body))
      assert.strictEqual(answer.status, 200)
    })
  )
})

describe("ensureCapacity", () => {
  it.live("answers the bare address (E1)", () =>
    Effect.gen(function* () {
      const answer = yield* ask({ ensureCapacity: () => Effect.succeed(address) }, ensure)
      assert.deepStrictEqual([answer.status, answer.body], [200, "10.1.2.3:8888"])
    })
  )

  it.live("answers a refused reservation with 429 and its text (E2)", () =>
    Effect.gen(function* () {
      const error = new FissionError({ kind: "TooManyRequests", text: "function 'u_3' concurrency '3' limit reached." })
      const answer = yield* ask({ ensureCapacity: () => Effect.fail(error) }, ensure)
      assert.deepStrictEqual([answer.status, answer.body], [429, `${error.text}\n`])
    })
  )
})

describe("tapServices", () => {
  const outcomes = [
    ["touched", { touched: 1, notFound: 0, unknownType: [] }, 200, "", 0],
    ["not found", { touched: 1, notFound: 1, unknownType: [] }, 404, "Not found\n", 0]
  ] as const

  for (const [name, result, status, body, errors] of outcomes) {
    it.live(`answers ${status} for a batch with an entry ${name} (T1)`, () => {
      const levels: Array<LogLevel.LogLevel> = []
      return Effect.gen(function* () {
        const answer = yield* ask({ tap: () => Effect.succeed(result) }, post("/v2/tapServices", "[]"))
        assert.deepStrictEqual([answer.status, answer.body, levels.length], [status, body, errors])
      }).pipe(Effect.provide(recordLevels(levels)))
    })
  }

  it.live("answers 500 and logs one error for entries of an unknown type (T1, T2)", () => {
    const levels: Array<LogLevel.LogLevel> = []
    const given: Array<Tap> = []
    const tap: Dispatcher["Service"]["tap"] = (taps) =>
      Effect.sync(() => {
        given.push(...taps)
        return { touched: 1, notFound: 1, unknownType: taps.filter((entry) => entry.executorType === "bad") }
      })
    return Effect.gen(function* () {
      const batch = [tapEntry("poolmgr", "http://10.1.2.3:8888"), tapEntry("bad", "x"), tapEntry("bad", "y")]
      const answer = yield* ask({ tap }, post("/v2/tapServices", JSON.stringify(batch)))
      assert.deepStrictEqual([answer.status, answer.body], [500, "error tapping function services\n"])
      assert.deepStrictEqual(levels, ["Error"])
      assert.deepStrictEqual(
        given.map(({ address }) => address),
        ["10.1.2.3:8888", "x", "y"]
      )
    }).pipe(Effect.provide(recordLevels(levels)))
  })

  it.live("answers 500 and logs one error for any other trouble (T1)", () => {
    const levels: Array<LogLevel.LogLevel> = []
    return Effect.gen(function* () {
      const answer = yield* ask({ tap: () => Effect.die(new Error("a bug")) }, post("/v2/tapServices", "[]"))
      assert.deepStrictEqual([answer.status, answer.body], [500, "error tapping function services\n"])
      assert.deepStrictEqual(levels, ["Error"])
    }).pipe(Effect.provide(recordLevels(levels)))
  })
})

describe("unTapService", () => {
  it.live("hands over the whole key, without http:// and with an IPv6 host in brackets (H1, H13)", () =>
    Effect.gen(function* () {
      const given: Array<Tap> = []
      const port = yield* startApi(dispatcherOf({ unTap: (tap) => Effect.sync(() => void given.push(tap)) }))
      const metadata = { name: "hello", namespace: "default", uid: "u", generation: 2 }
      for (const url of ["http://10.1.2.3:8888", "10.1.2.3:8888", "fd00::1:8888", "[fd00::1]:8888"]) {
        const body = JSON.stringify({ FnMetadata: metadata, FnExecutorType: "poolmgr", ServiceURL: url })
        const answer = yield* exchange(port, post("/v2/unTapService", body))
        assert.deepStrictEqual([answer.status, answer.body], [200, ""])
      }
      assert.deepStrictEqual(
        given.map(({ address }) => address),
        ["10.1.2.3:8888", "10.1.2.3:8888", "[fd00::1]:8888", "[fd00::1]:8888"]
      )
      assert.deepStrictEqual(given[0]?.metadata, metadata)
    })
  )

  it.live("answers 400 with the escaped text of the dispatcher (U1)", () =>
    Effect.gen(function* () {
      const error = new FissionError({ kind: "InvalidArgument", text: "Unknown executor type &#39;newdeploy&#39;" })
      const body = JSON.stringify(tapEntry("newdeploy", "x"))
      const answer = yield* ask({ unTap: () => Effect.fail(error) }, post("/v2/unTapService", body))
      assert.deepStrictEqual([answer.status, answer.body], [400, "Unknown executor type &#39;newdeploy&#39;\n"])
    })
  )
})

describe("readiness", () => {
  it.live("is 200 when the caches are synced and 503 until then, while liveness is always 200 (R1)", () =>
    Effect.gen(function* () {
      let ready = false
      const port = yield* startApi(dispatcherOf({ ready: Effect.sync(() => ready) }))
      const before = yield* exchange(port, { path: "/readyz" })
      assert.deepStrictEqual([before.status, before.body], [503, "caches not synced\n"])
      assert.strictEqual((yield* exchange(port, { path: "/healthz" })).status, 200)
      ready = true
      const after = yield* exchange(port, { path: "/readyz" })
      assert.deepStrictEqual([after.status, after.body, after.headers["content-type"]], [200, "", undefined])
    })
  )

  it.live("names the CRDs that are missing (B1)", () =>
    Effect.gen(function* () {
      const missing = ["functions.fission.io", "environments.fission.io"]
      const port = yield* startApi(dispatcherOf({ ready: Effect.succeed(false), missingDefinitions: () => missing }))
      const { body, status } = yield* exchange(port, { path: "/readyz" })
      assert.deepStrictEqual([status, body], [503, `caches not synced (CRDMissing: ${missing.join(", ")})\n`])
    })
  )

  it.live("sends every POST away with Retry-After until it is reached (H15)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({ ready: Effect.succeed(false) }))
      for (const path of ["getServiceForFunction", "ensureCapacity", "tapServices", "unTapService"]) {
        const answer = yield* exchange(port, post(`/v2/${path}`, "{}"))
        assert.deepStrictEqual([answer.status, answer.body], [503, "caches not synced\n"])
        assert.strictEqual(answer.headers["retry-after"], "1")
      }
    })
  )
})

describe("every answer", () => {
  it.live("is refused to a browser's preflight, on any path and without a correlation id (S1)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({}), { FISSION_INTERNAL_AUTH_SECRET: "secret" })
      const headers = { Origin: "http://evil", "Access-Control-Request-Method": "POST" }
      for (const path of ["/v2/tapServices", "/healthz", "/nope"]) {
        const answer = yield* exchange(port, { method: "OPTIONS", path, headers })
        assert.deepStrictEqual([answer.status, answer.body], [403, "cross-origin requests not permitted\n"])
        assert.isUndefined(answer.headers["x-fission-request-id"])
        assert.deepStrictEqual(
          [answer.headers["x-content-type-options"], answer.headers["vary"]],
          ["nosniff", "Origin"]
        )
      }
    })
  )

  it.live("carries the security headers once, spelled as the stock executor does (S2)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(dispatcherOf({}))
      for (const call of [{ path: "/healthz" }, { path: "/nope" }, { path: "/v2/tapServices" }]) {
        const { rawHeaders } = yield* exchange(port, call)
        const names = rawHeaders.filter((_, index) => index % 2 === 0)
        for (const name of ["X-Content-Type-Options", "Vary", "X-Fission-Request-Id", "Content-Length"]) {
          assert.strictEqual(names.filter((given) => given === name).length, 1, `${call.path} ${name}`)
        }
        assert.strictEqual(rawHeaders[rawHeaders.indexOf("Vary") + 1], "Origin")
      }
    })
  )

  it.live("names the caller's correlation id, or a fresh one where that cannot be used", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const getService = (_: FissionFunction, id: string) => Effect.sync(() => (seen.push(id), address))
      const port = yield* startApi(dispatcherOf({ getService }))
      const fresh = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/u
      for (const [given, expected] of [
        ["abc-123", /^abc-123$/u],
        ["x".repeat(192), /^x{192}$/u],
        ["x".repeat(193), fresh],
        ["a b", fresh],
        ["", fresh]
      ] as const) {
        const answer = yield* exchange(port, { ...getFunction, headers: { "X-Fission-Request-ID": given } })
        assert.match(String(answer.headers["x-fission-request-id"]), expected)
        assert.strictEqual(seen.at(-1), answer.headers["x-fission-request-id"])
      }
    })
  )
})

describe("paths and methods", () => {
  it.live("are compared exactly, after percent-decoding and without the query", () =>
    Effect.gen(function* () {
      const members = { tap: () => Effect.succeed({ touched: 0, notFound: 0, unknownType: [] }) }
      const port = yield* startApi(dispatcherOf(members))
      for (const [method, path, status, body] of [
        ["POST", "/v2/tap%53ervices", 200, ""],
        ["POST", "/v2/tapServices?x=1", 200, ""],
        ["POST", "/v2/tapServices/", 404, "404 page not found\n"],
        ["POST", "//v2/tapServices", 404, "404 page not found\n"],
        ["POST", "/v2/./tapServices", 404, "404 page not found\n"],
        ["POST", "/V2/tapServices", 404, "404 page not found\n"],
        ["POST", "/v2/tap", 404, "404 page not found\n"],
        ["GET", "/v2/%zz", 404, "404 page not found\n"],
        ["GET", "/v2/tapServices", 405, "405 method not allowed\n"],
        ["HEAD", "/v2/debugInfo", 405, ""],
        ["POST", "/healthz", 405, "405 method not allowed\n"]
      ] as const) {
        const answer = yield* exchange(port, { method, path, body: method === "POST" ? "[]" : "" })
        assert.deepStrictEqual([answer.status, answer.body], [status, body], `${method} ${path}`)
        assert.isUndefined(answer.headers["allow"])
      }
    })
  )

  it.live("debugInfo answers what the types remember (H14)", () =>
    Effect.gen(function* () {
      const answer = yield* ask({ debugInfo: Effect.succeed("svc_waiting:0\n") }, { path: "/v2/debugInfo" })
      assert.deepStrictEqual([answer.status, answer.body], [200, "svc_waiting:0\n"])
    })
  )
})
