import { Context, Effect, Layer } from "effect"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import type { WorkError, WorkKey } from "../namespaces/WorkQueue.ts"
import { Deletion } from "../safeguards/Deletion.ts"
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

/**
 * Owners that a view no longer shows, until their absence is proven or refuted (failure-semantics.md section 9.2).
 * Suspicions live in memory: after a restart the sweep of the views raises them again.
 */
export class AbsentOwners extends Context.Service<
  AbsentOwners,
  {
    /** An owner is not in the view any more. `Event`: the watch said that it was deleted; stronger than `List`. */
    readonly suspect: (owner: OwnerReference, evidence: "Event" | "List") => void
    /** Looks at every suspect of that kind and name; repeatable, looks again later where one look proves nothing. */
    readonly settle: (absence: Absence) => Effect.Effect<void, WorkError>
  }
>()("fission-executor/controllers/AbsentOwners") {
  static readonly layer: Layer.Layer<AbsentOwners, never, Deletion | Supervisor> = Layer.effect(
    AbsentOwners,
    Effect.gen(function* () {
      const deletion = yield* Deletion
      const supervisor = yield* Supervisor
      const suspects = new Map<string, Map<string, { readonly owner: OwnerReference; evidence: "Event" | "List" }>>()

      const settleOne = Effect.fnUntraced(function* (
        absence: Absence,
        owner: OwnerReference,
        evidence: "Event" | "List"
      ) {
        const { kind, key, remove, view } = absence
        const presence = yield* deletion.confirmAbsent(kind, owner, evidence)
        const cell = supervisor.cell(view.namespace)
        switch (presence._tag) {
          case "Absent":
            yield* remove(owner, Ground.OwnerAbsent({ proof: presence.proof }))
            return true
          case "Present":
            yield* Effect.logWarning(
              "the view lacks an object that exists; nothing is removed and it is listed again"
            ).pipe(Effect.annotateLogs({ namespace: view.namespace, kind: kind.kind, name: owner.name }))
            yield* cell?.relist(kind.plural) ?? Effect.void
            return true
          case "Unproven":
            yield* cell?.enqueueAfter(key, presence.lookAgainAfter) ?? Effect.void
            return false
        }
      })

      return AbsentOwners.of({
        suspect: (owner, evidence) => {
          const id = `${owner.kind}/${owner.namespace}/${owner.name}`
          const known = suspects.get(id) ?? new Map()
          if (known.get(owner.uid)?.evidence !== "Event") known.set(owner.uid, { owner, evidence })
          suspects.set(id, known)
        },
        settle: Effect.fnUntraced(function* (absence) {
          const id = `${absence.kind.kind}/${absence.view.namespace}/${absence.name}`
          const known = suspects.get(id)
          for (const [uid, { evidence, owner }] of known ?? []) {
            const settled = uid === absence.liveUid || (yield* settleOne(absence, owner, evidence))
            if (settled) known?.delete(uid)
          }
          if (known?.size === 0) suspects.delete(id)
        })
      })
    })
  )
}
