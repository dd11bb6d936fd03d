import { spawnSync } from "node:child_process"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { type Answer, freshAddress, type Program, request, startProgram, temporaryDirectory } from "./podFixture.ts"

const PATH = process.env["PATH"] ?? ""
const hasPython = spawnSync("python3", ["-c", ""]).status === 0

/** A runtime alone, before any code is in its pod. */
interface Runtime {
  readonly program: Program
  readonly ask: (path: string, init?: RequestInit) => Promise<Answer>
  readonly load: (filepath: string, functionName?: string) => Promise<Answer>
}

const start = (root: string): Effect.Effect<Runtime, never, Scope.Scope> =>
  Effect.gen(function* () {
    const address = freshAddress()
    const program = yield* startProgram("pythonRuntime", [], { PATH, POD_IP: address, POD_ROOT: root })
    yield* Effect.promise(() => program.listening)
    const ask = (path: string, init?: RequestInit) => request(`http://${address}:8888${path}`, init)
    const load = (filepath: string, functionName = "") => {
      const body = JSON.stringify({ filepath, functionName, envVersion: 3, somethingNew: 1 })
      return ask("/v2/specialize", { method: "POST", headers: { "content-type": "application/json" }, body })
    }
    return { program, ask, load }
  })

/** The root of a pod with these files in `/userfunc`. */
const rootWith = (files: { readonly [path: string]: string }) =>
  Effect.gen(function* () {
    const root = yield* temporaryDirectory
    yield* Effect.promise(async () => {
      await mkdir(join(root, "userfunc"))
      for (const [path, code] of Object.entries(files)) {
        const file = join(root, "userfunc", path)
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, code)
      }
    })
    return root
  })

/** What a function answers to one request; `code` is the whole of its module. */
const answerOf = (code: string, path = "/", init?: RequestInit) =>
  Effect.gen(function* () {
    const runtime = yield* start(yield* rootWith({ code }))
    return yield* Effect.promise(async () => {
      assert.strictEqual((await runtime.load("/userfunc/code")).status, 200)
      return runtime.ask(path, init)
    })
  })

describe.skipIf(!hasPython)("loading (function-pod-protocol.md sections 10.1 and 10.2)", () => {
  it.live("refuses requests before, but not the one for its health", () =>
    Effect.gen(function* () {
      const { ask } = yield* start(yield* rootWith({}))
      yield* Effect.promise(async () => {
        assert.strictEqual((await ask("/")).status, 500)
        assert.strictEqual((await ask("/healthz")).status, 200)
      })
    })
  )

  it.live("takes module.function from a directory, whose modules see each other", () =>
    Effect.gen(function* () {
      const root = yield* rootWith({
        "app/shop.py": "import prices\ndef buy(): return f'for {prices.cheap}'",
        "app/prices.py": "cheap = 3"
      })
      const runtime = yield* start(root)
      yield* Effect.promise(async () => {
        const loaded = await runtime.load("/userfunc/app", "shop.buy")
        assert.deepStrictEqual([loaded.status, loaded.text], [200, ""])
        assert.strictEqual((await runtime.ask("/any/path")).text, "for 3")
      })
    })
  )

  it.live("takes main of /userfunc/user for version 1 of an environment", () =>
    Effect.gen(function* () {
      const runtime = yield* start(yield* rootWith({ user: "def main(): return 'one'" }))
      yield* Effect.promise(async () => {
        assert.strictEqual((await runtime.ask("/specialize", { method: "POST" })).status, 200)
        assert.strictEqual((await runtime.ask("/")).text, "one")
      })
    })
  )

  it.live("accepts a second load, which replaces the function", () =>
    Effect.gen(function* () {
      const root = yield* rootWith({ "a/main.py": "def main(): return 'a'", "b/main.py": "def main(): return 'b'" })
      const runtime = yield* start(root)
      yield* Effect.promise(async () => {
        for (const name of ["a", "b"]) {
          assert.strictEqual((await runtime.load(`/userfunc/${name}`)).status, 200)
          assert.strictEqual((await runtime.ask("/")).text, name)
        }
      })
    })
  )

  for (const [what, code, name] of [
    ["a module that throws", "raise ValueError('broken')", ""],
    ["a function that is missing", "x = 1", "code.main"]
  ] as const) {
    it.live(`answers 500 to ${what}`, () =>
      Effect.gen(function* () {
        const runtime = yield* start(yield* rootWith({ code }))
        assert.strictEqual((yield* Effect.promise(() => runtime.load("/userfunc/code", name))).status, 500)
      })
    )
  }

  it.live("remembers what it loaded across a restart", () =>
    Effect.gen(function* () {
      const root = yield* rootWith({ code: "def main(): return 'still here'" })
      const first = yield* start(root)
      yield* Effect.promise(() => first.load("/userfunc/code"))
      const second = yield* start(root)
      assert.strictEqual((yield* Effect.promise(() => second.ask("/"))).text, "still here")
    })
  )
})

