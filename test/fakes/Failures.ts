import type { KubernetesCall, KubernetesError } from "../../src/Errors.ts"
import { classifyAnswer, classifyThrown } from "../../src/kubernetes/Classify.ts"

/** A failure of a given call, as a real API server or network makes it. */
export type Failure = (call: KubernetesCall) => KubernetesError

/** An answer of the API server as a `Status`. */
export const answered =
  (code: number, reason: string, message: string, details: { readonly [field: string]: unknown } = {}): Failure =>
  (call) =>
    classifyAnswer(call, {
      status: code,
      headers: {},
      body: JSON.stringify({
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message,
        ...(reason === "" ? {} : { reason }),
        details,
        code
      })
    })

/** 500: etcd is slow. */
export const etcdTimeout: Failure = answered(500, "", "etcdserver: request timed out")

/** 504: the server gave up waiting for etcd. */
export const gatewayTimeout: Failure = answered(
  504,
  "Timeout",
  "Timeout: request did not complete within requested timeout - context deadline exceeded"
)

/** 429 of priority and fairness: plain text, with a `Retry-After` header. */
export const tooManyRequests =
  (retryAfterSeconds: number): Failure =>
  (call) =>
    classifyAnswer(call, {
      status: 429,
      headers: { "retry-after": String(retryAfterSeconds) },
      body: "Too many requests, please try again later."
    })

/** 403: the service account lacks a right. */
export const forbidden: Failure = (call) =>
  answered(
    403,
    "Forbidden",
    `${call.resource} is forbidden: User "system:serviceaccount:fission:fission-executor" cannot ${call.verb} resource "${call.resource}" in API group "" in the namespace "${call.namespace ?? ""}"`,
    { kind: call.resource }
  )(call)

/** 404 of an object. */
export const notFound: Failure = (call) =>
  answered(404, "NotFound", `${call.resource} "${call.name ?? ""}" not found`, {
    name: call.name ?? "",
    kind: call.resource
  })(call)

/** 409 of a write on an old version, or with another UID. */
export const conflict: Failure = (call) =>
  answered(409, "Conflict", "the object has been modified", { name: call.name ?? "", kind: call.resource })(call)

/** 410 of an old version or continue token. */
export const expired: Failure = answered(410, "Expired", "too old resource version: 1 (5)")

/** The connection broke after the request was sent. */
export const connectionReset: Failure = (call) =>
  classifyThrown(call, Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }))

/** Nobody listens: nothing was sent. */
export const connectionRefused: Failure = (call) =>
  classifyThrown(call, Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:6443"), { code: "ECONNREFUSED" }))
