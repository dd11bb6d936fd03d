import { isDeepStrictEqual } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect, Result } from "effect"
import {
  ConfigMaps,
  Deployments,
  Functions,
  HorizontalPodAutoscalers,
  Pods,
  Secrets,
  Services
} from "../../src/fission/ResourceKind.ts"
import type { Deployment } from "../../src/fission/Workloads.ts"
import { KubernetesApi, KubernetesDeletion } from "../../src/kubernetes/KubernetesApi.ts"
import { objectOf } from "../../src/podspec/Json.ts"
import * as World from "./World.ts"

const strategy = (ExecutorType: string, others: object = {}) => ({
  InvokeStrategy: {
    StrategyType: "execution",
    ExecutionStrategy: { ExecutorType, MinScale: 0, MaxScale: 2, SpecializationTimeout: 120, ...others }
  }
})

/** The spec of a function that answers with a text out of a container of its own. */
const container = (name: string, text: string) => ({
  ...strategy("container", { MinScale: 1 }),
  podspec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name,
        image: "hashicorp/http-echo:1.0",
        args: ["-listen=:8888", `-text=${text}`],
        ports: [{ containerPort: 8888 }]
      }
    ]
  }
})

/** The Deployment of a function; undefined while there is none. */
const deploymentOf = (name: string): Effect.Effect<Deployment | undefined, never, KubernetesApi> =>
  KubernetesApi.use((api) =>
    api.list(Deployments, { namespace: "default", labelSelector: `functionName=${name}` })
  ).pipe(
    Effect.map(({ items: [item] }) => (item === undefined ? undefined : Result.getOrThrow(Deployments.decode(item)))),
    Effect.orDie
  )

/** The spec of a function's autoscaler; undefined while there is none. */
const autoscalerOf = (name: string) =>
  KubernetesApi.use((api) =>
    api.list(HorizontalPodAutoscalers, { namespace: "default", labelSelector: `functionName=${name}` })
  ).pipe(
    Effect.map(({ items: [item] }) => item && objectOf(item["spec"])),
    Effect.orDie
  )

const replicasOf = (name: string) => Effect.map(deploymentOf(name), (found) => found?.spec.replicas)

const patchFunction = (name: string, spec: object) =>
  KubernetesApi.use((api) => api.patch(Functions, { namespace: "default", name }, { type: "merge", body: { spec } }))

const answers = (name: string, body: string) =>
  World.isSo(Effect.map(World.call(name), (answer) => answer.body === body))

