import { randomBytes, randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Clock, Context, DateTime, Duration, Effect, Layer, Option, Queue, Result, Schema } from "effect"
import type { ConfigurationError } from "../Errors.ts"
import { listen, readBody, writeChunk } from "../HttpListener.ts"
import { discovery, parseJson, parseObject, parsePath, type ResourcePath, verbOf } from "./ApiRequest.ts"
import { type ActiveFault, Fault, type FaultAction, faultPresets, Faults } from "./Faults.ts"
import { mergePatch, strategicMergePatch } from "./MergePatch.ts"
import { inSelection, ResourceStore, type Selection, type StoredObject, type StoreEvent } from "./ResourceStore.ts"
import { fieldSelector, labelSelector } from "./Selectors.ts"
import * as Status from "./Status.ts"

/** Largest body of a request, as on a real server. */
const bodyLimit = 3 * 1024 * 1024
/** Time between two bookmarks of a watch. */
const bookmarkEvery = Duration.seconds(60)
/** Events that a slow reader of a watch may fall behind before its stream is closed. */
const watchBuffer = 10_000

/** Requests that were answered, by `verb resource namespace`. */
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
    readonly requests: () => RequestCounts
  }
>()("fission-executor/devcluster/ApiServer") {
  /** Listens as soon as the layer is built. Port 0 takes any free port. */
  static readonly layer = (options: {
    readonly host: string
    readonly port: number
  }): Layer.Layer<ApiServer, ConfigurationError, Faults> =>
    Layer.effect(
      ApiServer,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const now = () => DateTime.toDateUtc(DateTime.makeUnsafe(clock.currentTimeMillisUnsafe()))
        const store = new ResourceStore({
          now,
          uid: randomUUID,
          suffix: () => randomBytes(4).toString("hex").slice(0, 5)
        })
        const counts = new Map<string, number>()
        const count = (key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)
        const handle = yield* makeHandler(store, count)
        const { port } = yield* listen({ ...options, name: "embedded API server" }, handle)
        const url = `http://${options.host}:${port}`
        return ApiServer.of({ url, store, kubeconfig: kubeconfigFor(url), requests: () => counts })
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

const sendJson = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: { [name: string]: string } = {}
) => {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers
  })
  response.end(text)
}

const sendText = (response: ServerResponse, status: number, text: string, headers: { [name: string]: string } = {}) => {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", ...headers })
  response.end(text)
}

/** Answers with the preset of a fault, as an API server in trouble would. */
const sendPreset = (response: ServerResponse, action: Extract<FaultAction, { preset: unknown }>) => {
  const preset: {
    readonly status: number
    readonly reason?: string
    readonly body: string
    readonly plainText?: boolean
    readonly retryAfterSeconds?: number
  } = faultPresets[action.preset]
  const seconds = action.retryAfterSeconds ?? preset.retryAfterSeconds
  const headers: { [name: string]: string } = seconds === undefined ? {} : { "retry-after": String(seconds) }
  if (preset.plainText === true) sendText(response, preset.status, preset.body, headers)
  else
    sendJson(response, preset.status, new Status.StatusError(preset.status, preset.reason ?? "", preset.body), headers)
}

