import { randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Cause, Context, Duration, Effect, Exit, identity, Layer, type Scope } from "effect"
import { Settings } from "../Config.ts"
import { type ConfigurationError, fissionErrorStatus } from "../Errors.ts"
import { Dispatcher } from "../executors/Dispatcher.ts"
import { digestOf } from "../fission/RequestSignature.ts"
import { listen } from "../HttpListener.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import { makeTraced, type RequestSpan } from "../Tracing.ts"
import { type Answer, fromError, refusal, send } from "./Answer.ts"
import type { Body } from "./Bodies.ts"
import { makeForward } from "./Forwarding.ts"
import { keysOf, makeReceivers, type NotReceived } from "./Receive.ts"
import * as RequestMetrics from "./RequestMetrics.ts"
import { makeRoutes, openPaths } from "./Routes.ts"

/** The executor's HTTP API for the router (http-api.md), listening as long as the layer lives. */
export class ExecutorApi extends Context.Service<
  ExecutorApi,
  {
    /** The port that is bound. */
    readonly port: number
  }
>()("fission-executor/api/ExecutorApi") {
  /**
   * Listens at once, ready or not. When the scope closes, readiness fails, new connections are refused and nothing new is
   * created, while open requests get `gracefulShutdownTimeout`.
   */
  static readonly layer = (options: {
    /** Undefined: every address of this machine. */
    readonly host: string | undefined
    /** 0 for any free port. */
    readonly port: number
    /** How long a client may take to send a whole request, so that none holds a socket for ever; default 30 s. */
    readonly receiveWithin?: Duration.Duration
  }): Layer.Layer<ExecutorApi, ConfigurationError, Dispatcher | Leadership | Settings> =>
    Layer.effect(
      ExecutorApi,
      Effect.gen(function* () {
        const dispatcher = yield* Dispatcher
        const { gracefulShutdownTimeout } = yield* Settings
        let draining = false
        const handle = yield* makeHandler(() => draining)
        const { port } = yield* listen(
          {
            receiveWithin: Duration.seconds(30),
            ...options,
            name: "executor API",
            drain: gracefulShutdownTimeout,
            onDrain: () => {
              draining = true
              dispatcher.stopCreating()
            }
          },
          handle
        )
        return ExecutorApi.of({ port })
      }).pipe(Effect.annotateLogs({ logger: "api" }))
    )
}

/** Answers one request. Never fails; interrupting it gives back what was taken for it. */
type Handler = (request: IncomingMessage, response: ServerResponse) => Effect.Effect<void>

/** The API without its listener. While `isDraining` readiness fails and every answer ends its connection. */
const makeHandler = (
  isDraining: () => boolean = () => false
): Effect.Effect<Handler, never, Dispatcher | Leadership | Settings | Scope.Scope> =>
  Effect.gen(function* () {
    const routes = makeRoutes(yield* Dispatcher, isDraining)
    const settings = yield* Settings
    const forward = yield* makeForward(yield* Leadership, keysOf(settings.internalAuth)[0])
    const { unverified, verified } = makeReceivers(settings)

    const metrics = yield* RequestMetrics.make
    const traced = yield* makeTraced

    const answerTo = Effect.fnUntraced(function* (request: IncomingMessage, path: string, correlationId: string) {
      const checked =
        verified === undefined || openPaths.has(path) ? undefined : yield* Effect.interruptible(verified(request))

      const route = routes.get(path)
      if (route === undefined) return refusal(404, "404 page not found")
      if (route.method !== request.method) return refusal(405, "405 method not allowed")

      const body = checked ?? (route.method === "GET" ? noBody : yield* Effect.interruptible(unverified(request)))
      const forwarded = route.method === "POST" ? yield* forward(request, body, route) : undefined
      return forwarded ?? (yield* route.answer({ body, correlationId }))
    })

    return (request, response) => {
      if (isPreflight(request)) return send(request, response, preflightDenied, { close: isDraining() })
      const correlationId = correlationIdOf(request)
      const path = pathOf(request.url ?? "")
      const route = routes.get(path)
      const method = request.method ?? ""
      const end = metrics.begin(route === undefined ? notFound : route.method === method ? path : notAllowed, method)
      return answerTo(request, path, correlationId).pipe(
        Effect.catchTags({
          FissionError: (error) => Effect.succeed(fromError(error)),
          NotReceived: (error) => notReceived(request, error)
        }),
        Effect.catchDefect(endedInBug),
        Effect.onExit((exit) => Effect.sync(() => end(codeOf(exit)))),
        path.startsWith("/healthz") ? identity : traced(request.headers, () => spanOf(method, route && path)),
        Effect.flatMap((answer) => send(request, response, answer, { correlationId, close: isDraining() })),
        Effect.uninterruptible
      )
    }
  })

/** The server's span of a request, told apart by its route (observability.md O14). */
const spanOf = (method: string, route: string | undefined): RequestSpan => ({
  name: route === undefined ? method : `${method} ${route}`,
  attributes: { "http.request.method": method, ...(route !== undefined && { "http.route": route }) }
})

/** Paths under which requests for no route are counted (observability.md section 3.1). */
const notFound = "<not found>"
const notAllowed = "<method not allowed>"

/** The code that a request is counted with: 499 where the client left; a signature that was refused is not counted. */
const codeOf = (exit: Exit.Exit<Answer>): number | undefined => {
  if (Exit.isFailure(exit)) return fissionErrorStatus.ClientClosed
  return exit.value.status === 401 ? undefined : exit.value.status
}

const noBody: Body = { bytes: Buffer.alloc(0), digest: digestOf("") }

const preflightDenied = refusal(403, "cross-origin requests not permitted")

/** A browser asks whether it may call us from another origin; it may not (http-api.md section 2). */
const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === "OPTIONS" && Boolean(headers["access-control-request-method"]) && Boolean(headers.origin)

/** The caller's id where it is usable, else a fresh one (http-api.md section 9). */
const correlationIdOf = (request: IncomingMessage): string => {
  const given = request.headers["x-fission-request-id"]
  return typeof given === "string" && /^[\x21-\x7e]{1,192}$/u.test(given) ? given : randomUUID()
}

/** The decoded path of a request target; one that cannot be decoded matches no route. */
const pathOf = (target: string): string => {
  const query = target.indexOf("?")
  const path = query < 0 ? target : target.slice(0, query)
  if (!path.includes("%")) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return ""
  }
}

/** An empty answer: a caller that cannot sign learns nothing about why. */
const notReceived = (request: IncomingMessage, { status, reason }: NotReceived): Effect.Effect<Answer> =>
  Effect.logDebug("a request was not let in", {
    reason,
    method: request.method,
    path: pathOf(request.url ?? ""),
    remoteAddress: request.socket.remoteAddress
  }).pipe(
    Effect.andThen(status === 401 ? RequestMetrics.countAuthFailure(reason) : Effect.void),
    Effect.as({ status, body: "" })
  )

const endedInBug = (defect: unknown): Effect.Effect<Answer> =>
  Effect.as(Effect.logError("a request ended in a bug", Cause.die(defect)), refusal(500, "Internal error"))
