import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { Console, Effect, Layer, Option, type Scope } from "effect"
import { Settings } from "../Config.ts"
import { ApiServer } from "../devcluster/ApiServer.ts"
import * as DevCluster from "../devcluster/DevCluster.ts"
import { type Capacity, plenty } from "../devcluster/kubelet/Capacity.ts"
import * as Manifests from "../devcluster/Manifests.ts"
import { PodLogs } from "../devcluster/PodLogs.ts"
import { Router } from "../devcluster/Router.ts"
import * as Executor from "../Executor.ts"
import * as Credentials from "../kubernetes/Credentials.ts"
import * as KubernetesApiLive from "../kubernetes/KubernetesApiLive.ts"
import type { DevFlags } from "./dev.ts"
import * as Logging from "./Logging.ts"
import { kubeConfigOf } from "./serve.ts"
import { version } from "./version.ts"

const host = "127.0.0.1"
const samples = fileURLToPath(new URL("../../deploy/samples", import.meta.url))
const userAgent = `fission-executor-dev/${version}`

/** A file for others to read, gone when the scope closes. */
const temporaryFile = (name: string, text: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "fission-executor-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  ).pipe(
    Effect.map((folder) => join(folder, name)),
    Effect.tap((file) => Effect.promise(() => writeFile(file, text, { mode: 0o600 })))
  )

/** The node of the cluster as the command line describes it. */
const nodeOf = (options: DevFlags) => ({
  capacity: capacityOf(options),
  imageLayout: Option.getOrUndefined(Option.map(options.images, (path) => resolve(path)))
})

const capacityOf = ({ nodeCpu, nodeMemory, nodePods }: DevFlags): Capacity => ({
  pods: Option.getOrElse(nodePods, () => plenty.pods),
  cpu: Option.getOrElse(nodeCpu, () => plenty.cpu),
  memory: Option.getOrElse(nodeMemory, () => plenty.memory)
})

/** Controllers and kubelet on an API server that runs elsewhere, with the credentials that its clients here have. */
const nodeComponents = (
  kubeConfig: Credentials.LoadKubeConfig,
  namespaces: ReadonlyArray<string>,
  node: ReturnType<typeof nodeOf>
) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { headers, server, tls } = yield* (yield* Credentials.makeStore(kubeConfig)).current
      const token = headers["authorization"]?.replace(/^Bearer /u, "")
      const authorities = [tls.ca ?? []].flat().join("\n")
      const apiServer = {
        url: server,
        token,
        certificateAuthority: authorities === "" ? undefined : yield* temporaryFile("ca.crt", authorities)
      }
      yield* DevCluster.furnish(namespaces)
      return DevCluster.nodeComponents({ apiServer, ...node })
    })
  ).pipe(Layer.provide([KubernetesApiLive.layer(kubeConfig, userAgent), PodLogs.layer]))

const executorLayer = (
  options: DevFlags,
  addOns: Executor.AddOn,
  namespaces: ReadonlyArray<string>,
  kubeConfig: Credentials.LoadKubeConfig
) =>
  Executor.layer({
    kubeConfig,
    userAgent: `fission-executor/${version}`,
    host,
    port: options.executorPort,
    metrics: true,
    addOns
  }).pipe(
    Layer.provide(
      Settings.layer({
        FINALIZER_ENABLED: "true",
        ENABLE_OCI_IMAGE_VOLUME: "true",
        ...process.env,
        ...(options.endpointSlices ? { ENABLE_FUNCTION_SERVICES: "true" } : {}),
        FISSION_RESOURCE_NAMESPACES: namespaces.join(","),
        METRICS_ADDR: `${host}:${options.metricsPort}`
      })
    )
  )

/** A cluster that runs: how this process and others reach it, and what else there is to say of it. */
interface RunningCluster {
  readonly kubeConfig: Credentials.LoadKubeConfig
  /** The flag of `serve` that leads there. */
  readonly flag: string
  readonly about: ReadonlyArray<readonly [name: string, value: string]>
}

