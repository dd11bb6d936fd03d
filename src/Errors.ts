import { Data, type Duration } from "effect"

/** What was asked of the Kubernetes API when a call failed; every error of this family carries it. */
export interface KubernetesCall {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete"
  /** Plural resource name, with a slash before a subresource: `pods`, `functions/status`. */
  readonly resource: string
  /** Absent for a cluster-wide call. */
  readonly namespace?: string | undefined
  readonly name?: string | undefined
}

/** Whether a call may change something, so that its outcome is unknown when no answer comes. */
export const isWrite = (call: KubernetesCall): boolean => !["get", "list", "watch"].includes(call.verb)

/** A failed call and what the server, or the network, said about it. */
export interface KubernetesFailure extends KubernetesCall {
  /** HTTP status, absent when there was no complete answer. */
  readonly status?: number | undefined
  /** `reason` of the Status body, absent when the server gave none. */
  readonly reason?: string | undefined
  /** One line for a person; at most 500 characters of the server's text. */
  readonly detail: string
  readonly cause?: unknown
}

/** The call that failed. An Error has a `name` of its own, its tag, where the call names no object. */
export const failedCall = (error: KubernetesFailure & { readonly _tag: string }): KubernetesCall => ({
  verb: error.verb,
  resource: error.resource,
  namespace: error.namespace,
  name: error.name === error._tag ? undefined : error.name
})

const describe = (failure: KubernetesFailure & { readonly _tag: string }): string => {
  const { name, namespace } = failedCall(failure)
  const where = [namespace, name].filter((part) => part !== undefined && part !== "").join("/")
  const status = failure.status === undefined ? "" : ` (HTTP ${failure.status})`
  return `${failure.verb} ${failure.resource}${where === "" ? "" : ` ${where}`}: ${failure.detail}${status}`
}

/**
 * The same call may succeed later: retry with back-off, never conclude anything from it
 * (spec failure-semantics section 2). The tag differs from Effect's own `TimeoutError` on purpose.
 */
export class TimeoutError extends Data.TaggedError("KubernetesTimeoutError")<
  KubernetesFailure & {
    /** `NotLeader`: a write that was not sent, for this process does not lead. */
    readonly kind: "Deadline" | "Etcd" | "Unavailable" | "Throttled" | "Connection" | "Warmup" | "NotLeader"
    /** The least time to wait that the server asked for. */
    readonly retryAfter?: Duration.Duration | undefined
    /** True when a write may have been applied although it failed: re-read before repeating it. */
    readonly outcomeUnknown: boolean
  }
> {
  override get message(): string {
    return `${describe(this)} [${this.kind}]`
  }
}

/**
 * The same call will not succeed without somebody changing something: the object, the rights in a namespace, or the
 * resource (a missing CRD). It parks that scope with slow retries and never ends the process.
 */
export class FatalError extends Data.TaggedError("KubernetesFatalError")<
  KubernetesFailure & { readonly scope: "object" | "namespace" | "resource" }
> {
  override get message(): string {
    return describe(this)
  }
}

/** The server says that this object does not exist. Alone no ground for deleting anything (`safeguards/Deletion`). */
export class NotFound extends Data.TaggedError("KubernetesNotFound")<KubernetesFailure> {
  override get message(): string {
    return describe(this)
  }
}

/** Somebody else wrote first, or a UID precondition did not hold: re-read and decide again. */
export class Conflict extends Data.TaggedError("KubernetesConflict")<KubernetesFailure> {
  override get message(): string {
    return describe(this)
  }
}

/** The name is taken, perhaps by our own create whose answer was lost. */
export class AlreadyExists extends Data.TaggedError("KubernetesAlreadyExists")<KubernetesFailure> {
  override get message(): string {
    return describe(this)
  }
}

/** The resourceVersion or continue token is too old: list again. */
export class Expired extends Data.TaggedError("KubernetesExpired")<KubernetesFailure> {
  override get message(): string {
    return describe(this)
  }
}

/** Everything a call to the Kubernetes API can fail with. A caller that goes away is an interruption, not an error. */
export type KubernetesError = TimeoutError | FatalError | NotFound | Conflict | AlreadyExists | Expired

/** Kinds of an answer other than success, with the HTTP status each one leaves with (http-api.md section 7.1, H18). */
export const fissionErrorStatus = {
  Internal: 500,
  NotAuthorized: 403,
  NotFound: 404,
  NameExists: 409,
  InvalidArgument: 400,
  TooManyRequests: 429,
  ClientClosed: 499,
  Unavailable: 503
} as const

/** What the condition `ExecutorDegraded` says of a Function (failure-semantics.md section 5.6). */
export type DegradedReason =
  | "ApiTimeout"
  | "Forbidden"
  | "InvalidSpec"
  | "EnvironmentMissing"
  | "QuotaExceeded"
  | "NotReadyInTime"

/**
 * The reason that a failed call gives for `ExecutorDegraded`; undefined where it says nothing about the Function. A
 * `FatalError` of an object stays until somebody edits something.
 */
export const degradedReason = (error: KubernetesError): DegradedReason | undefined => {
  if (error._tag === "KubernetesTimeoutError") return error.kind === "NotLeader" ? undefined : "ApiTimeout"
  if (error._tag !== "KubernetesFatalError") return undefined
  if (error.scope !== "object") return "Forbidden"
  return error.status === 403 ? "QuotaExceeded" : "InvalidSpec"
}

/** How long one phase of a cold start took (observability.md O4). */
export interface PhaseTime {
  readonly phase: string
  readonly millis: number
}

/**
 * The answer to a caller of the executor's HTTP API who gets no address. `text` is the body, without the trailing
 * newline; `retryAfterSeconds` is sent as `Retry-After`.
 */
export class FissionError extends Data.TaggedError("FissionError")<{
  readonly kind: keyof typeof fissionErrorStatus
  readonly text: string
  readonly retryAfterSeconds?: number | undefined
  /** Set where the trouble is one of the Function that its status should show. */
  readonly degraded?: DegradedReason | undefined
  /** What the cold start that failed had done by then; the answer's body says it after the text. */
  readonly phases?: ReadonlyArray<PhaseTime> | undefined
  readonly cause?: unknown
}> {
  override get message(): string {
    return this.text
  }
  /** The same failure at the end of these phases; one that has phases keeps them. */
  after(phases: ReadonlyArray<PhaseTime>): FissionError {
    if (this.phases !== undefined || phases.length === 0) return this
    const { cause, degraded, kind, retryAfterSeconds, text } = this
    return new FissionError({ kind, text, retryAfterSeconds, degraded, phases, cause })
  }
  /** HTTP status of the answer. */
  get status(): number {
    return fissionErrorStatus[this.kind]
  }
}

/**
 * Wrong configuration at start: the only thing that may end the process (exit code 1). The message is one line that
 * names the setting, what is wrong with it and what to do.
 */
export class ConfigurationError extends Data.TaggedError("ConfigurationError")<{
  readonly setting: string
  readonly detail: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `${this.setting}: ${this.detail}`
  }
}
