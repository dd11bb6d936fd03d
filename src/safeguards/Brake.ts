import { Clock, Context, Effect, Layer } from "effect"
import { Settings } from "../Config.ts"
import { DecisionLog } from "./DecisionLog.ts"
import type { OwnerReference } from "./Ground.ts"

/** Fewer objects than this are never too many (failure-semantics.md section 9.2). */
const atLeast = 5
/** Deletions this recent count as one pass (nanoseconds). */
const passNanos = 10n * 60_000_000_000n

/** What the removal of one owner's objects would mean for a namespace. Times are monotonic nanoseconds. */
export interface Load {
  readonly owner: OwnerReference
  /** Objects in the namespace, whoever owns them. */
  readonly objects: number
  /** Those of them whose owners are taken for gone, this one included. */
  readonly threatened: number
  /** Those of this owner alone. */
  readonly own: number
  /** When the view lost this owner. */
  readonly suspectedAt: bigint
  /** When the latest complete list of the owner's kind began; undefined before the first. */
  readonly listedAt: bigint | undefined
}

/** A brake that is on. */
export interface BrakeStatus {
  /** Monotonic nanoseconds. */
  readonly since: bigint
  readonly reason: string
}

interface NamespaceBrake {
  /** What was let go, by the UID of its owner: a removal that is repeated counts once. */
  readonly deletions: Map<string, { readonly at: bigint; readonly objects: number }>
  stop: BrakeStatus | undefined
  releasedAt: bigint | undefined
}

/**
 * Stops deletions on the ground `OwnerAbsent` that would take more than a share of a namespace's objects, and at least
 * five, within ten minutes (failure-semantics.md section 9.2). It stops before the first of them, says so once, and
 * lets them go on when a list that began later still lacks the owners, or when a person says so.
 */
export class Brake extends Context.Service<
  Brake,
  {
    /** Whether the brake is on for this load: there is no use in looking at the owner now. */
    readonly holds: (load: Load) => boolean
    /** Whether the owner's objects may be deleted now; then they count as deleted. Puts the brake on where not. */
    readonly admit: (load: Load) => Effect.Effect<boolean>
    /** A person says that what is stopped in this namespace shall be deleted. False where nothing is stopped. */
    readonly release: (namespace: string) => Effect.Effect<boolean>
    /** Undefined while nothing is stopped. */
    readonly status: (namespace: string) => BrakeStatus | undefined
  }
>()("fission-executor/safeguards/Brake") {
  static readonly layer: Layer.Layer<Brake, never, Settings | DecisionLog> = Layer.effect(
    Brake,
    Effect.gen(function* () {
      const { deletionBrakePercent: percent } = yield* Settings
      const decisions = yield* DecisionLog
      const clock = yield* Clock.Clock
      const brakes = new Map<string, NamespaceBrake>()

      const brakeOf = (namespace: string) => {
        const known = brakes.get(namespace) ?? { deletions: new Map(), stop: undefined, releasedAt: undefined }
        brakes.set(namespace, known)
        return known
      }

      /** What is deleted within ten minutes when everything threatened is, and out of how many. */
      const shareOf = (brake: NamespaceBrake, load: Load, now: bigint) => {
        let gone = 0
        for (const [uid, { at, objects }] of brake.deletions) {
          if (now - at >= passNanos) brake.deletions.delete(uid)
          else if (uid !== load.owner.uid) gone += objects
        }
        return { taken: load.threatened + gone, of: load.objects + gone }
      }
      const isTooMuch = ({ of, taken }: { readonly taken: number; readonly of: number }) =>
        taken >= atLeast && taken * 100 > of * percent

      /** A view of later than both the stop and the suspicion proves that the owner is not just missing from one list. */
      const isProven = ({ releasedAt, stop }: NamespaceBrake, { listedAt, suspectedAt }: Load) => {
        const doubtedAt = later(stop?.since, suspectedAt)
        return later(listedAt, releasedAt ?? 0n) > doubtedAt
      }

      const putOn = Effect.fnUntraced(function* (
        brake: NamespaceBrake,
        { owner }: Load,
        share: { readonly taken: number; readonly of: number },
        since: bigint
      ) {
        const { namespace } = owner
        const reason = `brake: ${share.taken} of ${share.of} objects would be deleted because their owners are gone; waits for a fresh list that lacks them too, or POST /debug/brakes/release?namespace=${namespace}`
        brake.stop = { since, reason }
        yield* decisions.record({
          action: "Refused",
          kind: "Namespace",
          namespace,
          name: namespace,
          ground: "OwnerAbsent",
          reason,
          evidence: { ...share, percent, firstOwner: owner }
        })
      })

      const takeOff = Effect.fnUntraced(function* (brake: NamespaceBrake, namespace: string, why: string) {
        if (brake.stop === undefined) return
        brake.stop = undefined
        yield* Effect.logInfo("the brake is off; deletions on the ground OwnerAbsent go on").pipe(
          Effect.annotateLogs({ namespace, why })
        )
      })

      const admit = Effect.fnUntraced(function* (load: Load) {
        const now = clock.monotonicTimeNanosUnsafe()
        const { namespace } = load.owner
        const brake = brakeOf(namespace)
        const share = shareOf(brake, load, now)
        const tooMuch = isTooMuch(share)
        if (tooMuch && (brake.stop === undefined || !isProven(brake, load))) {
          if (brake.stop === undefined) yield* putOn(brake, load, share, now)
          return false
        }
        if (!tooMuch) yield* takeOff(brake, namespace, "few enough objects are left to be deleted")
        brake.deletions.set(load.owner.uid, { at: now, objects: load.own })
        return true
      })

      return Brake.of({
        admit,
        holds: (load) => {
          const brake = brakes.get(load.owner.namespace)
          if (brake?.stop === undefined || isProven(brake, load)) return false
          return isTooMuch(shareOf(brake, load, clock.monotonicTimeNanosUnsafe()))
        },
        release: (namespace) =>
          Effect.gen(function* () {
            const brake = brakes.get(namespace)
            if (brake?.stop === undefined) return false
            brake.releasedAt = clock.monotonicTimeNanosUnsafe()
            yield* Effect.logWarning("a person releases the brake").pipe(Effect.annotateLogs({ namespace }))
            return true
          }),
        status: (namespace) => brakes.get(namespace)?.stop
      })
    })
  )
}

const later = (one: bigint | undefined, other: bigint): bigint => (one === undefined || one < other ? other : one)
