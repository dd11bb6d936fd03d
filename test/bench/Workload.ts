import { Effect, Result } from "effect"
import { Agent, request } from "undici"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Deployments, Environments, Functions, Packages, Pods } from "../../src/fission/ResourceKind.ts"
import { isReady } from "../../src/fission/Workloads.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { bytesOf, load, openSockets } from "./RawClient.ts"
import { type ExecutorProcess, until } from "./ExecutorProcess.ts"

/** One line of the table that a measurement prints. */
export interface Row {
  readonly measure: string
  readonly budget: string
  readonly measured: string
}

/** Where an object is to be made. */
export interface Where {
  readonly namespace: string
  readonly name: string
}

const agent = new Agent({ connections: 64 })
const code = Buffer.from("module.exports = async () => ({ status: 200, body: 'ok' })").toString("base64")

/** An Environment with a pool of that many pods. */
export const createPool = (metadata: Where, poolsize: number) =>
  KubernetesApi.use((api) =>
    api.create(Environments, {
      metadata,
      spec: { version: 3, poolsize, terminationGracePeriod: 0, runtime: { image: "node-env" } }
    })
  )

/** A Function of poolmgr with its Package, or of another type; the whole object as the router would send it. */
export const createFunction = Effect.fnUntraced(function* (
  where: Where,
  pool: string,
  strategy: { readonly [field: string]: unknown } = { ExecutorType: "poolmgr" }
) {
  const api = yield* KubernetesApi
  const environment = { namespace: where.namespace, name: pool }
  yield* api.create(Packages, {
    metadata: where,
    spec: { environment, deployment: { type: "literal", literal: code } }
  })
  yield* api.patch(Packages, where, { type: "merge", subresource: "status", body: { status: { buildstatus: "none" } } })
  const made = yield* api.create(Functions, {
    metadata: where,
    spec: {
      environment,
      package: { packageref: where },
      InvokeStrategy: { StrategyType: "execution", ExecutionStrategy: strategy },
      concurrency: 50,
      requestsPerPod: 1,
      idletimeout: 3600
    }
  })
  return JSON.stringify(made)
})

/** Ready pods of the namespace with these labels. */
export const readyPods = (namespace: string, labelSelector: string) =>
  KubernetesApi.use((api) => api.list(Pods, { namespace, labelSelector })).pipe(
    Effect.map(({ items }) => items.filter((item) => isReady(Result.getOrThrow(Pods.decode(item)))).length)
  )

/** The Deployment that a function of the type newdeploy has; undefined while there is none. */
const deploymentOf = ({ name, namespace }: Where) =>
  KubernetesApi.use((api) => api.list(Deployments, { namespace, labelSelector: `functionName=${name}` })).pipe(
    Effect.map(({ items: [item] }) => (item === undefined ? undefined : Result.getOrThrow(Deployments.decode(item))))
  )

/** Waits until the function has that many available pods, and no others that still go. */
export const hasPods = (where: Where, count: number) =>
  until(
    Effect.gen(function* () {
      const available = (yield* deploymentOf(where))?.status?.availableReplicas ?? 0
      if (available !== count) return false
      const { namespace, name } = where
      const labelSelector = `functionName=${name}`
      const { items } = yield* KubernetesApi.use((api) => api.list(Pods, { namespace, labelSelector }))
      return items.length === count
    })
  )

/** Scales the function's Deployment to nothing, as the idle pass does, and waits until its pods are gone. */
export const sleep = Effect.fnUntraced(function* (where: Where) {
  const { metadata } = (yield* deploymentOf(where)) ?? { metadata: { name: where.name } }
  yield* KubernetesApi.use((api) =>
    api.patch(
      Deployments,
      { namespace: where.namespace, name: metadata.name },
      { type: "merge", subresource: "scale", body: { spec: { replicas: 0 } } }
    )
  )
  yield* hasPods(where, 0)
})

/** Waits until so many pods in the namespace are warm, and so many in reserve. */
export const poolsAreFull = (namespace: string, pods: number, reserved = 0) =>
  until(
    Effect.gen(function* () {
      if ((yield* readyPods(namespace, "managed=true")) < pods) return false
      return reserved === 0 || (yield* readyPods(namespace, "fission.io/claimed=true")) >= reserved
    })
  )

/** The address of the function, with a slot; a refusal is a defect. */
export const getService = ({ url }: ExecutorProcess, fn: string) =>
  Effect.promise(async () => {
    const answer = await request(`${url}/v2/getServiceForFunction`, { method: "POST", body: fn, dispatcher: agent })
    const body = await answer.body.text()
    if (answer.statusCode !== 200) throw new Error(`HTTP ${answer.statusCode}: ${body}`)
    return body
  })

const unTap = (fn: string, address: string) => {
  const { metadata } = JSON.parse(fn)
  const body = JSON.stringify({ FnMetadata: metadata, FnExecutorType: "poolmgr", ServiceURL: address })
  return bytesOf({ path: "/v2/unTapService", body })
}

/** Asks for the address and gives the slot back, again and again on each connection: milliseconds of every request. */
export const askAndGiveBack = ({ port }: ExecutorProcess, fn: string, pairs: number, callers: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => openSockets(port, callers)),
    (sockets) => {
      const ask = bytesOf({ path: "/v2/getServiceForFunction", body: fn })
      return load(sockets, 2 * pairs, (address = "") => (address === "" ? ask : unTap(fn, address)))
    },
    (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  )

/** Calls of the executor at the API server so far, all verbs but watches. */
export const requestsSoFar = ApiServer.use((server) =>
  Effect.sync(() => {
    let count = 0
    for (const [key, number] of server.requests("fission-executor/")) if (!key.startsWith("watch")) count += number
    return count
  })
)
