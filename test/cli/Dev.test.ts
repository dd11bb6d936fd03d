import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { eventually, http, isSo } from "../e2e/World.ts"
import * as CommandProcess from "./CommandProcess.ts"

const samples = fileURLToPath(new URL("../../deploy/samples", import.meta.url))

/** A copy of the samples, to be edited. */
const copyOfSamples = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = await mkdtemp(join(tmpdir(), "samples-"))
    await cp(samples, folder, { recursive: true })
    return folder
  }),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

interface Dev extends CommandProcess.CommandProcess {
  readonly router: string
  readonly apiServer: string
  readonly metrics: string
  readonly executorPort: number
}

const startDev = (...parameters: ReadonlyArray<string>): Effect.Effect<Dev, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [clusterPort, executorPort, routerPort, metricsPort] = yield* Effect.all(
      Array.from({ length: 4 }, () => CommandProcess.freePort)
    )
    const command = yield* CommandProcess.start([
      "dev",
      `--cluster-port=${clusterPort}`,
      `--executorPort=${executorPort}`,
      `--router-port=${routerPort}`,
      `--metrics-port=${metricsPort}`,
      ...parameters
    ])
    return {
      ...command,
      router: `http://127.0.0.1:${routerPort}`,
      apiServer: `http://127.0.0.1:${clusterPort}`,
      metrics: `http://127.0.0.1:${metricsPort}/metrics`,
      executorPort: executorPort ?? 0
    }
  })

/** The body of a function's answer, undefined while there is none. */
const bodyOf = (dev: Dev, name: string) =>
  http(`${dev.router}/fission-function/${name}`).pipe(
    Effect.map(({ body, status }) => (status === 200 ? body : undefined)),
    Effect.catchDefect(() => Effect.succeed(undefined))
  )

/** Processes that belong to the pods of a cluster, by the address of its API server in their environment. */
const podProcesses = (apiServer: string) =>
  Effect.promise(async () => {
    const found: Array<number> = []
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/u.test(name)) continue
      const environment = await readFile(`/proc/${name}/environ`, "utf8").catch(() => "")
      if (environment.split("\0").includes(`KUBERNETES_API_URL=${apiServer}`)) found.push(Number(name))
    }
    return found
  })

it.live("dev says what to call, answers within ten seconds, and leaves no process behind when it is interrupted", () =>
  Effect.gen(function* () {
    const dev = yield* startDev()
    assert.strictEqual(yield* Effect.timeout(eventually(bodyOf(dev, "hello")), "10 seconds"), "Hello, world!\n")
    assert.include(dev.stdout(), `curl ${dev.router.replace("http://", "")}/fission-function/hello`)
    assert.include(dev.stdout(), dev.metrics)
    assert.include((yield* http(dev.metrics)).body, 'fission_executor_namespace_state{namespace="default"')
    assert.isAbove((yield* podProcesses(dev.apiServer)).length, 0)
    dev.child.kill("SIGINT")
    assert.strictEqual(yield* dev.exited, 0)
    assert.deepStrictEqual(yield* podProcesses(dev.apiServer), [])
  })
)

it.live("the pods of a dev that was killed end by themselves", () =>
  Effect.gen(function* () {
    const dev = yield* startDev()
    yield* eventually(bodyOf(dev, "hello"))
    dev.child.kill("SIGKILL")
    yield* dev.exited
    yield* isSo(Effect.map(podProcesses(dev.apiServer), (pids) => pids.length === 0))
  })
)

it.live("editing the code of a function changes its next answer", () =>
  Effect.gen(function* () {
    const folder = yield* copyOfSamples
    const dev = yield* startDev("--apply", folder)
    yield* eventually(bodyOf(dev, "hello"))
    const file = join(folder, "hello.js")
    const code = yield* Effect.promise(() => readFile(file, "utf8"))
    yield* Effect.promise(() => writeFile(file, code.replace("Hello", "Good evening")))
    yield* isSo(Effect.map(bodyOf(dev, "hello"), (body) => body === "Good evening, world!\n"))
  })
)