describe.skipIf(!hasPython)("invoking", () => {
  it.live("a function has the request as Flask gives it", () =>
    Effect.gen(function* () {
      const code = `
from flask import request, current_app
def main():
    current_app.logger.info("called")
    return {"method": request.method, "path": request.path, "args": request.args,
            "given": request.headers["X-Given"], "json": request.get_json(), "data": request.get_data(as_text=True)}
`
      const headers = { "content-type": "application/json", "x-given": "yes" }
      const answer = yield* answerOf(code, "/p/q?a=1", { method: "POST", headers, body: '{"k":[1]}' })
      assert.strictEqual(answer.headers.get("content-type"), "application/json")
      assert.deepStrictEqual(JSON.parse(answer.text), {
        method: "POST",
        path: "/p/q",
        args: { a: "1" },
        given: "yes",
        json: { k: [1] },
        data: '{"k":[1]}'
      })
    })
  )

  it.live("a function answers with a body, a status and headers", () =>
    Effect.gen(function* () {
      const answer = yield* answerOf("def main(): return b'bytes', 418, {'X-A': 'b'}")
      assert.deepStrictEqual([answer.status, answer.text, answer.headers.get("x-a")], [418, "bytes", "b"])
    })
  )

  it.live("a function that throws is a 500, and the next request is answered", () =>
    Effect.gen(function* () {
      const code = "from flask import request\ndef main(): return request.args['name']"
      const runtime = yield* start(yield* rootWith({ code }))
      yield* Effect.promise(async () => {
        await runtime.load("/userfunc/code")
        assert.strictEqual((await runtime.ask("/")).status, 500)
        assert.strictEqual((await runtime.ask("/?name=x")).text, "x")
      })
    })
  )

  it.live("a body in chunks is put together", () =>
    Effect.gen(function* () {
      const body = new ReadableStream({
        start: (controller) => {
          for (const part of ["one ", "two"]) controller.enqueue(new TextEncoder().encode(part))
          controller.close()
        }
      })
      const code = "from flask import request\ndef main(): return request.data"
      const answer = yield* answerOf(code, "/", { method: "POST", body, duplex: "half" })
      assert.strictEqual(answer.text, "one two")
    })
  )

  it.live("a function reads its secrets where they are in a container", () =>
    Effect.gen(function* () {
      const root = yield* rootWith({ code: "def main(): return open('/secrets/default/key').read()" })
      yield* Effect.promise(async () => {
        await mkdir(join(root, "secrets/default"), { recursive: true })
        await writeFile(join(root, "secrets/default/key"), "secret")
      })
      const runtime = yield* start(root)
      yield* Effect.promise(() => runtime.load("/userfunc/code"))
      assert.strictEqual((yield* Effect.promise(() => runtime.ask("/"))).text, "secret")
    })
  )
})

describe("its end", () => {
  it.live.skipIf(!hasPython)("comes with SIGTERM, once what it began is answered", () =>
    Effect.gen(function* () {
      const code = "import time\ndef main():\n    print('begun', flush=True)\n    time.sleep(0.3)\n    return 'done'"
      const { ask, load, program } = yield* start(yield* rootWith({ code }))
      yield* Effect.promise(async () => {
        await load("/userfunc/code")
        const begun = new Promise<void>((resolve) => {
          program.process.stdout?.on("data", () => program.output().includes("begun") && resolve())
        })
        const asking = ask("/")
        await begun
        program.process.kill("SIGTERM")
        assert.strictEqual((await asking).text, "done")
        assert.strictEqual(await program.exited, 0)
      })
    })
  )

  it.live.skipIf(!hasPython)("comes with the end of its standard input", () =>
    Effect.gen(function* () {
      const { program } = yield* start(yield* rootWith({}))
      program.process.stdin?.end()
      assert.strictEqual(yield* Effect.promise(() => program.exited), 0)
    })
  )

  it.live("comes at once, with a line that says why, where there is no python3", () =>
    Effect.gen(function* () {
      const program = yield* startProgram("pythonRuntime", [], { PATH: "/nowhere" })
      assert.strictEqual(yield* Effect.promise(() => program.exited), 1)
      assert.include(program.output(), "no python3 is installed")
    })
  )
})
