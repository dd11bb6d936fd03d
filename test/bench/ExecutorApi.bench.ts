import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { fileURLToPath } from "node:url"
import { Clock, Effect } from "effect"
import { afterAll, beforeAll, test } from "vitest"
import { post, signed } from "../fakes/ApiUnderTest.ts"
import type { HttpCall } from "../fakes/HttpExchange.ts"

/** A warm `getServiceForFunction` over real sockets, beside a bare node:http server in the same run. */
const secret = "bench-master-secret"
const connections = 16
const batch = 2000

const recorded = readFileSync(new URL("../data/stock-objects/http/c-poolmgr.json", import.meta.url), "utf8")
const call = post("/v2/getServiceForFunction", String(JSON.parse(recorded)[0].request.body))

const bytesOf = ({ body = "", headers = {}, path }: HttpCall): string => {
  const fields = Object.entries({ ...headers, "Content-Length": String(Buffer.byteLength(body)) })
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return `POST ${path} HTTP/1.1\r\nHost: executor\r\nX-Fission-Request-ID: bench\r\n${head}\r\n${String(body)}`
}

const unsignedBytes = () => bytesOf(call)
const signedBytes = () => bytesOf(signed(secret, Math.floor(Effect.runSync(Clock.currentTimeMillis) / 1000), call))

interface Server {
  readonly process: ChildProcess
  readonly sockets: ReadonlyArray<Socket>
  readonly bytes: () => string
  served: number
}

type Mode = "echo" | "unsigned" | "signed"
const servers = new Map<Mode, Server>()

const start = async (mode: Mode, bytes: () => string) => {
  const child = fork(fileURLToPath(new URL("ExecutorApiServer.ts", import.meta.url)), [mode, secret], { execArgv: [] })
  const [port] = await once(child, "message")
  const sockets = Array.from({ length: connections }, () => connect(Number(port), "127.0.0.1").setNoDelay())
  servers.set(mode, { process: child, sockets, bytes, served: 0 })
}

/** Sends a batch of requests, one at a time on each connection; an answer is one packet. */
const load = async (mode: Mode): Promise<void> => {
  const server = servers.get(mode)
  if (server === undefined) throw new Error(`no server ${mode}`)
  const bytes = server.bytes()
  let open = batch
  const drive = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      const next = () => {
        if (open-- > 0) socket.write(bytes)
        else resolve(void socket.off("data", onData))
      }
      const onData = (chunk: Buffer) => {
        if (chunk.toString("latin1", 9, 12) === "200") next()
        else reject(new Error(chunk.toString("latin1")))
      }
      socket.on("data", onData)
      next()
    })
  await Promise.all(server.sockets.map(drive))
  server.served += batch
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
  for (let round = 0; round < 5; round++) for (const mode of servers.keys()) await load(mode)
})

afterAll(() => {
  for (const { process, sockets } of servers.values()) {
    for (const socket of sockets) socket.destroy()
    process.disconnect()
  }
})

test(`warm getServiceForFunction, ${batch} requests over ${connections} connections`, async ({ bench }) => {
  const before = new Map<Mode, readonly [seconds: number, served: number]>()
  for (const [mode, server] of servers) before.set(mode, [await cpuSeconds(server), server.served])

  const options = { time: 3000, warmupTime: 0, warmupIterations: 0 }
  const result = await bench.compare(
    bench("echo", () => load("echo")),
    bench("unsigned", () => load("unsigned")),
    bench("signed", () => load("signed")),
    options
  )

  let bare = 0
  for (const [mode, server] of servers) {
    const [seconds, served] = before.get(mode) ?? [0, 0]
    const micros = (((await cpuSeconds(server)) - seconds) * 1e6) / (server.served - served)
    if (mode === "echo") bare = micros
    const perSecond = Math.round((1000 / result.get(mode).latency.mean) * batch)
    process.stdout.write(
      `${mode.padEnd(9)} ${perSecond} requests/s, ${micros.toFixed(1)} µs of CPU a request, ${(micros / bare).toFixed(2)} of bare node:http\n`
    )
  }
})
