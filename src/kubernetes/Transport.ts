import { Clock, Deferred, Duration, Effect, type Scope } from "effect"
import { Agent, type Dispatcher, request } from "undici"
import { readText } from "../AnswerText.ts"
import type { ConfigurationError, KubernetesCall, KubernetesError } from "../Errors.ts"
import * as Bulkheads from "./Bulkheads.ts"
import { requestCounter } from "./CallMetrics.ts"
import { classifyAnswer, classifyThrown } from "./Classify.ts"
import * as Credentials from "./Credentials.ts"
import { answeredWithin, deadlineOf, handshakeWithin } from "./Deadline.ts"
import type { CallOptions, CallPriority } from "./KubernetesApi.ts"
import * as WriteFence from "./WriteFence.ts"

/** What is asked of the server: everything but where it is and who asks. */
export interface TransportRequest {
  readonly call: KubernetesCall
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"
  readonly path: string
  readonly query: { readonly [name: string]: string | undefined }
  readonly accept: string
  readonly contentType?: string
  readonly body?: unknown
  /** A write that passes the closed `WriteFence` (`PatchOptions`). */
  readonly withoutLease?: boolean
}

/** A complete answer of status 2xx. */
export interface TransportAnswer {
  readonly json: unknown
  readonly bytes: number
}

/** A stream of bytes whose headers have arrived with status 200. */
export interface TransportStream {
  readonly chunks: AsyncIterator<Uint8Array>
}

/**
 * Pooled HTTP/1.1 connections to one API server. Watches, lists, requests of users, background calls and the lease
 * have pools of their own, so that none waits for another's connections.
 */
export interface Transport {
  /** One call within a deadline that the server is told too; waiting for a place counts. Interruption aborts it. */
  readonly call: (
    what: TransportRequest,
    options: CallOptions | undefined
  ) => Effect.Effect<TransportAnswer, KubernetesError>
  /** Opens a stream; closing the scope aborts it. `silence`: longest pause between two chunks. */
  readonly open: (
    what: TransportRequest,
    silence: Duration.Duration
  ) => Effect.Effect<TransportStream, KubernetesError, Scope.Scope>
}

/** Connections per pool. The background pool serves every namespace, at most four calls each at a time. */
const connections = { list: 32, request: 32, background: 32, lease: 1 }
/** The API server keeps idle connections for 90 s; undici's own default would reconnect after 4 s. */
const keepAlive = { keepAliveTimeout: 55_000, keepAliveMaxTimeout: 60_000 }

/**
 * Most bytes that are read of an answer: many times what etcd takes for one object, and what a list has of objects that no
 * page can divide (resourceVersion 0).
 */
const largestAnswer = { object: 16 * 1024 * 1024, list: 512 * 1024 * 1024 }

type Pool = "watch" | "list" | CallPriority

/**
 * Opens no connection yet; fails if the credentials cannot be read. Closing the scope closes every connection. Writes,
 * except those of the lease and those that need none, pass the `WriteFence` or fail with `TimeoutError` of kind `NotLeader`.
 */
