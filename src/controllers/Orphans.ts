import { Clock, Context, Duration, Effect, Layer } from "effect"
import { LeftoverAutoscalers } from "../executors/deployments/LeftoverAutoscalers.ts"
import { TakenNames, type TakenName } from "../executors/TakenNames.ts"
import {
  type ClaimedOwner,
  claimOf,
  type OwnedKind,
  ownerlessReason,
  type OwnerState
} from "../fission/ClaimedOwners.ts"
import { labels } from "../fission/Labels.ts"
import type { Described } from "../fission/ResourceKind.ts"
import { isDeleting } from "../fission/Workloads.ts"
import { isSynced, type NamespaceView } from "../informers/NamespaceView.ts"
import type { StoreReader } from "../kubernetes/Store.ts"
import type { NamespaceCell } from "../namespaces/NamespaceCell.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import { Brake } from "../safeguards/Brake.ts"
import { DryRun } from "../safeguards/DryRun.ts"
import { oldestUsableView } from "../safeguards/Ground.ts"
import { Leadership } from "../safeguards/Leadership.ts"
import { AbsentOwners } from "./AbsentOwners.ts"
import type { Orphan, OrphanReport } from "./OrphanReport.ts"

/** Objects that are listed; the others are counted. */
const capacity = 1000
/** Objects that are looked at before others get their turn. */
const stride = 500

/**
 * What belongs to nobody: its owner is in no view, its labels do not say whose it is, or it stands under a name that one of
 * our objects should have (lifecycle.md section 6.2). Read from the views and from what is known already; asks the API
 * nothing, and deletes nothing.
 */
export class Orphans extends Context.Service<
  Orphans,
  {
    /** Of one namespace, of Fission's resources or of workloads, or of all. Never fails. */
    readonly report: (namespace?: string) => Effect.Effect<OrphanReport>
  }
>()("fission-executor/controllers/Orphans") {
  static readonly layer: Layer.Layer<
    Orphans,
    never,
    Supervisor | AbsentOwners | TakenNames | LeftoverAutoscalers | Brake | DryRun | Leadership
  > = Layer.effect(
    Orphans,
    Effect.gen(function* () {
      const supervisor = yield* Supervisor
      const absentOwners = yield* AbsentOwners
      const takenNames = yield* TakenNames
      const leftovers = yield* LeftoverAutoscalers
      const brake = yield* Brake
      const dryRun = yield* DryRun
      const leadership = yield* Leadership

      const planFor = (view: NamespaceView, lost: ClaimedOwner | undefined, state: OwnerState | undefined): string => {
        if (lost === undefined) return "left alone: nothing proves whose it is"
        const suspicion = absentOwners.suspicionOf(lost)
        if (leadership.role() !== "Leader") return "nothing is done by this replica: it does not lead"
        if (dryRun.isOn) return "left alone: a dry run only says what would be deleted"
        const stopped = brake.status(view.namespace)
        if (stopped !== undefined) return `stopped by the ${stopped.reason}`
        if (state === "AnotherUid") return "deleted once a live look finds the other UID too"
        if (suspicion?.evidence === "Event") return `deleted once a live look finds no ${lost.kind} either`
        const proof = `deleted once two live looks a minute apart find no ${lost.kind}`
        return suspicion === undefined ? `${proof}; the first is within eleven minutes` : proof
      }

      /** What is wrong with an object of a view, undefined where nothing is. */
      const judge = (
        view: NamespaceView,
        kind: OwnedKind,
        { metadata }: Described,
        now: bigint
      ): Orphan | undefined => {
        if (isDeleting(metadata) || goesWithPool(kind, metadata)) return undefined
        const claim = claimOf(kind, metadata)
        const stateOf = (owner: ClaimedOwner) => stateIn(view, owner)
        const foreign = claim.owners.find(({ namespace }) => namespace !== view.namespace)
        if (foreign !== undefined) {
          const home = supervisor.cell(foreign.namespace)?.view.workloadNamespace
          // Another cell judges what is of a namespace that shares this one for workloads.
          if (home === view.workloadNamespace) return undefined
          const why = home === undefined ? "which is not served here" : `whose objects are in ${home}`
          const reason = `its ${foreign.kind} is in namespace ${foreign.namespace}, ${why}`
          return described(kind, metadata, {
            reason,
            since: undefined,
            now,
            plan: "left alone: it is not ours to judge"
          })
        }
        const reason = ownerlessReason(claim, stateOf)
        if (reason === undefined) return undefined
        const lost = claim.missing.length > 0 ? undefined : claim.owners.find((owner) => stateOf(owner) !== "Present")
        const since = lost && absentOwners.suspicionOf(lost)?.suspectedAt
        const isOfPool = kind === "Pod" && metadata.labels?.[labels.managed] === "true"
        const plan = isOfPool ? "left alone: it goes with its pool" : planFor(view, lost, lost && stateOf(lost))
        return described(kind, metadata, { reason, since, now, plan })
      }

      /** Objects without our labels that creations met, unless the owner has what it wanted by now, or is gone itself. */
      const inTheWay = Effect.fnUntraced(function* (view: NamespaceView, now: bigint) {
        const taken = yield* takenNames.recent(view.workloadNamespace)
        return taken
          .filter(({ owner }) => owner.namespace === view.namespace && stateIn(view, owner) === "Present")
          .filter((name) => !isFree(view, name))
          .map(({ kind, metadata, owner, since }) => {
            const which = `${owner.kind} ${owner.namespace}/${owner.name}`
            return described(kind, metadata, {
              reason: `it has the name that the ${kind} of ${which} should have, and is not its own`,
              since,
              now,
              plan: `left alone: ${which} goes without, and its name is tried again every five minutes`,
              flag: ` --${owner.kind.toLowerCase()} ${owner.namespace}/${owner.name}`
            })
          })
      })

      const orphansOf = Effect.fnUntraced(function* (view: NamespaceView) {
        const now = yield* Clock.monotonicTimeNanos
        const found = yield* inTheWay(view, now)
        const known = new Set(found.map(({ uid }) => uid))
        let looked = 0
        for (const [kind, objects] of objectsIn(view, leftovers.of(view))) {
          for (const object of objects) {
            if (++looked % stride === 0) yield* Effect.yieldNow
            const orphan = judge(view, kind, object, now)
            if (orphan !== undefined && !known.has(orphan.uid)) found.push(orphan)
          }
        }
        return found
      })

      return Orphans.of({
        report: Effect.fn("Orphans.report")(function* (namespace) {
          const orphans = new Map<string, Orphan>()
          const unjudged: Array<OrphanReport["unjudged"][number]> = []
          for (const cell of supervisor.cells) {
            const { view } = cell
            if (namespace !== undefined && ![view.namespace, view.workloadNamespace].includes(namespace)) continue
            const doubt = yield* doubtAbout(cell)
            if (doubt !== undefined) unjudged.push({ namespace: view.namespace, reason: doubt })
            else for (const orphan of yield* orphansOf(view)) orphans.set(orphan.uid, orphan)
          }
          const all = [...orphans.values()]
          return { orphans: all.slice(0, capacity), more: Math.max(0, all.length - capacity), unjudged }
        })
      })
    })
  )
}

