import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { lstatSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, type Scope } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { request, serverLayer } from "../devcluster/ClusterFixture.ts"
import { ImageRoot } from "./ImageRoot.ts"

/**
 * Starts the entry point as the image does: in nothing but the image's files and as its user, where this process may; else
 * the same files where they lie.
 */
const start = (root: string, parameters: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const [program, ...before] =
        process.getuid?.() === 0
          ? (["chroot", "--userspec=10001:10001", root, "/fission-bundle"] as const)
          : ([join(root, "usr/local/bin/node"), join(root, "fission-bundle")] as const)
      return spawn(program, [...before, ...parameters], { env: { PATH: process.env["PATH"] }, cwd: "/" })
    }),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill("SIGKILL")
        await once(child, "exit")
      })
  )

/** Everything that a process wrote, and its exit code. */
const outcome = (child: ChildProcess) =>
  Effect.promise(async () => {
    let output = ""
    child.stdout?.on("data", (text: Buffer) => (output += text.toString()))
    child.stderr?.on("data", (text: Buffer) => (output += text.toString()))
    const [code] = await once(child, "close")
    return { code: Number(code), output }
  })

/** The port that an executor says it listens on. */
const portOf = (child: ChildProcess) =>
  Effect.callback<number>((resume) => {
    if (child.stdout === null) return
    createInterface({ input: child.stdout }).on("line", (line) => {
      const { msg, port } = Object(JSON.parse(line))
      if (msg === "executor listens") resume(Effect.succeed(Number(port)))
    })
  })

/** The files of the operator's page, which the executor finds beside its bundle. */
const pageFiles = readdirSync("src/observability/page").map((name) => `app/page/${name}`)

const filesOf = (root: string) =>
  readdirSync(root, { recursive: true }).map((path) => {
    const { mtimeMs, size } = lstatSync(join(root, String(path)))
    return { path, mtimeMs, size }
  })

layer(ImageRoot.layer.pipe(Layer.provideMerge(serverLayer)), {
  timeout: 120_000,
  excludeTestServices: true
})("the image", (it) => {
  it.effect(
    "serves with the arguments of the chart, ready and without writing a file, and ends with 0 on SIGTERM",
    () =>
      Effect.gen(function* () {
        const { path } = yield* ImageRoot
        const { url } = yield* ApiServer
        const before = filesOf(path)
        assert.includeMembers(
          before.map((file) => String(file.path)),
          pageFiles
        )
        const child = yield* start(path, ["--executorPort", "0", "--api-server", url])
        const port = yield* portOf(child)
        const healthy = yield* request(`http://127.0.0.1:${port}/healthz`)
        assert.strictEqual(healthy.status, 200)
        while ((yield* request(`http://127.0.0.1:${port}/readyz`)).status !== 200) continue
        child.kill("SIGTERM")
        assert.strictEqual((yield* outcome(child)).code, 0)
        assert.deepStrictEqual(filesOf(path), before)
      })
  )

  it.effect("takes flags with one dash, as Go programs do", () =>
    Effect.gen(function* () {
      const { path } = yield* ImageRoot
      const { code, output } = yield* outcome(yield* start(path, ["-version"]))
      assert.strictEqual(code, 0)
      assert.match(output, /0\.\d+\.\d+/u)
    })
  )

  it.effect("refuses to be another component of Fission, with a line that names the flag", () =>
    Effect.gen(function* () {
      const { path } = yield* ImageRoot
      const { code, output } = yield* outcome(yield* start(path, ["--routerPort", "8888"]))
      assert.strictEqual(code, 2)
      assert.include(output, "--routerPort")
      assert.strictEqual(output.trim().split("\n").length, 1)
    })
  )

  it.effect("says that it has no embedded cluster, which it has no need to load", () =>
    Effect.gen(function* () {
      const { path } = yield* ImageRoot
      const { code, output } = yield* outcome(yield* start(path, ["demo"]))
      assert.deepStrictEqual(
        [code, output],
        [1, "fission-executor: command: the embedded cluster is not part of this build\n"]
      )
    })
  )
})
