import type { ExpressRequest, ExpressResponse } from "./express.ts"
import type { UserFunction } from "./functionModule.ts"
import { at } from "./json.ts"
import { log } from "./podProcess.ts"

/**
 * Calls a function the way its number of parameters asks for (function-pod-protocol.md section 10.3): up to one, it gets
 * the context and returns `{ status, body, headers }`; from two on it also gets a callback with these three. A status
 * that is not given means that the function answers by itself.
 */
export const invoke = async (
  userFunction: UserFunction,
  request: ExpressRequest,
  response: ExpressResponse
): Promise<void> => {
  const context = { request, response }
  const answer = (status: unknown, body?: unknown, headers?: unknown) => respond(response, status, body, headers)
  try {
    if (userFunction.length >= 2) return void (await userFunction(context, answer))
    const result = await userFunction(context)
    if (typeof result !== "object" || result === null) throw new TypeError("the function returned no object")
    answer(at(result, "status"), at(result, "body"), at(result, "headers"))
  } catch (cause) {
    log("the function failed", cause)
    if (response.headersSent) response.destroy()
    else response.status(500).send("Internal server error")
  }
}

const respond = (response: ExpressResponse, status: unknown, body: unknown, headers: unknown): void => {
  if (!status) return
  if (typeof headers === "object" && headers !== null) response.set({ ...headers })
  response.status(Number(status))
  if (isReadable(body)) body.on("error", () => response.destroy()).pipe(response)
  else response.send(body)
}

const isReadable = (body: unknown): body is NodeJS.ReadableStream =>
  typeof body === "object" && body !== null && "pipe" in body && typeof body.pipe === "function"
