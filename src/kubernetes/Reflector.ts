import { Clock, Duration, Effect, Latch, Metric, Random, Result, Stream } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { keyOf } from "../fission/ObjectMeta.ts"
import type { Described, ResourceKind } from "../fission/ResourceKind.ts"
import { retries } from "./CallMetrics.ts"
import { KubernetesApi, type KubernetesObject, type WatchEvent } from "./KubernetesApi.ts"
import { listing, Outcome, type ReflectorState, step, suspiciousAfter } from "./ReflectorState.ts"
import * as RetryPolicy from "./RetryPolicy.ts"
import * as Store from "./Store.ts"
import * as WarmUp from "./WarmUp.ts"

/** Bounds of the server's own end of a watch. */
const watchTimeout = { least: Duration.minutes(5), most: Duration.minutes(10) }
/** A stream without a line for this long is given up; bookmarks come about once a minute. */
const silence = Duration.seconds(100)
/** How long an accepted watch may prove by itself, with an event, that all is well again after failures. */
const proofAfter = Duration.millis(500)
/** Least time between two lists that somebody asked for. */
const relistAtMost = Duration.minutes(1)

/** What to watch, and who is told. */
export interface ReflectorOptions<A> {
  readonly kind: ResourceKind<A & Described>
  /** Absent: all namespaces. */
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly indexes?: Store.Indexes<A>
  /**
   * Synchronous, after the store was updated. A throw becomes a defect of `run`, after every other change of the same
   * event or page was told.
   */
  readonly onChange: (change: Store.Change<A>) => void
  /** Each transition, before the state is acted on. */
  readonly onStatus: (status: ReflectorStatus) => Effect.Effect<void>
}

/** What a reflector is doing, for people and for the health of its namespace. Trouble lasts until something succeeds. */
export interface ReflectorStatus {
  readonly state: "Listing" | "Watching" | "BackingOff" | "Blocked"
  /** Failures in a row; 0 when all is well. */
  readonly failures: number
  /** The latest failure, while backing off or blocked. */
  readonly error?: KubernetesError
  /** The wait before the next attempt; absent while it is made. */
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
    const { kind, namespace, labelSelector, fieldSelector } = options
    const selection = { namespace, labelSelector, fieldSelector }
    const api = yield* KubernetesApi
    const warmUps = { list: WarmUp.makeUnsafe(), watch: WarmUp.makeUnsafe() }
    const { reader, writer } = Store.make<A>(options.indexes)
    const wake = yield* Latch.make()
    const relistWanted = yield* Latch.make()
    const malformed = new Map<string, string>()
    let state: ReflectorState = listing(0)
    let trouble: ReflectorStatus | undefined
    let relistedAt: bigint | undefined

    /** Tells every change; the first throw is passed on at the end. */
    const announce = (changes: ReadonlyArray<Store.Change<A>>) => {
      const thrown: Array<unknown> = []
      for (const change of changes) {
        try {
          options.onChange(change)
        } catch (error) {
          thrown.push(error)
        }
      }
      if (thrown.length > 0) throw thrown[0]
    }

    /** The object as the view holds it; one that cannot be read is named once per version and left out. */
    const decode = Effect.fnUntraced(function* (raw: KubernetesObject) {
      const decoded = kind.decode(raw)
      const key = keyOf(raw.metadata)
      if (Result.isSuccess(decoded)) {
        malformed.delete(key)
        return decoded.success
      }
      const version = raw.metadata.resourceVersion ?? ""
      if (malformed.get(key) === version) return undefined
      malformed.set(key, version)
      yield* Effect.logWarning("object cannot be read and is left out of the view").pipe(
        Effect.annotateLogs({
          kind: kind.kind,
          namespace: raw.metadata.namespace ?? "",
          name: raw.metadata.name,
          problem: decoded.failure.message
        })
      )
      return undefined
    })

    const list = Effect.fnUntraced(function* (from: Extract<ReflectorState, { _tag: "Listing" }>) {
      if (from.continue === undefined) {
        yield* writer.beginList
        relistWanted.closeUnsafe()
      }
      const { items, ...page } = yield* api.list(kind, {
        ...selection,
        limit: from.limit,
        continue: from.continue
      })
      const objects: Array<A> = []
      for (const raw of items) {
        const object = yield* decode(raw)
        if (object === undefined) writer.keep(keyOf(raw.metadata))
        else objects.push(object)
      }
      yield* writer.touch
      announce(writer.applyPage(objects))
      if (page.continue === undefined) announce(writer.endList())
      return Outcome.Page({ ...page, objects: items.length })
    })

    const recovered = Effect.suspend(() => {
      if (trouble === undefined) return Effect.void
      trouble = undefined
      return options.onStatus(status())
    })

    /**
     * A quiet collection may have no event for a minute, and an accepted watch proves nothing: with a frozen etcd it stays
     * silent. So after failures a quorum read of one object says that all is well again.
     */
    const proveRecovery = (from: Extract<ReflectorState, { _tag: "Watching" }>, opened: Latch.Latch) =>
      from.failures === 0
        ? Effect.never
        : opened.await.pipe(
            Effect.andThen(Effect.sleep(proofAfter)),
            Effect.andThen(Effect.suspend(() => (trouble === undefined ? Effect.never : Effect.void))),
            Effect.andThen(api.list(kind, { ...selection, limit: 1 })),
            RetryPolicy.retry(RetryPolicy.watch),
            Effect.andThen(recovered),
            Effect.ignore,
            Effect.andThen(Effect.never)
          )