const makeHandler = (
  store: ResourceStore,
  count: (key: string) => void
): Effect.Effect<(request: IncomingMessage, response: ServerResponse) => Effect.Effect<void>, never, Faults> =>
  Effect.gen(function* () {
    const faults = yield* Faults

    const answer = (response: ServerResponse, run: () => { readonly status: number; readonly body: unknown }) =>
      Effect.sync(() => {
        try {
          const { status, body } = run()
          return { status, body }
        } catch (error) {
          if (error instanceof Status.StatusError) return { status: error.code, body: error }
          throw error
        }
      }).pipe(
        Effect.map(
          ({ status, body }) =>
            () =>
              sendJson(response, status, body)
        )
      )

    const serve = Effect.fnUntraced(function* (request: IncomingMessage, response: ServerResponse) {
      const url = new URL(request.url ?? "/", "http://embedded")
      if (url.pathname === "/faults" || url.pathname.startsWith("/faults/")) {
        return yield* faultAdmin(faults, request, response, url.pathname)
      }
      if (["/healthz", "/readyz", "/livez"].includes(url.pathname)) return sendText(response, 200, "ok")
      const document = discovery(url.pathname)
      if (document !== undefined) return sendJson(response, 200, document)
      const path = parsePath(url.pathname)
      if (path === undefined) return sendText(response, 404, "404 page not found\n")

      const verb = verbOf(request.method ?? "GET", path, url.searchParams)
      count(`${verb} ${path.kind.plural} ${path.namespace ?? ""}`)
      const target = { verb, resource: path.kind.plural, namespace: path.namespace, name: path.name }
      const fault = yield* faults.meet(target)
      if (Option.isSome(fault)) {
        const { action } = fault.value.fault
        switch (action.type) {
          case "reset":
          case "dropWatch":
            return void request.socket.resetAndDestroy()
          case "error":
            return sendPreset(response, action)
          case "delay":
            yield* Effect.sleep(Duration.millis(action.milliseconds))
            break
          case "hang":
            yield* fault.value.lifted.await
            break
          case "applyThenError":
        }
      }
      if (verb === "watch") return yield* watch(store, faults, path, url.searchParams, request, response)

      const body = yield* Effect.result(readBody(request, bodyLimit))
      if (Result.isFailure(body)) {
        if (body.failure.reason === "Aborted") return
        const tooLarge = new Status.StatusError(
          413,
          "RequestEntityTooLarge",
          `Request entity too large: limit is ${bodyLimit}`
        )
        return sendJson(response, 413, tooLarge, { connection: "close" })
      }
      const send = yield* answer(response, () => dispatch(store, verb, path, url.searchParams, request, body.success))
      if (Option.isSome(fault) && fault.value.fault.action.type === "applyThenError") {
        return sendPreset(response, fault.value.fault.action)
      }
      send()
    })

    return serve
  })

const partialMetadata = (object: StoredObject): Status.Json => ({
  kind: "PartialObjectMetadata",
  apiVersion: "meta.k8s.io/v1",
  metadata: object.metadata
})

/** How the client wants objects: whole, or their metadata alone. */
const projection = (request: IncomingMessage): ((object: StoredObject) => Status.Json) =>
  (request.headers.accept ?? "").includes("as=PartialObjectMetadata") ? partialMetadata : (object) => object

const selectionOf = (path: ResourcePath, query: URLSearchParams): Selection => {
  const labels = labelSelector(query.get("labelSelector") ?? "")
  const fields = fieldSelector(query.get("fieldSelector") ?? "")
  return { namespace: path.namespace, matches: (object) => labels(object) && fields(object) }
}

