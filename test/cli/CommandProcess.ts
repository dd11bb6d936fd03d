import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Duration, Effect, type Scope } from "effect"

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** A running command of the command line. */
export interface CommandProcess {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** The exit code, once it has ended by itself or by a signal; null for a signal that killed it. */
  readonly exited: Effect.Effect<number | null>
}

/** Starts `fission-executor` with these arguments; killed, and its temporary files removed, when the scope closes. */
export const start = (
  parameters: ReadonlyArray<string>,
  environment: { readonly [name: string]: string } = {}
): Effect.Effect<CommandProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "fission-executor-test-"))
      const child = spawn(process.execPath, [main, ...parameters], {
        // Ports are free ones, so that nobody else on the machine is in the way.
        env: { PATH: process.env["PATH"], TMPDIR: folder, METRICS_ADDR: "127.0.0.1:0", ...environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let stdout = ""
      let stderr = ""
      child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")))
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")))
      const exited = Effect.callback<number | null>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) resume(Effect.succeed(child.exitCode))
        else child.once("close", (code) => resume(Effect.succeed(code)))
      }).pipe(
        Effect.timeoutOrElse({
          duration: Duration.seconds(30),
          orElse: () => Effect.die(`no exit; ${stdout}${stderr}`)
        })
      )
      return { child, folder, stdout: () => stdout, stderr: () => stderr, exited }
    }),
    ({ child, exited, folder }) =>
      Effect.suspend(() => {
        child.kill("SIGKILL")
        return Effect.ensuring(
          exited,
          Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
        )
      })
  )

/** What a command says and how it ends, for one that ends by itself. */
export const run = (parameters: ReadonlyArray<string>, environment?: { readonly [name: string]: string }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const command = yield* start(parameters, environment)
      const code = yield* command.exited
      return { code, stdout: command.stdout(), stderr: command.stderr() }
    })
  )

/** A port that nobody listens on. */
export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})
