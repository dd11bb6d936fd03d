import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schedule } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import * as DevCluster from "../../src/devcluster/DevCluster.ts"
import { Faults } from "../../src/devcluster/Faults.ts"
import { Deployments, WorkloadPods } from "../../src/devcluster/Kinds.ts"
import { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import * as Credentials from "../../src/kubernetes/Credentials.ts"
import * as KubernetesApiLive from "../../src/kubernetes/KubernetesApiLive.ts"
import {
  all,
  at,
  deployment,
  eventually,
  fixturePrograms,
  isReady,
  request,
  serverLayer,
  userAgent
} from "./ClusterFixture.ts"

const options: DevCluster.DevClusterOptions = {
  host: "127.0.0.1",
  port: 0,
  namespaces: ["team-a"],
  programs: fixturePrograms
}

const withClient = <A, E>(cluster: Layer.Layer<A | ApiServer, E>) =>
  Layer.unwrap(
    Effect.map(ApiServer, ({ url }) => KubernetesApiLive.layer(Credentials.fromServer(url), userAgent))
  ).pipe(Layer.provideMerge(cluster))

const createPool = (given: { readonly [field: string]: unknown } = {}) =>
  KubernetesApi.use((api) => {
    const { metadata, spec } = deployment("pool", { replicas: 3 }, given)
    return api.create(Deployments, { metadata: { ...Object(metadata), name: "pool" }, spec })
  })

const readyPods = (count: number) =>
  Effect.flatMap(ApiServer, ({ store }) =>
    eventually(store, () => {
      const ready = all(store, "Pod", "default").filter(isReady)
      return ready.length === count ? ready : undefined
    })
  )

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it.live("has its namespaces, their service accounts and its node from the beginning", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    assert.deepStrictEqual(
      all(store, "Namespace").map(({ metadata }) => metadata.name),
      ["default", "team-a"]
    )
    const accounts = all(store, "ServiceAccount").filter(({ metadata }) => metadata.name === "fission-fetcher")
    assert.deepStrictEqual(
      accounts.map(({ metadata }) => metadata.namespace),
      ["default", "team-a"]
    )
    yield* eventually(store, () => all(store, "Node")[0])
  }).pipe(Effect.provide(DevCluster.layer(options)))
)

it.live("has a pool of three ready well within three seconds", () =>
  Effect.gen(function* () {
    const [lasted] = yield* Effect.timed(Effect.andThen(createPool(), readyPods(3)))
    assert.isBelow(Duration.toMillis(lasted), 3000)
  }).pipe(Effect.provide(withClient(DevCluster.layer(options))))
)

it.live("replaces a pod that is taken from its pool, and lets it run on", () =>
  Effect.gen(function* () {
    const api = yield* KubernetesApi
    yield* createPool()
    const [taken] = yield* readyPods(3)
    yield* api.patch(
      WorkloadPods,
      { namespace: "default", name: taken?.metadata.name ?? "" },
      { type: "strategic", body: { metadata: { labels: { app: "specialized" } } } }
    )
    yield* readyPods(4)
    assert.strictEqual((yield* request(`http://${String(at(taken, "status", "podIP"))}:8888/`)).status, 200)
  }).pipe(Effect.provide(withClient(DevCluster.layer(options))))
)

it.live("goes on after an outage of its own API server", () =>
  Effect.gen(function* () {
    const faults = yield* Faults
    yield* faults.inject({ client: DevCluster.userAgent, seconds: 1, action: { type: "error", preset: "etcdTimeout" } })
    yield* faults.inject({ client: DevCluster.userAgent, count: 20, action: { type: "dropWatch" } })
    yield* createPool()
    yield* readyPods(3)
  }).pipe(Effect.provide(withClient(DevCluster.layer(options))))
)

it.live("runs on an API server of somebody else", () =>
  Effect.gen(function* () {
    const { url } = yield* ApiServer
    const api = yield* KubernetesApi
    yield* request(`${url}/api/v1/namespaces`, "POST", { metadata: { name: "default" } })
    const kubelet = yield* Effect.gen(function* () {
      yield* createPool()
      yield* readyPods(3)
      return yield* Kubelet
    }).pipe(
      Effect.provide(DevCluster.nodeComponents({ apiServer: { url }, nodeName: "here", programs: fixturePrograms })),
      Effect.provideService(KubernetesApi, api)
    )
    assert.strictEqual(kubelet.nodeName, "here")
    assert.deepStrictEqual(kubelet.pods(), [])
  }).pipe(Effect.provide(withClient(serverLayer)))
)

it.live("leaves no process behind when it is killed", () =>
  Effect.gen(function* () {
    const file = fileURLToPath(new URL("fixtures/cluster.ts", import.meta.url))
    const temporary = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "killed-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const cluster = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [file], {
          env: { ...process.env, TMPDIR: temporary },
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const [line] = yield* Effect.promise(() => once(createInterface({ input: cluster.stdout }), "line"))
    const pid = Number(line)
    assert.isTrue(isAlive(pid))
    cluster.kill("SIGKILL")
    yield* Effect.sync(() => isAlive(pid)).pipe(
      Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: (alive) => !alive })
    )
  })
)
