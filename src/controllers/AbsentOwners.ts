import { Clock, Context, Duration, Effect, Layer } from "effect"
import { labels } from "../fission/Labels.ts"
import { type Described, Functions, FunctionVersions, type ResourceKind } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import type { StoreReader } from "../kubernetes/Store.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import type { WorkError, WorkKey } from "../namespaces/WorkQueue.ts"
import { Brake, type Load } from "../safeguards/Brake.ts"
import { DecisionLog } from "../safeguards/DecisionLog.ts"
import { Deletion } from "../safeguards/Deletion.ts"
import { DryRun } from "../safeguards/DryRun.ts"
import { Ground, type OwnerReference } from "../safeguards/Ground.ts"

/** Which owners of one name to look for, and what to do about each that is proven gone. */
export interface Absence {
  readonly view: NamespaceView
  readonly kind: ResourceKind
  readonly name: string
  /** UID under that name in the view: never taken for gone. */
  readonly liveUid: string | undefined
  /** The work under which to look again. */
  readonly key: WorkKey
  readonly remove: (owner: OwnerReference, ground: Ground) => Effect.Effect<void, WorkError>
}

/** Why an owner is looked for. `Event`: the watch said that it was deleted. */
export interface Suspicion {
  readonly evidence: "Event" | "List"
  /** Monotonic nanoseconds. */
  readonly suspectedAt: bigint
}

interface Suspect extends Suspicion {
  readonly owner: OwnerReference
}

/** Time between two looks whether the brake is off, which cost the API nothing. */
const whileStopped = Duration.seconds(2)

/**
 * Owners that a view no longer shows, until their absence is proven or refuted (failure-semantics.md section 9.2), and
 * the brake lets their objects go. Suspicions live in memory: after a restart the sweep of the views raises them again.
 */
export class AbsentOwners extends Context.Service<
  AbsentOwners,
  {
    /** An owner is not in the view any more. `Event`: the watch said that it was deleted; stronger than `List`. */
    readonly suspect: (owner: OwnerReference, evidence: "Event" | "List") => void
    /** Looks at every suspect of that kind and name; repeatable, looks again later where one look proves nothing. */
    readonly settle: (absence: Absence) => Effect.Effect<void, WorkError>
    /** Undefined for an owner that nobody suspects; of that name, and of that UID where one is given. */
    readonly suspicionOf: (
      owner: Omit<OwnerReference, "uid"> & { readonly uid: string | undefined }
    ) => Suspicion | undefined
  }
