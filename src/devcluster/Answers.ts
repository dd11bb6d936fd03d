import type { ServerResponse } from "node:http"
import * as Status from "./Status.ts"

/** Headers of an answer. */
export type Headers = { readonly [name: string]: string }

/** Ends the answer with a JSON document. */
export const sendJson = (response: ServerResponse, status: number, body: unknown, headers: Headers = {}): void => {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers
  })
  response.end(text)
}

/** Ends the answer with plain text. */
export const sendText = (response: ServerResponse, status: number, text: string, headers: Headers = {}): void => {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers })
  response.end(text)
}

/** Ends the answer with a `Status` object. */
export const sendStatus = (response: ServerResponse, error: Status.StatusError, headers: Headers = {}): void =>
  sendJson(response, error.code, error, {
    ...(error.retryAfterSeconds === undefined ? {} : { "retry-after": String(error.retryAfterSeconds) }),
    ...headers
  })

/** What a computation gives, or the refusal that it throws. Anything else that it throws is a bug and passes. */
export const orRefusal = <A>(compute: () => A): A | Status.StatusError => {
  try {
    return compute()
  } catch (error) {
    if (error instanceof Status.StatusError) return error
    throw error
  }
}