    const watch = Effect.fnUntraced(function* (from: Extract<ReflectorState, { _tag: "Watching" }>) {
      const startedAt = yield* Clock.monotonicTimeNanos
      const { least, most } = watchTimeout
      const timeout = Duration.sum(least, Duration.times(Duration.subtract(most, least), yield* Random.next))
      let resourceVersion = from.resourceVersion
      let heardAt: bigint | undefined

      const receive = Effect.fnUntraced(function* (event: WatchEvent) {
        heardAt = yield* Clock.monotonicTimeNanos
        yield* writer.touch
        yield* recovered
        if (event.type === "DELETED") {
          malformed.delete(keyOf(event.object.metadata))
          announce(writer.remove(event.object))
        } else if (event.type !== "BOOKMARK") {
          const object = yield* decode(event.object)
          if (object !== undefined) announce(writer.upsert(object))
        }
        resourceVersion = versionAfter(event, resourceVersion)
      })
      const quiet = Effect.map(Clock.monotonicTimeNanos, (now) =>
        heardAt === undefined
          ? Duration.sum(from.quiet, Duration.nanos(now - startedAt))
          : Duration.nanos(now - heardAt)
      )
      const suspicion = Effect.gen(function* () {
        for (let past = yield* quiet; Duration.isLessThan(past, suspiciousAfter); past = yield* quiet) {
          yield* Effect.sleep(Duration.subtract(suspiciousAfter, past))
        }
      })
      const progress = Effect.map(Clock.monotonicTimeNanos, (now) => ({
        resourceVersion,
        lasted: Duration.nanos(now - startedAt),
        heard: heardAt !== undefined
      }))
      const opened = yield* Latch.make()
      const stream = api
        .watch(kind, {
          ...selection,
          resourceVersion,
          timeout,
          silence,
          opened: Effect.asVoid(opened.open)
        })
        .pipe(Stream.runForEach(receive))

      return yield* Effect.matchEffect(stream, {
        onSuccess: () => Effect.map(progress, (reached): Outcome => Outcome.StreamEnded(reached)),
        onFailure: (error) => Effect.map(progress, (reached): Outcome => Outcome.StreamFailed({ ...reached, error }))
      }).pipe(
        Effect.raceFirst(Effect.as(Effect.raceFirst(suspicion, relistWanted.await), Outcome.Doubted())),
        Effect.raceFirst(proveRecovery(from, opened))
      )
    })

    const ask: Effect.Effect<Outcome> = Effect.suspend(() => {
      const asked = state
      switch (asked._tag) {
        case "Listing":
          return Effect.matchEffect(list(asked), {
            onSuccess: (page) => Effect.as(warmUps.list.judge(undefined), page),
            onFailure: (error) => Effect.map(warmUps.list.judge(error), (error) => Outcome.ListFailed({ error }))
          })
        case "Watching":
          return Effect.flatMap(watch(asked), (outcome): Effect.Effect<Outcome> =>
            outcome._tag === "StreamFailed"
              ? Effect.map(warmUps.watch.judge(outcome.error), (error) => Outcome.StreamFailed({ ...outcome, error }))
              : Effect.as(warmUps.watch.judge(undefined), outcome)
          )
        case "Waiting":
          wake.closeUnsafe()
          return Effect.raceFirst(Effect.sleep(asked.delay), wake.await).pipe(
            Effect.andThen(asked.error === undefined ? Effect.void : Metric.update(retries, 1)),
            Effect.as(Outcome.Waited())
          )
      }
    })

    const status = (): ReflectorStatus => trouble ?? { state: attemptOf(state)._tag, failures: 0 }

    const loop = Effect.gen(function* () {
      while (true) {
        yield* options.onStatus(status())
        const outcome = yield* ask
        const before = state
        state = step(before, outcome, yield* Random.next)
        if (before._tag === "Watching" && attemptOf(state)._tag === "Listing") yield* countRelist(outcome)
        trouble = troubleOf(state, trouble)
      }
    })

    return {
      store: reader,
      status,
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

const relists = Metric.counter("fission_executor_watch_relists_total", {
  description: "Watches that could not go on, so that their collection was listed again",
  incremental: true
})

const countRelist = (outcome: Outcome) =>
  Metric.update(Metric.withAttributes(relists, { reason: reasonOf(outcome) }), 1)

const reasonOf = (outcome: Outcome): "doubted" | "expired" | "failures" => {
  if (outcome._tag !== "StreamFailed") return "doubted"
  return outcome.error._tag === "KubernetesExpired" ? "expired" : "failures"
}

/** An event without a version, which no server should send, leaves us where we were. */
const versionAfter = (event: WatchEvent, before: string): string => {
  const version = event.object.metadata.resourceVersion ?? ""
  return version === "" ? before : version
}

const attemptOf = (state: ReflectorState) => (state._tag === "Waiting" ? state.next : state)

/** Trouble begins with a failure, lasts through the attempts that follow, and ends with the failures. */
const troubleOf = (state: ReflectorState, before: ReflectorStatus | undefined): ReflectorStatus | undefined => {
  if (state.failures === 0) return undefined
  if (state._tag === "Waiting" && state.error !== undefined) {
    return {
      state: state.error._tag === "KubernetesFatalError" ? "Blocked" : "BackingOff",
      failures: state.failures,
      error: state.error,
      nextAttempt: state.delay
    }
  }
  if (before === undefined) return undefined
  const { nextAttempt: _, ...attempted } = before
  return attempted
}
