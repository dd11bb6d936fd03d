import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Json } from "../../src/devcluster/Status.ts"
import { KubernetesApi, KubernetesDeletion, type KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { at, fixturePrograms } from "../devcluster/ClusterFixture.ts"
import * as World from "../e2e/World.ts"
import { furnish, inEachCluster } from "./Clusters.ts"
import { kindOf } from "./Objects.ts"

const container: Json = {
  name: "main",
  image: "example.com/program:1",
  ports: [{ name: "http", containerPort: 8888 }],
  readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 }
}

/** A Deployment of pods that are ready after a second. */
const web = (spec: Json = {}, more: Json = {}): Json => ({
  selector: { matchLabels: { app: "web" } },
  template: {
    metadata: { labels: { app: "web" } },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ ...container, ...more }] }
  },
  ...spec
})

const create = (kind: string, namespace: string, name: string, spec: Json) =>
  KubernetesApi.use((api) => api.create(kindOf(kind), { metadata: { namespace, name }, spec }))

const patch = (kind: string, namespace: string, name: string, body: Json, subresource?: "scale" | "status") =>
  KubernetesApi.use((api) =>
    api.patch(
      kindOf(kind),
      { namespace, name },
      { type: "merge", body, ...(subresource === undefined ? {} : { subresource }) }
    )
  )

const remove = (kind: string, reference: { readonly namespace?: string; readonly name: string }) =>
  Effect.gen(function* () {
    const { metadata } = yield* KubernetesApi.use((api) => api.get(kindOf(kind), reference))
    yield* KubernetesDeletion.use((door) =>
      door.delete(kindOf(kind), reference, { uid: metadata.uid ?? "", propagationPolicy: "Background" })
    )
  })

const list = (kind: string, namespace: string) =>
  Effect.map(
    KubernetesApi.use((api) => api.list(kindOf(kind), { namespace })),
    ({ items }) => items
  )

/** Waits until an object satisfies a condition. */
const objectWhen = (kind: string, namespace: string, name: string, condition: (object: KubernetesObject) => boolean) =>
  World.eventually(
    Effect.map(
      KubernetesApi.use((api) => api.get(kindOf(kind), { namespace, name })),
      (object) => (condition(object) ? object : undefined)
    )
  )

const noneLeft = (kind: string, namespace: string) =>
  World.isSo(Effect.map(list(kind, namespace), ({ length }) => length === 0))

const available = (namespace: string, count: number) =>
  objectWhen(
    "Deployment",
    namespace,
    "web",
    ({ metadata, status }) =>
      (at(status, "availableReplicas") ?? 0) === count &&
      (at(status, "replicas") ?? 0) === count &&
      (at(status, "updatedReplicas") ?? 0) === count &&
      at(status, "observedGeneration") === metadata.generation
  )

const condition = (object: KubernetesObject, type: string): unknown => {
  const conditions = at(object, "status", "conditions")
  return Array.isArray(conditions) ? conditions.find((held) => at(held, "type") === type) : undefined
}

const imageOf = (pod: KubernetesObject) => at(pod, "spec", "containers", 0, "image")