const dispatch = (
  store: ResourceStore,
  verb: string,
  path: ResourcePath,
  query: URLSearchParams,
  request: IncomingMessage,
  body: Buffer
): { readonly status: number; readonly body: unknown } => {
  const { kind, namespace, name, subresource } = path
  const known = subresource === undefined || (subresource === "status" && kind.status)
  if (!known) throw Status.notImplemented(`the subresource ${kind.plural}/${subresource}`)
  const project = projection(request)
  const part = subresource === "status" ? "status" : "main"

  switch (verb) {
    case "get":
      return { status: 200, body: project(store.get(kind, namespace, name ?? "")) }
    case "list":
      return { status: 200, body: listPage(store, path, query, project) }
    case "create":
      if (name !== undefined) throw Status.notImplemented(`creating ${kind.plural}/${name}`)
      return { status: 201, body: store.create(kind, namespace, parseObject(body, kind)) }
    case "update": {
      const object = parseObject(body, kind)
      return { status: 200, body: store.update(kind, namespace, name ?? "", part, () => object) }
    }
    case "patch": {
      const merge = patchFunction(request.headers["content-type"] ?? "", kind.group)
      const patch = parseJson(body)
      return {
        status: 200,
        body: store.update(kind, namespace, name ?? "", part, (current) => asObject(merge(current, patch)))
      }
    }
    case "delete": {
      const options = body.length === 0 ? {} : parseJson(body)
      const preconditions = typeof options["preconditions"] === "object" ? { ...options["preconditions"] } : {}
      const field = (key: string) => {
        const value = Object.getOwnPropertyDescriptor(preconditions, key)?.value
        return typeof value === "string" ? value : undefined
      }
      const grace = options["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds")
      return {
        status: 200,
        body: store.delete(kind, namespace, name ?? "", {
          uid: field("uid"),
          resourceVersion: field("resourceVersion"),
          gracePeriodSeconds: grace === null || grace === undefined ? undefined : Number(grace)
        })
      }
    }
    default:
      throw Status.notImplemented(`the verb ${verb}`)
  }
}

const asObject = (value: unknown): Status.Json => {
  if (typeof value === "object" && value !== null) return { ...value }
  throw Status.badRequest("the patch leaves no object")
}