layer(World.layer({ variables: { OBJECT_REAPER_INTERVAL: "1" } }), { excludeTestServices: true })(
  "functions with a Deployment of their own",
  (it) => {
    it.effect("answer cold, and then warm from the same pod", () =>
      Effect.gen(function* () {
        yield* World.createEnvironment({ poolsize: 1 })
        yield* World.createFunction("nd", World.answering("newdeploy"), strategy("newdeploy"))
        assert.deepInclude(yield* World.call("nd"), { status: 200, body: "newdeploy" })
        assert.deepInclude(yield* World.call("nd"), { status: 200, body: "newdeploy" })
        assert.strictEqual((yield* World.podsOf("default", "functionName=nd")).length, 1)
        assert.deepStrictEqual(yield* World.specialized(), [], "no pod of the pool was taken")
      })
    )

    it.effect("may bring a container of their own, without Environment and package", () =>
      Effect.gen(function* () {
        const spec = { environment: { name: "", namespace: "" }, package: { packageref: { name: "", namespace: "" } } }
        yield* World.createFunction("ct", "", { ...spec, ...container("ct", "container") })
        assert.deepInclude(yield* World.call("ct"), { status: 200, body: "container\n" })
      })
    )

    it.effect("come back from zero replicas with the next request", () =>
      Effect.gen(function* () {
        yield* World.createFunction("idle", World.answering("idle"), {
          ...strategy("newdeploy"),
          idletimeout: 1,
          functionTimeout: 1
        })
        yield* World.isSo(Effect.map(World.call("idle"), ({ status }) => status === 200))
        yield* World.isSo(Effect.map(replicasOf("idle"), (replicas) => replicas === 0))
        yield* World.isSo(Effect.map(World.podsOf("default", "functionName=idle"), (pods) => pods.length === 0))
        yield* patchFunction("idle", { functionTimeout: 60 })
        assert.deepInclude(yield* World.call("idle"), { status: 200, body: "idle" })
      })
    )

    it.effect("answer with new code after a change, and no request fails meanwhile", () =>
      Effect.gen(function* () {
        yield* World.changeFunction("nd", World.answering("changed"))
        yield* patchFunction("ct", container("ct", "changed"))
        const failed: Array<World.Answer> = []
        const untilChanged = (name: string, body: string) =>
          World.isSo(
            Effect.map(World.call(name), (answer) => {
              if (answer.status !== 200) failed.push(answer)
              return answer.body === body
            })
          )
        yield* Effect.all([untilChanged("nd", "changed"), untilChanged("ct", "changed\n")], { concurrency: 2 })
        assert.deepStrictEqual(failed, [])
      })
    )

    it.effect("get their variables out of Secrets and ConfigMaps, new ones after a change (section 10)", () =>
      Effect.gen(function* () {
        const api = yield* KubernetesApi
        const reference = (name: string) => ({ namespace: "default", name })
        yield* api.create(ConfigMaps, { metadata: reference("words"), data: { GREETING: "hello" } })
        yield* api.create(Secrets, { metadata: reference("names"), stringData: { NAME: "moon" } })
        const code =
          "module.exports = async () => ({ status: 200, body: [process.env.GREETING, process.env.NAME].join(' ') })\n"
        yield* World.createFunction("env", code, {
          ...strategy("newdeploy", { MinScale: 1 }),
          envFrom: [{ configMapRef: { name: "words" } }, { secretRef: { name: "names" } }]
        })
        yield* answers("env", "hello moon")
        const change = { type: "merge", body: { stringData: { NAME: "sun" } } } as const
        yield* api.patch(Secrets, reference("names"), change)
        yield* answers("env", "hello sun")
      })
    )

    it.effect("have an autoscaler with their metrics, which a change of the target reaches (section 12.1)", () =>
      Effect.gen(function* () {
        const memory = {
          type: "Resource",
          resource: { name: "memory", target: { type: "AverageValue", averageValue: "64Mi" } }
        }
        const scaled = (TargetCPUPercent: number) =>
          strategy("newdeploy", { MinScale: 1, TargetCPUPercent, hpaMetrics: [memory] })
        yield* World.createFunction("scaled", World.answering("scaled"), scaled(60))
        yield* answers("scaled", "scaled")
        const { uid } = (yield* deploymentOf("scaled"))?.metadata ?? {}
        const pods = yield* World.podsOf("default", "functionName=scaled")
        const hasMetrics = (cpu: number) =>
          World.isSo(
            Effect.map(autoscalerOf("scaled"), (spec) =>
              isDeepStrictEqual(spec?.["metrics"], [
                {
                  type: "ContainerResource",
                  containerResource: {
                    container: "nodejs",
                    name: "cpu",
                    target: { type: "Utilization", averageUtilization: cpu }
                  }
                },
                { type: "ContainerResource", containerResource: { container: "nodejs", ...memory.resource } }
              ])
            )
          )
        yield* hasMetrics(60)
        yield* patchFunction("scaled", scaled(35))
        yield* hasMetrics(35)
        const reference = { namespace: "default", name: (yield* deploymentOf("scaled"))?.metadata.name ?? "" }
        yield* KubernetesApi.use((api) =>
          api.patch(HorizontalPodAutoscalers, reference, { type: "merge", body: { spec: { metrics: [] } } })
        )
        yield* patchFunction("scaled", { idletimeout: 500 })
        yield* hasMetrics(35)
        assert.strictEqual((yield* deploymentOf("scaled"))?.metadata.uid, uid)
        assert.deepStrictEqual(
          (yield* World.podsOf("default", "functionName=scaled")).map(({ metadata }) => metadata.uid),
          pods.map(({ metadata }) => metadata.uid)
        )
      })
    )

    it.effect("are refused by the API server with a MinScale above MaxScale, and go on as they were", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(patchFunction("nd", strategy("newdeploy", { MinScale: 3, MaxScale: 1 })))
        assert.strictEqual(error._tag, "KubernetesFatalError")
        assert.include(error.message, "maximum scale must be greater than or equal to minimum scale")
        assert.deepInclude(yield* World.call("nd"), { status: 200, body: "changed" })
      })
    )

    it.effect.each([Deployments, Services])("get a $kind back that somebody deletes", (kind) =>
      Effect.gen(function* () {
        const { metadata } = (yield* deploymentOf("ct")) ?? {}
        const reference = { namespace: "default", name: metadata?.name ?? "" }
        const uidOf = KubernetesApi.use((api) => Effect.map(api.get(kind, reference), (object) => object.metadata.uid))
        const uid = (yield* uidOf) ?? ""
        yield* KubernetesDeletion.use((door) => door.delete(kind, reference, { uid }))
        yield* World.isSo(Effect.map(Effect.option(uidOf), (found) => found._tag === "Some" && found.value !== uid))
        yield* answers("ct", "changed\n")
      })
    )

    it.effect("change their executor type, and no request fails meanwhile", () =>
      Effect.gen(function* () {
        yield* World.warm(1)
        for (const type of ["poolmgr", "newdeploy"]) {
          yield* patchFunction("nd", strategy(type))
          for (let request = 0; request < 20; request++) {
            assert.deepInclude(yield* World.call("nd"), { status: 200, body: "changed" }, type)
          }
        }
      })
    )

    it.effect("go away with everything that was made for them", () =>
      Effect.gen(function* () {
        const reference = { namespace: "default", name: "ct" }
        const { metadata } = yield* KubernetesApi.use((api) => api.get(Functions, reference))
        yield* KubernetesDeletion.use((door) => door.delete(Functions, reference, { uid: metadata.uid ?? "" }))
        const left = KubernetesApi.use((api) =>
          Effect.forEach([Services, HorizontalPodAutoscalers, Deployments, Pods], (kind) =>
            api.list(kind, { namespace: "default", labelSelector: "functionName=ct" })
          )
        )
        yield* World.isSo(Effect.map(left, (lists) => lists.every(({ items }) => items.length === 0)))
        yield* World.isSo(Effect.map(World.call("ct"), ({ status }) => status === 404))
      })
    )
  }
)
