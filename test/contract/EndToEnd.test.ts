import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { annotations } from "../../src/fission/Labels.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { isReady } from "../../src/fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as World from "../e2e/World.ts"
import { ClusterUnderTest, furnish, inEachCluster, settled, versions, withExecutor } from "./Clusters.ts"

/** Answers with what tells one process from another. */
const ofProcess = "module.exports = async () => ({ status: 200, body: String(process.pid) })\n"

const warmPods = (namespace: string) =>
  Effect.map(World.podsOf(namespace, "managed=true"), (pods) =>
    pods.filter((pod) => isReady(pod) && !pod.metadata.deletionTimestamp)
  )

/** Waits until there are exactly so many warm pods, and no others. */
const warmAre = (namespace: string, count: number) =>
  World.isSo(
    Effect.gen(function* () {
      const pods = yield* World.podsOf(namespace, "managed=true")
      return pods.length === count && (yield* warmPods(namespace)).length === count
    })
  )

const changeEnvironment = (namespace: string, spec: { readonly [field: string]: unknown }) =>
  KubernetesApi.use((api) => api.patch(Environments, { namespace, name: "nodejs" }, { type: "merge", body: { spec } }))

/** Deletes an object and waits until it is gone. */
const remove = (kind: typeof Functions | typeof Environments, namespace: string, name: string) =>
  Effect.gen(function* () {
    const reference = { namespace, name }
    const { metadata } = yield* KubernetesApi.use((api) => api.get(kind, reference))
    yield* KubernetesDeletion.use((door) => door.delete(kind, reference, { uid: metadata.uid ?? "" }))
    yield* World.isSo(Effect.map(Effect.exit(KubernetesApi.use((api) => api.get(kind, reference))), Exit.isFailure))
  })

/** What was deleted, but for pods of a claim of which nobody knows whether it was applied. */
const deletions = (namespace: string) =>
  Effect.map(
    DecisionLog.use((log) => log.recent(namespace)),
    (decisions) => decisions.filter(({ action, ground }) => action === "Deleted" && ground !== "FailedClaim")
  )

/** The answer of a function once it answers itself. */
const answered = (name: string, namespace: string) =>
  World.eventually(Effect.map(World.call(name, namespace), (answer) => (answer.status === 200 ? answer : undefined)))

/** Waits until the only pod that serves is marked so, from when on another executor can take it over. */
const isServed = (namespace: string) =>
  World.isSo(Effect.map(World.podsOf(namespace, "fission.io/served=true"), ({ length }) => length === 1))

/** What is claimed in advance is given back with a write when an executor stops, and outlasts an outage's first cold start. */
const withoutReserve = { EXECUTOR_WARM_RESERVE: "0" }