const patchFunction = (contentType: string, group: string): ((target: unknown, patch: unknown) => unknown) => {
  const type = contentType.split(";")[0]?.trim()
  if (type === "application/merge-patch+json") return mergePatch
  if (type === "application/strategic-merge-patch+json" && group !== "fission.io") return strategicMergePatch
  if (type === "application/json-patch+json" || type === "application/apply-patch+yaml")
    throw Status.notImplemented(type)
  throw new Status.StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json${
      group === "fission.io" ? "" : ", application/strategic-merge-patch+json"
    }, application/apply-patch+yaml`
  )
}

/** Pages are cut by name: the token is the last name seen, and the version of the first page. */
const listPage = (
  store: ResourceStore,
  path: ResourcePath,
  query: URLSearchParams,
  project: (object: StoredObject) => Status.Json
): Status.Json => {
  const token = query.get("continue") ?? ""
  const after = token === "" ? undefined : decodeToken(token)
  const limit = query.get("resourceVersion") === "0" ? 0 : Number(query.get("limit") ?? 0)
  const all = store.list(path.kind, selectionOf(path, query))
  const rest = after === undefined ? all : all.filter((object) => idOf(object) > after.id)
  const page = limit > 0 ? rest.slice(0, limit) : rest
  const last = page.at(-1)
  const version = after?.version ?? String(store.version)
  const more = last !== undefined && page.length < rest.length
  const partial = page.map(project)
  return {
    kind: partial[0]?.["kind"] === "PartialObjectMetadata" ? "PartialObjectMetadataList" : `${path.kind.kind}List`,
    apiVersion: path.kind.group === "" ? path.kind.version : `${path.kind.group}/${path.kind.version}`,
    metadata: {
      resourceVersion: version,
      ...(more ? { continue: encodeToken(version, idOf(last)), remainingItemCount: rest.length - page.length } : {})
    },
    items: partial
  }
}

const idOf = (object: StoredObject): string => `${object.metadata.namespace ?? ""}/${object.metadata.name}`

const encodeToken = (version: string, id: string): string =>
  Buffer.from(JSON.stringify({ version, id })).toString("base64url")

const decodeToken = (token: string): { readonly version: string; readonly id: string } => {
  const decoded = Schema.decodeUnknownResult(Token)(Buffer.from(token, "base64url").toString("utf8"))
  if (Result.isSuccess(decoded)) return decoded.success
  throw Status.badRequest("continue key is not valid: it cannot be decoded")
}
const Token = Schema.fromJsonString(Schema.Struct({ version: Schema.String, id: Schema.String }))

/** The event as a watch with this selection sees it: an object that leaves it is deleted, one that enters is added. */
const project = (event: StoreEvent, selection: Selection): StoreEvent | undefined => {
  const is = event.type !== "DELETED" && inSelection(event.object, selection)
  const was = event.previous !== undefined && inSelection(event.previous, selection)
  if (is) return { ...event, type: was ? "MODIFIED" : "ADDED" }
  if (!was) return undefined
  const { resourceVersion } = event.object.metadata
  const last = event.type === "DELETED" ? event.object : (event.previous ?? event.object)
  return { ...event, type: "DELETED", object: { ...last, metadata: { ...last.metadata, resourceVersion } } }
}

const watch = (
  store: ResourceStore,
  faults: Faults["Service"],
  path: ResourcePath,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse
): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { kind, namespace } = path
      const toClient = projection(request)
      const from = query.get("resourceVersion") ?? ""
      const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
      const lines = yield* Queue.dropping<string>(watchBuffer)
      let overflowed = false
      const push = (text: string) => {
        if (!Queue.offerUnsafe(lines, text)) overflowed = true
      }

      const begun = yield* Effect.sync(() => {
        try {
          const selection = selectionOf(path, query)
          const tell = (event: StoreEvent) => {
            if (event.kind !== kind) return
            const seen = project(event, selection)
            if (seen !== undefined) push(line(seen.type, toClient(seen.object)))
          }
          if (from === "" || from === "0") {
            for (const object of store.list(kind, selection)) push(line("ADDED", toClient(object)))
          } else {
            for (const event of store.since(Number(from))) tell(event)
          }
          return { unsubscribe: store.subscribe(tell) }
        } catch (error) {
          if (error instanceof Status.StatusError) return { error }
          throw error
        }
      })
      if (begun.error !== undefined && begun.error.code !== 410) {
        return sendJson(response, begun.error.code, begun.error)
      }
      response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" })
      response.flushHeaders()
      if (begun.unsubscribe === undefined) return void response.end(line("ERROR", begun.error))
      yield* Effect.addFinalizer(() => Effect.sync(begun.unsubscribe))

      const dropped = Effect.callback<void>((resume) => {
        const stop = faults.onInject(({ fault }: ActiveFault) => {
          const mine =
            fault.action.type === "dropWatch" &&
            (fault.namespace === undefined || fault.namespace === namespace) &&
            (fault.resource === undefined || fault.resource === kind.plural)
          if (mine) resume(Effect.sync(() => void request.socket.resetAndDestroy()))
        })
        return Effect.sync(stop)
      })
      const bookmark = Effect.sync(() =>
        push(
          line("BOOKMARK", {
            kind: kind.kind,
            apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
            metadata: { resourceVersion: String(store.version), creationTimestamp: null }
          })
        )
      )
      const bookmarks =
        query.get("allowWatchBookmarks") === "true"
          ? Effect.forever(Effect.andThen(Effect.sleep(bookmarkEvery), bookmark))
          : Effect.never
      const send = Effect.gen(function* () {
        while (!overflowed) yield* writeChunk(response, yield* Queue.take(lines))
      })
      const seconds = Number(query.get("timeoutSeconds") ?? 0)
      const end = seconds > 0 ? Effect.sleep(Duration.seconds(seconds)) : Effect.never
      yield* Effect.raceFirst(Effect.raceFirst(send, dropped), Effect.raceFirst(bookmarks, end))
      response.end()
    })
  )

const decodeFault = Schema.decodeUnknownResult(Schema.fromJsonString(Fault))

const faultAdmin = Effect.fnUntraced(function* (
  faults: Faults["Service"],
  request: IncomingMessage,
  response: ServerResponse,
  path: string
) {
  const id = path.slice("/faults/".length)
  switch (request.method) {
    case "GET": {
      const active = yield* faults.active
      return sendJson(
        response,
        200,
        active.map((entry) => ({ id: entry.id, met: entry.met, ...entry.fault }))
      )
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
