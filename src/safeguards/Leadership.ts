import { Clock, Context, DateTime, Duration, Effect, Fiber, Latch, Layer, Random } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { executorAddress, type Lease } from "../fission/Lease.ts"
import { Leases } from "../fission/ResourceKind.ts"
import { KubernetesApi, type KubernetesObject } from "../kubernetes/KubernetesApi.ts"
import * as Election from "../kubernetes/LeaseElection.ts"
import * as RetryPolicy from "../kubernetes/RetryPolicy.ts"
import * as WarmUp from "../kubernetes/WarmUp.ts"
import { WriteFence } from "../kubernetes/WriteFence.ts"

/** What this replica is. `Demoted`: it led before, and knows of nobody who does now. */
export type Role = "Leader" | "Standby" | "Demoted"

/**
 * Which replica works. One leads and writes; the others watch, answer what they can and forward the rest
 * (lifecycle.md section 4). Losing the lease demotes and never ends the process.
 */
export class Leadership extends Context.Service<
  Leadership,
  {
    readonly role: () => Role
    /** `ip:port` of the replica that leads, when it is another one and known. */
    readonly leader: () => string | undefined
    /** Runs the effect whenever this replica leads; interrupts it when it does so no more. Never ends by itself. */
    readonly whileLeading: <E>(self: Effect.Effect<never, E>) => Effect.Effect<never, E>
    /** The same while it does not lead, at once where it does not. */
    readonly whileFollowing: <E>(self: Effect.Effect<never, E>) => Effect.Effect<never, E>
  }
>()("fission-executor/safeguards/Leadership") {
  /** Without an election: always the leader, and no Lease is read or written. */
  static readonly layerAlways: Layer.Layer<Leadership> = Layer.succeed(
    Leadership,
    Leadership.of({
      role: () => "Leader",
      leader: () => undefined,
      whileLeading: (self) => self,
      whileFollowing: () => Effect.never
    })
  )

  /** Takes part in the election as long as the layer lives, and gives the lease back at its end. */
  static readonly layer = (candidate: Election.Candidate): Layer.Layer<Leadership, never, KubernetesApi> =>
    Layer.effect(Leadership, participate(candidate))
}

/** What is known about the lease. */
interface Known {
  readonly raw: KubernetesObject
  readonly lease: Lease
  readonly observation: Election.Observation
}

