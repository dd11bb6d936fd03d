import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Answer, freshAddress, type Program, request, startProgram, temporaryDirectory } from "./podFixture.ts"

/** A runtime alone, with this code in its pod. */
interface Runtime {
  readonly program: Program
  readonly load: (init?: RequestInit) => Promise<Answer>
  readonly ask: (path: string, init?: RequestInit) => Promise<Answer>
}

const startRuntime = (
  code: string,
  environment: { readonly [name: string]: string } = {}
): Effect.Effect<Runtime, never, Scope.Scope> =>
  Effect.gen(function* () {
    const root = yield* temporaryDirectory
    yield* Effect.promise(() => writeFile(join(root, "code.js"), code))
    const address = freshAddress()
    const program = yield* startProgram("nodeRuntime", [], { POD_IP: address, POD_ROOT: root, ...environment })
    yield* Effect.promise(() => program.listening)
    const ask = (path: string, init?: RequestInit) => request(`http://${address}:8888${path}`, init)
    const load = (init?: RequestInit) =>
      ask("/v2/specialize", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ filepath: "/code.js", functionName: "", envVersion: 3, somethingNew: 1 }),
        ...init
      })
    return { program, load, ask }
  })

/** What a function answers to one request. */
const answerOf = (code: string, path = "/", init: RequestInit = {}) =>
  Effect.gen(function* () {
    const runtime = yield* startRuntime(code)
    return yield* Effect.promise(async () => {
      const loaded = await runtime.load()
      assert.deepStrictEqual([loaded.status, loaded.text], [202, ""])
      return runtime.ask(path, init)
    })
  })

describe("loading (function-pod-protocol.md section 10.2)", () => {
  it.live("refuses requests before, and a second load after", () =>
    Effect.gen(function* () {
      const runtime = yield* startRuntime("module.exports = async () => ({ status: 200, body: 'here' })")
      yield* Effect.promise(async () => {
        for (const path of ["/", "/healthz"]) {
          const before = await runtime.ask(path)
          assert.deepStrictEqual([before.status, before.text], [500, "Generic container: no requests supported"])
        }
        assert.strictEqual((await runtime.load()).status, 202)
        const again = await runtime.load()
        assert.deepStrictEqual([again.status, again.text], [400, "Not a generic container"])
        assert.strictEqual((await runtime.ask("/healthz")).text, "here")
      })
    })
  )

  for (const [what, code, body] of [
    ["an Error", "throw new Error('broken')", "{}"],
    ["a value", "throw { code: 7 }", '{"code":7}'],
    ["nothing", "throw undefined", ""],
    ["an export that is no function", "module.exports = 1", "{}"]
  ] as const) {
    it.live(`answers 500 with the JSON of what was thrown: ${what}`, () =>
      Effect.gen(function* () {
        const runtime = yield* startRuntime(code)
        const loaded = yield* Effect.promise(() => runtime.load())
        assert.deepStrictEqual([loaded.status, loaded.text], [500, body])
      })
    )
  }

  it.live("limits the load request like any other body", () =>
    Effect.gen(function* () {
      const runtime = yield* startRuntime("module.exports = async () => ({ status: 200 })")
      const large = JSON.stringify({ filepath: "/code.js", FunctionMetadata: "x".repeat(1024 * 1024) })
      assert.strictEqual((yield* Effect.promise(() => runtime.load({ body: large }))).status, 413)
      assert.strictEqual((yield* Effect.promise(() => runtime.load({ body: "{" }))).status, 400)
    })
  )

  it.live("can be told to refuse, to accept a second function, and to crash", () =>
    Effect.gen(function* () {
      const code = "module.exports = async () => ({ status: 200 })"
      const refusing = yield* startRuntime(code, { RUNTIME_LOAD_STATUS: "503" })
      const patient = yield* startRuntime(code, { RUNTIME_ALLOW_SECOND_LOAD: "true" })
      const fragile = yield* startRuntime(code, { RUNTIME_CRASH_AFTER_LOAD: "true" })
      yield* Effect.promise(async () => {
        assert.strictEqual((await refusing.load()).status, 503)
        assert.strictEqual((await patient.load()).status, 202)
        assert.strictEqual((await patient.load()).status, 202)
        assert.strictEqual((await fragile.load()).status, 202)
        assert.strictEqual(await fragile.program.exited, 1)
      })
    })
  )
})

