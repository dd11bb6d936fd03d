import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { TestClock } from "effect/testing"
import { channelKey } from "../../src/fission/RequestSignature.ts"
import { dispatcherOf, functionBody, post, signed, startApi } from "../fakes/ApiUnderTest.ts"
import { exchange, type HttpCall, open, readToEnd } from "../fakes/HttpExchange.ts"

const current = "spec-master-secret-0123456789abcdef"
const previous = "spec-previous-master-fedcba98765432"
const enforced = { FISSION_INTERNAL_AUTH_SECRET: current }
const rotating = { ...enforced, FISSION_INTERNAL_AUTH_SECRET_OLD: previous }
const now = 1_786_100_123

const accepting = dispatcherOf({
  getService: () => Effect.succeed({ address: "10.1.2.3:8888", release: Effect.void }),
  tap: (taps) => Effect.succeed({ touched: taps.length, notFound: 0, unknownType: [] }),
  unTap: () => Effect.void
})

/** What the API answers to each call, at these seconds of its clock. */
const statuses = (
  calls: ReadonlyArray<readonly [seconds: number, call: HttpCall]>,
  variables: { readonly [name: string]: string } = enforced
) =>
  Effect.gen(function* () {
    const port = yield* startApi(accepting, variables)
    return yield* Effect.forEach(calls, ([seconds, call]) =>
      Effect.andThen(
        TestClock.setTime(seconds * 1000),
        Effect.map(exchange(port, call), (answer) => answer.status)
      )
    )
  })

const stamped = (call: HttpCall, timestamp: string, signature: string): HttpCall => ({
  ...call,
  headers: { "X-Fission-Auth-Timestamp": timestamp, "X-Fission-Auth-Signature": signature }
})

const debugInfo: HttpCall = { path: "/v2/debugInfo" }
const unTap = post(
  "/v2/unTapService",
  `{"FnMetadata":{"name":"hello","namespace":"default","uid":"11111111-2222-3333-4444-555555555555","generation":3},` +
    `"FnExecutorType":"poolmgr","ServiceURL":"10.1.2.3:8888"}`
)
const v2 = stamped(unTap, String(now), "d10c7b357e0570bf3875b3cdeae6dfb6fb3f6344a5d37de787a16d89945de153")
const v2Previous = stamped(unTap, String(now), "68c195622cb8b87921a88105ccc1e9bdbfd9cb0af020fe88372d45dc34d2cc07")

describe("without a signature", () => {
  it.effect("a request is 401 with an empty body and a correlation id (A1)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(accepting, enforced)
      const answer = yield* exchange(port, post("/v2/getServiceForFunction", functionBody()))
      assert.deepStrictEqual([answer.status, answer.body], [401, ""])
      assert.isUndefined(answer.headers["content-type"])
      assert.isUndefined(answer.headers["www-authenticate"])
      assert.isString(answer.headers["x-fission-request-id"])
    })
  )

  it.effect("O10: a refused request is counted by its reason, and not among the requests", () =>
    Effect.gen(function* () {
      yield* statuses([[now, post("/v2/getServiceForFunction", functionBody())]])
      const page = yield* PrometheusMetrics.format()
      assert.match(page, /^fission_internal_auth_failures_total\{service="executor",reason="missing headers"\} 1$/mu)
      assert.match(page, /^http_requests_in_flight\{path="\/v2\/getServiceForFunction",method="POST"\} 0$/mu)
      assert.notInclude(page, "http_requests_total")
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.effect("the probes are answered, and only their exact paths (A2)", () =>
    Effect.gen(function* () {
      const calls = ["/healthz", "/readyz", "/healthz/", "/healthz2", "/nope"].map((path) => [now, { path }] as const)
      assert.deepStrictEqual(yield* statuses(calls), [200, 200, 401, 401, 401])
    })
  )

  it.effect("a request reaches its handler where internal auth is off (A3)", () =>
    Effect.gen(function* () {
      const calls = [
        [now, post("/v2/getServiceForFunction", functionBody())],
        [now, stamped(post("/v2/tapServices", "[]"), "1", "deadbeef")]
      ] as const
      assert.deepStrictEqual(yield* statuses(calls, {}), [200, 200])
    })
  )
})

describe("the signature (A4)", () => {
  it.effect("of V1 is accepted for every second of its minute", () =>
    Effect.gen(function* () {
      const signature = "a914516612923f2085e976233b7896c4a184d8dd0c8a904cdc5efac5c58f942a"
      const calls = ["1786100000", "1786100015"].map(
        (timestamp) => [1_786_100_000, stamped(debugInfo, timestamp, signature)] as const
      )
      assert.deepStrictEqual(yield* statuses(calls), [200, 200])
    })
  )

  it.effect("of V2 is accepted", () =>
    Effect.map(statuses([[now, v2]]), (answers) => assert.deepStrictEqual(answers, [200]))
  )

  it.effect("of V2 with the previous key is accepted only while that key is configured", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* statuses([[now, v2Previous]]), [401])
      const both = [
        [now, v2Previous],
        [now, v2]
      ] as const
      assert.deepStrictEqual(yield* statuses(both, rotating), [200, 200])
    })
  )

  it.effect("of V3 binds the query", () =>
    Effect.gen(function* () {
      const signature = "afafa1f2b19582c34f09e3af113b83b7da2df20a0feea4d0e47562c6e4be70c1"
      const calls = ["/v2/debugInfo?x=1", "/v2/debugInfo"].map(
        (path) => [now, stamped({ path }, String(now), signature)] as const
      )
      assert.deepStrictEqual(yield* statuses(calls), [200, 401])
    })
  )

  it.effect("of V4 is accepted", () =>
    Effect.gen(function* () {
      const body = `[{"FnMetadata":{"name":"hello","namespace":"default"},"FnExecutorType":"poolmgr","ServiceURL":"http://10.1.2.3:8888"}]`
      const signature = "911859838bef41d6b245736dbaa1597f470a9685c09d0494863f45b760a02663"
      const call = stamped(post("/v2/tapServices", body), "1786100159", signature)
      assert.deepStrictEqual(yield* statuses([[1_786_100_159, call]]), [200])
    })
  )

  it.effect("of V2 holds for 60 seconds either way (V5)", () =>
    Effect.gen(function* () {
      const calls = [1_786_100_062, 1_786_100_063, 1_786_100_183, 1_786_100_184].map((second) => [second, v2] as const)
      assert.deepStrictEqual(yield* statuses(calls), [401, 200, 200, 401])
    })
  )

  it.effect("may be replayed within its window: the router repeats requests", () =>
    Effect.map(
      statuses([
        [now, v2],
        [now + 1, v2]
      ]),
      (answers) => assert.deepStrictEqual(answers, [200, 200])
    )
  )

  it.effect("does not cover another body, method, path or query", () =>
    Effect.gen(function* () {
      const others = [
        { ...v2, body: `${String(v2.body).slice(0, -1)} }` },
        { ...v2, method: "PUT" },
        { ...v2, path: "/v2/tapServices" },
        { ...v2, path: "/v2/unTapService?x=1" }
      ]
      const answers = yield* statuses(others.map((call) => [now, call] as const))
      assert.deepStrictEqual(answers, [401, 401, 401, 401])
    })
  )

  it.effect("of another key or channel, or no signature at all, is 401", () =>
    Effect.gen(function* () {
      const others = [
        stamped(unTap, String(now), "deadbeef"),
        signed(channelKey(current, "storagesvc"), now, unTap),
        signed("another-master-secret", now, unTap),
        stamped(unTap, String(now), ""),
        stamped(unTap, "abc", "deadbeef"),
        stamped(unTap, String(now), "D10C7B357E0570BF3875B3CDEAE6DFB6FB3F6344A5D37DE787A16D89945DE153")
      ]
      const answers = yield* statuses(others.map((call) => [now, call] as const))
      assert.deepStrictEqual(answers, [401, 401, 401, 401, 401, 401])
    })
  )

  it.effect("is asked for before path and method are looked at", () =>
    Effect.gen(function* () {
      const unknown: HttpCall = { path: "/nope" }
      const wrongMethod: HttpCall = { path: "/v2/getServiceForFunction" }
      const calls = [unknown, signed(current, now, unknown), wrongMethod, signed(current, now, wrongMethod)]
      assert.deepStrictEqual(yield* statuses(calls.map((call) => [now, call] as const)), [401, 404, 401, 405])
    })
  )
})

