import { Duration } from "effect"
import { type DegradedReason, degradedReason, FissionError, type KubernetesError } from "../Errors.ts"
import type { FissionFunction } from "../fission/Function.ts"
import type { DeletionRefused } from "../safeguards/Deletion.ts"
import type { SpecializeError } from "../specialization/PodRequests.ts"
import type { NamespaceView } from "../informers/NamespaceView.ts"

/** Longest `Retry-After` that is passed on to the router, in seconds (failure-semantics.md section 5.5). */
const longestRetryAfter = 30

/** 500 with the words of the stock executor (http-api.md section 7.2). */
export const creationError = (fn: FissionFunction, problem: string, degraded?: DegradedReason): FissionError =>
  new FissionError({
    kind: "Internal",
    text: `[${fn.metadata.name}] error creating service for function: ${problem}`,
    degraded
  })

/** 503 where only the leader can answer, and this replica does not lead (http-api.md section 5). */
export const notTheLeader = (): FissionError =>
  new FissionError({
    kind: "Unavailable",
    text: "not the leader; retry against the executor service",
    retryAfterSeconds: 1
  })

/**
 * What a request answers when a call to the Kubernetes API failed: 503 with `Retry-After` while it may succeed later,
 * and for missing rights, which heal without the caller's doing; 500 for everything that stays (failure-semantics.md
 * sections 3 and 5.5).
 */
export const unavailable = (fn: FissionFunction, error: KubernetesError | DeletionRefused): FissionError => {
  if (error._tag === "KubernetesTimeoutError" && error.kind === "NotLeader") return notTheLeader()
  const passing =
    error._tag === "KubernetesTimeoutError" ||
    error._tag === "DeletionRefused" ||
    (error._tag === "KubernetesFatalError" && error.scope !== "object")
  const degraded = error._tag === "DeletionRefused" ? undefined : degradedReason(error)
  if (!passing) return creationError(fn, error.message, degraded)
  const asked = error._tag === "KubernetesTimeoutError" ? error.retryAfter : undefined
  const seconds = asked === undefined ? 1 : Math.ceil(Duration.toSeconds(asked))
  return new FissionError({
    kind: "Unavailable",
    text: `[${fn.metadata.name}] error creating service for function: ${error.message}`,
    retryAfterSeconds: Math.min(longestRetryAfter, Math.max(1, seconds)),
    degraded,
    cause: error
  })
}

/** 503 while the first lists of the namespace have not been answered. */
export const notSynced = (view: NamespaceView): FissionError =>
  new FissionError({
    kind: "Unavailable",
    text: `namespace ${view.namespace} has not been listed yet: the Kubernetes API does not answer for it`,
    retryAfterSeconds: 1
  })

/** Kinds of a pod's answers, by status (function-pod-protocol.md section 11); every other one is `Internal`. */
const kindOfStatus: { readonly [status: number]: FissionError["kind"] } = {
  400: "InvalidArgument",
  401: "NotAuthorized",
  403: "NotAuthorized",
  404: "NotFound",
  409: "NameExists",
  429: "TooManyRequests"
}

/** A pod's own answer goes to the caller word for word; anything else says what happened to the request. */
export const asFissionError = (fn: FissionFunction, error: SpecializeError): FissionError =>
  error.reason === "Answered"
    ? new FissionError({ kind: kindOfStatus[error.status] ?? "Internal", text: error.text, cause: error })
    : creationError(fn, `the pod did not answer: ${error.text}`)

/** 503 while too many pods wait for their final patch (poolmgr.md section 22.2). */
export const tooManyUnfinished = (fn: FissionFunction): FissionError =>
  new FissionError({
    kind: "Unavailable",
    text: `[${fn.metadata.name}] too many pods wait for their labels to be written; the Kubernetes API is slow`,
    retryAfterSeconds: 1
  })
