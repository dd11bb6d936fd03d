import { createServer } from "node:http"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { parseAllDocuments } from "yaml"
import * as CommandProcess from "./CommandProcess.ts"

/** One line on standard error, and nothing on standard output. */
const saysOneLine = (result: { readonly stdout: string; readonly stderr: string }, text: RegExp) => {
  assert.match(result.stderr, /^fission-executor: [^\n]+\n$/u)
  assert.match(result.stderr, text)
  assert.strictEqual(result.stdout, "")
}

describe("a wrong command line", () => {
  it.live.each([
    [["serve", "--nonsense"], /--nonsense/u],
    [["--executorPort", "many"], /executorPort/u],
    [["dev", "--router-port", "x"], /router-port/u],
    [["dev", "--node-cpu", "lots"], /"lots" is no quantity/u],
    [["fly"], /fly/u]
  ] as const)("%j is one line and exit code 2", ([parameters, text]) =>
    Effect.gen(function* () {
      const result = yield* CommandProcess.run(parameters)
      assert.strictEqual(result.code, 2)
      saysOneLine(result, text)
    })
  )
})

describe("a wrong configuration", () => {
  it.live("is one line and exit code 1: a kubeconfig that does not exist", () =>
    Effect.gen(function* () {
      const result = yield* CommandProcess.run(["serve", "--kubeconfig", "/does/not/exist"])
      assert.strictEqual(result.code, 1)
      saysOneLine(result, /kubeconfig \/does\/not\/exist: cannot be used/u)
    })
  )

  it.live("is one line and exit code 1: a kubeconfig that is none", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "kubeconfig-"))),
        (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
      )
      const file = join(folder, "config")
      yield* Effect.promise(() => writeFile(file, "clusters: [\n"))
      const result = yield* CommandProcess.run(["serve", "--kubeconfig", file])
      assert.strictEqual(result.code, 1)
      saysOneLine(result, /cannot be used as a kubeconfig/u)
    })
  )

  it.live("is one line and exit code 1: a port in use", () =>
    Effect.gen(function* () {
      const server = createServer()
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const result = yield* CommandProcess.run(
        ["serve", "--api-server=http://127.0.0.1:9", "--host=127.0.0.1", `--executorPort=${port}`],
        { METRICS_ADDR: "127.0.0.1:0" }
      )
      assert.strictEqual(result.code, 1)
      saysOneLine(result, new RegExp(`executor API on 127.0.0.1:${port}: the port is in use`, "u"))
    })
  )

  it.live("is one line and exit code 1: a blank secret", () =>
    Effect.gen(function* () {
      const result = yield* CommandProcess.run(["serve"], { FISSION_INTERNAL_AUTH_SECRET: " " })
      assert.strictEqual(result.code, 1)
      saysOneLine(result, /FISSION_INTERNAL_AUTH_SECRET: is set but blank/u)
    })
  )
})

describe("a command that only answers", () => {
  it.live("version", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* CommandProcess.run(["version"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /^fission-executor \d+\.\d+\.\d+\n$/u)
    })
  )

  it.live("crds", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* CommandProcess.run(["crds"])
      assert.strictEqual(code, 0)
      const kinds = parseAllDocuments(stdout).map((document) => document.getIn(["spec", "names", "kind"]))
      assert.includeMembers(kinds, ["Function", "Environment", "Package", "FunctionVersion", "FunctionAlias"])
    })
  )

  it.live("help", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* CommandProcess.run(["dev", "--help"])
      assert.strictEqual(code, 0)
      assert.include(stdout, "--cluster-only")
    })
  )
})