describe("the body", () => {
  const headOf = (call: HttpCall, length: number) =>
    `POST ${call.path} HTTP/1.1\r\nHost: executor\r\nContent-Length: ${length}\r\n` +
    `${Object.entries(call.headers ?? {})
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("")}\r\n`

  it.effect("is not waited for when the timestamp is stale, however large it is (A5)", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const port = yield* startApi(accepting, enforced)
      const stale = signed(current, now - 61, post("/v2/tapServices", ""))
      const socket = yield* open(port)
      socket.write(`${headOf(stale, 268_435_456)}[`)
      assert.match(yield* readToEnd(socket), /^HTTP\/1.1 401 Unauthorized\r\n/u)
    })
  )

  it.effect("is not waited for when it says that it is above the limit (A6)", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(now * 1000)
      const port = yield* startApi(accepting, enforced)
      const large = signed(current, now, post("/v2/tapServices", ""))
      const socket = yield* open(port)
      socket.write(`${headOf(large, 40 * 1024 * 1024)}[`)
      const answer = yield* readToEnd(socket)
      assert.match(answer, /^HTTP\/1.1 413 Payload Too Large\r\n/u)
      assert.match(answer, /\r\nContent-Length: 0\r\n/u)
    })
  )

  for (const [setting, variables] of [
    ["on", enforced],
    ["off", {}]
  ] as const) {
    it.effect(`may have as many bytes as the limit and not one more, internal auth ${setting} (A6)`, () =>
      Effect.gen(function* () {
        const sized = (size: number) => signed(current, now, post("/v2/tapServices", `[${" ".repeat(size - 2)}]`))
        const limited = { ...variables, EXECUTOR_BODY_LIMIT_BYTES: "1000" }
        const calls = [sized(1000), sized(1001)].map((call) => [now, call] as const)
        assert.deepStrictEqual(yield* statuses(calls, limited), [200, 413])
      })
    )
  }

  it.effect("is counted as it comes where no length was given (A6)", () =>
    Effect.gen(function* () {
      const port = yield* startApi(accepting, { EXECUTOR_BODY_LIMIT_BYTES: "1000" })
      const socket = yield* open(port)
      const chunk = `3e9\r\n${" ".repeat(1001)}\r\n`
      socket.write(`POST /v2/tapServices HTTP/1.1\r\nHost: executor\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)
      assert.match(yield* readToEnd(socket), /^HTTP\/1.1 413 /u)
    })
  )
})
