import { Duration } from "effect"
import { FissionError, type KubernetesError } from "../../Errors.ts"
import type { FissionFunction } from "../../fission/Function.ts"
import type { NamespaceView } from "../../informers/NamespaceView.ts"

/** Longest `Retry-After` that is passed on to the router, in seconds (failure-semantics.md section 5.5). */
const longestRetryAfter = 30

/** 500 with the words of the stock executor (http-api.md section 7.2). */
export const creationError = (fn: FissionFunction, problem: string): FissionError =>
  new FissionError({ kind: "Internal", text: `[${fn.metadata.name}] error creating service for function: ${problem}` })

/**
 * What a request answers when a call to the Kubernetes API failed: 503 with `Retry-After` while it may succeed later,
 * and for missing rights, which heal without the caller's doing; 500 for everything that stays (failure-semantics.md
 * sections 3 and 5.5).
 */
export const unavailable = (fn: FissionFunction, error: KubernetesError): FissionError => {
  const passing =
    error._tag === "KubernetesTimeoutError" || (error._tag === "KubernetesFatalError" && error.scope !== "object")
  if (!passing) return creationError(fn, error.message)
  const asked = error._tag === "KubernetesTimeoutError" ? error.retryAfter : undefined
  const seconds = asked === undefined ? 1 : Math.ceil(Duration.toSeconds(asked))
  return new FissionError({
    kind: "Unavailable",
    text: `[${fn.metadata.name}] error creating service for function: ${error.message}`,
    retryAfterSeconds: Math.min(longestRetryAfter, Math.max(1, seconds)),
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