>()("fission-executor/controllers/AbsentOwners") {
  static readonly layer: Layer.Layer<AbsentOwners, never, Deletion | Brake | DryRun | DecisionLog | Supervisor> =
    Layer.effect(
      AbsentOwners,
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const deletion = yield* Deletion
        const brake = yield* Brake
        const dryRun = yield* DryRun
        const decisions = yield* DecisionLog
        const supervisor = yield* Supervisor
        const suspects = new Map<string, Map<string, Suspect>>()

        const loadOf = ({ kind, view }: Absence, { owner, suspectedAt }: Suspect): Load => {
          const suspected = new Set<string>()
          for (const known of suspects.values()) {
            for (const [uid, suspect] of known) if (suspect.owner.namespace === view.namespace) suspected.add(uid)
          }
          const pods = [...view.pods.values()].filter((pod) => !belongsToPool(pod))
          const owners = [...view.deployments.values(), ...view.services.values(), ...pods].map(ownerUids)
          return {
            owner,
            suspectedAt,
            objects: owners.length,
            threatened: owners.filter((uids) => uids.some((uid) => suspected.has(uid))).length,
            own: owners.filter((uids) => uids.includes(owner.uid)).length,
            listedAt: viewOf(view, kind).listedAt()
          }
        }

        /** Removes what the owner left behind, unless the brake is on. */
        const removeProven = Effect.fnUntraced(function* (absence: Absence, suspect: Suspect, ground: Ground) {
          const { owner } = suspect
          const load = loadOf(absence, suspect)
          if (dryRun.isOn) {
            yield* dryRun.wouldDelete({
              ...owner,
              ground: ground._tag,
              reason: "what runs for it would be deleted, for it is gone",
              evidence: { objects: load.own }
            })
            return true
          }
          if (!(yield* brake.admit(load))) return false
          yield* absence.remove(owner, ground)
          return true
        })

        /** The brake is on: the list that may take it off is asked for, and the owner looked at later. */
        const waitForProof = Effect.fnUntraced(function* ({ key, kind, view }: Absence) {
          const cell = supervisor.cell(view.namespace)
          yield* cell?.relist(kind.plural) ?? Effect.void
          yield* cell?.enqueueAfter(key, whileStopped) ?? Effect.void
          return false
        })

        /** What runs for an owner that may be gone stays, because it is not proven gone. */
        const kept = (owner: OwnerReference, reason: string) =>
          decisions.recordOnce({ ...owner, action: "Kept", ground: "OwnerAbsent", reason })

        /** Whether the suspicion is settled. */
        const settleOne = Effect.fnUntraced(function* (absence: Absence, suspect: Suspect) {
          const { kind, key, view } = absence
          const { evidence, owner } = suspect
          if (brake.status(view.namespace) !== undefined && brake.holds(loadOf(absence, suspect))) {
            return yield* waitForProof(absence)
          }
          const presence = yield* deletion
            .confirmAbsent(kind, owner, evidence)
            .pipe(
              Effect.tapError(() => kept(owner, "the view lacks it, but a live look failed: unknown is not absent"))
            )
          const cell = supervisor.cell(view.namespace)
          switch (presence._tag) {
            case "Absent": {
              const removed = yield* removeProven(absence, suspect, Ground.OwnerAbsent({ proof: presence.proof }))
              return removed || (yield* waitForProof(absence))
            }
            case "Present":
              yield* kept(owner, "the view lacks it, but it exists; its kind is listed again")
              yield* cell?.relist(kind.plural) ?? Effect.void
              return true
            case "Unproven":
              yield* kept(owner, "a live look did not find it; without an event it takes a second one a minute later")
              yield* cell?.enqueueAfter(key, presence.lookAgainAfter) ?? Effect.void
              return false
          }
        })

        return AbsentOwners.of({
          suspect: (owner, evidence) => {
            const id = `${owner.kind}/${owner.namespace}/${owner.name}`
            const known = suspects.get(id) ?? new Map()
            const before = known.get(owner.uid)
            if (before?.evidence !== "Event") {
              const suspectedAt = before?.suspectedAt ?? clock.monotonicTimeNanosUnsafe()
              known.set(owner.uid, { owner, evidence, suspectedAt })
            }
            suspects.set(id, known)
          },
          suspicionOf: (owner) => {
            const known = suspects.get(`${owner.kind}/${owner.namespace}/${owner.name}`)
            return owner.uid === undefined ? known?.values().next().value : known?.get(owner.uid)
          },
          settle: Effect.fnUntraced(function* (absence) {
            const id = `${absence.kind.kind}/${absence.view.namespace}/${absence.name}`
            const known = suspects.get(id)
            for (const [uid, suspect] of known ?? []) {
              const settled = uid === absence.liveUid || (yield* settleOne(absence, suspect))
              if (settled) known?.delete(uid)
            }
            if (known?.size === 0) suspects.delete(id)
          })
        })
      })
    )
}

const viewOf = (view: NamespaceView, { plural }: ResourceKind): StoreReader<Described> => {
  if (plural === FunctionVersions.plural) return view.functionVersions
  return plural === Functions.plural ? view.functions : view.environments
}

/**
 * UIDs of the Environment and the Function without which an object goes. A Deployment of one function outlives its
 * Environment.
 */
const ownerUids = ({ metadata }: Described): ReadonlyArray<string> => {
  const isOfPoolmgr = metadata.labels?.[labels.executorType] === "poolmgr"
  const owners = isOfPoolmgr ? [labels.environmentUid, labels.functionUid] : [labels.functionUid]
  return owners.flatMap((label) => metadata.labels?.[label] ?? [])
}

/** A pod that its Deployment takes along: it is not deleted by us. */
const belongsToPool = ({ metadata }: Described): boolean => metadata.labels?.[labels.managed] === "true"
