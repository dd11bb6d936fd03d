import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Clock, Duration, Effect, type Scope } from "effect"
import { request } from "undici"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { freePort } from "../cli/CommandProcess.ts"
import { ImageRoot } from "../deploy/ImageRoot.ts"

const host = "127.0.0.1"

/** An executor as the image runs it, in a process of its own. */
export interface ExecutorProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly url: string
  readonly metricsUrl: string
  /** Milliseconds from the start of the process until `/healthz` and `/readyz` answered 200. */
  readonly listeningAfter: number
  readonly readyAfter: number
}

/** Milliseconds that the effect took, and its value. */
export const elapsed = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<readonly [number, A], E, R> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.monotonicTimeNanos
    const value = yield* self
    return [Number((yield* Clock.monotonicTimeNanos) - startedAt) / 1e6, value] as const
  })

/** Asks every five milliseconds until it is so, for at most two minutes. */
export const until = <E, R>(isSo: Effect.Effect<boolean, E, R>) =>
  Effect.gen(function* () {
    while (!(yield* isSo)) yield* Effect.sleep("5 millis")
  }).pipe(Effect.timeout(Duration.minutes(2)))

const isOk = (url: string) =>
  Effect.promise(() =>
    request(url).then(
      async ({ body, statusCode }) => (await body.dump(), statusCode === 200),
      () => false
    )
  )

/** Starts the entry point of the image, with the flags it chooses for Node; it is killed with the scope. */
export const start = (
  namespaces: ReadonlyArray<string>,
  variables: { readonly [name: string]: string } = {}
): Effect.Effect<ExecutorProcess, never, ApiServer | ImageRoot | Scope.Scope> =>
  Effect.gen(function* () {
    const { path } = yield* ImageRoot
    const apiServer = yield* ApiServer
    const [port, metricsPort] = [yield* freePort, yield* freePort]
    const url = `http://${host}:${port}`
    const flags = ["--api-server", apiServer.url, "--host", host, `--executorPort=${port}`]
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(join(path, "usr/local/bin/node"), [join(path, "fission-bundle"), ...flags], {
          env: {
            ...process.env,
            FISSION_RESOURCE_NAMESPACES: namespaces.join(","),
            FINALIZER_ENABLED: "true",
            METRICS_ADDR: `${host}:${metricsPort}`,
            ...variables
          },
          stdio: "ignore"
        })
      ),
      (running) => Effect.sync(() => running.kill("SIGKILL"))
    )
    const [listeningAfter] = yield* elapsed(until(isOk(`${url}/healthz`)))
    const [thenReadyAfter] = yield* elapsed(until(isOk(`${url}/readyz`)))
    const readyAfter = listeningAfter + thenReadyAfter
    return { child, port, url, metricsUrl: `http://${host}:${metricsPort}`, listeningAfter, readyAfter }
  }).pipe(Effect.orDie)

/** User and system time of the process so far, in milliseconds (Linux, 100 ticks a second). */
export const cpuMillis = ({ child }: ExecutorProcess): number => {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Memory of the process that is in use now. */
export const residentMebibytes = ({ child }: ExecutorProcess): number =>
  Number(/VmRSS:\s+(\d+)/u.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024
