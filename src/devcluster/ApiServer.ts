import { randomBytes, randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Result } from "effect"
import type { ConfigurationError } from "../Errors.ts"
import { listen, readBody } from "../HttpListener.ts"
import { orRefusal, sendJson, sendStatus, sendText } from "./Answers.ts"
import { isBuiltInGroup, nameIn, parsePath, type ResourcePath, verbOf } from "./ApiRequest.ts"
import { type ApiCall, perform } from "./ApiVerbs.ts"
import { discovery } from "./Discovery.ts"
import { expireEvents } from "./EventExpiry.ts"
import { isFaultPath, serveFaults } from "./FaultAdmin.ts"
import { faultAnswer, type FaultAction, Faults, type FaultTarget } from "./Faults.ts"
import { PodLogs } from "./PodLogs.ts"
import { projectionOf } from "./Projection.ts"
import { ResourceStore, type StoredObject } from "./ResourceStore.ts"
import { resourceOf } from "./ServedKinds.ts"
import * as Status from "./Status.ts"
import { isJson, jsonIn } from "./StoredObject.ts"
import { sendWatchEnd, streamEvents } from "./WatchStream.ts"

/** Largest body of a request, as on a real server. */
const bodyLimit = 3 * 1024 * 1024

/** Requests by `verb resource namespace`; a subresource follows its resource after a slash. */
export type RequestCounts = ReadonlyMap<string, number>

/**
 * A Kubernetes API server in memory, over HTTP: enough of one for the executor, its controllers, a kubelet and the
 * basics of kubectl. What it does not implement answers 501. `GET|POST|DELETE /faults` injects faults.
 */
export class ApiServer extends Context.Service<
  ApiServer,
  {
    readonly url: string
    readonly store: ResourceStore
    /** A kubeconfig for kubectl and other clients. */
    readonly kubeconfig: string
    /** Requests so far, all or those of the clients whose User-Agent begins like this. */
    readonly requests: (client?: string) => RequestCounts
  }
>()("fission-executor/devcluster/ApiServer") {
  /** Listens as soon as the layer is built. Port 0 takes any free port. */
  static readonly layer = (options: {
    readonly host: string
    readonly port: number
  }): Layer.Layer<ApiServer, ConfigurationError, Faults | PodLogs> =>
    Layer.effect(
      ApiServer,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const store = new ResourceStore({
          now: () => DateTime.toDateUtc(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe())),
          uid: randomUUID,
          suffix: () => randomBytes(4).toString("hex").slice(0, 5)
        })
        yield* expireEvents(store)
        const counter = makeCounter()
        const serve = yield* makeServe(store, counter.count)
        const { port } = yield* listen({ ...options, name: "embedded API server" }, serve)
        const url = `http://${options.host}:${port}`
        return ApiServer.of({ url, store, kubeconfig: kubeconfigFor(url), requests: counter.counts })
      })
    )
}

const kubeconfigFor = (url: string): string =>
  `apiVersion: v1
kind: Config
clusters:
  - name: embedded
    cluster: { server: "${url}" }
users:
  - name: developer
    user: {}
contexts:
  - name: embedded
    context: { cluster: embedded, user: developer, namespace: default }
current-context: embedded
`

const makeCounter = () => {
  const byClient = new Map<string, Map<string, number>>()
  return {
    count: (client: string, key: string) => {
      const counts = byClient.get(client) ?? new Map<string, number>()
      byClient.set(client, counts.set(key, (counts.get(key) ?? 0) + 1))
    },
    counts: (client = ""): RequestCounts => {
      const sum = new Map<string, number>()
      for (const [name, counts] of byClient) {
        if (!name.startsWith(client)) continue
        for (const [key, count] of counts) sum.set(key, (sum.get(key) ?? 0) + count)
      }
      return sum
    }
  }
}

type Serve = (request: IncomingMessage, response: ServerResponse) => Effect.Effect<void>

