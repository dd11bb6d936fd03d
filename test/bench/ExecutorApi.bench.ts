import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import type { Socket } from "node:net"
import { fileURLToPath } from "node:url"
import { Clock, Effect } from "effect"
import { afterAll, beforeAll, test } from "vitest"
import { post, signed } from "../fakes/ApiUnderTest.ts"
import { bytesOf, load, openSockets, percentile } from "./RawClient.ts"

/** A warm `getServiceForFunction` over real sockets, beside a bare node:http server in the same run. */
const secret = "bench-master-secret"
const connections = 16
const batch = 2000

const recorded = readFileSync(new URL("../data/stock-objects/http/c-poolmgr.json", import.meta.url), "utf8")
const call = post("/v2/getServiceForFunction", String(JSON.parse(recorded)[0].request.body))

const unsignedBytes = () => bytesOf(call)
const signedBytes = () => bytesOf(signed(secret, Math.floor(Effect.runSync(Clock.currentTimeMillis) / 1000), call))

interface Server {
  readonly process: ChildProcess
  readonly sockets: ReadonlyArray<Socket>
  readonly bytes: () => string
  /** Milliseconds of every request. */
  readonly times: Array<number>
}

type Mode = "echo" | "unsigned" | "signed"
const servers = new Map<Mode, Server>()

const start = async (mode: Mode, bytes: () => string) => {
  const child = fork(fileURLToPath(new URL("ExecutorApiServer.ts", import.meta.url)), [mode, secret], { execArgv: [] })
  const [port] = await once(child, "message")
  servers.set(mode, { process: child, sockets: openSockets(Number(port), connections), bytes, times: [] })
}

const loadBatch = async (mode: Mode): Promise<void> => {
  const server = servers.get(mode)
  if (server === undefined) throw new Error(`no server ${mode}`)
  const bytes = server.bytes()
  server.times.push(...(await Effect.runPromise(load(server.sockets, batch, () => bytes))))
}

const cpuSeconds = async ({ process }: Server): Promise<number> => {
  process.send("cpu")
  const [seconds] = await once(process, "message")
  return Number(seconds)
}

beforeAll(async () => {
  await start("echo", unsignedBytes)
  await start("unsigned", unsignedBytes)
  await start("signed", signedBytes)
  for (let round = 0; round < 5; round++) for (const mode of servers.keys()) await loadBatch(mode)
})

afterAll(() => {
  for (const { process, sockets } of servers.values()) {
    for (const socket of sockets) socket.destroy()
    process.disconnect()
  }
})

test(`warm getServiceForFunction, ${batch} requests over ${connections} connections`, async ({ bench }) => {
  const before = new Map<Mode, number>()
  for (const [mode, server] of servers) {
    before.set(mode, await cpuSeconds(server))
    server.times.length = 0
  }

  const options = { time: 3000, warmupTime: 0, warmupIterations: 0 }
  const result = await bench.compare(
    bench("echo", () => loadBatch("echo")),
    bench("unsigned", () => loadBatch("unsigned")),
    bench("signed", () => loadBatch("signed")),
    options
  )

  let bare = 0
  for (const [mode, server] of servers) {
    const micros = (((await cpuSeconds(server)) - (before.get(mode) ?? 0)) * 1e6) / server.times.length
    if (mode === "echo") bare = micros
    const perSecond = Math.round((1000 / result.get(mode).latency.mean) * batch)
    process.stdout.write(
      `${mode.padEnd(9)} ${perSecond} requests/s, ${micros.toFixed(1)} µs of CPU a request, ${(micros / bare).toFixed(2)} of bare node:http; p50 ${percentile(server.times, 0.5).toFixed(2)} ms, p99 ${percentile(server.times, 0.99).toFixed(2)} ms\n`
    )
  }
})