inEachCluster(
  "the executor",
  (it) => {
    /** A test in a namespace of its own, which the executor serves. */
    const inNamespace = <A, E, R>(namespace: string, use: Effect.Effect<A, E, R>, variables = {}) =>
      Effect.andThen(furnish(namespace), withExecutor(namespace, use, variables))

    it.effect("keeps as many warm pods as an Environment asks for", () =>
      inNamespace(
        "pools",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 1 }, "pools")
          yield* warmAre("pools", 1)
          yield* changeEnvironment("pools", { poolsize: 3 })
          yield* warmAre("pools", 3)
          yield* changeEnvironment("pools", { poolsize: 0 })
          yield* warmAre("pools", 0)
        })
      )
    )

    it.effect("replaces warm pods when their Environment changes, without being out of them", () =>
      inNamespace(
        "rollout",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 2 }, "rollout")
          yield* warmAre("rollout", 2)
          const before = new Set((yield* warmPods("rollout")).map(({ metadata }) => metadata.uid))
          yield* changeEnvironment("rollout", { runtime: { image: "node-env:2" } })
          let fewest = 2
          yield* World.isSo(
            Effect.gen(function* () {
              const pods = yield* warmPods("rollout")
              fewest = Math.min(fewest, pods.length)
              return pods.length === 2 && pods.every(({ metadata }) => !before.has(metadata.uid))
            })
          )
          assert.isAtLeast(fewest, 1)
        })
      )
    )

    it.effect("answers cold and then warm from the same pod, and fills the pool again", () =>
      inNamespace(
        "cold",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 2 }, "cold")
          yield* World.createFunction("hello", ofProcess, {}, "cold")
          yield* World.warm(2, "cold")
          const cold = yield* World.call("hello", "cold")
          assert.strictEqual(cold.status, 200, cold.body)
          for (let again = 0; again < 5; again++) {
            assert.strictEqual((yield* World.call("hello", "cold")).body, cold.body)
          }
          yield* warmAre("cold", 2)
          const [pod, ...others] = yield* World.specialized("cold")
          assert.deepStrictEqual(others, [])
          assert.deepStrictEqual(pod?.metadata.ownerReferences ?? [], [])
        })
      )
    )

    it.effect("answers with the new code once a function has changed, and drains the old pod", () =>
      inNamespace(
        "changes",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 2 }, "changes")
          yield* World.createFunction("hello", World.answering("old"), {}, "changes")
          assert.strictEqual((yield* answered("hello", "changes")).body, "old")
          const [old] = yield* World.specialized("changes")
          yield* World.changeFunction("hello", World.answering("new"), "changes")
          yield* World.isSo(Effect.map(World.call("hello", "changes"), ({ body }) => body === "new"))
          yield* World.isSo(
            Effect.map(World.podsOf("changes", "managed=false"), (pods) => {
              const draining = pods.find(({ metadata }) => metadata.uid === old?.metadata.uid)?.metadata.annotations
              return draining?.[annotations.drainingSince] !== undefined
            })
          )
        })
      )
    )

    it.effect("answers after a restart from the same pod, and writes nothing", () =>
      Effect.gen(function* () {
        yield* furnish("restart")
        const before = yield* withExecutor(
          "restart",
          Effect.gen(function* () {
            yield* World.createEnvironment({ poolsize: 2 }, "restart")
            yield* World.createFunction("hello", ofProcess, {}, "restart")
            const answer = yield* answered("hello", "restart")
            yield* isServed("restart")
            yield* warmAre("restart", 2)
            return answer
          }),
          withoutReserve
        )
        const objects = yield* settled("restart")
        const after = yield* withExecutor(
          "restart",
          Effect.gen(function* () {
            yield* World.isSo(Effect.map(World.executorGet("/readyz"), ({ status }) => status === 200))
            return yield* World.call("hello", "restart")
          }),
          withoutReserve
        )
        assert.deepStrictEqual([after.status, after.body], [200, before.body])
        assert.deepStrictEqual(yield* versions("restart"), objects)
      })
    )

    it.effect.each(["silence", "withoutEtcd"] as const)(
      "answers warm requests while the API server is away (%s), deletes nothing, and serves new functions afterwards",
      (outage) => {
        const namespace = outage.toLowerCase()
        return inNamespace(
          namespace,
          Effect.gen(function* () {
            const cluster = yield* ClusterUnderTest
            yield* World.createEnvironment({ poolsize: 2 }, namespace)
            yield* World.createFunction("hello", ofProcess, {}, namespace)
            yield* World.createFunction("later", World.answering("later"), {}, namespace)
            const { body } = yield* answered("hello", namespace)
            yield* warmAre(namespace, 2)
            const later = yield* KubernetesApi.use((api) => api.get(Functions, { namespace, name: "later" }))
            const before = yield* deletions(namespace)
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* cluster[outage]
                for (let again = 0; again < 20; again++) {
                  const answer = yield* World.call("hello", namespace)
                  assert.deepStrictEqual([answer.status, answer.body], [200, body])
                }
                assert.strictEqual((yield* World.executorGet("/healthz")).status, 200)
                const cold = yield* World.askFor(later)
                assert.strictEqual(cold.status, 503, cold.body)
                assert.match(String(cold.headers["retry-after"]), /^\d+$/u)
                assert.strictEqual((yield* World.call("hello", namespace)).body, body)
              })
            )
            assert.strictEqual((yield* answered("later", namespace)).body, "later")
            assert.strictEqual((yield* World.call("hello", namespace)).body, body)
            assert.deepStrictEqual(yield* deletions(namespace), before)
          }),
          withoutReserve
        )
      },
      90_000
    )

    it.effect(
      "starts while the API server is away, and answers from the pods of before once it is back",
      () =>
        Effect.gen(function* () {
          const namespace = "late"
          yield* furnish(namespace)
          const { body, fn } = yield* withExecutor(
            namespace,
            Effect.gen(function* () {
              yield* World.createEnvironment({ poolsize: 1 }, namespace)
              const fn = yield* World.createFunction("hello", ofProcess, {}, namespace)
              const { body } = yield* answered("hello", namespace)
              yield* isServed(namespace)
              return { body, fn }
            })
          )
          yield* settled(namespace)
          const outage = yield* Scope.make()
          yield* Effect.addFinalizer((exit) => Scope.close(outage, exit))
          const { silence } = yield* ClusterUnderTest
          yield* Scope.provide(silence, outage)
          yield* withExecutor(
            namespace,
            Effect.gen(function* () {
              assert.strictEqual((yield* World.executorGet("/healthz")).status, 200)
              assert.strictEqual((yield* World.askFor(fn)).status, 503)
              yield* Scope.close(outage, Exit.void)
              assert.strictEqual((yield* answered("hello", namespace)).body, body)
              assert.strictEqual((yield* World.specialized(namespace)).length, 1)
            })
          )
        }),
      60_000
    )

    it.effect("says that the node has no room for a pod", () =>
      inNamespace(
        "room",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 1, resources: { requests: { cpu: "2000" } } }, "room")
          yield* World.createFunction("hello", ofProcess, {}, "room")
          const { body, status } = yield* World.eventually(
            Effect.map(World.ask("hello", "room"), (answer) => (answer.status === 503 ? undefined : answer))
          )
          assert.strictEqual(status, 500)
          assert.match(body, /waited too long to get a ready pod .*0\/1 nodes are available: 1 Insufficient cpu\./u)
        }),
        { POD_READY_TIMEOUT: "3s" }
      )
    )

    it.effect("takes the pods of a deleted function away, and those of a deleted Environment", () =>
      inNamespace(
        "deletions",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 2 }, "deletions")
          yield* World.createFunction("hello", ofProcess, {}, "deletions")
          yield* answered("hello", "deletions")
          yield* remove(Functions, "deletions", "hello")
          yield* World.isSo(Effect.map(World.specialized("deletions"), ({ length }) => length === 0))
          yield* warmAre("deletions", 2)
          yield* remove(Environments, "deletions", "nodejs")
          yield* World.isSo(Effect.map(World.podsOf("deletions"), ({ length }) => length === 0))
        })
      )
    )

    it.effect("mounts the image of an OCI package in pods of a pool of its own", () =>
      inNamespace(
        "images",
        Effect.gen(function* () {
          yield* World.createEnvironment({ poolsize: 1 }, "images")
          const oci = { image: "registry.example.org/shop/quote:v1", subPath: "app" }
          yield* World.createFunction("quote", { type: "oci", oci }, World.inEnvironment("nodejs", "images"), "images")
          assert.match((yield* answered("quote", "images")).body, /^(Simplicity|Make it work)/u)
          const pods = yield* World.podsOf("images", "managed=false,ociImageHash")
          assert.deepStrictEqual(
            pods.map(({ spec }) => spec?.containers?.map(({ name }) => name)),
            [["nodejs"]]
          )
        }),
        { ENABLE_OCI_IMAGE_VOLUME: "true" }
      )
    )
  },
  { imageLayout: fileURLToPath(new URL("../../deploy/samples-oci/images", import.meta.url)) }
)
