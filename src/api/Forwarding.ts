import type { IncomingMessage } from "node:http"
import { Effect, type Scope } from "effect"
import { Agent, request as send } from "undici"
import { readText } from "../AnswerText.ts"
import type { FissionError } from "../Errors.ts"
import type { Leadership } from "../safeguards/Leadership.ts"
import { notTheLeader } from "../executors/CreationError.ts"
import { traceHeaders } from "../Tracing.ts"
import type { ChannelKey } from "../fission/RequestSignature.ts"
import { type Answer, fromError, ok } from "./Answer.ts"
import type { Body } from "./Bodies.ts"
import * as LeaderTaps from "./LeaderTaps.ts"
import type { Route } from "./Routes.ts"

/** Most bytes that are read of a leader's answer: an address, a line of text, or what its caches hold. */
const longestAnswer = 16 * 1024 * 1024

const refused = fromError(notTheLeader())

/** Headers about one connection, and those that the client sets itself. */
const perConnection = new Set(["connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"])

/** The caller's headers, and those of the trace in which the leader's part continues ours. */
const passedOn = (
  { rawHeaders }: IncomingMessage,
  trace: { readonly [name: string]: string }
): ReadonlyArray<string> => {
  const headers: Array<string> = [LeaderTaps.forwardedHeader, "1", ...Object.entries(trace).flat()]
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = rawHeaders.slice(index, index + 2)
    const id = name.toLowerCase()
    if (!perConnection.has(id) && trace[id] === undefined) headers.push(name, value)
  }
  return headers
}

/** Gives the answer of whoever else has to answer a request; undefined where this replica does. */
export type Forward = (
  request: IncomingMessage,
  body: Body,
  route: Pick<Route, "fromView">
) => Effect.Effect<Answer | undefined, FissionError>

/**
 * What a replica that does not lead does with a request: it answers what its view alone shows, and tells the leader of
 * the access; everything else it passes on, with method, target, body and signature as they are (http-api.md section 5).
 * Where no leader is known, one that led before answers from its caches; everybody else sends the caller away.
 * Interrupting the wait breaks the connection to the leader. `key`: what requests between replicas are signed with.
 */
export const makeForward = (
  { leader, role }: Leadership["Service"],
  key: ChannelKey | undefined
): Effect.Effect<Forward, never, Scope.Scope> =>
  Effect.gen(function* () {
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ connect: { timeout: 2000 }, headersTimeout: 0, bodyTimeout: 0 })),
      (agent) => Effect.promise(() => agent.destroy())
    )
    const tellLeader = yield* LeaderTaps.make({ leader, agent, key })
    let isCutOff = false
    const cutOff = (address: string, detail: string) =>
      Effect.suspend(() => {
        const log = isCutOff ? Effect.logDebug : Effect.logError
        isCutOff = true
        return log(
          "the leader cannot be reached; callers are sent away until it can. Where network policies are on, pods of the executor must be let in to port 8888 of each other"
        ).pipe(Effect.annotateLogs({ leader: address, detail }))
      })

    const passOn = Effect.fnUntraced(function* (address: string, request: IncomingMessage, body: Body) {
      const headers = passedOn(request, yield* traceHeaders)
      return yield* Effect.tryPromise(async (signal): Promise<Answer> => {
        const answer = await send(`http://${address}${request.url ?? ""}`, {
          method: "POST",
          headers: [...headers],
          body: body.bytes,
          dispatcher: agent,
          signal
        })
        const { text } = await readText(answer.body, longestAnswer)
        isCutOff = false
        const retryAfter = Number(answer.headers["retry-after"])
        return {
          status: answer.statusCode,
          body: text,
          retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined
        }
      }).pipe(
        Effect.catch((error) => Effect.as(cutOff(address, error.message), refused)),
        Effect.interruptible
      )
    })

    const follow = Effect.fnUntraced(function* (...[request, body, { fromView }]: Parameters<Forward>) {
      if (request.headers[LeaderTaps.forwardedHeader.toLowerCase()] !== undefined) return refused
      const address = leader()
      if (address === undefined && role() === "Demoted") return undefined
      const access = yield* fromView?.(body) ?? Effect.undefined
      if (access !== undefined) {
        tellLeader(access)
        return ok(access.address)
      }
      return address === undefined ? refused : yield* passOn(address, request, body)
    })

    return (request, body, route) => (role() === "Leader" ? Effect.undefined : follow(request, body, route))
  })
