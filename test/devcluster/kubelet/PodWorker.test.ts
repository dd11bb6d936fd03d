import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { ApiServer } from "../../../src/devcluster/ApiServer.ts"
import type { ResourceStore } from "../../../src/devcluster/ResourceStore.ts"
import type { Json } from "../../../src/devcluster/Status.ts"
import { all, at, eventually, isReady, served } from "../ClusterFixture.ts"
import { ask, container, createPod, gone, inCluster, podWhen } from "../KubeletFixture.ts"

/** Waits for the Events about the pod with these reasons; returns their messages. */
const eventsWhen = (store: ResourceStore, ...reasons: ReadonlyArray<string>) =>
  eventually(store, () => {
    const events = all(store, "Event").filter((event) => at(event, "involvedObject", "name") === "pod-1")
    const found = reasons.map((reason) => events.find((event) => event["reason"] === reason))
    return found.every((event) => event !== undefined) ? found.map((event) => event?.["message"]) : undefined
  })

/** An init container that ends at once. */
const init = (name: string, code: number): Json => ({
  name,
  image: "program",
  env: [{ name: "EXIT_WITH", value: String(code) }]
})

it.live("says in Events what happens to a pod", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    yield* createPod("pod-1")
    yield* podWhen(store, "pod-1", isReady)
    store.delete(served("Pod"), "default", "pod-1", {})
    assert.deepStrictEqual(yield* eventsWhen(store, "Scheduled", "Pulled", "Created", "Started", "Killing"), [
      "Successfully assigned default/pod-1 to embedded",
      'Container image "program" already present on machine',
      "Created container: main",
      "Started container: main",
      "Stopping container main"
    ])
  }).pipe(inCluster)
)

it.live("says in an Event that a container is not healthy", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    yield* createPod("pod-1")
    const pod = yield* podWhen(store, "pod-1", isReady)
    yield* ask(pod, "/unready")
    yield* eventually(store, () =>
      all(store, "Event").find(
        (event) => event["message"] === "Readiness probe failed: HTTP probe failed with statuscode: 503"
      )
    )
  }).pipe(inCluster)
)

it.live("says in an Event that a container waits after a crash", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    yield* createPod("pod-1", { env: [{ name: "EXIT_WITH", value: "1" }] })
    assert.deepStrictEqual(yield* eventsWhen(store, "BackOff"), ["Back-off restarting failed container main"])
  }).pipe(inCluster)
)

it.live("says in an Event that a volume is missing", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const volumes = [{ name: "keys", secret: { secretName: "keys" } }]
    yield* createPod("pod-1", { volumeMounts: [{ name: "keys", mountPath: "/keys" }] }, { volumes })
    assert.deepStrictEqual(yield* eventsWhen(store, "FailedMount"), ['secret "keys" not found'])
  }).pipe(inCluster)
)

it.live("runs the init containers one after the other before the others", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const seen: Array<string> = []
    store.subscribe(({ object }) => {
      if (object["reason"] === "Started") seen.push(String(object["message"]))
    })
    yield* createPod("pod-1", {}, { initContainers: [init("first", 0), init("second", 0)] })
    const pod = yield* podWhen(store, "pod-1", isReady)
    assert.deepStrictEqual(
      seen,
      ["first", "second", "main"].map((name) => `Started container: ${name}`)
    )
    for (const index of [0, 1]) {
      const reason = at(pod, "status", "initContainerStatuses", index, "state", "terminated", "reason")
      assert.strictEqual(reason, "Completed")
    }
  }).pipe(inCluster)
)

it.live("starts an init container that fails again, and nothing else until then", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    yield* createPod("pod-1", {}, { initContainers: [init("first", 1)] })
    const pod = yield* podWhen(
      store,
      "pod-1",
      (pod) => at(pod, "status", "initContainerStatuses", 0, "state", "waiting", "reason") === "CrashLoopBackOff"
    )
    assert.strictEqual(at(container(pod), "state", "waiting", "reason"), "PodInitializing")
    assert.strictEqual(at(pod, "status", "phase"), "Pending")
  }).pipe(inCluster)
)

it.live("fails a pod that is never restarted when an init container does", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    yield* createPod("pod-1", {}, { initContainers: [init("first", 1)], restartPolicy: "Never" })
    const pod = yield* podWhen(store, "pod-1", (pod) => at(pod, "status", "phase") === "Failed")
    assert.strictEqual(at(container(pod), "state", "waiting", "reason"), "PodInitializing")
  }).pipe(inCluster)
)

it.live("runs a command in the pod before it stops a container", () =>
  Effect.gen(function* () {
    const { store } = yield* ApiServer
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "hooks-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true }))
    )
    const command = ["/bin/sh", "-c", `echo "$POD_NAME of $WORD" > ${folder}/hook`]
    yield* createPod("pod-1", {
      env: [{ name: "WORD", value: "honour" }],
      lifecycle: { preStop: { exec: { command } } }
    })
    yield* podWhen(store, "pod-1", isReady)
    store.delete(served("Pod"), "default", "pod-1", {})
    yield* gone(store, "pod-1")
    assert.strictEqual(yield* Effect.promise(() => readFile(`${folder}/hook`, "utf8")), "pod-1 of honour\n")
  }).pipe(inCluster)
)