const makeServe = (
  store: ResourceStore,
  count: (client: string, key: string) => void
): Effect.Effect<Serve, never, Faults | PodLogs> =>
  Effect.gen(function* () {
    const faults = yield* Faults
    const logs = yield* PodLogs

    const serveResource = Effect.fnUntraced(function* (
      path: ResourcePath,
      query: URLSearchParams,
      request: IncomingMessage,
      response: ServerResponse
    ) {
      const verb = verbOf(request.method ?? "GET", path, query)
      const { accept = "", "content-type": contentType = "", "user-agent": client = "" } = request.headers
      const resource = [resourceOf(path.kind), ...(path.subresource === undefined ? [] : [path.subresource])].join("/")
      count(client, `${verb} ${resource} ${path.namespace ?? ""}`)
      const body = yield* Effect.result(readBody(request, bodyLimit))
      if (Result.isFailure(body)) {
        if (body.failure.reason === "Aborted") return
        const problem = `Request entity too large: limit is ${bodyLimit}`
        return sendStatus(response, new Status.StatusError(413, "RequestEntityTooLarge", problem), {
          connection: "close"
        })
      }

      const { namespace } = path
      const name = path.name ?? nameIn(body.success)
      const target = { verb, resource, namespace, name, client }
      const fault = Option.getOrUndefined(yield* faults.meet(target))
      const action = fault?.fault.action
      switch (action?.type) {
        case "reset":
        case "dropWatch":
          return void request.socket.resetAndDestroy()
        case "error":
          return sendFault(response, action, target, path.kind.group)
        case "delay":
          yield* Effect.sleep(Duration.millis(action.milliseconds))
          break
        case "hang":
          yield* fault?.lifted.await ?? Effect.void
          break
        case "silence":
          return yield* Effect.never
        case "cut":
          response.writeHead(200, { "content-type": "application/json", "content-length": 1000 })
          return void response.write('{"kind":', () => request.socket.destroy())
        case "answer":
          return sendText(response, action.status, action.body, {
            "content-type": "application/json",
            ...action.headers
          })
        case "endWatch":
        case "expireWatch":
          return sendWatchEnd(response, action.type)
      }

      const projection = projectionOf(accept, path.kind, store.now)
      if (verb === "watch") {
        const ended = faults.watchEnded(target)
        return yield* streamEvents(store, { path, query, projection, ended }, request, response)
      }
      const call: ApiCall = { verb, path, query, contentType, projection, body: body.success }
      if (verb === "get" && path.kind.kind === "Pod" && path.subresource === "log") {
        const text = orRefusal(() => logOf(store, logs, call))
        return text instanceof Status.StatusError ? sendStatus(response, text) : sendText(response, 200, text)
      }
      const answer = orRefusal(() => perform(store, call))
      if (action?.type === "applyThenError") return sendFault(response, action, target, path.kind.group)
      return answer instanceof Status.StatusError
        ? sendStatus(response, answer)
        : sendJson(response, answer.status, answer.body)
    })

    return Effect.fnUntraced(function* (request, response) {
      const url = new URL(request.url ?? "/", "http://embedded")
      if (isFaultPath(url.pathname)) return yield* serveFaults(faults, request, response, url.pathname)
      if (["/healthz", "/readyz", "/livez"].includes(url.pathname)) return sendText(response, 200, "ok")
      const document = discovery(url.pathname)
      if (document !== undefined) return sendJson(response, 200, document)
      const path = parsePath(url.pathname)
      if (path === undefined) {
        if (isBuiltInGroup(url.pathname)) return sendStatus(response, Status.noSuchPath())
        return sendText(response, 404, "404 page not found\n")
      }
      return yield* serveResource(path, url.searchParams, request, response)
    })
  })

/** Answers as an API server in trouble would. */
const sendFault = (
  response: ServerResponse,
  action: Extract<FaultAction, { preset: unknown }>,
  target: FaultTarget,
  group: string
): void => {
  if (action.preset === "forbidden") {
    return sendStatus(response, Status.forbidden({ ...target, group }, target.verb, target.name ?? ""))
  }
  const { message, reason, retryAfterSeconds, status } = faultAnswer(action.preset)
  const seconds = action.retryAfterSeconds ?? retryAfterSeconds
  const headers: { [name: string]: string } = seconds === undefined ? {} : { "retry-after": String(seconds) }
  if (reason === undefined) sendText(response, status, message, headers)
  else sendStatus(response, new Status.StatusError(status, reason, message), headers)
}

/** The last lines of a container; `container` may be left out where the Pod has one. Throws `StatusError`. */
const logOf = (store: ResourceStore, logs: PodLogs["Service"], { path, query }: ApiCall): string => {
  const { name: pod = "", namespace = "" } = path
  const names = containerNames(store.get(path.kind, namespace, pod))
  const container = query.get("container") ?? (names.length === 1 ? names[0] : undefined)
  if (container === undefined) {
    throw Status.badRequest(`a container name must be specified for pod ${pod}, choose one of: [${names.join(" ")}]`)
  }
  if (!names.includes(container)) throw Status.badRequest(`container ${container} is not valid for pod ${pod}`)
  if (query.get("follow") === "true") throw Status.notImplemented("following a log")
  const lines = logs.read({ namespace, pod, container }) ?? []
  const tail = query.get("tailLines")
  const shown = tail === null ? lines : lines.slice(Math.max(0, lines.length - Number(tail)))
  return shown.map((line) => `${line}\n`).join("")
}

const containerNames = (pod: StoredObject): ReadonlyArray<string> => {
  const { containers } = jsonIn(pod, "spec")
  if (!Array.isArray(containers)) return []
  return containers.flatMap((container: unknown) => (isJson(container) ? [String(container["name"])] : []))
}
