import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../src/Config.ts"
import { FissionError, fissionErrorStatus } from "../../src/Errors.ts"
import { CreationBounds } from "../../src/executors/CreationBounds.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import type { ExecutorType, Miss } from "../../src/executors/ExecutorType.ts"
import { recordLevels, startApi } from "../fakes/ApiUnderTest.ts"
import { fakeCell, fakeType, supervisorLayer, typesLayer } from "../fakes/ExecutorTypeFake.ts"
import { exchange, type HttpAnswer, type HttpCall, open, readToEnd } from "../fakes/HttpExchange.ts"

/**
 * Requests to the stock executor and its answers, byte for byte, sent to ours: the real dispatcher over executor types
 * that follow the recording where the outcome needs a cluster.
 */
const folder = new URL("../data/stock-objects/http/", import.meta.url)

const Pair = Schema.Struct({
  name: Schema.String,
  request: Schema.Struct({
    method: Schema.String,
    path: Schema.String,
    headers: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite])),
    body: Schema.optionalKey(Schema.NullOr(Schema.String))
  }),
  response: Schema.Struct({
    status: Schema.optionalKey(Schema.Int),
    rawHeaders: Schema.optionalKey(Schema.Array(Schema.String)),
    body: Schema.optionalKey(Schema.String)
  })
})
type Pair = typeof Pair.Type
const decodePairs = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Array(Pair)))

interface Outcome {
  readonly status: number
  readonly body: string
}

/** Every answer of ours that differs from the recorded one, and why. */
const permittedDifferences: { readonly [pair: string]: Outcome & { readonly because: string } } = {
  "auth off: unsigned get, null": {
    status: 400,
    body: "Failed to parse request\n",
    because: "H2: the stock executor breaks the connection"
  },
  "/v2/getServiceForFunction null": {
    status: 400,
    body: "Failed to parse request\n",
    because: "H2: the stock executor breaks the connection"
  },
  "/v2/getServiceForFunction {}": {
    status: 400,
    body: "Failed to parse request\n",
    because: "H2: a Function without a UID would be mixed up with others"
  },
  "auth off: 40 MiB": { status: 413, body: "", because: "H3: the limit is 32 MiB unless it is configured" },
  "40 MiB body, malformed": { status: 413, body: "", because: "H3: the limit is 32 MiB unless it is configured" },
  "getServiceForFunction type ": { status: 200, body: "10.0.0.9:8888", because: "H4: an empty type is poolmgr" },
  "cold start pm-emptytype": { status: 200, body: "10.0.0.9:8888", because: "H4: an empty type is poolmgr" },
  "ensureCapacity type ": { status: 200, body: "10.0.0.9:8888", because: "H4: an empty type is poolmgr" },
  "tapServices type ": {
    status: 404,
    body: "Not found\n",
    because: "H4: an empty type is poolmgr, which does not know the address"
  },
  "ensureCapacity, fetcher answers 404": {
    status: 400,
    body: "lab: told to fail\n",
    because: "H10: the router takes 404 on this route for an old executor"
  }
}

/** Nobody listened yet when these were recorded. */
const isReplayable = (pair: Pair) => pair.response.status !== undefined || pair.name in permittedDifferences

/** Texts that the API and the dispatcher must find by themselves: no script may hand them over. */
const isOurs = (body: string) =>
  /^(Failed to|[uU]nknown executor type|ensureCapacity supports|error tapping|$)/u.test(body)

/** Executor types that do what the recording says became of the request. */
const scripted = (pair: Pair): ReadonlyArray<ExecutorType> => {
  const { body = "", status = 0 } = pair.response
  const release = Effect.void
  const kinds: ReadonlyArray<FissionError["kind"]> = ["InvalidArgument", "NotFound", "TooManyRequests", "Internal"]
  const kind = kinds.find((name) => fissionErrorStatus[name] === status) ?? "Internal"
  const error = new FissionError({ kind, text: body.trimEnd() })
  const outcome = isOurs(body)
    ? Effect.succeed({ address: "10.0.0.9:8888", release })
    : status === 200
      ? Effect.succeed({ address: body, release })
      : Effect.fail(error)
  const miss: Miss = { _tag: "Miss", create: () => outcome, abandon: () => {} }
  const tap = () => status === 200
  return [
    fakeType("poolmgr", {
      admit: () => Effect.succeed(miss),
      ensureCapacity: () => (kind === "TooManyRequests" ? Effect.fail(error) : Effect.succeed(miss)),
      tap
    }),
    fakeType("newdeploy", { admit: () => Effect.succeed(miss), tap }),
    fakeType("container", { admit: () => Effect.succeed(miss), tap })
  ]
}

