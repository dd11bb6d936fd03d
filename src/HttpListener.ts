import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { Cause, Data, Duration, Effect, Exit, FiberSet, type Scope } from "effect"
import { ConfigurationError } from "./Errors.ts"

/** The body of a request could not be taken in. */
export class BodyError extends Data.TaggedError("BodyError")<{ readonly reason: "TooLarge" | "Aborted" }> {}

/** Where and how to listen. */
export interface ListenerOptions {
  /** Undefined: every address of this machine, those of IPv6 too where it has any. */
  readonly host: string | undefined
  /** 0 for any free port. */
  readonly port: number
  /** Names the listener in messages: `executor API`. */
  readonly name: string
  /** How long a client may take to send a whole request, before 408 and the end of its connection; default for ever. */
  readonly receiveWithin?: Duration.Duration
  /** How long open requests may go on once the scope closes; default none. */
  readonly drain?: Duration.Duration
  /** Called when the scope closes, before the listener stops accepting. */
  readonly onDrain?: () => void
}

/** A listening server. */
export interface Listener {
  readonly port: number
}

/**
 * Listens for HTTP/1.1 and runs one effect per request. A client that hangs up interrupts its effect; a defect is
 * logged and answered with 500. Closing the scope stops accepting, waits for open requests at most `drain`, then
 * interrupts them. Fails with `ConfigurationError` when the port cannot be had.
 */
export const listen = <R>(
  options: ListenerOptions,
  handle: (request: IncomingMessage, response: ServerResponse) => Effect.Effect<void, never, R>
): Effect.Effect<Listener, ConfigurationError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const fibers = yield* FiberSet.make<void>()
    const fork = yield* FiberSet.runtime(fibers)<R>()

    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      response.on("error", () => {})
      const answered = handle(request, response).pipe(Effect.onExit((exit) => settle(options.name, exit, response)))
      const fiber = fork(answered)
      response.on("close", () => {
        if (!response.writableFinished) fiber.interruptUnsafe()
      })
    }

    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>, ConfigurationError>((resume) => {
        const receiveWithin = Duration.toMillis(options.receiveWithin ?? Duration.infinity)
        const server = createServer(
          {
            keepAliveTimeout: 120_000,
            headersTimeout: Math.min(10_000, receiveWithin),
            requestTimeout: Number.isFinite(receiveWithin) ? receiveWithin : 0,
            connectionsCheckingInterval: 1000
          },
          onRequest
        )
        const refuse = (cause: Error) => resume(Effect.fail(cannotListen(options, cause)))
        server.once("error", refuse)
        server.listen(options.port, options.host, () => {
          server.off("error", refuse)
          resume(Effect.succeed(server))
        })
      }),
      (server) =>
        Effect.gen(function* () {
          options.onDrain?.()
          server.close()
          server.closeIdleConnections()
          const drain = options.drain ?? Duration.zero
          yield* FiberSet.awaitEmpty(fibers).pipe(Effect.timeoutOption(drain), Effect.ignore)
          server.closeAllConnections()
          yield* FiberSet.clear(fibers)
        })
    )
    const address = server.address()
    return { port: typeof address === "object" && address !== null ? address.port : options.port }
  })

const settle = (name: string, exit: Exit.Exit<void>, response: ServerResponse): Effect.Effect<void> => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
    return Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => void response.destroy())
  }
  return Effect.andThen(
    Effect.logError("request ended in a bug", exit.cause).pipe(Effect.annotateLogs({ listener: name })),
    Effect.sync(() => {
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    })
  )
}

const cannotListen = (options: ListenerOptions, cause: Error): ConfigurationError => {
  const inUse = "code" in cause && cause.code === "EADDRINUSE"
  return new ConfigurationError({
    setting: `${options.name} on ${options.host ?? "every address"}:${options.port}`,
    detail: inUse ? "the port is in use; stop whoever listens there or choose another" : cause.message,
    cause
  })
}

/**
 * The whole body of a request. Fails with `TooLarge` before reading anything when `Content-Length` says so, else as soon
 * as more than `limit` bytes have come; with `Aborted` when the client goes away.
 */
export const readBody = (request: IncomingMessage, limit: number): Effect.Effect<Buffer, BodyError> => {
  if (Number(request.headers["content-length"] ?? 0) > limit) return Effect.fail(new BodyError({ reason: "TooLarge" }))
  return Effect.callback<Buffer, BodyError>((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size > limit) {
        request.pause()
        resume(Effect.fail(new BodyError({ reason: "TooLarge" })))
      } else {
        chunks.push(chunk)
      }
    })
    request.on("end", () =>
      resume(Effect.succeed(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)))
    )
    const aborted = () => {
      if (!request.readableEnded) resume(Effect.fail(new BodyError({ reason: "Aborted" })))
    }
    request.on("error", aborted)
    request.on("close", aborted)
  })
}

/** Waits until what was written has room in the socket's buffer, so that a slow reader slows the writer. */
export const writeChunk = (response: ServerResponse, chunk: string | Uint8Array): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (response.write(chunk)) resume(Effect.void)
    else response.once("drain", () => resume(Effect.void))
  })
