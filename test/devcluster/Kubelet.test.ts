import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { ApiServer } from "../../src/devcluster/ApiServer.ts"
import { Kubelet } from "../../src/devcluster/Kubelet.ts"
import { Namespaces, Secrets } from "../../src/devcluster/Kinds.ts"
import type { ResourceStore } from "../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../src/devcluster/Status.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import { all, at, clientLayer, eventually, fixturePrograms, isReady, request, served } from "./ClusterFixture.ts"
import { ask, container, createPod, gone, inCluster, podWhen } from "./KubeletFixture.ts"

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("starting", () => {
  it.live("binds a pod, runs its containers and reports it ready", () =>
    Effect.gen(function* () {
      const { store, url } = yield* ApiServer
      yield* createPod("pod-1", { command: ["/program", "-a"], args: ["b"], env: [{ name: "HELLO", value: "world" }] })
      const pod = yield* podWhen(store, "pod-1", isReady)
      assert.strictEqual(at(pod, "spec", "nodeName"), "embedded")
      assert.match(String(at(pod, "status", "podIP")), /^127\.\d+\.\d+\.\d+$/u)
      assert.isTrue(at(container(pod), "ready"))
      const { json } = yield* ask(pod)
      assert.deepStrictEqual(at(json, "parameters"), ["-a", "b"])
      const environment = at(json, "environment")
      assert.strictEqual(at(environment, "HELLO"), "world")
      assert.strictEqual(at(environment, "POD_NAME"), "pod-1")
      assert.strictEqual(at(environment, "POD_NAMESPACE"), "default")
      assert.strictEqual(at(environment, "KUBERNETES_API_URL"), url)
      assert.strictEqual(at(environment, "KUBERNETES_API_TOKEN"), "secret-token")
      assert.isUndefined(at(environment, "HOME"))
    }).pipe(inCluster)
  )

  it.live("gives every pod an address and files of its own", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const kubelet = yield* Kubelet
      const items = [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }]
      for (const name of ["pod-1", "pod-2"]) {
        yield* createPod(
          name,
          { volumeMounts: [{ name: "info", mountPath: "/etc/podinfo" }] },
          { volumes: [{ name: "info", downwardAPI: { items } }] }
        )
        yield* podWhen(store, name, isReady)
      }
      const pods = kubelet.pods()
      assert.strictEqual(new Set(pods.map(({ address }) => address)).size, 2)
      for (const { pod, root } of pods) {
        const content = yield* Effect.promise(() => readFile(`${root}/etc/podinfo/name`, "utf8"))
        assert.strictEqual(content, pod.metadata.name)
      }
    }).pipe(inCluster)
  )

  it.live("says which images it can run", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* createPod("pod-1", { image: "unknown" })
      const pod = yield* podWhen(
        store,
        "pod-1",
        (pod) => at(container(pod), "state", "waiting", "reason") === "ErrImagePull"
      )
      assert.include(at(container(pod), "state", "waiting", "message"), "it runs every image")
      assert.strictEqual(at(pod, "status", "phase"), "Pending")
    }).pipe(inCluster)
  )

  it.live("holds a container until the Secret that it needs exists", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const { store } = yield* ApiServer
      yield* createPod("pod-1", {
        env: [{ name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "a" } } }]
      })
      const held = yield* podWhen(
        store,
        "pod-1",
        (pod) => at(container(pod), "state", "waiting", "reason") === "CreateContainerConfigError"
      )
      assert.strictEqual(at(container(held), "state", "waiting", "message"), 'secret "keys" not found')
      const data = { a: Buffer.from("value").toString("base64") }
      yield* api.create(Secrets, { metadata: { namespace: "default", name: "keys" }, data })
      const pod = yield* podWhen(store, "pod-1", isReady)
      assert.strictEqual(at((yield* ask(pod)).json, "environment", "KEY"), "value")
    }).pipe(inCluster)
  )

  it.live("registers its node", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      const node = yield* eventually(store, () => all(store, "Node").find((node) => at(node, "status") !== undefined))
      assert.strictEqual(node.metadata.name, "embedded")
      assert.strictEqual(at(node, "status", "conditions", 0, "type"), "Ready")
    }).pipe(inCluster)
  )
})

