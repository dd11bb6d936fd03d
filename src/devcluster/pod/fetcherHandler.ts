import type { IncomingMessage, ServerResponse } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"
import { type ChannelKey, digestOf, verifySignature, verifyTimestamp } from "../../fission/RequestSignature.ts"
import type { Cluster } from "./cluster.ts"
import { unixSeconds } from "./fetcherKeys.ts"
import { BodyTooLarge, type Handler, messageOf, readBody } from "./podProcess.ts"
import { Refusal } from "./refusal.ts"
import type { Fetcher } from "./specialize.ts"
import { parseFetchRequest, parseSpecializeRequest } from "./specializeRequest.ts"

/** What a fetcher serves. */
export interface FetcherServerOptions {
  readonly fetcher: Fetcher
  readonly cluster: Cluster
  readonly accepted: ReadonlyArray<ChannelKey>
  readonly isReady: () => boolean
  readonly misbehaviour: Misbehaviour
}

/** What goes wrong on purpose, for tests of executors (function-pod-protocol.md section 14.1). All off by default. */
export interface Misbehaviour {
  /** Milliseconds between the work and the answer of `/specialize`. */
  readonly answerDelay: number | undefined
  /** `/specialize` does its work, then drops the connection instead of answering. */
  readonly dropAnswer: boolean
  /** `/specialize` does nothing but answer with this status. */
  readonly fixedStatus: number | undefined
}

/** Largest body of a signed request, in bytes (function-pod-protocol.md section 8.3). */
const signedBodyLimit = 256 * 1024 * 1024

/** The routes of a fetcher (function-pod-protocol.md sections 2.3 and 3). */
export const fetcherHandler = (options: FetcherServerOptions): Handler => {
  const { accepted, cluster, fetcher, isReady, misbehaviour } = options

  const specialize = async (request: IncomingMessage, response: ServerResponse, body: string) => {
    if (misbehaviour.fixedStatus !== undefined) {
      throw new Refusal(misbehaviour.fixedStatus, `told to answer ${misbehaviour.fixedStatus}`)
    }
    await fetcher.specialize(parsedBy(parseSpecializeRequest, body), whileConnected(response))
    if (misbehaviour.answerDelay !== undefined) await sleep(misbehaviour.answerDelay)
    if (misbehaviour.dropAnswer) request.socket.destroy()
  }

  const event = (reason: string, message: string, response: ServerResponse) =>
    cluster.emitEvent(reason, message, whileConnected(response)).catch((cause: unknown) => {
      throw new Refusal(500, messageOf(cause))
    })

  const route = async (path: string, request: IncomingMessage, response: ServerResponse, body: string) => {
    switch (path) {
      case "/specialize":
        allowOnly("POST", request, `, ${request.method} received`)
        await specialize(request, response, body)
        return ""
      case "/fetch":
        allowOnly("POST", request)
        await fetcher.fetch(parsedBy(parseFetchRequest, body), whileConnected(response))
        return ""
      case "/upload":
        allowOnly("POST", request)
        throw new Refusal(500, "error uploading archive: the embedded cluster builds no packages")
      case "/version":
        return JSON.stringify({ Version: "embedded" })
      case "/wsevent/start":
        allowOnly("GET", request)
        await event("WsConnectionStarted", "the first web socket connection was opened", response)
        return ""
      case "/wsevent/end":
        allowOnly("GET", request)
        await event("NoActiveConnections", "no web socket connection is open", response)
        return ""
      default:
        throw new Refusal(404, "404 page not found")
    }
  }

  return async (request, response) => {
    response.setHeader("X-Content-Type-Options", "nosniff").setHeader("Vary", "Origin")
    const { headers, method = "GET", url = "/" } = request
    if (method === "OPTIONS" && headers.origin && headers["access-control-request-method"]) {
      return void response.writeHead(403).end()
    }
    const path = url.split("?")[0] ?? "/"
    if (path === "/healthz") return void response.end()
    if (path === "/readiness-healthz") return void response.writeHead(isReady() ? 200 : 503).end()
    try {
      const body = await verifiedBody(accepted, request)
      const text = await route(path, request, response, body.toString("utf8"))
      if (text !== "") response.setHeader("Content-Type", "application/json")
      response.end(text)
    } catch (cause) {
      if (response.destroyed) return
      answerFailure(response, cause)
    }
  }
}

const answerFailure = (response: ServerResponse, cause: unknown): void => {
  if (cause instanceof NotSigned) return void response.writeHead(401, { Connection: "close" }).end()
  if (cause instanceof BodyTooLarge) return void response.writeHead(413, { Connection: "close" }).end()
  if (!(cause instanceof Refusal)) throw cause
  response.writeHead(cause.status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${cause.message}\n`)
}

class NotSigned extends Error {}

/** The body of a request whose signature is right, or of any request when there are no keys (section 8.3). */
const verifiedBody = async (accepted: ReadonlyArray<ChannelKey>, request: IncomingMessage): Promise<Buffer> => {
  if (accepted.length === 0) return readBody(request, Number.POSITIVE_INFINITY)
  const timestamp = verifyTimestamp(request.headers, unixSeconds())
  if ("refusal" in timestamp) throw new NotSigned(timestamp.refusal)
  const body = await readBody(request, signedBodyLimit)
  const signed = { method: request.method ?? "GET", target: request.url ?? "/", bodyDigest: digestOf(body) }
  if (verifySignature(accepted, signed, timestamp.unixSeconds, timestamp.signature)) return body
  throw new NotSigned("signature mismatch")
}

const allowOnly = (method: "GET" | "POST", request: IncomingMessage, suffix = ""): void => {
  if (request.method !== method) throw new Refusal(405, `only ${method} is supported on this endpoint${suffix}`)
}

const parsedBy = <A>(parse: (text: string) => A, body: string): A => {
  try {
    return parse(body)
  } catch (cause) {
    throw new Refusal(400, messageOf(cause))
  }
}

/** Aborted when the caller leaves before the answer. */
const whileConnected = (response: ServerResponse): AbortSignal => {
  const controller = new AbortController()
  response.on("close", () => {
    if (!response.writableFinished) controller.abort()
  })
  return controller.signal
}
