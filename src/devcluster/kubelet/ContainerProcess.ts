import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Deferred, Effect, type Scope } from "effect"

/** What is run, and who hears what it writes. */
export interface ProcessOptions {
  /** A program's path, or its name in the PATH. */
  readonly command: string
  readonly parameters: ReadonlyArray<string>
  readonly directory: string
  readonly environment: { readonly [name: string]: string }
  /** Called for each line of the standard output and the standard error. */
  readonly onLine: (line: string) => void
}

/** How a process ended. */
export interface ProcessExit {
  readonly exitCode: number
  /** Absent when the process ended by itself. */
  readonly signal?: string
}

/** A process of its own group. */
export interface ContainerProcess {
  /** Absent when it could not be started. */
  readonly pid: number | undefined
  readonly exited: Effect.Effect<ProcessExit>
  /** Signals the whole group; one that is gone is left alone. */
  readonly signal: (signal: "SIGTERM" | "SIGKILL") => Effect.Effect<void>
}

/**
 * Runs a program in a process group of its own. Closing the scope kills the group and waits for its end. Its
 * standard input stays open for as long as we live, so that a program that ends with it never outlives us.
 */
export const start = (options: ProcessOptions): Effect.Effect<ContainerProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const ended = yield* Deferred.make<ProcessExit>()
      const child = spawn(options.command, [...options.parameters], {
        cwd: options.directory,
        env: { PATH: process.env["PATH"], ...options.environment },
        detached: true,
        stdio: ["pipe", "pipe", "pipe"]
      })
      child.stdin.on("error", () => {})
      for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on("line", options.onLine)
      child.once("error", (cause) => {
        options.onLine(`cannot start ${options.command}: ${cause.message}`)
        Deferred.doneUnsafe(ended, Effect.succeed({ exitCode: 128 }))
      })
      child.once("exit", (code, signal) => {
        signalGroup(child, "SIGKILL")
        Deferred.doneUnsafe(ended, Effect.succeed(exitOf(code, signal)))
      })
      const running: ContainerProcess = {
        pid: child.pid,
        exited: Deferred.await(ended),
        signal: (signal) => Effect.sync(() => signalGroup(child, signal))
      }
      return running
    }),
    (running) => Effect.andThen(running.signal("SIGKILL"), running.exited)
  )

const signalNumbers: { readonly [signal: string]: number } = { SIGTERM: 15, SIGKILL: 9 }

/** As a shell reports it: 128 and the number of the signal. */
const exitOf = (code: number | null, signal: string | null): ProcessExit =>
  signal === null ? { exitCode: code ?? 0 } : { exitCode: 128 + (signalNumbers[signal] ?? 0), signal }

const signalGroup = ({ pid }: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The group is gone.
  }
}
