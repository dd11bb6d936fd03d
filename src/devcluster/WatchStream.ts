import type { IncomingMessage, ServerResponse } from "node:http"
import { Duration, Effect, Latch, Queue } from "effect"
import { writeChunk } from "../HttpListener.ts"
import { orRefusal, sendStatus } from "./Answers.ts"
import type { ResourcePath } from "./ApiRequest.ts"
import { type Projection, projected, selectionOf, versionOf } from "./ListPage.ts"
import { inSelection, type ResourceStore, type Selection, type StoreEvent } from "./ResourceStore.ts"
import * as Status from "./Status.ts"
import { apiVersionOf } from "./StoredObject.ts"
import type { WatchEnd } from "./Faults.ts"

/** Time between two bookmarks of a watch. */
const bookmarkEvery = Duration.seconds(60)
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
      const { kind } = watch.path
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

      const bookmark = Effect.sync(() => {
        const metadata = { resourceVersion: String(store.version) }
        push("BOOKMARK", { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata })
      })
      const bookmarks =
        watch.query.get("allowWatchBookmarks") === "true"
          ? Effect.forever(Effect.andThen(Effect.sleep(bookmarkEvery), bookmark))
          : Effect.never
      const send = Effect.forever(Effect.flatMap(Queue.take(lines), (line) => writeChunk(response, line)))
      const cut = Effect.map(watch.ended, (how) => {
        if (how === "dropWatch") request.socket.resetAndDestroy()
        return how
      })
      const itsTime = Effect.as(Effect.raceFirst(overflowed.await, timeoutOf(watch.query)), "endWatch" as const)
      const how = yield* Effect.raceAllFirst([send, bookmarks, cut, itsTime])
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

const timeoutOf = (query: URLSearchParams): Effect.Effect<void> => {
  const seconds = Number(query.get("timeoutSeconds") ?? 0)
  return seconds > 0 ? Effect.sleep(Duration.seconds(seconds)) : Effect.never
}

/** Subscribes; `first` are the lines about what is there already, or what happened since the version asked for. */
const begin = (
  store: ResourceStore,
  { path, projection, query }: WatchRequest,
  push: (type: string, object: unknown) => void
): { readonly first: ReadonlyArray<string>; readonly unsubscribe: () => void } => {
  if (query.get("sendInitialEvents") === "true") throw Status.notImplemented("sendInitialEvents")
  const selection = selectionOf(path, query)
  const from = versionOf(query) ?? 0
  const seen = (event: StoreEvent) =>
    event.kind === path.kind && event.version > from ? seenBy(selection, event) : undefined
  const first =
    from === 0
      ? store.list(path.kind, selection).map((object) => lineOf("ADDED", projected(projection, object)))
      : store.since(from).flatMap((event) => {
          const mine = seen(event)
          return mine === undefined ? [] : [lineOf(mine.type, projected(projection, mine.object))]
        })
  const unsubscribe = store.subscribe((event) => {
    const mine = seen(event)
    if (mine !== undefined) push(mine.type, projected(projection, mine.object))
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
