import { Context, type Duration, type Effect, type Stream } from "effect"
import type { KubernetesError } from "../Errors.ts"
import type { ObjectMeta } from "../fission/ObjectMeta.ts"
import type { ResourceKind } from "../fission/ResourceKind.ts"

/** An object as it is on the wire: known metadata, everything else untouched, so that a write loses no field. */
export interface KubernetesObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}

/** The least an answer must be to be taken for an object. */
export const isObject = (value: unknown): value is KubernetesObject =>
  typeof value === "object" &&
  value !== null &&
  "metadata" in value &&
  typeof value.metadata === "object" &&
  value.metadata !== null

/**
 * Who waits for the answer. It chooses the connection pool and the default deadline
 * (failure-semantics.md sections 3 and 9.4): `request` a cold start (read 3 s, write 5 s), `background` everything
 * else (15 s, lists 30 s), `lease` the leader's lease (3 s).
 */
export type CallPriority = "request" | "background" | "lease"

/** Settings of one call. */
export interface CallOptions {
  /** Default `background`. */
  readonly priority?: CallPriority
  /** Deadline of this attempt, told to the server too (`timeout=`). Default by priority. */
  readonly deadline?: Duration.Input
}

/** Settings of one patch. */
export interface PatchOptions extends CallOptions {
  /**
   * Passes a closed `WriteFence`. For nothing but the final patch of a pod of the own reserve, which is this process's by
   * its mark and not by the lease; UID and resourceVersion guard it (lifecycle.md section 4).
   */
  readonly withoutLease?: boolean
}

/** One object: `namespace` is empty or absent for cluster-wide kinds. */
export interface ObjectReference {
  readonly namespace?: string | undefined
  readonly name: string
}

/** Which part of a collection. Absent namespace: all namespaces. */
export interface ListOptions extends CallOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** Most objects of this page; the server ignores it together with `resourceVersion: "0"`. */
  readonly limit?: number
  readonly continue?: string | undefined
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: "Exact" | "NotOlderThan"
}

/** One page of a list. */
export interface ListPage {
  /** Version of the whole list, the one to watch from. */
  readonly resourceVersion: string
  /** Token of the next page, undefined on the last. */
  readonly continue: string | undefined
  readonly items: ReadonlyArray<KubernetesObject>
  /** Bytes of the body, from which the next page's limit follows (failure-semantics.md section 9.4). */
  readonly bytes: number
}

/** Where to watch from, and how long. */
export interface WatchOptions {
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  readonly resourceVersion: string
  /** The server ends the stream cleanly after this. */
  readonly timeout: Duration.Input
  /** Run once the server has accepted the watch, before the first event. */
  readonly opened?: Effect.Effect<void>
  /** A stream without a byte for this long is aborted and fails with `TimeoutError` of kind `Connection`. */
  readonly silence: Duration.Input
}

/** How old the server is: `1` and `33`; anything else is no release. */
export interface ServerVersion {
  readonly major: number
  readonly minor: number
}

/** One line of a watch. A `BOOKMARK` carries nothing but a resourceVersion. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"
  readonly object: KubernetesObject
}

/** A partial object and how the server merges it. `strategic` works for built-in kinds only. */
export interface Patch {
  readonly type: "merge" | "strategic"
  readonly body: { readonly [field: string]: unknown }
  readonly subresource?: "status" | "scale"
}

/**
 * The one door to the Kubernetes API. No method retries; each has a deadline that the server is told too, and
 * interrupting the fiber aborts the request. Deleting is a door of its own, `KubernetesDeletion`.
 */
export class KubernetesApi extends Context.Service<
  KubernetesApi,
  {
    /** A quorum read of one object. Fails with `NotFound` when it does not exist. */
    readonly get: (
      kind: ResourceKind,
      reference: ObjectReference,
      options?: CallOptions
    ) => Effect.Effect<KubernetesObject, KubernetesError>
    /** One page. Fails with `Expired` when the continue token or version is too old. */
    readonly list: (kind: ResourceKind, options: ListOptions) => Effect.Effect<ListPage, KubernetesError>
    /**
     * Events in order, pulled: a slow reader slows the socket. Ends when the server ends the stream, fails with
     * `Expired` on an ERROR event of code 410, with `TimeoutError` on a broken or silent stream.
     */
    readonly watch: (kind: ResourceKind, options: WatchOptions) => Stream.Stream<WatchEvent, KubernetesError>
    /** Not repeatable by itself: after a `TimeoutError` with `outcomeUnknown` re-read before creating again. */
    readonly create: (
      kind: ResourceKind,
      object: KubernetesObject,
      options?: CallOptions
    ) => Effect.Effect<KubernetesObject, KubernetesError>
    /** Replaces the object; `metadata.resourceVersion` guards it, `Conflict` when somebody wrote in between. */
    readonly update: (
      kind: ResourceKind,
      object: KubernetesObject,
      options?: CallOptions & { readonly subresource?: "status" | "scale" | "finalize" }
    ) => Effect.Effect<KubernetesObject, KubernetesError>
    /**
     * `metadata.uid` and `metadata.resourceVersion` in the body are preconditions: `Conflict` when they do not hold. Of the
     * status of a custom resource the server looks at the resourceVersion only.
     */
    readonly patch: (
      kind: ResourceKind,
      reference: ObjectReference,
      patch: Patch,
      options?: PatchOptions
    ) => Effect.Effect<KubernetesObject, KubernetesError>
    /** The version that the server says it has. */
    readonly serverVersion: Effect.Effect<ServerVersion, KubernetesError>
  }
>()("fission-executor/kubernetes/KubernetesApi") {}

/** What is deleted: exactly the object with this UID (and version, where given), nothing else under its name. */
export interface DeleteOptions extends CallOptions {
  readonly uid: string
  readonly resourceVersion?: string | undefined
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan"
  /** Seconds; the object's own when absent. */
  readonly gracePeriodSeconds?: number | undefined
}

/**
 * The door for deletes. Only `safeguards/Deletion`, which asks for a ground, `orphans delete`, which has a person's word,
 * and the embedded cluster may use it; the lint rules hold that.
 */
export class KubernetesDeletion extends Context.Service<
  KubernetesDeletion,
  {
    /** Returns when the server accepted; a pod may live on for its grace period. `Conflict`: another UID. */
    readonly delete: (
      kind: ResourceKind,
      reference: ObjectReference,
      options: DeleteOptions
    ) => Effect.Effect<void, KubernetesError>
  }
>()("fission-executor/kubernetes/KubernetesDeletion") {}
