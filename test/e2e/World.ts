import { Context, Duration, Effect, Layer, Redacted, Result } from "effect"
import { request } from "undici"
import { ExecutorApi } from "../../src/api/ExecutorApi.ts"
import { Settings } from "../../src/Config.ts"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import type { Faults } from "../../src/devcluster/Faults.ts"
import type { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { Router } from "../../src/devcluster/Router.ts"
import * as Executor from "../../src/Executor.ts"
import { Environments, Functions, Packages, Pods } from "../../src/fission/ResourceKind.ts"
import { isReady, type Pod } from "../../src/fission/Workloads.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import { KubernetesApi, type KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import type { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as CapturedLog from "../fakes/CapturedLog.ts"

/** The User-Agent of the executor under test: faults for it spare everybody else. */
export const executorAgent = "fission-executor/test"

const host = "127.0.0.1"

/** What a test of the whole product can use: the cluster, the executor in it, a router before it, and what was logged. */
export type World =
  | ApiServer
  | Faults
  | Kubelet
  | KubernetesApi
  | KubernetesDeletion
  | ExecutorApi
  | Supervisor
  | DecisionLog
  | Router
  | Log

/** Everything that was logged, instead of printing it. */
export class Log extends Context.Service<Log, CapturedLog.CapturedLog>()("test/e2e/Log") {}

export interface WorldOptions {
  readonly namespaces?: ReadonlyArray<string>
  /** Environment variables of the executor. */
  readonly variables?: { readonly [name: string]: string }
  /** Whether functions have Services, and the router looks for pods in their EndpointSlices first. */
  readonly endpointSlices?: boolean
  /** Secret of the router; default the executor's own. */
  readonly routerSecret?: string
  /** The OCI image layout of the cluster. */
  readonly imageLayout?: string
  /** Run before the executor starts. */
  readonly before?: Effect.Effect<unknown, unknown, ApiServer | Faults | KubernetesApi>
}

/** Everything in this process, on free ports. */
export const layer = (options: WorldOptions = {}): Layer.Layer<World> => {
  const { endpointSlices = false, namespaces = ["default"], variables = {} } = options
  const secret = options.routerSecret ?? variables["FISSION_INTERNAL_AUTH_SECRET"]
  const settings = Settings.layer({
    FISSION_RESOURCE_NAMESPACES: namespaces.join(","),
    FINALIZER_ENABLED: "true",
    ENABLE_FUNCTION_SERVICES: String(endpointSlices),
    ...variables
  })
  const log = Layer.unwrap(
    Effect.map(CapturedLog.make, (captured) => Layer.merge(Layer.succeed(Log, captured), captured.layer))
  )
  const inCluster = Layer.unwrap(
    Effect.gen(function* () {
      const { url } = yield* ApiServer
      const kubeConfig = Credentials.fromServer(url)
      const router = Layer.unwrap(
        Effect.map(ExecutorApi, ({ port }) =>
          Router.layer({
            host,
            port: 0,
            executorUrl: `http://${host}:${port}`,
            namespaces,
            endpointSlices,
            ...(secret === undefined ? {} : { internalAuthSecret: Redacted.make(secret) })
          })
        )
      )
      const prepared = Layer.effectDiscard(Effect.orDie(options.before ?? Effect.void))
      return router.pipe(
        Layer.provideMerge(Executor.layer({ kubeConfig, userAgent: executorAgent, host, port: 0 })),
        Layer.provide(prepared),
        Layer.provideMerge(KubernetesApiLive.layer(kubeConfig, "test"))
      )
    })
  )
  return inCluster.pipe(
    Layer.provideMerge(DevCluster.layer({ host, port: 0, namespaces, imageLayout: options.imageLayout })),
    Layer.provide(settings),
    Layer.provideMerge(log),
    Layer.orDie
  )
}

/** Looks again until it is there. Fails the test when that takes longer than a minute. */
export const eventually = <A, E, R>(look: Effect.Effect<A | undefined, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    while (true) {
      const found = yield* look
      if (found !== undefined) return found
      yield* Effect.sleep("30 millis")
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: Duration.minutes(1),
      orElse: () => Effect.die("it did not happen within a minute")
    })
  )

/** Whether it is so, as something to wait for. */
export const isSo = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  eventually(Effect.map(condition, (so) => (so ? true : undefined)))

/** Creates an Environment whose pods stop quickly. */
export const createEnvironment = (
  spec: { readonly [field: string]: unknown } = {},
  namespace = "default",
  name = "nodejs"
) =>
  KubernetesApi.use((api) =>
    api.create(Environments, {
      metadata: { namespace, name },
      spec: { version: 3, poolsize: 2, terminationGracePeriod: 1, runtime: { image: "node-env" }, ...spec }
    })
  )

/** Source of a function that answers with a text. */
export const answering = (text: string) =>
  `module.exports = async () => ({ status: 200, body: ${JSON.stringify(text)} })\n`

/** `spec.deployment` of a Package. */
type Archive = { readonly [field: string]: unknown }

