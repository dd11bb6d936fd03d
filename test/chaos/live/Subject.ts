import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Data, Effect, type Scope } from "effect"
import { Agent, request } from "undici"
import { freePort } from "../../cli/CommandProcess.ts"

const host = "127.0.0.1"
/** As in the image. */
const memoryFlags = ["--max-old-space-size=128", "--max-semi-space-size=8"]
const main = fileURLToPath(new URL("../../../src/main.ts", import.meta.url))
const heapProbe = ["--expose-gc", "--import", new URL("HeapProbe.ts", import.meta.url).href]

/** Something did not go as every row of the suite demands. */
export class Unmet extends Data.TaggedError("Unmet")<{ readonly message: string }> {}

/** What one HTTP exchange with the executor came to; status 0 where there was none. */
export interface Exchange {
  readonly status: number
  readonly body: string
}

/** A decision as the debug page shows it. */
export interface ShownDecision {
  readonly at: string
  readonly action: string
  readonly ground?: string
  readonly namespace: string
  readonly name: string
  readonly reason: string
  readonly evidence?: unknown
}

/** The executor under test: a process of its own, at ports that outlive it. */
export interface Subject {
  /** Starts it, again after a stop. Returns when its API listens. */
  readonly start: Effect.Effect<void, Unmet>
  /** Kills it without a chance to say goodbye. */
  readonly kill: Effect.Effect<void>
  readonly isAlive: () => boolean
  readonly post: (path: string, body: string) => Effect.Effect<Exchange>
  /** Decisions since a time, as long as the process remembers them. */
  readonly decisions: (since: string) => Effect.Effect<ReadonlyArray<ShownDecision>>
  /** The state of each namespace by its name; none while the process does not answer. */
  readonly states: Effect.Effect<ReadonlyMap<string, string>>
  /** Lists that broken watches made necessary so far. */
  readonly relists: Effect.Effect<number>
  readonly residentMebibytes: () => number
  /** What is alive on its heap after a full collection, in MiB. */
  readonly liveMebibytes: Effect.Effect<number>
  readonly sockets: () => number
}

/** Makes the executor of these namespaces; nothing runs yet, and nothing does when the scope is closed. */
export const make = (options: {
  readonly namespaces: ReadonlyArray<string>
  /** How `serve` finds the API server. */
  readonly cluster: ReadonlyArray<string>
}): Effect.Effect<Subject, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [port, metricsPort] = [yield* freePort, yield* freePort]
    const agent = new Agent({ connections: 64 })
    let child: ChildProcess | undefined
    const isAlive = () => child !== undefined && child.exitCode === null && child.signalCode === null

    const exchange = (url: string, body?: string): Effect.Effect<Exchange> =>
      Effect.promise((signal) =>
        request(url, { signal, dispatcher: agent, ...(body === undefined ? {} : { method: "POST", body }) }).then(
          async (answer) => ({ status: answer.statusCode, body: await answer.body.text() }),
          () => ({ status: 0, body: "" })
        )
      )
    const page = (path: string) => Effect.map(exchange(`http://${host}:${metricsPort}${path}`), ({ body }) => body)

    const kill = Effect.promise(
      () =>
        new Promise<void>((resolve) => {
          if (child === undefined || !isAlive()) return resolve()
          child.once("exit", () => resolve())
          child.kill("SIGKILL")
        })
    )
    yield* Effect.addFinalizer(() =>
      Effect.andThen(
        kill,
        Effect.promise(() => agent.destroy())
      )
    )

    return {
      start: Effect.gen(function* () {
        child = spawn(
          process.execPath,
          [...memoryFlags, ...heapProbe, main, "serve", ...options.cluster, "--host", host, `--executorPort=${port}`],
          {
            env: {
              PATH: process.env["PATH"],
              FISSION_RESOURCE_NAMESPACES: options.namespaces.join(","),
              FINALIZER_ENABLED: "true",
              METRICS_ADDR: `${host}:${metricsPort}`
            },
            stdio: ["ignore", "ignore", "ignore", "ipc"]
          }
        )
        for (let tries = 0; (yield* exchange(`http://${host}:${port}/healthz`)).status !== 200; tries++) {
          if (tries > 600 || !isAlive()) return yield* new Unmet({ message: "the executor did not start" })
          yield* Effect.sleep("50 millis")
        }
      }),
      kill,
      isAlive,
      post: (path, body) => exchange(`http://${host}:${port}${path}`, body),
      decisions: (since) =>
        Effect.map(page(`/debug/decisions?since=${encodeURIComponent(since)}`), (body) =>
          body === "" ? [] : JSON.parse(body).decisions
        ),
      states: Effect.map(page("/debug/namespaces"), (body) => {
        const namespaces: ReadonlyArray<{ readonly namespace: string; readonly state: string }> =
          body === "" ? [] : JSON.parse(body).namespaces
        return new Map(namespaces.map(({ namespace, state }) => [namespace, state]))
      }),
      relists: Effect.map(page("/metrics"), (body) =>
        [...body.matchAll(/^fission_executor_watch_relists_total\{[^}]*\} (\d+)/gmu)].reduce(
          (sum, [, count]) => sum + Number(count),
          0
        )
      ),
      residentMebibytes: () =>
        Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${child?.pid}/status`, "utf8"))?.[1]) / 1024,
      liveMebibytes: Effect.callback<number>((resume) => {
        child?.once("message", (bytes) => resume(Effect.succeed(Number(bytes) / 2 ** 20)))
        child?.send("collect")
      }),
      sockets: () => openFiles(child?.pid).filter((target) => target.startsWith("socket:")).length
    }
  })

/** What the file descriptors of a process stand for; one that closes meanwhile is nothing. */
const openFiles = (pid: number | undefined): ReadonlyArray<string> =>
  readdirSync(`/proc/${pid}/fd`).map((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`)
    } catch {
      return ""
    }
  })
