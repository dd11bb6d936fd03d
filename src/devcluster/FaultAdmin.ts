import type { IncomingMessage, ServerResponse } from "node:http"
import { Effect, Result, Schema } from "effect"
import { readBody } from "../HttpListener.ts"
import { sendJson, sendText } from "./Answers.ts"
import { Fault, type Faults } from "./Faults.ts"

const bodyLimit = 64 * 1024

const decodeFault = Schema.decodeUnknownResult(Schema.fromJsonString(Fault))

/** Whether a path belongs to the admin endpoint. */
export const isFaultPath = (path: string): boolean => path === "/faults" || path.startsWith("/faults/")

/**
 * The admin endpoint of the faults: `GET /faults` lists those in force, `POST /faults` injects one and answers its id,
 * `DELETE /faults/<id>` lifts one and `DELETE /faults` all.
 */
export const serveFaults = Effect.fnUntraced(function* (
  faults: Faults["Service"],
  request: IncomingMessage,
  response: ServerResponse,
  path: string
) {
  const id = path.slice("/faults/".length)
  switch (request.method) {
    case "GET": {
      const active = yield* faults.active
      const described = active.map(({ fault, id, met }) => ({ id, met, ...fault }))
      return sendJson(response, 200, described)
    }
    case "POST": {
      const body = yield* Effect.result(readBody(request, bodyLimit))
      if (Result.isFailure(body)) return sendText(response, 413, "the fault is too large\n")
      const fault = decodeFault(body.success.toString("utf8"))
      if (Result.isFailure(fault)) return sendText(response, 400, `this is no fault: ${fault.failure.message}\n`)
      return sendJson(response, 201, { id: yield* faults.inject(fault.success) })
    }
    case "DELETE": {
      if (id === "") yield* faults.liftAll
      else if (!(yield* faults.lift(id))) return sendText(response, 404, `no fault "${id}"\n`)
      return sendJson(response, 200, {})
    }
    default:
      return sendText(response, 405, "405 method not allowed\n")
  }
})