export const make = (
  source: Credentials.LoadKubeConfig,
  userAgent: string
): Effect.Effect<Transport, ConfigurationError, Scope.Scope> =>
  Effect.gen(function* () {
    const credentials = yield* Credentials.makeStore(source)
    const bulkheads = yield* Bulkheads.make
    const clock = yield* Clock.Clock
    const counter = yield* requestCounter
    const behindFence = WriteFence.behind(yield* WriteFence.WriteFence)
    const pools = new Map<Pool, { readonly tlsVersion: string; readonly agent: Agent; readonly fenced: Dispatcher }>()
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => Promise.all([...pools.values()].map(({ agent }) => agent.destroy())))
    )

    const connectionsOf = (pool: Pool, current: Credentials.Credentials) => {
      const known = pools.get(pool)
      if (known?.tlsVersion === current.tlsVersion) return known
      const { ca, cert, key, rejectUnauthorized, servername } = current.tls
      const agent = new Agent({
        allowH2: false,
        pipelining: 1,
        ...keepAlive,
        ...(pool === "watch" ? {} : { connections: connections[pool] }),
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: 5000,
          keepAliveInitialDelay: 15_000,
          rejectUnauthorized: rejectUnauthorized ?? true,
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert }),
          ...(key === undefined ? {} : { key }),
          ...(servername === undefined ? {} : { servername })
        }
      })
      const made = { tlsVersion: current.tlsVersion, agent, fenced: agent.compose(behindFence) }
      pools.set(pool, made)
      if (known !== undefined) void known.agent.close()
      return made
    }

    /** One attempt with the given credentials; resolves when the headers are there. */
    const send = async (
      what: TransportRequest,
      pool: Pool,
      current: Credentials.Credentials,
      signal: AbortSignal,
      bodyTimeout?: number
    ): Promise<Dispatcher.ResponseData> => {
      const query = Object.entries(what.query).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as [string, string]]
      )
      const search = query.length === 0 ? "" : `?${new URLSearchParams(query)}`
      const { agent, fenced } = connectionsOf(pool, current)
      const startedAt = clock.monotonicTimeNanosUnsafe()
      const count = (code: string) => {
        const seconds = Number(clock.monotonicTimeNanosUnsafe() - startedAt) / 1e9
        counter.count(what.method, new URL(current.server).host, code, seconds)
      }
      const sent = request(`${current.server}${what.path}${search}`, {
        method: what.method,
        dispatcher: pool === "lease" || what.withoutLease === true ? agent : fenced,
        signal,
        ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
        headers: {
          ...current.headers,
          accept: what.accept,
          "user-agent": userAgent,
          ...(what.body === undefined ? {} : { "content-type": what.contentType ?? "application/json" })
        },
        ...(what.body === undefined ? {} : { body: JSON.stringify(what.body) })
      })
      try {
        const response = await sent
        count(String(response.statusCode))
        return response
      } catch (thrown) {
        if (!(thrown instanceof WriteFence.FenceClosedError)) count("<error>")
        throw thrown
      }
    }

    const attempt = (
      what: TransportRequest,
      pool: Pool,
      current: Credentials.Credentials,
      answered: Deferred.Deferred<void>
    ) =>
      Effect.tryPromise({
        try: async (signal) => {
          const response = await send(what, pool, current, signal)
          Deferred.doneUnsafe(answered, Effect.void)
          return {
            status: response.statusCode,
            headers: response.headers,
            body: await wholeText(response, what.call.verb === "list" ? largestAnswer.list : largestAnswer.object)
          }
        },
        catch: (thrown) => classifyThrown(what.call, thrown)
      })

    const exchange = Effect.fnUntraced(function* (
      what: TransportRequest,
      pool: Pool,
      answered: Deferred.Deferred<void>
    ) {
      const current = yield* credentials.current
      const first = yield* attempt(what, pool, current, answered)
      const answer =
        first.status === 401
          ? yield* Effect.flatMap(credentials.refreshed(current), (fresh) => attempt(what, pool, fresh, answered))
          : first
      if (answer.status < 200 || answer.status > 299) return yield* Effect.fail(classifyAnswer(what.call, answer))
      return yield* Effect.try({
        try: (): TransportAnswer => ({ json: JSON.parse(answer.body), bytes: Buffer.byteLength(answer.body) }),
        // What the parser says quotes the answer, of which nothing belongs into a log.
        catch: () => classifyThrown(what.call, new SyntaxError("the answer is no JSON"))
      })
    })

    const call = Effect.fnUntraced(function* (what: TransportRequest, options: CallOptions | undefined) {
      const answered = yield* Deferred.make<void>()
      const deadline = deadlineOf(what.call, options)
      const seconds = Math.max(1, Math.ceil(Duration.toSeconds(deadline)))
      const timed = { ...what, query: { ...what.query, timeout: `${seconds}s` } }
      const isList = what.call.verb === "list"
      const priority = options?.priority ?? "background"
      const sent = exchange(timed, isList ? "list" : priority, answered)
      const namespace = what.call.namespace ?? ""
      const bounded = isList
        ? bulkheads.list(namespace, Deferred.await(answered), sent)
        : bulkheads.call(namespace, priority, sent)
      return yield* answeredWithin(what.call, deadline)(bounded)
    })

    const read = (call: KubernetesCall, response: Dispatcher.ResponseData) =>
      Effect.tryPromise({
        try: () => wholeText(response, largestAnswer.object),
        catch: (thrown) => classifyThrown(call, thrown)
      })

    /** Fails with what an answer other than a stream says. */
    const refusal = (call: KubernetesCall, response: Dispatcher.ResponseData) =>
      Effect.flatMap(read(call, response), (body) =>
        Effect.fail(classifyAnswer(call, { status: response.statusCode, headers: response.headers, body }))
      )

    const open = Effect.fnUntraced(function* (what: TransportRequest, silence: Duration.Duration) {
      const abort = new AbortController()
      yield* Effect.addFinalizer(() => Effect.sync(() => abort.abort()))
      const handshake = (current: Credentials.Credentials) =>
        Effect.tryPromise({
          try: async () => {
            const response = await send(what, "watch", current, abort.signal, Duration.toMillis(silence))
            response.body.on("error", () => {})
            return response
          },
          catch: (thrown) => classifyThrown(what.call, thrown)
        })
      const response = yield* Effect.gen(function* () {
        const current = yield* credentials.current
        const first = yield* handshake(current)
        if (first.statusCode !== 401) return first
        yield* read(what.call, first)
        return yield* handshake(yield* credentials.refreshed(current))
      }).pipe(
        Effect.tap((response) => (response.statusCode === 200 ? Effect.void : refusal(what.call, response))),
        bulkheads.watchHandshake,
        answeredWithin(what.call, handshakeWithin)
      )
      return { chunks: response.body[Symbol.asyncIterator]() }
    })

    return { call, open }
  })

const wholeText = async ({ body }: Dispatcher.ResponseData, limit: number): Promise<string> => {
  const { isWhole, text } = await readText(body, limit)
  if (!isWhole) throw new Error(`the answer has more than ${limit} bytes`)
  return text
}