/** Creates or replaces the code of a function, as `fission package update` does. */
const putCode = Effect.fnUntraced(function* (name: string, code: string | Archive, namespace = "default") {
  const api = yield* KubernetesApi
  const deployment =
    typeof code === "string" ? { type: "literal", literal: Buffer.from(code).toString("base64") } : code
  const spec = { environment: { namespace, name: "nodejs" }, deployment }
  const made = yield* api
    .create(Packages, { metadata: { namespace, name }, spec })
    .pipe(
      Effect.catchTag("KubernetesAlreadyExists", () =>
        api.patch(Packages, { namespace, name }, { type: "merge", body: { spec } })
      )
    )
  yield* api.patch(
    Packages,
    { namespace, name },
    { type: "merge", subresource: "status", body: { status: { buildstatus: "none" } } }
  )
  return made.metadata.resourceVersion ?? ""
})

/** Creates a function with its code. */
export const createFunction = Effect.fnUntraced(function* (
  name: string,
  code: string | Archive = answering(name),
  spec: { readonly [field: string]: unknown } = {},
  namespace = "default"
) {
  const resourceversion = yield* putCode(name, code, namespace)
  return yield* KubernetesApi.use((api) =>
    api.create(Functions, {
      metadata: { namespace, name },
      spec: {
        environment: { namespace, name: "nodejs" },
        package: { packageref: { namespace, name, resourceversion } },
        InvokeStrategy: { StrategyType: "execution", ExecutionStrategy: { ExecutorType: "poolmgr" } },
        functionTimeout: 60,
        requestsPerPod: 10,
        ...spec
      }
    })
  )
})

/** The part of a function's spec that names another Environment than `nodejs`. */
export const inEnvironment = (name: string, namespace = "default") => ({ environment: { namespace, name } })

/** Gives a function new code, and with it a new generation. */
export const changeFunction = Effect.fnUntraced(function* (name: string, code: string, namespace = "default") {
  const resourceversion = yield* putCode(name, code, namespace)
  yield* KubernetesApi.use((api) =>
    api.patch(
      Functions,
      { namespace, name },
      { type: "merge", body: { spec: { package: { packageref: { resourceversion } } } } }
    )
  )
})

/** The pods of a namespace that the executor can see, all or those with these labels. */
export const podsOf = (
  namespace = "default",
  labelSelector?: string
): Effect.Effect<ReadonlyArray<Pod>, never, KubernetesApi> =>
  KubernetesApi.use((api) => api.list(Pods, { namespace, labelSelector })).pipe(
    Effect.map(({ items }) => items.map((item) => Result.getOrThrow(Pods.decode(item)))),
    Effect.orDie
  )

/** Waits for that many Ready warm pods. */
export const warm = (count: number, namespace = "default") =>
  isSo(Effect.map(podsOf(namespace, "managed=true"), (pods) => pods.filter(isReady).length >= count))

/** Pods that are a function's by their labels and are not going away. */
export const specialized = (namespace = "default") =>
  Effect.map(podsOf(namespace, "managed=false,functionUid"), (pods) =>
    pods.filter(({ metadata }) => !metadata.deletionTimestamp)
  )

/** Waits for that many Ready pods that an executor holds in reserve. */
export const reserved = (count: number, namespace = "default") =>
  isSo(Effect.map(podsOf(namespace, "fission.io/claimed=true"), (pods) => pods.filter(isReady).length >= count))

/** Pods that were claimed for a function so far. */
export const claimsOf = (name: string, namespace = "default") =>
  Effect.map(
    DecisionLog.use((log) => log.recent(namespace)),
    (decisions) =>
      decisions.filter(
        ({ action, evidence }) => action === "Claimed" && evidence?.["function"] === `${namespace}/${name}`
      )
  )

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
}

/** One HTTP request. */
export const http = (
  url: string,
  options: { readonly method?: "GET" | "POST" | "DELETE"; readonly body?: string } = {}
) =>
  Effect.promise(async (signal): Promise<Answer> => {
    const { body, headers, statusCode } = await request(url, { signal, ...options })
    return { status: statusCode, body: await body.text(), headers }
  })

/** Calls a function through the router, as a user does. */
export const call = (name: string, namespace = "default") =>
  Router.use(({ url }) => http(`${url}/fission-function/${namespace}/${name}`))

/** Asks the executor for an address of a function, as the router does, unsigned. */
export const ask = (name: string, namespace = "default") =>
  Effect.flatMap(
    KubernetesApi.use((api) => api.get(Functions, { namespace, name })),
    askFor
  )

/** The same for a Function that has been read before. */
export const askFor = (fn: KubernetesObject) =>
  ExecutorApi.use(({ port }) =>
    http(`http://${host}:${port}/v2/getServiceForFunction`, { method: "POST", body: JSON.stringify(fn) })
  )

/** The executor's own pages. */
export const executorGet = (path: string) => ExecutorApi.use(({ port }) => http(`http://${host}:${port}${path}`))

/** The pods that the executor hands out, with the requests that each has (http-api.md section 4.5). */
export const cachedPods = Effect.map(executorGet("/v2/debugInfo"), ({ body }) =>
  [...body.matchAll(/function_name:(\S+)\tfn_svc_address:(\S+):8888\tactive_req:(\d+)/gu)].map(
    ([, fn = "", address = "", active]) => ({ fn, address, active: Number(active) })
  )
)