/** Everything in front of a cluster that runs: the manifests, the executor unless somebody else runs it, the router. */
const runBeside = Effect.fnUntraced(function* (
  options: DevFlags,
  addOns: Executor.AddOn,
  namespaces: ReadonlyArray<string>,
  { about, flag, kubeConfig }: RunningCluster
) {
  const executorUrl = `http://${host}:${options.executorPort}`
  // On one address only: a pod needs the executor's port on its own.
  const serve = `serve ${flag} --host ${host} --executorPort ${options.executorPort}`
  const { endpointSlices } = options
  const router = Router.layer({ host, port: options.routerPort, executorUrl, namespaces, endpointSlices })
  const variables = [
    `FISSION_RESOURCE_NAMESPACES=${namespaces.join(",")}`,
    ...(endpointSlices ? ["ENABLE_FUNCTION_SERVICES=true"] : [])
  ].join(" ")
  const executor = options.clusterOnly ? Layer.empty : executorLayer(options, addOns, namespaces, kubeConfig)

  const session = Effect.gen(function* () {
    const manifests = Option.getOrElse(options.apply, () => samples)
    const { created, unchanged, updated } = yield* Manifests.apply(manifests)
    const { url } = yield* Router
    const functions = [...created, ...updated, ...unchanged].flatMap((name) => {
      const [kind, key = ""] = name.split(" ")
      return kind === "Function" ? [key.replace(/^default\//u, "")] : []
    })
    const lines = [
      ...about,
      ["executor", executorUrl],
      options.clusterOnly
        ? ["start it", `${variables} fission-executor ${serve}`]
        : ["metrics", `http://${host}:${options.metricsPort}/metrics, /debug/namespaces`],
      ["router", url],
      ...functions.map((name) => ["try", `curl ${url.replace("http://", "")}/fission-function/${name}`])
    ]
    yield* Console.log(`\n${lines.map(([name = "", value]) => `  ${name.padEnd(12)}${value}`).join("\n")}\n`)
    return yield* Manifests.follow(manifests)
  })
  return yield* session.pipe(
    Effect.provide(
      router.pipe(Layer.provide(executor), Layer.provideMerge(KubernetesApiLive.layer(kubeConfig, userAgent)))
    )
  )
})

/** Runs everything in one process until it is interrupted. */
export const runDev = Effect.fnUntraced(function* (options: DevFlags, addOns: Executor.AddOn) {
  const namespaces = options.namespaces.split(",").map((name) => name.trim())
  const logging = Logging.layer(Logging.formFor(process.stdout))

  if (Option.isSome(options.apiServer) || Option.isSome(options.kubeconfig)) {
    const kubeConfig = kubeConfigOf(options)
    const flag = Option.match(options.kubeconfig, {
      onSome: (file) => `--kubeconfig ${file}`,
      onNone: () => `--api-server ${Option.getOrElse(options.apiServer, () => "")}`
    })
    return yield* runBeside(options, addOns, namespaces, { kubeConfig, flag, about: [] }).pipe(
      Effect.provide(nodeComponents(kubeConfig, namespaces, nodeOf(options))),
      Effect.provide(logging)
    )
  }
  const embedded = Effect.gen(function* () {
    const server = yield* ApiServer
    const kubeconfig = yield* temporaryFile("kubeconfig", server.kubeconfig)
    return yield* runBeside(options, addOns, namespaces, {
      kubeConfig: Credentials.fromServer(server.url),
      flag: `--api-server ${server.url}`,
      about: [
        ["API server", `${server.url} (faults: POST ${server.url}/faults)`],
        ["kubectl", `export KUBECONFIG=${kubeconfig}`]
      ]
    })
  })
  return yield* Effect.scoped(embedded).pipe(
    Effect.provide(DevCluster.layer({ host, port: options.clusterPort, namespaces, ...nodeOf(options) })),
    Effect.provide(logging)
  )
})