const headersOf = (pair: Pair): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(pair.request.headers).map(([name, value]) => [name, String(value)]))

/** Seconds at which the stock executor answered. */
const recordedAt = (pair: Pair): number => {
  const { rawHeaders = [] } = pair.response
  const date = rawHeaders.indexOf("Date")
  const text = date < 0 ? undefined : rawHeaders[date + 1]
  return text === undefined ? Number(headersOf(pair)["X-Fission-Auth-Timestamp"] ?? 0) : Date.parse(text) / 1000
}

/** Sends a recorded request; of one whose body was left out of the recording, the head alone. */
const replay = (port: number, pair: Pair) => {
  const { method, path } = pair.request
  const body = pair.request.body ?? ""
  const headers = headersOf(pair)
  const call: HttpCall = { method, path, headers, body }
  return /^<\d+ bytes>$/u.test(body) ? exchangeHead(port, call) : exchange(port, call)
}

const exchangeHead = Effect.fnUntraced(function* (port: number, { headers = {}, method, path }: HttpCall) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const socket = yield* open(port)
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: executor\r\n${lines.join("")}\r\n`)
  const [head = "", body = ""] = (yield* readToEnd(socket)).split("\r\n\r\n")
  const [statusLine = "", ...fields] = head.split("\r\n")
  const rawHeaders = fields.flatMap((field) => [
    field.slice(0, field.indexOf(":")),
    field.slice(field.indexOf(":") + 2)
  ])
  return { status: Number(statusLine.split(" ")[1]), rawHeaders, body }
})

const compared = new Set(["Content-Type", "X-Content-Type-Options", "Vary", "Content-Length"])

/** What must be equal: status, body, and the headers by their exact spelling. */
const essence = (answer: Pick<HttpAnswer, "status" | "rawHeaders" | "body">) => ({
  status: answer.status,
  body: answer.body,
  ...Object.fromEntries(
    answer.rawHeaders.flatMap((name, index) =>
      index % 2 === 0 && compared.has(name) ? [[name, answer.rawHeaders[index + 1]]] : []
    )
  ),
  hasRequestId: answer.rawHeaders.includes("X-Fission-Request-Id")
})

const expectedOf = (pair: Pair) => {
  const different = permittedDifferences[pair.name]
  const { body = "", rawHeaders = [], status = 0 } = pair.response
  if (different === undefined) return essence({ status, body, rawHeaders })
  return {
    status: different.status,
    body: different.body,
    "X-Content-Type-Options": "nosniff",
    Vary: "Origin",
    ...(different.body !== "" && { "Content-Type": "text/plain; charset=utf-8" }),
    "Content-Length": String(different.body.length),
    hasRequestId: true
  }
}

const dispatcherFor = (pair: Pair) => {
  const { cell, sync } = fakeCell("default")
  if (pair.response.body !== "caches not synced\n") sync()
  return Effect.provide(
    Effect.service(Dispatcher),
    Dispatcher.layer.pipe(
      Layer.provide([
        typesLayer(scripted(pair)),
        supervisorLayer([cell]),
        CreationBounds.layer.pipe(Layer.provide(Settings.layer({})))
      ])
    )
  )
}

describe("a recorded exchange of the stock executor is answered alike", () => {
  for (const file of readdirSync(folder).sort()) {
    const variables: { readonly [name: string]: string } =
      file === "auth-off.json" ? {} : { FISSION_INTERNAL_AUTH_SECRET: "lab-secret" }
    const pairs = decodePairs(readFileSync(new URL(file, folder), "utf8")).filter(isReplayable)

    it.effect.each(pairs.map((pair) => [pair.name, pair] as const))(`${file}: %s`, ([, pair]) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(recordedAt(pair) * 1000)
        const port = yield* startApi(yield* dispatcherFor(pair), variables)
        assert.deepStrictEqual(essence(yield* replay(port, pair)), expectedOf(pair))
      }).pipe(Effect.provide(recordLevels([])))
    )
  }
})