it.live("pods that have no room on the node of dev stay unscheduled, and say so", () =>
  Effect.gen(function* () {
    const dev = yield* startDev("--node-pods=1")
    const pods = http(`${dev.apiServer}/api/v1/namespaces/default/pods`).pipe(
      Effect.map(({ body }) => body),
      Effect.catchDefect(() => Effect.succeed(""))
    )
    yield* isSo(Effect.map(pods, (body) => body.includes("0/1 nodes are available: 1 Too many pods.")))
  })
)

/** Runs the command that `dev --cluster-only` says to run. */
const startAdvised = Effect.fnUntraced(function* (dev: Dev, variables: { readonly [name: string]: string } = {}) {
  const advice = /start it +FISSION_RESOURCE_NAMESPACES=(\S+) fission-executor (.+)/u
  const [, namespaces = "", parameters = ""] = yield* eventually(
    Effect.sync(() => advice.exec(dev.stdout()) ?? undefined)
  )
  return yield* CommandProcess.start(parameters.split(" "), {
    FISSION_RESOURCE_NAMESPACES: namespaces,
    ...variables
  })
})

/** Has the API server count the executor's writes from now on, with faults that delay nothing; reads the count. */
const countWrites = Effect.fnUntraced(function* (dev: Dev) {
  for (const verb of ["create", "update", "patch", "delete"]) {
    const fault = { verb, client: "fission-executor/", action: { type: "delay", milliseconds: 0 } }
    yield* http(`${dev.apiServer}/faults`, { method: "POST", body: JSON.stringify(fault) })
  }
  return Effect.map(http(`${dev.apiServer}/faults`), ({ body }) => {
    const faults: ReadonlyArray<{ readonly met: number }> = JSON.parse(body)
    return faults.reduce((sum, { met }) => sum + met, 0)
  })
})

it.live("an executor that is killed and started again hands out every pod again, and writes nothing for it", () =>
  Effect.gen(function* () {
    const dev = yield* startDev("--cluster-only")
    // A reserve is lost with its executor, and claimed anew.
    const serve = startAdvised(dev, { EXECUTOR_WARM_RESERVE: "0" })
    const functions = ["hello", "echo", "counter"]
    const callAll = Effect.forEach(functions, (name) => eventually(bodyOf(dev, name)), { discard: true })
    const objects = Effect.gen(function* () {
      const pods = yield* http(`${dev.apiServer}/api/v1/namespaces/default/pods?labelSelector=managed%3Dfalse`)
      const pools = yield* http(`${dev.apiServer}/apis/apps/v1/namespaces/default/deployments`)
      const items: ReadonlyArray<{ readonly metadata: { readonly [field: string]: unknown } }> = [
        ...JSON.parse(pods.body).items,
        ...JSON.parse(pools.body).items
      ]
      return items.map(({ metadata }) => [
        metadata["name"],
        metadata["uid"],
        metadata["annotations"],
        metadata["labels"]
      ])
    })
    const first = yield* serve
    const writes = yield* countWrites(dev)
    yield* callAll
    yield* isSo(
      Effect.map(
        http(`${dev.apiServer}/api/v1/namespaces/default/pods?labelSelector=fission.io/served%3Dtrue`),
        ({ body }) => JSON.parse(body).items.length === functions.length
      )
    )
    const before = yield* objects
    first.child.kill("SIGKILL")
    yield* first.exited
    const writesBefore = yield* writes
    assert.isAbove(writesBefore, 0)

    yield* serve
    yield* callAll
    assert.deepStrictEqual(yield* objects, before)
    assert.strictEqual(yield* writes, writesBefore)
    const dump = yield* http(`http://127.0.0.1:${dev.executorPort}/v2/debugInfo`)
    for (const name of functions) assert.include(dump.body, `function_name:${name}\t`)
  })
)