describe("running", () => {
  it.live("takes a pod out of service while its readiness probe fails", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* createPod("pod-1", {
        readinessProbe: { httpGet: { path: "/ready", port: 8888 }, periodSeconds: 1, failureThreshold: 1 }
      })
      const pod = yield* podWhen(store, "pod-1", isReady)
      yield* ask(pod, "/unready")
      const unready = yield* podWhen(store, "pod-1", (pod) => !isReady(pod))
      assert.strictEqual(at(unready, "status", "phase"), "Running")
      assert.strictEqual(at(container(unready), "restartCount"), 0)
    }).pipe(inCluster)
  )

  it.live("restarts a container that crashes: at once, then after a wait", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* createPod("pod-1")
      yield* ask(yield* podWhen(store, "pod-1", isReady), "/exit/3")
      const restarted = yield* podWhen(
        store,
        "pod-1",
        (pod) => isReady(pod) && at(container(pod), "restartCount") === 1
      )
      assert.strictEqual(at(container(restarted), "lastState", "terminated", "exitCode"), 3)
      yield* ask(restarted, "/exit/4")
      const waiting = yield* podWhen(
        store,
        "pod-1",
        (pod) => at(container(pod), "state", "waiting", "reason") === "CrashLoopBackOff"
      )
      assert.include(at(container(waiting), "state", "waiting", "message"), "back-off 10s")
      assert.isFalse(isReady(waiting))
    }).pipe(inCluster)
  )

  it.live("restarts a container whose liveness probe fails", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* createPod("pod-1", {
        livenessProbe: {
          httpGet: { path: "/ready", port: 8888 },
          periodSeconds: 1,
          failureThreshold: 1,
          initialDelaySeconds: 1
        }
      })
      yield* ask(yield* podWhen(store, "pod-1", isReady), "/unready")
      yield* podWhen(store, "pod-1", (pod) => isReady(pod) && at(container(pod), "restartCount") === 1)
    }).pipe(inCluster)
  )

  it.live("lets a pod end that is not to be restarted", () =>
    Effect.gen(function* () {
      const { store } = yield* ApiServer
      yield* createPod("pod-1", {}, { restartPolicy: "Never" })
      yield* ask(yield* podWhen(store, "pod-1", isReady), "/exit/3")
      yield* podWhen(store, "pod-1", (pod) => at(pod, "status", "phase") === "Failed")
    }).pipe(inCluster)
  )

  it.live("keeps what a container writes", () =>
    Effect.gen(function* () {
      const { store, url } = yield* ApiServer
      yield* createPod("pod-1")
      const pod = yield* podWhen(store, "pod-1", isReady)
      const { text } = yield* request(`${url}/api/v1/namespaces/default/pods/pod-1/log?container=main`)
      assert.strictEqual(text, `listening on ${String(at(pod, "status", "podIP"))}\n`)
    }).pipe(inCluster)
  )
})

describe("stopping", () => {
  const start = Effect.fnUntraced(function* (container: Json = {}, grace = 10) {
    const { store } = yield* ApiServer
    const kubelet = yield* Kubelet
    yield* createPod("pod-1", container, { terminationGracePeriodSeconds: grace })
    yield* podWhen(store, "pod-1", isReady)
    const pid = kubelet.pods()[0]?.pids().get("main") ?? 0
    assert.isTrue(isAlive(pid))
    return { store, pid, root: kubelet.pods()[0]?.root ?? "" }
  })

  const remove = (store: ResourceStore, gracePeriodSeconds?: number) =>
    Effect.sync(() => store.delete(served("Pod"), "default", "pod-1", { gracePeriodSeconds }))

  const lasting = <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.timed(self), ([lasted]) => Duration.toMillis(lasted))

  it.live("asks the process to end and removes the pod with its files", () =>
    Effect.gen(function* () {
      const { pid, root, store } = yield* start()
      yield* remove(store)
      yield* gone(store, "pod-1")
      assert.isFalse(isAlive(pid))
      assert.isFalse(existsSync(root))
    }).pipe(inCluster)
  )

  it.live("sleeps before it asks where the pod says so, no longer than the grace period", () =>
    Effect.gen(function* () {
      const { store } = yield* start({ lifecycle: { preStop: { sleep: { seconds: 30 } } } })
      yield* remove(store, 1)
      assert.isAtLeast(yield* lasting(gone(store, "pod-1")), 900)
    }).pipe(inCluster)
  )

  it.live("kills a process that does not end in time", () =>
    Effect.gen(function* () {
      const { pid, store } = yield* start({ env: [{ name: "IGNORE_SIGTERM", value: "true" }] })
      yield* remove(store, 1)
      assert.isAtLeast(yield* lasting(gone(store, "pod-1")), 900)
      assert.isFalse(isAlive(pid))
    }).pipe(inCluster)
  )

  it.live("hurries when a shorter grace period comes in", () =>
    Effect.gen(function* () {
      const { store } = yield* start({ lifecycle: { preStop: { sleep: { seconds: 300 } } } }, 300)
      yield* remove(store)
      yield* podWhen(store, "pod-1", ({ metadata }) => metadata.deletionTimestamp !== undefined)
      yield* remove(store, 1)
      yield* gone(store, "pod-1")
    }).pipe(inCluster)
  )

  it.live("kills the processes of a pod that vanished", () =>
    Effect.gen(function* () {
      const { pid, store } = yield* start()
      yield* remove(store, 0)
      yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => !isAlive(pid) })
    }).pipe(inCluster)
  )

  it.live("has ended every process once it is closed, and leaves the objects", () =>
    Effect.gen(function* () {
      const api = yield* KubernetesApi
      const { store, url } = yield* ApiServer
      yield* api.create(Namespaces, { metadata: { name: "default" } })
      const pid = yield* Effect.gen(function* () {
        const kubelet = yield* Kubelet
        yield* createPod("pod-1", { env: [{ name: "IGNORE_SIGTERM", value: "true" }] })
        yield* podWhen(store, "pod-1", isReady)
        return kubelet.pods()[0]?.pids().get("main") ?? 0
      }).pipe(
        Effect.tap((pid) => Effect.sync(() => assert.isTrue(isAlive(pid)))),
        Effect.provide(Kubelet.layer({ apiServer: { url }, programs: fixturePrograms }))
      )
      assert.isFalse(isAlive(pid))
      assert.strictEqual(all(store, "Pod").length, 1)
    }).pipe(Effect.provide(clientLayer))
  )
})
