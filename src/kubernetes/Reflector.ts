import { Clock, Duration, Effect, Latch, Random, Result, Stream } from "effect"
import type { KubernetesCall, KubernetesError } from "../Errors.ts"
import { keyOf } from "../fission/ObjectMeta.ts"
import type { Described, ResourceKind } from "../fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject } from "./KubernetesApi.ts"
import { listing, Outcome, type ReflectorState, step } from "./ReflectorState.ts"
import * as Store from "./Store.ts"
import * as WarmUp from "./WarmUp.ts"

/** Bounds of the server's own end of a watch. */
const watchTimeout = { least: Duration.minutes(5), most: Duration.minutes(10) }
/** A stream without a line for this long is given up; bookmarks come about once a minute. */
const silence = Duration.seconds(100)
/** An open stream without a single event or bookmark for this long watches a version that the server never reaches. */
const suspiciousAfter = Duration.minutes(3)
/** Least time between two lists that somebody asked for. */
const relistAtMost = Duration.minutes(1)

/** What to watch, and who is told. */
export interface ReflectorOptions<A> {
  readonly kind: ResourceKind<A & Described>
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly indexes?: Store.Indexes<A>
  /** Synchronous, after the store was updated. A throw is a defect of `run`; the store stays as it is. */
  readonly onChange: (change: Store.Change<A>) => void
  /** Each transition, before the state is acted on. */
  readonly onStatus: (status: ReflectorStatus) => Effect.Effect<void>
}

/** What a reflector is doing, for people and for the health of its namespace. */
export interface ReflectorStatus {
  readonly state: "Listing" | "Watching" | "BackingOff" | "Blocked"
  /** Failures in a row; 0 when all is well. */
  readonly failures: number
  /** The latest failure, while backing off or blocked. */
  readonly error?: KubernetesError
  /** The wait before the next attempt, while backing off or blocked. */
  readonly nextAttempt?: Duration.Duration
}

/** Keeps a view of one kind in one scope. */
export interface Reflector<A> {
  readonly store: Store.StoreReader<A>
  readonly status: () => ReflectorStatus
  /** Lists and watches until interrupted; never fails. After a defect it can be run again and goes on with its view. */
  readonly run: Effect.Effect<never>
  /** Ends a wait after a failure at once. */
  readonly retryNow: Effect.Effect<void>
  /** Lists again, because something contradicts the view; at most once a minute, more often it does nothing. */
  readonly relist: Effect.Effect<void>
}

