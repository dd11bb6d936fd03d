import type { IncomingMessage, ServerResponse } from "node:http"
import { parse } from "node:querystring"

/** What functions in the field use of an Express request, besides Node's own. */
export interface ExpressRequest extends IncomingMessage {
  readonly body: unknown
  readonly query: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly params: { readonly [name: string]: string }
  readonly path: string
  readonly originalUrl: string
  readonly hostname: string
  readonly protocol: "http"
  readonly ip: string
  readonly get: (header: string) => string | ReadonlyArray<string> | undefined
  readonly header: (header: string) => string | ReadonlyArray<string> | undefined
}

/** Headers to set: one by name and value, or several as an object. */
type SetHeader = (name: string | { readonly [name: string]: unknown }, value?: unknown) => ExpressResponse

/** What functions in the field use of an Express response, besides Node's own. */
export interface ExpressResponse extends ServerResponse {
  readonly status: (code: number) => ExpressResponse
  readonly set: SetHeader
  readonly header: SetHeader
  readonly get: (name: string) => number | string | ReadonlyArray<string> | undefined
  readonly type: (contentType: string) => ExpressResponse
  /** Text is HTML unless a type is set, bytes are bytes, everything else is JSON; nothing is an empty body. */
  readonly send: (body?: unknown) => ExpressResponse
  readonly json: (body: unknown) => ExpressResponse
  readonly sendStatus: (code: number) => ExpressResponse
  readonly redirect: (location: string) => ExpressResponse
}

/** Gives a request the face that Fission's Node functions know. */
export const expressRequest = (request: IncomingMessage, body: unknown): ExpressRequest => {
  const url = request.url ?? "/"
  const [path = "/", ...search] = url.split("?")
  const get = (header: string) => request.headers[header.toLowerCase()]
  return Object.assign(request, {
    body,
    query: { ...parse(search.join("?")) },
    params: { 0: path },
    path,
    originalUrl: url,
    hostname: (request.headers.host ?? "").replace(/:\d+$/u, ""),
    protocol: "http" as const,
    ip: request.socket.remoteAddress ?? "",
    get,
    header: get
  })
}

const shortTypes: { readonly [type: string]: string } = {
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
  json: "application/json; charset=utf-8"
}

/** Gives a response the face that Fission's Node functions know. */
export const expressResponse = (response: ServerResponse): ExpressResponse => {
  const typeUnlessSet = (type: string) => {
    if (!response.hasHeader("content-type")) response.setHeader("content-type", type)
  }

  const set: SetHeader = (name, value) => {
    const headers = typeof name === "string" ? { [name]: value } : name
    for (const [header, content] of Object.entries(headers)) {
      response.setHeader(header, Array.isArray(content) ? content.map(String) : String(content))
    }
    return express
  }

  const finish = (bytes: Buffer): ExpressResponse => {
    const bodyless = response.statusCode === 204 || response.statusCode === 304
    if (bodyless) response.removeHeader("content-type")
    else response.setHeader("content-length", bytes.length)
    response.end(bodyless || response.req.method === "HEAD" ? undefined : bytes)
    return express
  }

  const json = (body: unknown): ExpressResponse => {
    typeUnlessSet("application/json; charset=utf-8")
    return finish(Buffer.from(JSON.stringify(body) ?? ""))
  }

  const send = (body?: unknown): ExpressResponse => {
    if (body === undefined || body === null) return finish(Buffer.alloc(0))
    if (body instanceof Uint8Array) {
      typeUnlessSet("application/octet-stream")
      return finish(Buffer.from(body))
    }
    if (typeof body !== "string") return json(body)
    typeUnlessSet("text/html; charset=utf-8")
    return finish(Buffer.from(body))
  }

  const status = (code: number): ExpressResponse => {
    if (!Number.isInteger(code) || code < 100 || code > 999) throw new RangeError(`Invalid status code: ${code}`)
    response.statusCode = code
    return express
  }

  const express: ExpressResponse = Object.assign(response, {
    status,
    set,
    header: set,
    get: (name: string) => response.getHeader(name),
    type: (contentType: string) => set("content-type", shortTypes[contentType] ?? contentType),
    send,
    json,
    sendStatus: (code: number) => status(code).send(String(code)),
    redirect: (location: string) => status(302).set("location", location).send()
  })
  return express
}
