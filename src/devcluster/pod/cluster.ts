import { setTimeout as sleep } from "node:timers/promises"
import { isJson, type Json, textAt } from "./json.ts"
import { exchange, isConnectionFailure, messageOf } from "./podProcess.ts"

/** Why an object could not be read; each class is repeated by a schedule of its own. */
export class ClusterError extends Error {
  readonly kind: "NotFound" | "Connection" | "Other"

  constructor(kind: ClusterError["kind"], message: string) {
    super(message)
    this.kind = kind
  }
}

/** What a fetcher asks the API server for. Every method rejects with a `ClusterError`. */
export interface Cluster {
  readonly getPackage: (namespace: string, name: string, signal: AbortSignal) => Promise<Json>
  readonly getSecret: (namespace: string, name: string, signal: AbortSignal) => Promise<Json>
  readonly getConfigMap: (namespace: string, name: string, signal: AbortSignal) => Promise<Json>
  /** Creates a core Event of type Normal on the own pod. */
  readonly emitEvent: (reason: string, message: string, signal: AbortSignal) => Promise<void>
}

/** Where the API server is, who asks, and the pod that it concerns. */
export interface ClusterOptions {
  readonly url: string
  readonly token: string
  readonly pod: { readonly namespace: string; readonly name: string }
}

/** Reads through the API server; each method is one request. */
export const makeCluster = ({ pod, token, url }: ClusterOptions): Cluster => {
  const authorization: { readonly [name: string]: string } = token === "" ? {} : { authorization: `Bearer ${token}` }

  const call = async (method: string, path: string, signal: AbortSignal, body?: Json): Promise<Json> => {
    const answer = await exchange(new URL(path, url), {
      method,
      signal,
      headers: { accept: "application/json", "content-type": "application/json", ...authorization },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    }).catch((cause: unknown) => {
      throw new ClusterError(isConnectionFailure(cause) ? "Connection" : "Other", messageOf(cause))
    })
    const object = parsed(answer.body)
    if (answer.status >= 200 && answer.status < 300 && object !== undefined) return object
    const said = textAt(object, "message") || answer.body.toString("utf8").slice(0, 500) || `HTTP ${answer.status}`
    throw new ClusterError(answer.status === 404 ? "NotFound" : "Other", said)
  }

  const get = (group: string, plural: string) => (namespace: string, name: string, signal: AbortSignal) =>
    call("GET", `${group}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}`, signal)

  return {
    getPackage: get("/apis/fission.io/v1", "packages"),
    getSecret: get("/api/v1", "secrets"),
    getConfigMap: get("/api/v1", "configmaps"),
    emitEvent: async (reason, message, signal) => {
      const now = new Date().toISOString().replace(/\.\d+Z$/u, "Z")
      await call("POST", `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/events`, signal, {
        apiVersion: "v1",
        kind: "Event",
        metadata: { generateName: `${pod.name}-`, namespace: pod.namespace },
        involvedObject: { apiVersion: "v1", kind: "Pod", namespace: pod.namespace, name: pod.name },
        type: "Normal",
        reason,
        message,
        source: { component: "fetcher" },
        count: 1,
        firstTimestamp: now,
        lastTimestamp: now
      })
    }
  }
}

const parsed = (body: Buffer): Json | undefined => {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"))
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Pauses in milliseconds after each failure of a class; the class that runs out ends the attempt (section 5, step 1). */
const pauses: { readonly [kind in ClusterError["kind"]]: ReadonlyArray<number> } = {
  NotFound: [10, 20, 40, 80, 100, 100, 100, 100],
  Connection: [500, 1000, 1500, 2000],
  Other: [50, 100, 200, 400]
}

/** Repeats a read by the schedules of function-pod-protocol.md section 5, step 1. */
export const withRetries = async <A>(read: () => Promise<A>, signal: AbortSignal): Promise<A> => {
  const failures = { NotFound: 0, Connection: 0, Other: 0 }
  while (true) {
    try {
      return await read()
    } catch (cause) {
      const kind = cause instanceof ClusterError ? cause.kind : "Other"
      const pause = pauses[kind][failures[kind]++]
      if (pause === undefined) throw cause
      await sleep(pause, undefined, { signal })
    }
  }
}