/** Everything that may be without an owner. */
const objectsIn = (
  view: NamespaceView,
  autoscalers: ReadonlyArray<Described>
): ReadonlyArray<readonly [OwnedKind, Iterable<Described>]> => [
  ["Deployment", view.deployments.values()],
  ["Service", view.services.values()],
  ["HorizontalPodAutoscaler", autoscalers],
  ["Pod", view.pods.values()]
]

/** Why a namespace's views do not show what belongs to nobody; undefined where they do. Unknown is not absent. */
const doubtAbout = (cell: NamespaceCell): Effect.Effect<string | undefined> =>
  Effect.map(cell.view.services.age, (age) => {
    const { reason, state } = cell.health()
    if (!isSynced(cell.view)) return reason === "" ? "it has not been listed yet" : reason
    if (state !== "Healthy") return reason
    if (!cell.view.services.isSynced()) return "its Services have not been listed yet"
    return Duration.isGreaterThan(age, oldestUsableView) ? "the view of its Services is too old" : undefined
  })

/** What the view shows under an owner's name. Versions are watched from their first use: before that none is missed. */
const stateIn = (view: NamespaceView, { kind, name, uid }: Pick<ClaimedOwner, "kind" | "name" | "uid">): OwnerState => {
  if (kind === "FunctionVersion") {
    const isThere = view.functionVersions.get(view.namespace, name) !== undefined
    return isThere || !view.functionVersions.isSynced() ? "Present" : "Absent"
  }
  const store: StoreReader<Described> = kind === "Function" ? view.functions : view.environments
  const found = store.get(view.namespace, name)
  if (found === undefined) return "Absent"
  return found.metadata.uid === uid ? "Present" : "AnotherUid"
}

/** Whether the owner has an object of its own where the other one was. */
const isFree = (view: NamespaceView, { kind, metadata, owner }: TakenName): boolean => {
  if (kind === "HorizontalPodAutoscaler") return false
  if (owner.kind === "Environment") return view.deployments.indexed("environmentUid", owner.uid).length > 0
  const store: StoreReader<Described> = kind === "Service" ? view.services : view.deployments
  const shown = store.get(metadata.namespace ?? "", metadata.name)
  return shown?.metadata.labels?.[labels.functionUid] === owner.uid
}

/** A pod that its ReplicaSet takes along. */
const goesWithPool = (kind: OwnedKind, { labels: held, ownerReferences }: Described["metadata"]): boolean =>
  kind === "Pod" &&
  held?.[labels.managed] === "true" &&
  (ownerReferences ?? []).some((owner) => owner.controller === true)

const described = (
  kind: string,
  metadata: Described["metadata"],
  about: {
    readonly reason: string
    readonly plan: string
    readonly since: bigint | undefined
    readonly now: bigint
    /** How the command line is told whose it shall be, with a space before it. */
    readonly flag?: string
  }
): Orphan => {
  const { flag = "", now, plan, reason, since } = about
  const target = `${metadata.namespace ?? ""} ${kind} ${metadata.name}${flag}`
  return {
    kind,
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid ?? "",
    reason,
    createdAt: metadata.creationTimestamp ?? null,
    forSeconds: since === undefined ? null : Math.round(Number((now - since) / 100_000_000n)) / 10,
    plan,
    remedy: `fission-executor orphans delete ${target}, or orphans adopt where its owner exists`
  }
}
