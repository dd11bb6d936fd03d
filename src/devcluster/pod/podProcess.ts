import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { join, normalize } from "node:path"
import { addressOf } from "../../fission/Address.ts"

/*
 * The programs of a pod are plain Node modules without Effect and without npm packages: a pod is one process per
 * container, its start is part of every measured cold start, and Effect alone would triple it. For the same reason
 * `node:http` is taken from Node directly, whose ES module form loads a whole HTTP client besides.
 */
const http = process.getBuiltinModule("node:http")

/** The address of the pod that this process belongs to. */
export const podAddress: string = process.env["POD_IP"] ?? "127.0.0.1"

const podRoot: string = process.env["POD_ROOT"] ?? ""

/**
 * Where a path of the pod's file system lies on the host (function-pod-protocol.md section 14): below `POD_ROOT`, or
 * where it says when that is not set.
 */
export const onHost = (path: string): string => (podRoot === "" ? path : join(podRoot, normalize(`/${path}`)))

/** An environment variable that holds a number of milliseconds or a status; undefined when unset or no number. */
export const numberFrom = (variable: string): number | undefined => {
  const text = process.env[variable] ?? ""
  return text === "" || Number.isNaN(Number(text)) ? undefined : Number(text)
}

/** One line on the standard error. */
export const log = (message: string, cause?: unknown): void => {
  const detail =
    cause === undefined ? "" : `: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`
  process.stderr.write(`${message}${detail}\n`)
}

/** What went wrong, for the text of an answer. */
export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The requests of an HTTP server; one that throws is answered with 500 and logged, unless its client has left. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

const servers = new Set<Server>()

/** Listens on the pod's address and says so on the standard error. A port that cannot be had ends the process with exit code 1. */
export const listen = (port: number, handle: Handler): Promise<Server> =>
  new Promise((resolve) => {
    const server = http.createServer({ keepAliveTimeout: 120_000, headersTimeout: 10_000, requestTimeout: 0 })
    server.on("request", (request, response) => {
      response.on("error", () => {})
      handle(request, response).catch((cause: unknown) => {
        if (response.destroyed) return
        log(`${request.method} ${request.url} ended in a bug`, cause)
        if (response.headersSent) response.destroy()
        else response.writeHead(500).end()
      })
    })
    servers.add(server)
    server.on("error", (cause) => {
      log(`cannot listen on ${podAddress}:${port}`, cause)
      process.exit(1)
    })
    server.listen(port, podAddress, () => {
      log(`listening on ${addressOf(podAddress, port)}`)
      resolve(server)
    })
  })

/**
 * Ends the process with whoever started it, which is when the standard input ends; on SIGTERM as soon as the open
 * requests are answered, at most 30 seconds later.
 */
export const endWithParent = (): void => {
  process.stdin.on("close", () => process.exit(0)).resume()
  process.on("SIGTERM", () => {
    setTimeout(() => process.exit(0), 30_000).unref()
    const closed = [...servers].map((server) => new Promise((resolve) => server.close(resolve).closeIdleConnections()))
    void Promise.all(closed).then(() => process.exit(0))
  })
}

/** The body of a request is larger than it may be. */
export class BodyTooLarge extends Error {}

/** The whole body of a request. Throws `BodyTooLarge` as soon as more than `limit` bytes have come. */
export const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > limit) throw new BodyTooLarge(`the body is larger than ${limit} bytes`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** An answer to a request that this process made. */
export interface Answer {
  readonly status: number
  readonly body: Buffer
}

/** A request that this process makes. */
export interface Call {
  readonly method: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
  /** Aborting it destroys the connection. */
  readonly signal: AbortSignal
}

/** One HTTP request and its whole answer, whatever the status. Rejects when there was none. */
export const exchange = async (url: URL, call: Call): Promise<Answer> => {
  const { request } = url.protocol === "https:" ? process.getBuiltinModule("node:https") : http
  return new Promise((resolve, reject) => {
    const { method, headers, signal } = call
    const outgoing = request(url, { method, headers: { ...headers }, signal, agent: false }, (incoming) => {
      readBody(incoming, Number.POSITIVE_INFINITY).then(
        (body) => resolve({ status: incoming.statusCode ?? 0, body }),
        reject
      )
    })
    outgoing.on("error", reject)
    outgoing.end(call.body)
  })
}

/**
 * Serves one request of its own, on a port that nobody knows, so that the first real one finds server and client loaded,
 * as it does in the stock programs.
 */
export const rehearse = async (handle: Handler): Promise<void> => {
  const server = http.createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => void server.listen(0, podAddress, resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const call = { method: "GET", signal: new AbortController().signal }
  await exchange(new URL(`http://${addressOf(podAddress, port)}/`), call)
  server.close()
}

/** Whether a request failed before or while it was connected, as opposed to having been answered (P12). */
export const isConnectionFailure = (cause: unknown): boolean =>
  cause instanceof Error &&
  "code" in cause &&
  ["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"].includes(String(cause.code))
