import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { serverLayer } from "../devcluster/ClusterFixture.ts"
import { exchange } from "../fakes/HttpExchange.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const tools = join(root, "node_modules/.bin")

const command = (folder: string, program: string, ...parameters: ReadonlyArray<string>): string =>
  execFileSync(program, parameters, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

/** What a copy of the repository packs, so that nothing is built where others work. */
const pack = (folder: string): string => {
  const copy = join(folder, "repository")
  mkdirSync(copy)
  for (const part of [
    "src",
    "deploy",
    "docs",
    "package.json",
    "rolldown.config.ts",
    "tsconfig.json",
    "tsconfig.lib.json"
  ]) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"))
  command(copy, "npm", "pack", "--offline", "--pack-destination", folder)
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  return join(folder, `${name}-${version}.tgz`)
}

/** The project of an operator: the examples, the packed package, and of its dependencies those that it declares. */
const operatorProject = (folder: string): string => {
  const tarball = pack(folder)
  const project = join(folder, "operator")
  const modules = join(project, "node_modules")
  mkdirSync(join(modules, "fission-executor"), { recursive: true })
  command(project, "tar", "-xzf", tarball, "-C", join(modules, "fission-executor"), "--strip-components=1")
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(join(modules, "fission-executor/package.json"), "utf8")
  )
  for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), "@types/node"]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, "node_modules", name), join(modules, name))
  }
  cpSync(join(root, "examples"), project, { recursive: true })
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2024",
        // With DOM, of which declarations of effect use types; our own are checked with the rest.
        lib: ["ES2024", "ESNext.Disposable", "DOM"],
        types: ["node"],
        module: "nodenext",
        strict: true,
        noEmit: true,
        exactOptionalPropertyTypes: true,
        allowImportingTsExtensions: true
      },
      include: ["*.ts"]
    })
  )
  return project
}

class Project extends Context.Service<Project, { readonly folder: string }>()("test/package/Project") {
  static readonly layer = Layer.effect(
    Project,
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "fission-executor-package-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
      ),
      (folder) => Project.of({ folder: operatorProject(folder) })
    )
  )
}

/** Starts an executor on the embedded API server, and asks it for the address of a Function once it is healthy. */
const askFor = (fn: object, folder: string, ...program: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          [...program, "serve", "--api-server", url, "--host", "127.0.0.1", "--executorPort", "0"],
          {
            cwd: folder,
            env: {
              PATH: process.env["PATH"],
              METRICS_ADDR: "127.0.0.1:0",
              DECISION_FILE: join(folder, "decisions.jsonl")
            },
            stdio: ["ignore", "pipe", "inherit"]
          }
        )
      ),
      (child) =>
        Effect.promise(async () => {
          if (child.exitCode !== null || child.signalCode !== null) return
          child.kill("SIGKILL")
          await once(child, "exit")
        })
    )
    const port = yield* Effect.callback<number>((resume) => {
      let listensAt = 0
      createInterface({ input: child.stdout }).on("line", (line) => {
        const { msg, port } = Object(JSON.parse(line))
        if (msg === "executor listens") listensAt = Number(port)
        if (msg === "namespace is healthy") resume(Effect.succeed(listensAt))
      })
    })
    return yield* exchange(port, { method: "POST", path: "/v2/getServiceForFunction", body: JSON.stringify(fn) })
  })

const fn = {
  metadata: {
    name: "hello",
    namespace: "default",
    uid: "0f0e0d0c-0000-4000-8000-000000000001",
    annotations: { "example.org/address": "legacy.example.org:8080" }
  },
  spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: "external" } } }
}

layer(Layer.merge(Project.layer, serverLayer), { timeout: 180_000, excludeTestServices: true })(
  "the packed package",
  (it) => {
    it.effect(
      "gives the types that add-ons are compiled with, and they hold by themselves",
      () =>
        Effect.gen(function* () {
          const { folder } = yield* Project
          assert.strictEqual(command(folder, join(tools, "tsc")), "")
        }),
      180_000
    )

    it.effect("runs an executor with add-ons", () =>
      Effect.gen(function* () {
        const { folder } = yield* Project
        const answer = yield* askFor(fn, folder, "main.ts")
        assert.deepStrictEqual([answer.status, answer.body], [200, "legacy.example.org:8080"])
      })
    )

    it.effect(
      "is bundled with add-ons into the program of an image",
      () =>
        Effect.gen(function* () {
          const { folder } = yield* Project
          command(
            folder,
            join(tools, "rolldown"),
            "main.ts",
            "--platform",
            "node",
            "--format",
            "esm",
            "-d",
            "app",
            "--entry-file-names",
            "[name].mjs"
          )
          // Nothing but the bundle.
          cpSync(join(folder, "app"), join(folder, "..", "image"), { recursive: true })
          const answer = yield* askFor(fn, join(folder, "..", "image"), "main.mjs")
          assert.deepStrictEqual([answer.status, answer.body], [200, "legacy.example.org:8080"])
        }),
      180_000
    )
  }
)
