import type { IncomingMessage } from "node:http"
import { Effect, type Scope } from "effect"
import { Agent, request as send } from "undici"
import type { Leadership } from "../safeguards/Leadership.ts"
import { type Answer, refusal } from "./Answer.ts"
import type { Body } from "./Bodies.ts"

/** Marks a request that one replica has passed on to another: it is not passed on again. */
const forwardedHeader = "X-Fission-Executor-Forwarded"

const notTheLeader = refusal(503, "not the leader; retry against the executor service")

/** Headers about one connection, and those that the client sets itself. */
const perConnection = new Set(["connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"])

const passedOn = ({ rawHeaders }: IncomingMessage): ReadonlyArray<string> => {
  const headers: Array<string> = [forwardedHeader, "1"]
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = rawHeaders.slice(index, index + 2)
    if (!perConnection.has(name.toLowerCase())) headers.push(name, value)
  }
  return headers
}

/** Gives the answer of whoever else has to answer a request; undefined where this replica does. */
export type Forward = (request: IncomingMessage, body: Body) => Effect.Effect<Answer | undefined>

/**
 * What a replica that does not lead does with a request that only the leader can answer: it passes it on, with method,
 * target, body and signature as they are (http-api.md section 5). Where no leader is known, one that led before answers
 * from its caches; everybody else sends the caller away. Interrupting the wait breaks the connection to the leader.
 */
export const makeForward = ({ leader, role }: Leadership["Service"]): Effect.Effect<Forward, never, Scope.Scope> =>
  Effect.gen(function* () {
    const dispatcher = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ connect: { timeout: 2000 }, headersTimeout: 0, bodyTimeout: 0 })),
      (agent) => Effect.promise(() => agent.destroy())
    )
    let isCutOff = false
    const cutOff = (address: string, detail: string) =>
      Effect.suspend(() => {
        const log = isCutOff ? Effect.logDebug : Effect.logError
        isCutOff = true
        return log(
          "the leader cannot be reached; callers are sent away until it can. Where network policies are on, pods of the executor must be let in to port 8888 of each other"
        ).pipe(Effect.annotateLogs({ leader: address, detail }))
      })

    const passOn = (address: string, request: IncomingMessage, body: Body) =>
      Effect.tryPromise(async (signal): Promise<Answer> => {
        const answer = await send(`http://${address}${request.url ?? ""}`, {
          method: "POST",
          headers: [...passedOn(request)],
          body: body.bytes,
          dispatcher,
          signal
        })
        const text = await answer.body.text()
        isCutOff = false
        const retryAfter = Number(answer.headers["retry-after"])
        return {
          status: answer.statusCode,
          body: text,
          retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined
        }
      }).pipe(
        Effect.catch((error) => Effect.as(cutOff(address, error.message), notTheLeader)),
        Effect.interruptible
      )

    return (request, body) => {
      const current = role()
      if (current === "Leader") return Effect.undefined
      if (request.headers[forwardedHeader.toLowerCase()] !== undefined) return Effect.succeed(notTheLeader)
      const address = leader()
      if (address !== undefined) return passOn(address, request, body)
      return current === "Demoted" ? Effect.undefined : Effect.succeed(notTheLeader)
    }
  })
