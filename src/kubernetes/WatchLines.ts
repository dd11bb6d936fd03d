import { Cause, Effect } from "effect"
import { failedCall, type KubernetesCall, type KubernetesError, TimeoutError } from "../Errors.ts"
import { classifyThrown, classifyWatchError } from "./Classify.ts"
import { isObject, type WatchEvent } from "./KubernetesApi.ts"

const newline = 10
/** Longest line that is held, in bytes: many times what etcd takes for one object. */
const longestLine = 16 * 1024 * 1024

/**
 * Pulls the events of a watch: one chunk of the socket is read when somebody asks, so a slow reader slows the server.
 * Fails on an ERROR event, on a line that is no event, and on a stream that ends within a line, each after the events
 * that came before it.
 */
export const pullEvents = (
  call: KubernetesCall,
  chunks: AsyncIterator<Uint8Array>
): Effect.Effect<readonly [WatchEvent, ...Array<WatchEvent>], KubernetesError | Cause.Done> => {
  let rest: Array<Uint8Array> = []
  let restBytes = 0
  let failure: KubernetesError | undefined

  const broken = (detail: string) => new TimeoutError({ ...call, kind: "Connection", detail, outcomeUnknown: false })

  /** The events of a chunk, up to the line that ends the stream. */
  const split = (chunk: Uint8Array): ReadonlyArray<WatchEvent> => {
    const events: Array<WatchEvent> = []
    let from = 0
    for (let at = chunk.indexOf(newline, from); at >= 0 && failure === undefined; at = chunk.indexOf(newline, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, at)]).toString("utf8")
      rest = []
      restBytes = 0
      from = at + 1
      if (line === "") continue
      const event = parseEvent(line)
      if (event === undefined) failure = broken(`a line of the stream, of ${line.length} characters, is no watch event`)
      else if (event.type === "ERROR") failure = classifyWatchError(call, event.object)
      else events.push(event)
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
    }
    if (restBytes > longestLine) failure ??= broken(`a line of the stream has more than ${longestLine} bytes`)
    return events
  }

  const read = Effect.tryPromise({
    try: () => chunks.next(),
    catch: (thrown) => asBrokenStream(classifyThrown(call, thrown))
  })

  const pull: Effect.Effect<readonly [WatchEvent, ...Array<WatchEvent>], KubernetesError | Cause.Done> = Effect.suspend(
    () => {
      if (failure !== undefined) return Effect.fail(failure)
      return Effect.flatMap(read, (next) => {
        if (next.done === true) {
          return rest.length === 0 ? Cause.done() : Effect.fail(broken("the stream ended within a line"))
        }
        const [first, ...others] = split(next.value)
        return first === undefined ? pull : Effect.succeed([first, ...others] as const)
      })
    }
  )
  return pull
}

/** On a stream silence is a lost connection, not a slow answer. */
const asBrokenStream = (error: KubernetesError): KubernetesError =>
  error._tag === "KubernetesTimeoutError"
    ? new TimeoutError({ ...error, ...failedCall(error), kind: "Connection" })
    : error

type RawEvent = WatchEvent | { readonly type: "ERROR"; readonly object: unknown }

const parseEvent = (line: string): RawEvent | undefined => {
  try {
    const event: unknown = JSON.parse(line)
    if (typeof event !== "object" || event === null || !("type" in event) || !("object" in event)) return undefined
    const { type, object } = event
    if (type === "ERROR") return { type, object }
    if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED" && type !== "BOOKMARK") return undefined
    return isObject(object) ? { type, object } : undefined
  } catch {
    return undefined
  }
}