inEachCluster(
  "workloads",
  (it) => {
    it.effect("of a Deployment come up, and say so in status, conditions and Events", () =>
      Effect.gen(function* () {
        yield* furnish("up")
        yield* create("Deployment", "up", "web", web({ replicas: 2 }))
        const deployment = yield* available("up", 2)
        assert.deepInclude(condition(deployment, "Available"), { status: "True", reason: "MinimumReplicasAvailable" })
        assert.deepInclude(condition(deployment, "Progressing"), { status: "True", reason: "NewReplicaSetAvailable" })
        const reasons = [
          ["Deployment", "ScalingReplicaSet"],
          ["ReplicaSet", "SuccessfulCreate"],
          ["Pod", "Scheduled"],
          ["Pod", "Pulled"],
          ["Pod", "Created"],
          ["Pod", "Started"]
        ]
        yield* World.isSo(
          Effect.map(list("Event", "up"), (events) =>
            reasons.every(([kind, reason]) =>
              events.some((event) => at(event, "involvedObject", "kind") === kind && event["reason"] === reason)
            )
          )
        )
        for (const pod of yield* list("Pod", "up")) {
          for (const type of ["PodScheduled", "Initialized", "ContainersReady", "Ready"]) {
            assert.strictEqual(at(condition(pod, type), "status"), "True", type)
          }
        }
      })
    )

    it.effect("roll to a new template and are never out of available pods", () =>
      Effect.gen(function* () {
        yield* furnish("roll")
        const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
        yield* create("Deployment", "roll", "web", web({ replicas: 2, strategy }))
        yield* available("roll", 2)
        const image = "example.com/program:2"
        yield* patch("Deployment", "roll", "web", {
          spec: { template: { spec: { containers: [{ ...container, image }] } } }
        })
        let fewest = 2
        let most = 0
        yield* World.isSo(
          Effect.gen(function* () {
            const pods = (yield* list("Pod", "roll")).filter(({ metadata }) => !metadata.deletionTimestamp)
            const ready = pods.filter((pod) => at(condition(pod, "Ready"), "status") === "True")
            fewest = Math.min(fewest, ready.length)
            most = Math.max(most, pods.length)
            return ready.length === 2 && pods.length === 2 && pods.every((pod) => imageOf(pod) === image)
          })
        )
        assert.deepStrictEqual([fewest, most], [2, 3])
        const { metadata } = yield* available("roll", 2)
        assert.strictEqual(metadata.annotations?.["deployment.kubernetes.io/revision"], "2")
      })
    )

    it.effect("are scaled to nothing and back", () =>
      Effect.gen(function* () {
        yield* furnish("scale")
        yield* create("Deployment", "scale", "web", web({ replicas: 1 }))
        yield* available("scale", 1)
        yield* patch("Deployment", "scale", "web", { spec: { replicas: 0 } }, "scale")
        yield* available("scale", 0)
        yield* noneLeft("Pod", "scale")
        yield* patch("Deployment", "scale", "web", { spec: { replicas: 1 } }, "scale")
        yield* available("scale", 1)
      })
    )

    it.effect("are the endpoints of their Service", () =>
      Effect.gen(function* () {
        yield* furnish("endpoints")
        const ports = [{ name: "http", port: 80, targetPort: "http" }]
        yield* create("Service", "endpoints", "web", { selector: { app: "web" }, ports })
        // On another node, because a real API server refuses endpoints whose address is a loopback one.
        yield* KubernetesApi.use((api) =>
          api.create(kindOf("Pod"), {
            metadata: { namespace: "endpoints", name: "web-1", labels: { app: "web" } },
            spec: { nodeName: "elsewhere", containers: [container] }
          })
        )
        const setReady = (status: "True" | "False") =>
          patch(
            "Pod",
            "endpoints",
            "web-1",
            {
              status: {
                phase: "Running",
                podIP: "10.1.2.3",
                podIPs: [{ ip: "10.1.2.3" }],
                conditions: [{ type: "Ready", status }]
              }
            },
            "status"
          )
        const endpointWhen = (ready: boolean) =>
          World.eventually(
            Effect.map(list("EndpointSlice", "endpoints"), ([slice]) =>
              at(slice, "endpoints", 0, "conditions", "ready") === ready ? slice : undefined
            )
          )
        yield* setReady("False")
        yield* endpointWhen(false)
        yield* setReady("True")
        const slice = yield* endpointWhen(true)
        assert.deepStrictEqual(at(slice, "endpoints", 0, "addresses"), ["10.1.2.3"])
        assert.deepStrictEqual(slice["ports"], [{ name: "http", port: 8888, protocol: "TCP" }])
        yield* remove("Service", { namespace: "endpoints", name: "web" })
        yield* noneLeft("EndpointSlice", "endpoints")
      })
    )

    it.effect("wait for room on the node, and say so", () =>
      Effect.gen(function* () {
        yield* furnish("room")
        const spec = (cpu: string): Json => ({
          terminationGracePeriodSeconds: 1,
          containers: [{ ...container, resources: { requests: { cpu } } }]
        })
        const message = "0/1 nodes are available: 1 Insufficient cpu."
        yield* create("Pod", "room", "first", spec("3"))
        yield* objectWhen("Pod", "room", "first", (pod) => at(condition(pod, "Ready"), "status") === "True")
        yield* create("Pod", "room", "second", spec("3"))
        const waiting = yield* objectWhen(
          "Pod",
          "room",
          "second",
          (pod) => at(condition(pod, "PodScheduled"), "reason") === "Unschedulable"
        )
        assert.deepInclude(condition(waiting, "PodScheduled"), { status: "False", message })
        yield* World.isSo(
          Effect.map(list("Event", "room"), (events) =>
            events.some(({ message: text, reason }) => reason === "FailedScheduling" && text === message)
          )
        )
        yield* remove("Pod", { namespace: "room", name: "first" })
        yield* objectWhen("Pod", "room", "second", (pod) => at(condition(pod, "Ready"), "status") === "True")
        yield* remove("Pod", { namespace: "room", name: "second" })
        yield* noneLeft("Pod", "room")
      })
    )

    it.effect("that crash are started again, and wait in between", () =>
      Effect.gen(function* () {
        yield* furnish("crash")
        const env = [{ name: "EXIT_WITH", value: "3" }]
        yield* create("Deployment", "crash", "web", web({ replicas: 1 }, { env }))
        yield* World.isSo(
          Effect.map(list("Pod", "crash"), (pods) =>
            pods.some(
              (pod) => at(pod, "status", "containerStatuses", 0, "state", "waiting", "reason") === "CrashLoopBackOff"
            )
          )
        )
        const [pod] = yield* list("Pod", "crash")
        const lastState = at(pod, "status", "containerStatuses", 0, "lastState", "terminated")
        assert.deepInclude(lastState, { exitCode: 3, reason: "Error" })
      })
    )

    it.effect("go with their Deployment", () =>
      Effect.gen(function* () {
        yield* furnish("owned")
        yield* create("Deployment", "owned", "web", web({ replicas: 1 }))
        yield* available("owned", 1)
        yield* remove("Deployment", { namespace: "owned", name: "web" })
        for (const kind of ["Deployment", "ReplicaSet", "Pod"]) yield* noneLeft(kind, "owned")
      })
    )

    it.effect("go with their namespace, which is gone then", () =>
      Effect.gen(function* () {
        yield* furnish("going")
        yield* create("Deployment", "going", "web", web({ replicas: 1 }))
        yield* available("going", 1)
        yield* remove("Namespace", { name: "going" })
        yield* World.isSo(
          Effect.map(
            KubernetesApi.use((api) => api.list(kindOf("Namespace"), {})),
            ({ items }) => items.every(({ metadata }) => metadata.name !== "going")
          )
        )
        yield* furnish("going")
        assert.deepStrictEqual(yield* list("Pod", "going"), [])
      })
    )
  },
  { programs: fixturePrograms, capacity: { cpu: "4" } }
)
