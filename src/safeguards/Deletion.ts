import { Clock, Context, Data, Duration, Effect, Layer, Metric } from "effect"
import type { KubernetesError } from "../Errors.ts"
import { isDeleting } from "../fission/Workloads.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"
import { KubernetesApi, KubernetesDeletion } from "../kubernetes/KubernetesApi.ts"
import { DecisionLog } from "./DecisionLog.ts"
import { type AbsenceProof, evidenceOf, type Ground, objection, type OwnerReference } from "./Ground.ts"

/** One object, identified by UID so that a namesake is never touched. */
export interface Subject {
  readonly kind: ResourceKind
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** The evidence does not carry the ground: nothing was deleted. Asking again later, with a fresher view, may do. */
export class DeletionRefused extends Data.TaggedError("DeletionRefused")<{
  readonly subject: Subject
  readonly ground: Ground["_tag"]
  readonly objection: string
}> {
  override get message(): string {
    const { kind, name, namespace } = this.subject
    return `${kind.kind} ${namespace}/${name} was not deleted on the ground ${this.ground}: ${this.objection}`
  }
}

/**
 * What a live look at an owner showed. `Present`: it exists, so whatever view said otherwise is wrong. `Unproven`: it
 * is not there, but one look is not enough; look again after the given time.
 */
export type Presence =
  | { readonly _tag: "Absent"; readonly proof: AbsenceProof }
  | { readonly _tag: "Present" }
  | { readonly _tag: "Unproven"; readonly lookAgainAfter: Duration.Duration }

/** How something is deleted, and what the decision log says of it. */
export interface DeletionOptions {
  readonly gracePeriodSeconds?: number
  readonly reason?: string
  /** The pods of a Deployment go on without it. */
  readonly leavesPods?: boolean
}

/** Two live 404s prove absence only this far apart (failure-semantics.md section 9.2). */
const betweenLooks = Duration.seconds(60)

/**
 * The only way to delete or scale down anything (failure-semantics.md section 9.2). Each call names its ground and
 * shows the evidence; both are logged.
 */
export class Deletion extends Context.Service<
  Deletion,
  {
    /**
     * Deletes exactly the object with this UID. Done already, or another UID under the name, is success; repeatable
     * after a `TimeoutError`. Does not retry: the caller's queue does.
     */
    readonly delete: (
      subject: Subject,
      ground: Ground,
      options?: DeletionOptions
    ) => Effect.Effect<void, KubernetesError | DeletionRefused>
    /** Runs a write that lowers a number of replicas, if the evidence carries the ground. The write must be guarded. */
    readonly scaleDown: <A>(
      subject: Subject,
      ground: Ground,
      write: Effect.Effect<A, KubernetesError>
    ) => Effect.Effect<A, KubernetesError | DeletionRefused>
    /**
     * Looks whether an owner is gone: with a DELETED event one live 404 proves it, without one two live 404s a minute
     * apart do (the first is remembered, nothing waits here), and another UID under the name always does. Any error
     * is unknown, and fails. An owner of which only the name is known has an empty UID: whatever has the name is it.
     */
    readonly confirmAbsent: (
      kind: ResourceKind,
      owner: OwnerReference,
      evidence: "Event" | "List"
    ) => Effect.Effect<Presence, KubernetesError>
  }
>()("fission-executor/safeguards/Deletion") {
  static readonly layer: Layer.Layer<Deletion, never, KubernetesApi | KubernetesDeletion | DecisionLog> = Layer.effect(
    Deletion,
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const deletion = yield* KubernetesDeletion
      const decisions = yield* DecisionLog
      const firstLooks = new Map<string, bigint>()

      const check = Effect.fnUntraced(function* (subject: Subject, ground: Ground) {
        const why = objection(ground)
        if (why === undefined) return
        const refused = new DeletionRefused({ subject, ground: ground._tag, objection: why })
        yield* decisions.record({
          action: "Refused",
          ...identify(subject),
          ground: ground._tag,
          reason: refused.message,
          evidence: evidenceOf(ground)
        })
        return yield* refused
      })

      /** Whether a delete whose answer was lost took effect after all. */
      const isGone = (subject: Subject) =>
        api.get(subject.kind, subject).pipe(
          Effect.map((live) => live.metadata.uid !== subject.uid || isDeleting(live.metadata)),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed(true))
        )

      const remove = Effect.fn("Deletion.delete")(function* (
        subject: Subject,
        ground: Ground,
        options?: DeletionOptions
      ) {
        yield* check(subject, ground)
        const outcome = yield* deletion
          .delete(subject.kind, subject, {
            uid: subject.uid,
            propagationPolicy: options?.leavesPods === true ? "Orphan" : "Background",
            gracePeriodSeconds: options?.gracePeriodSeconds
          })
          .pipe(
            Effect.as("object deleted"),
            Effect.catchTag(["KubernetesNotFound", "KubernetesConflict"], () =>
              Effect.succeed("object was gone already")
            ),
            Effect.catchTag("KubernetesTimeoutError", (error) =>
              error.outcomeUnknown
                ? Effect.flatMap(isGone(subject), (gone) =>
                    gone ? Effect.succeed("object deleted") : Effect.fail(error)
                  )
                : Effect.fail(error)
            )
          )
        yield* decisions.record({
          action: "Deleted",
          ...identify(subject),
          ground: ground._tag,
          reason: options?.reason === undefined ? outcome : `${outcome}: ${options.reason}`,
          evidence: evidenceOf(ground)
        })
      })

      const scaleDown = Effect.fn("Deletion.scaleDown")(function* <A>(
        subject: Subject,
        ground: Ground,
        write: Effect.Effect<A, KubernetesError>
      ) {
        yield* check(subject, ground)
        const result = yield* write
        yield* decisions.record({
          action: "ScaledDown",
          ...identify(subject),
          ground: ground._tag,
          reason: "object scaled down",
          evidence: evidenceOf(ground)
        })
        return result
      })

      /** Undefined: nothing under the name. An object without a UID, which no server should give, passes for the owner. */
      const liveUid = (kind: ResourceKind, owner: OwnerReference) =>
        api.get(kind, owner).pipe(
          Effect.map((live) => live.metadata.uid ?? owner.uid),
          Effect.catchTag("KubernetesNotFound", () => Effect.succeed(undefined))
        )

      const confirmAbsent = Effect.fn("Deletion.confirmAbsent")(function* (
        kind: ResourceKind,
        owner: OwnerReference,
        evidence: "Event" | "List"
      ) {
        const absent = (by: AbsenceProof["by"]): Presence => ({ _tag: "Absent", proof: { owner, by } })
        const present: Presence = { _tag: "Present" }

        const prevented = Metric.update(Metric.withAttributes(teardownsPrevented, { kind: kind.kind }), 1)
        const live = yield* Effect.tapError(liveUid(kind, owner), () => prevented)
        const isThere = live !== undefined && (owner.uid === "" || live === owner.uid)
        if (isThere) yield* prevented
        const now = yield* Clock.monotonicTimeNanos
        const id = owner.uid === "" ? `${kind.plural} ${owner.namespace}/${owner.name}` : owner.uid
        const first = firstLooks.get(id) ?? now
        firstLooks.delete(id)
        if (isThere) return present
        if (live !== undefined) return absent("AnotherUid")
        if (evidence === "Event") return absent("DeletedEventAndLive404")

        const apart = Duration.nanos(now - first)
        if (Duration.isGreaterThanOrEqualTo(apart, betweenLooks)) return absent("TwoLive404s")
        firstLooks.set(id, first)
        const unproven: Presence = { _tag: "Unproven", lookAgainAfter: Duration.subtract(betweenLooks, apart) }
        return unproven
      })

      return Deletion.of({ delete: remove, scaleDown, confirmAbsent })
    })
  )
}

/** The number that shows what it is good for that unknown is not absent (failure-semantics.md section 9.7). */
const teardownsPrevented = Metric.counter("fission_executor_unknown_not_absent_total", {
  description: "Looks at an owner missing from a view that did not prove it gone: it exists, or the look failed",
  incremental: true
})

const identify = (subject: Subject) => ({
  kind: subject.kind.kind,
  namespace: subject.namespace,
  name: subject.name,
  uid: subject.uid
})