/** Makes a reflector with an empty view; nothing is asked before `run`. */
export const make = <A extends Described>(
  options: ReflectorOptions<A>
): Effect.Effect<Reflector<A>, never, KubernetesApi> =>
  Effect.gen(function* () {
    const { kind, namespace, labelSelector } = options
    const api = yield* KubernetesApi
    const warmUps = { list: yield* WarmUp.make, watch: yield* WarmUp.make }
    const { reader, writer } = Store.make<A>(options.indexes)
    const wake = yield* Latch.make()
    const relistWanted = yield* Latch.make()
    const malformed = new Map<string, string>()
    let state: ReflectorState = listing(0)
    let relistedAt: bigint | undefined

    const announce = (changes: ReadonlyArray<Store.Change<A>>) => {
      for (const change of changes) options.onChange(change)
    }

    /** The object as the view holds it; one that cannot be read is named once per version and skipped. */
    const decode = Effect.fnUntraced(function* (raw: KubernetesObject) {
      const decoded = kind.decode(raw)
      if (Result.isSuccess(decoded)) return decoded.success
      const { name, resourceVersion } = raw.metadata
      const key = keyOf(raw.metadata)
      writer.keep(key)
      if (malformed.get(key) === resourceVersion) return undefined
      malformed.set(key, resourceVersion ?? "")
      yield* Effect.logWarning("object cannot be read and is left out of the view").pipe(
        Effect.annotateLogs({
          kind: kind.kind,
          namespace: raw.metadata.namespace ?? "",
          name,
          problem: decoded.failure.message
        })
      )
      return undefined
    })

    const list = Effect.fnUntraced(function* (from: Extract<ReflectorState, { _tag: "Listing" }>) {
      if (from.continue === undefined) writer.abandonList()
      const page = yield* api.list(kind, { namespace, labelSelector, limit: from.limit, continue: from.continue })
      const objects: Array<A> = []
      for (const raw of page.items) {
        const object = yield* decode(raw)
        if (object !== undefined) objects.push(object)
      }
      yield* writer.touch
      announce(writer.applyPage(objects))
      if (page.continue === undefined) announce(writer.endList())
      return Outcome.Page({ ...page, objects: page.items.length })
    })

    const watch = Effect.fnUntraced(function* (from: Extract<ReflectorState, { _tag: "Watching" }>) {
      const startedAt = yield* Clock.monotonicTimeNanos
      const { least, most } = watchTimeout
      const timeout = Duration.sum(least, Duration.times(Duration.subtract(most, least), yield* Random.next))
      let resourceVersion = from.resourceVersion
      let heardAt = startedAt
      let recovered = from.failures === 0

      const stream = api.watch(kind, { namespace, labelSelector, resourceVersion, timeout, silence }).pipe(
        Stream.runForEach((event) =>
          Effect.gen(function* () {
            heardAt = yield* Clock.monotonicTimeNanos
            yield* writer.touch
            if (!recovered) {
              recovered = true
              yield* options.onStatus({ state: "Watching", failures: 0 })
            }
            if (event.type !== "BOOKMARK") {
              const object = yield* decode(event.object)
              if (object !== undefined) announce(writer.apply(event.type === "DELETED" ? "Delete" : "Upsert", object))
            }
            resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion
          })
        )
      )
      const suspicion = Effect.gen(function* () {
        let quiet = Duration.zero
        while (Duration.isLessThan(quiet, suspiciousAfter)) {
          yield* Effect.sleep(Duration.subtract(suspiciousAfter, quiet))
          quiet = Duration.nanos((yield* Clock.monotonicTimeNanos) - heardAt)
        }
        return Outcome.StreamSilent()
      })
      const lasted = Effect.map(Clock.monotonicTimeNanos, (now) => Duration.nanos(now - startedAt))
      const relisted = Effect.as(relistWanted.await, Outcome.StreamSilent())
      relistWanted.closeUnsafe()

      return yield* stream.pipe(
        Effect.flatMap(() => Effect.map(lasted, (lasted) => Outcome.StreamEnded({ resourceVersion, lasted }))),
        Effect.catch((error) => Effect.map(lasted, (lasted) => Outcome.Failed({ error, resourceVersion, lasted }))),
        (watching) => Effect.raceFirst(watching, Effect.raceFirst(suspicion, relisted))
      )
    })

    const call = (verb: KubernetesCall["verb"], error: KubernetesError): Effect.Effect<KubernetesError> =>
      Effect.map(verb === "list" ? warmUps.list.judge(error) : warmUps.watch.judge(error), (judged) => judged ?? error)

    const ask: Effect.Effect<Outcome> = Effect.suspend(() => {
      const asked = state
      switch (asked._tag) {
        case "Listing":
          return list(asked).pipe(
            Effect.tap(() => warmUps.list.judge(undefined)),
            Effect.map((page): Outcome => page),
            Effect.catch((error) =>
              Effect.map(call("list", error), (error) =>
                Outcome.Failed({ error, resourceVersion: "", lasted: Duration.zero })
              )
            )
          )
        case "Watching":
          return Effect.flatMap(watch(asked), (outcome): Effect.Effect<Outcome> =>
            outcome._tag === "Failed"
              ? Effect.map(call("watch", outcome.error), (error) => Outcome.Failed({ ...outcome, error }))
              : Effect.as(warmUps.watch.judge(undefined), outcome)
          )
        case "Waiting":
          wake.closeUnsafe()
          return Effect.as(Effect.raceFirst(Effect.sleep(asked.delay), wake.await), Outcome.Waited())
      }
    })

    const loop = Effect.gen(function* () {
      while (true) {
        yield* options.onStatus(statusOf(state))
        const outcome = yield* ask
        state = step(state, outcome, yield* Random.next)
      }
    })

    return {
      store: reader,
      status: () => statusOf(state),
      run: loop,
      retryNow: wake.open,
      relist: Effect.gen(function* () {
        const now = yield* Clock.monotonicTimeNanos
        if (relistedAt !== undefined && Duration.isLessThan(Duration.nanos(now - relistedAt), relistAtMost)) return
        relistedAt = now
        yield* relistWanted.open
      })
    }
  })

const statusOf = (state: ReflectorState): ReflectorStatus => {
  if (state._tag !== "Waiting") return { state: state._tag, failures: state.failures }
  if (state.error === undefined) return { state: state.next._tag, failures: 0 }
  return {
    state: state.error._tag === "KubernetesFatalError" ? "Blocked" : "BackingOff",
    failures: state.failures,
    error: state.error,
    nextAttempt: state.delay
  }
}