describe("invoking (function-pod-protocol.md section 10.3)", () => {
  it.live("a function of one parameter returns status, body and headers", () =>
    Effect.gen(function* () {
      const answer = yield* answerOf(
        "export default async ({ request }) => ({ status: 201, body: `hi ${request.query.name}`, headers: { 'x-a': 'b' } })",
        "/some/path?name=you"
      )
      assert.deepStrictEqual([answer.status, answer.text, answer.headers.get("x-a")], [201, "hi you", "b"])
      assert.strictEqual(answer.headers.get("content-type"), "text/html; charset=utf-8")
    })
  )

  it.live("a function of two parameters calls back", () =>
    Effect.gen(function* () {
      const answer = yield* answerOf("module.exports = (context, callback) => callback(202, { a: 1 }, { 'x-a': 'b' })")
      assert.deepStrictEqual([answer.status, answer.text, answer.headers.get("x-a")], [202, '{"a":1}', "b"])
      assert.strictEqual(answer.headers.get("content-type"), "application/json; charset=utf-8")
    })
  )

  it.live("a function that returns no status answers by itself", () =>
    Effect.gen(function* () {
      const answer = yield* answerOf(
        "module.exports = async ({ response }) => { response.status(418).set('x-a', 'b').json([1]); return {} }"
      )
      assert.deepStrictEqual([answer.status, answer.text, answer.headers.get("x-a")], [418, "[1]", "b"])
    })
  )

  it.live("a stream is piped", () =>
    Effect.gen(function* () {
      const answer = yield* answerOf(
        "const { Readable } = require('node:stream'); module.exports = async () => ({ status: 200, body: Readable.from(['a', 'b']) })"
      )
      assert.deepStrictEqual([answer.status, answer.text], [200, "ab"])
    })
  )

  for (const [what, code] of [
    ["a rejection", "module.exports = async () => { throw new Error('x') }"],
    ["a throw", "module.exports = (context, callback) => { throw new Error('x') }"],
    ["text as result", "module.exports = async () => 'text'"],
    ["no result", "module.exports = async () => {}"],
    ["a status that is none", "module.exports = async () => ({ status: 'fine' })"]
  ] as const) {
    it.live(`${what} is a 500`, () =>
      Effect.gen(function* () {
        const answer = yield* answerOf(code)
        assert.deepStrictEqual([answer.status, answer.text], [500, "Internal server error"])
      })
    )
  }

  it.live("a request has method, path, url, headers and its parsed body", () =>
    Effect.gen(function* () {
      const code = `module.exports = async ({ request }) => {
        const { body, headers, method, path, url } = request
        return { status: 200, body: { method, path, url, body, given: request.get("X-Given"), same: headers["x-given"] } }
      }`
      const seen = (type: string, body: string) =>
        Effect.map(
          answerOf(code, "/p/q?a=1", { method: "PUT", headers: { "content-type": type, "x-given": "yes" }, body }),
          ({ text }): unknown => JSON.parse(text)
        )
      const common = { method: "PUT", path: "/p/q", url: "/p/q?a=1", given: "yes", same: "yes" }
      assert.deepStrictEqual(yield* seen("application/json", '{"k":[1]}'), { ...common, body: { k: [1] } })
      assert.deepStrictEqual(yield* seen("application/x-www-form-urlencoded", "k=v"), { ...common, body: { k: "v" } })
      assert.deepStrictEqual(yield* seen("text/plain", "words"), { ...common, body: "words" })
      assert.deepStrictEqual(yield* seen("image/png", "bytes"), { ...common, body: {} })
    })
  )

  it.live("what a function prints is the output of the container", () =>
    Effect.gen(function* () {
      const runtime = yield* startRuntime(
        "module.exports = async () => { console.log('printed'); return { status: 200 } }"
      )
      yield* Effect.promise(async () => {
        await runtime.load()
        const printed = new Promise<void>((resolve) => {
          runtime.program.process.stdout?.on("data", () => runtime.program.output().includes("printed") && resolve())
        })
        await runtime.ask("/")
        await printed
      })
    })
  )
})
