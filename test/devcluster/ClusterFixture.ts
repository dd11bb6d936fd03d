import { fileURLToPath } from "node:url"
import { Effect, Layer } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { PodLogs } from "../../src/devcluster/PodLogs.ts"
import type { ResourceStore, StoredObject } from "../../src/devcluster/ResourceStore.ts"
import { type ServedKind, servedKinds } from "../../src/devcluster/ServedKinds.ts"
import type { Json } from "../../src/devcluster/Status.ts"
import { isJson } from "../../src/devcluster/StoredObject.ts"
import type { Program } from "../../src/devcluster/kubelet/Programs.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"

/** The User-Agent of the clients of these tests. */
export const userAgent = "test-client/1"

/** A kind that the embedded server serves. */
export const served = (kind: string): ServedKind => {
  const found = servedKinds.find((known) => known.kind === kind)
  if (found === undefined) throw new Error(`the kind ${kind} is not served`)
  return found
}

/** An API server with its faults and logs, and nobody else. */
export const serverLayer = ApiServer.layer({ host: "127.0.0.1", port: 0 }).pipe(
  Layer.provideMerge(Layer.merge(Faults.layer, PodLogs.layer))
)

/** The same with both doors of a client. */
export const clientLayer = Layer.unwrap(
  Effect.map(ApiServer, ({ url }) => KubernetesApiLive.layer(Credentials.fromServer(url), userAgent))
).pipe(Layer.provideMerge(serverLayer))

/** Runs the program of the fixtures for every image. */
export const fixturePrograms: ReadonlyArray<Program> = [
  {
    description: "every image",
    runs: () => true,
    file: fileURLToPath(new URL("fixtures/program.ts", import.meta.url))
  }
]

/** Waits until the store gives a value, looking at it after each of its events. */
export const eventually = <A>(store: ResourceStore, look: () => A | undefined): Effect.Effect<A> =>
  Effect.callback<A>((resume) => {
    let unsubscribe = () => {}
    const check = () => {
      const found = look()
      if (found === undefined) return
      unsubscribe()
      resume(Effect.succeed(found))
    }
    unsubscribe = store.subscribe(check)
    check()
    return Effect.sync(unsubscribe)
  })

/** Every object of a kind in a namespace. */
export const all = (store: ResourceStore, kind: string, namespace?: string): ReadonlyArray<StoredObject> =>
  store.list(served(kind), { namespace, matches: () => true })

/** A value deep in an object; undefined where there is none. */
export const at = (object: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>((value, key) => {
    if (Array.isArray(value)) return value[Number(key)]
    return isJson(value) ? value[key] : undefined
  }, object)

/** Whether the Pod's Ready condition is true. */
export const isReady = (pod: StoredObject): boolean => {
  const conditions = at(pod, "status", "conditions")
  return (
    Array.isArray(conditions) &&
    conditions.some((condition) => at(condition, "type") === "Ready" && at(condition, "status") === "True")
  )
}

/** The answer to one request. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** One request as any client may send it. */
export const request = (
  url: string,
  method = "GET",
  body?: unknown,
  headers: { readonly [name: string]: string } = {}
): Effect.Effect<Exchange> =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, {
      method,
      signal,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const text = await response.text()
    const isDocument = response.headers.get("content-type") === "application/json"
    return { status: response.status, headers: response.headers, text, json: isDocument ? JSON.parse(text) : undefined }
  })

/** The least that a Function must say. */
export const functionSpec: Json = { environment: { namespace: "default" }, package: {}, InvokeStrategy: {} }

/** A Deployment of one container. */
export const deployment = (name: string, spec: Json = {}, container: Json = {}): Json => ({
  metadata: { name, namespace: "default" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name: "main",
            image: "example.com/program:1",
            readinessProbe: { httpGet: { path: "/ready", port: 8888 }, periodSeconds: 1 },
            ...container
          }
        ]
      }
    },
    ...spec
  }
})