const participate = Effect.fnUntraced(function* (candidate: Election.Candidate) {
  const api = yield* KubernetesApi
  const fence = yield* WriteFence
  const clock = yield* Clock.Clock
  const gained = yield* Latch.make()
  const lost = yield* Latch.make(true)
  let known: Known | undefined
  /** Until when this replica leads (monotonic nanoseconds). */
  let deadline: bigint | undefined
  let hasLed = false
  /** What is known may have changed since: the next attempt begins with a read. */
  let isDoubtful = true
  /** What the latest attempts failed with, and was said. */
  let trouble: string | undefined
  const warmUp = WarmUp.makeUnsafe()

  const now = () => clock.monotonicTimeNanosUnsafe()
  const leads = () => deadline !== undefined && now() < deadline
  const annotations = {
    logger: "leadership",
    lease: `${candidate.lease.namespace}/${candidate.lease.name}`,
    identity: candidate.identity
  }

  const remember = (raw: KubernetesObject) =>
    Effect.map(Effect.fromResult(Leases.decode(raw)), (lease) => {
      known = { raw, lease, observation: Election.observe(known?.observation, lease, now()) }
      isDoubtful = false
      return known
    })

  const read = api.get(Leases, candidate.lease, { priority: "lease" }).pipe(
    Effect.flatMap(remember),
    Effect.catchTag("KubernetesNotFound", () => Effect.sync(() => void (known = undefined)))
  )

  /** One write of the lease; whether it is held then, and since when that counts. */
  const write = Effect.fnUntraced(function* (before: Known | undefined) {
    const sentAt = now()
    const object = Election.held(candidate, before, yield* DateTime.now)
    const options = { priority: "lease" } as const
    yield* Effect.flatMap(
      before === undefined ? api.create(Leases, object, options) : api.update(Leases, object, options),
      remember
    )
    return sentAt
  })

  const demote = Effect.fnUntraced(function* (why: string) {
    if (deadline === undefined) return
    deadline = undefined
    fence.close()
    gained.closeUnsafe()
    lost.openUnsafe()
    yield* Effect.logWarning(
      "this replica leads no more; it writes nothing, goes on answering, and takes part in the election"
    ).pipe(Effect.annotateLogs({ ...annotations, why }))
  })

  /** Before the first write the lease is read once more: what was just written may not be the last word. */
  const promote = Effect.fnUntraced(function* (sentAt: bigint) {
    const confirmed = yield* read
    if (confirmed === undefined || Election.holderOf(confirmed.lease) !== candidate.identity) return
    deadline = Election.deadlineOf(candidate, sentAt)
    if (!leads()) return void (deadline = undefined)
    hasLed = true
    fence.openUntil(deadline)
    lost.closeUnsafe()
    gained.openUnsafe()
    yield* Effect.logInfo("this replica leads").pipe(Effect.annotateLogs(annotations))
  })

  /** One attempt to take or renew the lease. */
  const attempt = Effect.gen(function* () {
    const before = leads() && !isDoubtful ? known : yield* read
    if (before !== undefined && !Election.mayTake(candidate, before.lease, before.observation, now())) {
      return yield* demote(`${Election.holderOf(before.lease)} holds the lease`)
    }
    const sentAt = yield* write(before)
    if (!leads()) return yield* promote(sentAt)
    deadline = Election.deadlineOf(candidate, sentAt)
    fence.openUntil(deadline)
  })

  const failed = Effect.fnUntraced(function* (error: { readonly _tag: string; readonly message: string }) {
    isDoubtful = true
    if (trouble === error._tag) return
    trouble = error._tag
    const line = error._tag === "KubernetesFatalError" ? Effect.logError : Effect.logWarning
    yield* line("the lease cannot be taken or renewed; tried again until it can").pipe(
      Effect.annotateLogs({ ...annotations, error: error._tag, detail: error.message })
    )
  })

  const succeeded = Effect.suspend(() => {
    if (trouble === undefined) return Effect.void
    trouble = undefined
    return Effect.logInfo("the lease can be taken and renewed again").pipe(Effect.annotateLogs(annotations))
  })

  /** What is left of the time in which this replica leads. */
  const left = () => (deadline === undefined ? Duration.infinity : Duration.nanos(max(0n, deadline - now())))

  const elect = Effect.gen(function* () {
    yield* attempt.pipe(
      Effect.tap(() => Effect.andThen(warmUp.judge(undefined), succeeded)),
      Effect.catch((error) =>
        error._tag === "SchemaError" ? failed(error) : Effect.flatMap(warmUp.judge(error), failed)
      ),
      Effect.timeoutOption(left())
    )
    if (deadline !== undefined && !leads()) yield* demote("it could not be renewed in time")
    // A leader in doubt has little time left: it comes again sooner, so that one lost answer does not cost it the lease.
    const retry = Duration.times(candidate.timing.retry, leads() && isDoubtful ? 0.5 : 1)
    const pause = RetryPolicy.delayAfter(
      { ...RetryPolicy.lease, base: retry, cap: retry },
      { _tag: "" },
      1,
      yield* Random.next
    )
    yield* Effect.sleep(Duration.min(pause, left()))
    if (deadline !== undefined && !leads()) yield* demote("it could not be renewed in time")
  })

  const giveBack = Effect.gen(function* () {
    if (!leads() || known === undefined) return
    const { raw } = known
    yield* demote("this replica stops")
    yield* api.update(Leases, Election.released(raw, yield* DateTime.now), { priority: "lease" }).pipe(
      Effect.andThen(Effect.logInfo("the lease is given back").pipe(Effect.annotateLogs(annotations))),
      Effect.catch((error: KubernetesError) =>
        Effect.logWarning("the lease could not be given back; it runs out by itself").pipe(
          Effect.annotateLogs({ ...annotations, detail: error.message })
        )
      )
    )
  })

  const election = yield* Effect.forkScoped(Effect.forever(elect))
  yield* Effect.addFinalizer(() => Effect.andThen(Fiber.interrupt(election), giveBack))

  const leader = () => {
    if (known === undefined || leads()) return undefined
    const { lease, observation } = known
    if (Election.mayTake(candidate, lease, observation, now())) return undefined
    return lease.metadata.annotations?.[executorAddress]
  }
  return Leadership.of({
    role: () => {
      if (leads()) return "Leader"
      return hasLed && leader() === undefined ? "Demoted" : "Standby"
    },
    leader,
    whileLeading: between(gained, lost),
    whileFollowing: between(lost, gained)
  })
})

/** Runs the effect from the opening of one latch to that of the other, again and again. */
const between =
  (begin: Latch.Latch, end: Latch.Latch) =>
  <E>(self: Effect.Effect<never, E>): Effect.Effect<never, E> =>
    Effect.forever(Effect.andThen(begin.await, Effect.raceFirst(self, Effect.andThen(end.await, Effect.void))))

const max = (one: bigint, other: bigint): bigint => (one > other ? one : other)
