import { Clock, Context, Duration, Effect, FiberHandle, FiberSet, Latch, Layer, Random } from "effect"
import { Functions, type ResourceKind } from "../fission/ResourceKind.ts"
import { KubernetesApi } from "./KubernetesApi.ts"
import { answering, type ServerState, Sign, step } from "./ServerState.ts"
import * as WarmUp from "./WarmUp.ts"

/** Time between the beginnings of two reads that ask whether the server answers. */
const betweenReads = Duration.seconds(1)
const readWithin = Duration.seconds(3)
/** Lists and handshakes of watches in a row that must time out before their namespace counts as failing. */
const failuresInARow = 5
/** Namespaces that are released per second after an outage, each with as much jitter on top (milliseconds). */
const releasedPerSecond = 50
const releaseJitter = 1000

/** The server as operators see it; `since` and `returnedAt` are monotonic milliseconds. */
export interface ServerStatus {
  readonly state: ServerState["_tag"]
  /** Absent while it answers. */
  readonly since: number | undefined
  /** When the latest outage ended: what had failed before is no sign any more. Undefined before the first. */
  readonly returnedAt: number | undefined
}

/** One namespace of the executor, with the namespaces that its calls go to. */
export interface Member {
  readonly name: string
  readonly callsTo: ReadonlyArray<string>
  /** Run when the circuits of its calls have closed, and when it is its turn after an outage of the server. */
  readonly onRelease: Effect.Effect<void>
}

/** What one namespace has shown. */
interface Standing {
  readonly member: Member
  /** Open while its lists and watches may be tried. */
  readonly turn: Latch.Latch
  /** Namespaces of its calls whose circuits are open. */
  readonly openCircuits: Set<string>
  timeoutsInARow: number
  someoneWaits: boolean
  /** Lists that worked, by their kind: rights for another one are there. */
  readonly readable: Map<string, { readonly kind: ResourceKind; readonly namespace: string }>
}

/**
 * Tells trouble of the API server from trouble of namespaces. While the server is away one quorum read a second asks
 * for the whole process; no namespace probes by itself, and lists and watches wait for their turn instead of their own
 * back-off. The first success releases the namespaces at a bounded, jittered rate, those first for which somebody waits
 * (failure-semantics.md section 3).
 */
export class ApiServerHealth extends Context.Service<
  ApiServerHealth,
  {
    /** Makes a namespace known. Once per name; what was not made known counts as nothing. */
    readonly join: (member: Member) => void
    readonly status: () => ServerStatus
    /** Whether a circuit of calls to this namespace is open. Idempotent; one that closes runs the member's `onRelease`. */
    readonly circuit: (namespace: string, isOpen: boolean) => Effect.Effect<void>
    /** A request of a user was refused for this namespace. */
    readonly someoneWaits: (namespace: string) => void
    /** A list or the handshake of a watch in this namespace came to this. */
    readonly attempted: (namespace: string, outcome: "Answer" | "Timeout") => void
    /** A quorum read or a write succeeded: if the server was away it is back. */
    readonly succeeded: (namespace: string, listed?: ResourceKind) => void
    /** Waits while the server is away, and then until it is this namespace's turn. */
    readonly turn: (namespace: string) => Effect.Effect<void>
  }
