import type { IncomingMessage, ServerResponse } from "node:http"
import { Duration, Effect, Latch, Queue } from "effect"
import { writeChunk } from "../HttpListener.ts"
import { orRefusal, sendStatus } from "./Answers.ts"
import { numberIn, type ResourcePath } from "./ApiRequest.ts"
import { selectionOf, versionOf } from "./ListPage.ts"
import type { Projection } from "./Projection.ts"
import { inSelection, type ResourceStore, type Selection, type StoreEvent } from "./ResourceStore.ts"
import * as Status from "./Status.ts"
import type { WatchEnd } from "./Faults.ts"

/** Time between two bookmarks of a watch, in seconds, and how long before its end there is another one. */
const bookmarks = { every: 60, beforeEnd: 2 }
/** Events that a slow reader may fall behind before its stream is closed. */
const behindAtMost = 10_000

/** What a watch is about, and what ends it before its time. */
export interface WatchRequest {
  readonly path: ResourcePath
  readonly query: URLSearchParams
  readonly projection: Projection
  /** Completes when a fault meets it. */
  readonly ended: Effect.Effect<WatchEnd>
}

/**
 * Streams events until the client leaves, its `timeoutSeconds` are over, it falls too far behind, or a fault ends it. A
 * version that is no longer known is answered with an ERROR event of code 410.
 */
export const streamEvents = (
  store: ResourceStore,
  watch: WatchRequest,
  request: IncomingMessage,
  response: ServerResponse
): Effect.Effect<void> =>
  Effect.scoped(
    Effect.gen(function* () {
      const lines = yield* Queue.unbounded<string>()
      const overflowed = yield* Latch.make()
      const push = (type: string, object: unknown) => {
        Queue.offerUnsafe(lines, lineOf(type, object))
        if (Queue.sizeUnsafe(lines) > behindAtMost) overflowed.openUnsafe()
      }

      const begun = orRefusal(() => begin(store, watch, push))
      if (begun instanceof Status.StatusError && begun.code !== 410) return sendStatus(response, begun)
      response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" })
      response.flushHeaders()
      if (begun instanceof Status.StatusError) return void response.end(lineOf("ERROR", begun))
      yield* Effect.addFinalizer(() => Effect.sync(begun.unsubscribe))
      for (const line of begun.first) yield* writeChunk(response, line)

      const wantsBookmarks = watch.query.get("allowWatchBookmarks") === "true"
      const bookmark = (annotations: Status.Json = {}) =>
        push("BOOKMARK", watch.projection.bookmark({ resourceVersion: String(store.version), ...annotations }))
      if (wantsBookmarks && sendsInitialEvents(watch.query)) bookmark({ annotations: initialEventsEnd })
      const marking = Effect.gen(function* () {
        for (const pause of wantsBookmarks ? bookmarkPauses(secondsOf(watch.query)) : []) {
          yield* Effect.sleep(Duration.seconds(pause))
          bookmark()
        }
        return yield* Effect.never
      })
      const send = Effect.forever(Effect.flatMap(Queue.take(lines), (line) => writeChunk(response, line)))
      const cut = Effect.map(watch.ended, (how) => {
        if (how === "dropWatch") request.socket.resetAndDestroy()
        return how
      })
      const itsTime = Effect.as(Effect.raceFirst(overflowed.await, timeoutOf(watch.query)), "endWatch" as const)
      const how = yield* Effect.raceAllFirst([send, marking, cut, itsTime])
      if (how === "silence") return yield* Effect.never
      response.end(how === "expireWatch" ? tooOldLine() : "")
    })
  )

/** Answers a watch that ends as it begins. */
export const sendWatchEnd = (response: ServerResponse, how: "endWatch" | "expireWatch"): void => {
  response.writeHead(200, { "content-type": "application/json", "transfer-encoding": "chunked" })
  response.end(how === "expireWatch" ? tooOldLine() : "")
}

const tooOldLine = () => lineOf("ERROR", Status.expired("too old resource version"))

const lineOf = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

const secondsOf = (query: URLSearchParams): number => numberIn(query, "timeoutSeconds") || Number.POSITIVE_INFINITY

const timeoutOf = (query: URLSearchParams): Effect.Effect<void> => {
  const seconds = secondsOf(query)
  return Number.isFinite(seconds) ? Effect.sleep(Duration.seconds(seconds)) : Effect.never
}

/** Seconds to wait before each bookmark of a watch that lasts so long. */
function* bookmarkPauses(seconds: number): Generator<number> {
  let left = seconds
  for (; left > bookmarks.every; left -= bookmarks.every) yield bookmarks.every
  if (left > bookmarks.beforeEnd) yield left - bookmarks.beforeEnd
}

/** Marks the bookmark up to which a watch tells of what was there when it began. */
const initialEventsEnd = { "k8s.io/initial-events-end": "true" }

const sendsInitialEvents = (query: URLSearchParams): boolean => query.get("sendInitialEvents") === "true"

/** Throws a `StatusError`: 400 for an option that cannot be read, 422 for some that contradict each other. */
const requireWatchOptions = (query: URLSearchParams): void => {
  numberIn(query, "timeoutSeconds")
  const match = query.get("resourceVersionMatch") ?? ""
  const problem = (why: string) => Status.invalidOption("resourceVersionMatch", `Forbidden: ${why}`)
  if ((query.get("continue") ?? "") !== "") {
    throw problem("resourceVersionMatch is forbidden when continue is provided")
  }
  if (!query.has("sendInitialEvents") && match !== "") {
    throw problem("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
  }
  if (query.has("sendInitialEvents") && match !== "NotOlderThan") {
    throw problem("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
  }
}

/** Subscribes; `first` are the lines about what is there already, or what happened since the version asked for. */
const begin = (
  store: ResourceStore,
  { path, projection, query }: WatchRequest,
  push: (type: string, object: unknown) => void
): { readonly first: ReadonlyArray<string>; readonly unsubscribe: () => void } => {
  requireWatchOptions(query)
  const selection = selectionOf(path, query)
  const from = versionOf(query, Status.internalError) ?? 0
  const since = sendsInitialEvents(query) ? store.version : from
  const seen = (event: StoreEvent) =>
    event.kind === path.kind && event.version > since ? seenBy(selection, event) : undefined
  const first =
    from === 0 || sendsInitialEvents(query)
      ? store.list(path.kind, selection).map((object) => lineOf("ADDED", projection.object(object)))
      : store.since(from).flatMap((event) => {
          const mine = seen(event)
          return mine === undefined ? [] : [lineOf(mine.type, projection.object(mine.object))]
        })
  const unsubscribe = store.subscribe((event) => {
    const mine = seen(event)
    if (mine !== undefined) push(mine.type, projection.object(mine.object))
  })
  return { first, unsubscribe }
}

/**
 * The event as a watch with this selection sees it, undefined when it does not: an object that leaves the selection is
 * deleted, in its last form that belonged to it and with the version of the change; one that enters is added.
 */
export const seenBy = (selection: Selection, event: StoreEvent): StoreEvent | undefined => {
  const is = event.type !== "DELETED" && inSelection(event.object, selection)
  const was = event.previous !== undefined && inSelection(event.previous, selection)
  if (is) return { ...event, type: was ? "MODIFIED" : "ADDED" }
  if (!was) return undefined
  const { resourceVersion } = event.object.metadata
  const last = event.type === "DELETED" ? event.object : (event.previous ?? event.object)
  return { ...event, type: "DELETED", object: { ...last, metadata: { ...last.metadata, resourceVersion } } }
}
