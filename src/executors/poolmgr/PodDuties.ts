import { Data, Duration } from "effect"
import type { PooledPod } from "../../caches/PoolCache.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import { keyOf, type ObjectMeta } from "../../fission/ObjectMeta.ts"
import type { ReferenceVersions } from "../../fission/ReferencedObjects.ts"

/** Why a pod is taken out of service, and how long its last requests may take. */
export interface DrainOrder {
  /** Time since the last access at the moment of the order. */
  readonly idleFor: Duration.Duration
  /** How long a pod must be idle for this. */
  readonly threshold: Duration.Duration
  /** What took its place, where that is the reason and not idleness. */
  readonly supersededBy?: string
  /** Time between the end of new requests and the delete. */
  readonly grace: Duration.Duration
}

/** The order for a pod that nobody has a request for, now or later. */
export const atOnce: DrainOrder = { idleFor: Duration.zero, threshold: Duration.zero, grace: Duration.zero }

/** What a pod serves, from when on its function was loaded. */
export interface Serving {
  readonly pod: PooledPod
  readonly fn: FissionFunction
  /** What of Secrets and ConfigMaps the view showed before the load; undefined where it could not tell. */
  readonly references: ReferenceVersions | undefined
}

/** What was begun with a pod and has to be ended, whatever the API answers meanwhile. Times are monotonic. */
export type Duty = Data.TaggedEnum<{
  /** A request is loading code into it. */
  Claimed: {}
  /** It serves; labels and annotations have yet to say so. */
  Serving: Serving
  /** The API accepted what they say; the view has yet to show it. */
  Recorded: {}
  /** It may have received code and will never serve. */
  Discarded: { readonly reason: string }
  /**
   * No new requests; deleted once the grace is over. `drainingSince`: when the API accepted that. `isRecorded`: whether
   * labels and annotations ever said that it served.
   */
  Draining: {
    readonly order: DrainOrder
    readonly orderedAt: bigint
    readonly drainingSince: bigint | undefined
    readonly isRecorded: boolean
  }
  /** The API accepted its delete; the view has yet to show that. */
  Deleted: {}
  /** Somebody else's claim, which may still be finished. */
  Foreign: { readonly since: bigint }
}>
export const Duty = Data.taggedEnum<Duty>()

/** Whether the pod counts as one that nobody has recorded yet: it serves, or served before it drained. */
export const isUnrecorded = (duty: Duty | undefined): boolean =>
  duty?._tag === "Serving" || (duty?._tag === "Draining" && !duty.isRecorded)

/** Which pod is meant: names are used again, UIDs are not. */
export type PodReference = Pick<ObjectMeta, "name" | "namespace" | "uid">

/** At most one duty a pod. */
export interface PodDuties {
  readonly of: (pod: PodReference) => Duty | undefined
  readonly set: (pod: PodReference, duty: Duty) => void
  /** Forgets the pod's duty; gives what it was. */
  readonly end: (pod: PodReference) => Duty | undefined
  /** The same for the pods that had this name before the one that has it now, if any has it. */
  readonly endFormer: (present: PodReference) => ReadonlyArray<Duty>
}

/** No duties. */
export const make = (): PodDuties => {
  const byName = new Map<string, Map<string, Duty>>()
  const uidOf = ({ uid }: PodReference) => uid ?? ""

  const end = (pod: PodReference) => {
    const duties = byName.get(keyOf(pod))
    const duty = duties?.get(uidOf(pod))
    duties?.delete(uidOf(pod))
    if (duties?.size === 0) byName.delete(keyOf(pod))
    return duty
  }

  return {
    of: (pod) => byName.get(keyOf(pod))?.get(uidOf(pod)),
    set: (pod, duty) => {
      const duties = byName.get(keyOf(pod)) ?? new Map<string, Duty>()
      byName.set(keyOf(pod), duties.set(uidOf(pod), duty))
    },
    end,
    endFormer: (present) =>
      [...(byName.get(keyOf(present))?.keys() ?? [])]
        .filter((uid) => uid !== uidOf(present))
        .flatMap((uid) => end({ ...present, uid }) ?? [])
  }
}