>()("fission-executor/kubernetes/ApiServerHealth") {
  static readonly layer: Layer.Layer<ApiServerHealth, never, KubernetesApi> = Layer.effect(
    ApiServerHealth,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const clock = yield* Clock.Clock
      const members = new Map<string, Standing>()
      const byCall = new Map<string, Standing>()
      const wanted = yield* Latch.make()
      const returned = yield* Latch.make()
      const releasing = yield* FiberHandle.make<void>()
      const reading = yield* FiberSet.make<void>()
      let state: ServerState = answering
      let returnedAt: number | undefined
      let reads = 0

      const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)
      const isAway = () => state._tag === "Away"
      const isFailing = (one: Standing) => one.openCircuits.size > 0 || one.timeoutsInARow >= failuresInARow

      /** What a sign changes at once; what takes time is done by `ask`. */
      const learn = (sign: Sign) => {
        const before = state
        state = step(before, sign, now())
        if (state._tag === before._tag) return
        if (state._tag === "Suspected") wanted.openUnsafe()
        if (state._tag === "Away") for (const one of members.values()) one.turn.closeUnsafe()
        if (before._tag !== "Away") return
        returnedAt = now()
        for (const one of members.values()) {
          one.openCircuits.clear()
          one.timeoutsInARow = 0
        }
        returned.openUnsafe()
      }
      const count = () => {
        const failing = [...members.values()].filter(isFailing).length
        learn(Sign.Namespaces({ failing, of: members.size }))
      }

      /** Something to read: each namespace in turn, the failing ones only without others, and each of its kinds. */
      const target = () => {
        const known = [...members.values()]
        const listed = known.filter((one) => one.readable.size > 0)
        const sound = listed.filter((one) => !isFailing(one))
        const candidates = [sound, listed, known].find((some) => some.length > 0) ?? []
        const turn = reads++
        const chosen = candidates[turn % Math.max(1, candidates.length)]
        const kinds = [...(chosen?.readable.values() ?? [])]
        const round = Math.floor(turn / Math.max(1, candidates.length))
        return kinds[round % Math.max(1, kinds.length)] ?? { kind: Functions, namespace: chosen?.member.name ?? "" }
      }

      const warmUp = WarmUp.makeUnsafe()
      /** Any answer but a time-out shows a server; a refusal counts when it has outlasted a server's start. */
      const read = Effect.suspend(() => {
        const { kind, namespace } = target()
        return api.list(kind, { namespace, limit: 1, deadline: readWithin })
      }).pipe(
        Effect.matchEffect({
          onSuccess: () => Effect.as(warmUp.judge(undefined), true),
          onFailure: (error) => Effect.map(warmUp.judge(error), (judged) => judged._tag !== "KubernetesTimeoutError")
        })
      )

      const release = Effect.fnUntraced(function* (one: Standing, index: number) {
        const jitter = releaseJitter * (yield* Random.next)
        yield* Effect.sleep(Duration.millis((index * 1000) / releasedPerSecond + jitter))
        if (isAway()) return
        yield* one.turn.open
        yield* one.member.onRelease
      })
      const releaseAll = Effect.suspend(() => {
        const inOrder = [...members.values()].toSorted((a, b) => Number(b.someoneWaits) - Number(a.someoneWaits))
        for (const one of inOrder) one.someoneWaits = false
        return Effect.forEach(inOrder, release, { concurrency: "unbounded", discard: true })
      })

      const away = Effect.fnUntraced(function* (since: number) {
        yield* FiberHandle.clear(releasing)
        yield* Effect.logWarning(
          "the API server does not answer; the process asks once a second, cached addresses still answer"
        )
        // One that hangs does not keep the next from finding the server back.
        const next = Effect.andThen(Effect.sleep(betweenReads), FiberSet.run(reading, readOnce))
        while (isAway()) yield* Effect.raceFirst(next, returned.await)
        yield* FiberSet.clear(reading)
        const lasted = Duration.millis((returnedAt ?? since) - since)
        yield* Effect.logInfo("the API server answers again; namespaces go on one after the other").pipe(
          Effect.annotateLogs({ awayFor: Duration.format(lasted), namespaces: members.size })
        )
        yield* FiberHandle.run(releasing, releaseAll)
      })

      const readOnce = Effect.map(read, (answered) => learn(Sign.Read({ answered })))

      const ask = Effect.gen(function* () {
        yield* wanted.await
        wanted.closeUnsafe()
        returned.closeUnsafe()
        if (state._tag === "Suspected") yield* readOnce
        if (state._tag === "Away") yield* away(state.since)
      })
      yield* Effect.forkScoped(Effect.forever(ask))

      return ApiServerHealth.of({
        join: (member) => {
          const standing: Standing = {
            member,
            turn: Latch.makeUnsafe(true),
            openCircuits: new Set(),
            timeoutsInARow: 0,
            someoneWaits: false,
            readable: new Map()
          }
          members.set(member.name, standing)
          for (const namespace of member.callsTo) byCall.set(namespace, standing)
        },
        status: () => ({
          state: state._tag,
          since: state._tag === "Answering" ? undefined : state.since,
          returnedAt
        }),
        circuit: (namespace, isOpen) => {
          const one = byCall.get(namespace)
          if (one === undefined) return Effect.void
          const closes = !isOpen && one.openCircuits.delete(namespace)
          if (isOpen) one.openCircuits.add(namespace)
          if (isOpen || closes) count()
          return closes ? one.member.onRelease : Effect.void
        },
        someoneWaits: (namespace) => {
          const one = byCall.get(namespace)
          if (one !== undefined) one.someoneWaits = true
        },
        attempted: (namespace, outcome) => {
          const one = byCall.get(namespace)
          if (one === undefined) return
          const before = isFailing(one)
          one.timeoutsInARow = outcome === "Timeout" ? one.timeoutsInARow + 1 : 0
          if (before || isFailing(one)) count()
        },
        succeeded: (namespace, kind) => {
          const one = byCall.get(namespace)
          if (kind !== undefined) one?.readable.set(kind.plural, { kind, namespace })
          if (isAway()) learn(Sign.Read({ answered: true }))
        },
        turn: (namespace) => byCall.get(namespace)?.turn.await ?? Effect.void
      })
    })
  )
}
