import { Effect, Layer, Logger, Result } from "effect"
import { TestClock } from "effect/testing"
import { Settings } from "../../src/Config.ts"
import * as Executor from "../../src/Executor.ts"
import { Dispatcher } from "../../src/executors/Dispatcher.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import {
  Deployments,
  Environments,
  Functions,
  Packages,
  Pods,
  type ResourceKind
} from "../../src/fission/ResourceKind.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import { FetcherClient } from "../../src/specialization/FetcherClient.ts"
import type { SpecializeCall, SpecializeError } from "../../src/specialization/PodRequests.ts"
import { RuntimeClient } from "../../src/specialization/RuntimeClient.ts"
import { poolLabels } from "../../src/podspec/PodTemplate.ts"
import { poolDeployment } from "../../src/podspec/PoolDeployment.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import { KubernetesApi } from "../../src/kubernetes/KubernetesApi.ts"
import type { StoredObject } from "../../src/devcluster/ResourceStore.ts"
import { servedKind } from "./OtherWriter.ts"
import * as KubernetesApiInMemory from "./KubernetesApiInMemory.ts"
import * as ReplicaRole from "./ReplicaRole.ts"

/** What a pod does with `/specialize`; undefined succeeds at once. */
export type PodAnswer = (call: SpecializeCall) => Effect.Effect<void, SpecializeError> | undefined

/** A write with what was sent, in the form of `KubernetesApi`. */
export interface Sent {
  readonly verb: "create" | "update" | "patch"
  readonly resource: string
  readonly body: { readonly [field: string]: unknown }
}

/** What a running executor offers to a test. */
export type ExecutorServices = Layer.Success<typeof Executor.layerNoDeps> | Leadership

/** The whole executor behind its HTTP API, over an API server in memory and pods that do as they are told. */
export interface ExecutorInMemory {
  readonly api: KubernetesApiInMemory.KubernetesApiInMemory
  /** A fresh executor each time it is built: building it again is a restart. It leads unless it is told otherwise. */
  readonly executor: (
    leadership?: Layer.Layer<Leadership>,
    /** Other environment variables than the cluster was made with. */
    others?: { readonly [name: string]: string },
    addOns?: Executor.AddOn
  ) => Layer.Layer<ExecutorServices>
  /** Every write that carries an object, in order. */
  readonly sent: ReadonlyArray<Sent>
  /** Calls of `/specialize` in order, by the address of the pod. */
  readonly specialized: ReadonlyArray<string>
  /** Addresses of pods to whose fetcher a connection was opened, or used again, before any load. */
  readonly openedAhead: ReadonlyArray<string>
  /** Calls of a runtime's own `/v2/specialize` in order. */
  readonly runtimeCalls: ReadonlyArray<SpecializeCall>
  readonly answer: (answer: PodAnswer) => void
  readonly environment: (given?: EnvironmentGiven) => Environment
  readonly fn: (given?: FunctionGiven) => FissionFunction
  /** A Ready pod of the Environment's pool. */
  readonly warmPod: (environment: Environment, name: string, address: string) => void
  /** The pool Deployments of a namespace, as they are stored. */
  readonly pools: (namespace?: string) => ReadonlyArray<StoredObject>
  /** The user deletes an object; finalizers hold it back. */
  readonly userDeletes: (kind: ResourceKind, name: string, namespace?: string) => void
  /** The pod as it is stored. */
  readonly pod: (name: string, namespace?: string) => ReturnType<KubernetesApiInMemory.KubernetesApiInMemory["find"]>
}

export interface EnvironmentGiven {
  readonly name?: string
  readonly namespace?: string
  readonly spec?: { readonly [field: string]: unknown }
}

export interface FunctionGiven {
  readonly name?: string
  readonly namespace?: string
  readonly environment?: string
  readonly metadata?: { readonly [field: string]: unknown }
  /** Where its Package has the code; default a literal. */
  readonly archive?: { readonly [field: string]: unknown }
  readonly spec?: { readonly [field: string]: unknown }
}

/** Asks for an address as the router does. */
export const ask = (fn: FissionFunction) =>
  Effect.flatMap(Dispatcher, (dispatcher) => dispatcher.getService(fn, "request-1"))

/** Lets everything that is due happen, and what follows from it: ten milliseconds go by, in as many steps. */
export const settle = Effect.repeat(TestClock.adjust("1 millis"), { times: 9 })

/** Runs a test in an executor of a second's age, which stops with it. */
export const running = <A, E>(
  world: ExecutorInMemory,
  test: Effect.Effect<A, E, ExecutorServices>,
  leadership?: Layer.Layer<Leadership>
) => Effect.andThen(TestClock.adjust("1 second"), test).pipe(Effect.provide(world.executor(leadership)))

/** The grounds on which an object of this name was deleted or scaled down, in order. */
export const groundsOf = (name: string) =>
  Effect.map(
    Effect.flatMap(DecisionLog, (log) => log.recent()),
    (decisions) =>
      decisions
        .filter((decision) => decision.name === name && decision.action !== "Kept")
        .flatMap(({ ground }) => ground ?? [])
  )

/** The calls that change something, as text, in order. */
export const writes = (world: ExecutorInMemory): ReadonlyArray<string> =>
  world.api.lines().filter((line) => !/^(get|list|watch) /u.test(line))

/** One function, and two warm pods for it. */
export const warmWorld = Effect.suspend(() => make()).pipe(
  Effect.map((world) => {
    const environment = world.environment()
    for (const index of [1, 2]) world.warmPod(environment, `warm-${index}`, `10.0.0.${index}`)
    return { ...world, function: world.fn() }
  })
)

const settingsOf = (variables: { readonly [name: string]: string }) =>
  Effect.provide(Settings, Settings.layer(variables))

/** The pools of a namespace, as they are stored. */
const deploymentsOf = (api: KubernetesApiInMemory.KubernetesApiInMemory, namespace: string) =>
  api.store.list(servedKind(Deployments), { namespace, matches: () => true })

/**
 * Makes the cluster; no executor runs yet. `given` are environment variables of the executor. Without them it has no
 * reserve: nothing here makes a new pod for one that left its pool, so a test says itself which pods are warm.
 */
export const make = (
  given: { readonly [name: string]: string } = {},
  log: Layer.Layer<never> = Logger.layer([])
): Effect.Effect<ExecutorInMemory> =>
  Effect.gen(function* () {
    const variables = { EXECUTOR_WARM_RESERVE: "0", ...given }
    const settings = yield* Effect.orDie(settingsOf(variables))
    const api = yield* KubernetesApiInMemory.make({ namespaces: settings.namespaces })
    const specialized: Array<string> = []
    const openedAhead: Array<string> = []
    const sent: Array<Sent> = []
    let answer: PodAnswer = () => undefined

    const fetcher = Layer.succeed(FetcherClient, {
      specialize: (call) =>
        Effect.suspend(() => {
          specialized.push(call.podAddress)
          return answer(call) ?? Effect.void
        }),
      openAhead: (podAddress) => Effect.sync(() => void openedAhead.push(podAddress))
    })

    const runtimeCalls: Array<SpecializeCall> = []
    const runtime = Layer.succeed(RuntimeClient, {
      specialize: (call) =>
        Effect.suspend(() => {
          runtimeCalls.push(call)
          return answer(call) ?? Effect.void
        })
    })

    const recorded = Layer.effect(
      KubernetesApi,
      Effect.map(KubernetesApi, (api) =>
        KubernetesApi.of({
          ...api,
          create: (kind, object, options) => {
            sent.push({ verb: "create", resource: kind.plural, body: object })
            return api.create(kind, object, options)
          },
          update: (kind, object, options) => {
            sent.push({ verb: "update", resource: kind.plural, body: object })
            return api.update(kind, object, options)
          },
          patch: (kind, reference, patch, options) => {
            sent.push({ verb: "patch", resource: kind.plural, body: patch.body })
            return api.patch(kind, reference, patch, options)
          }
        })
      )
    ).pipe(Layer.provideMerge(api.layer))

    const environment = (given: EnvironmentGiven = {}): Environment => {
      const { name = "nodejs", namespace = "default", spec } = given
      const stored = api.put(Environments, {
        metadata: { name, namespace },
        spec: { version: 3, poolsize: 2, runtime: { image: "node-env" }, ...spec }
      })
      return Result.getOrThrow(Environments.decode(stored))
    }

    const fn = (given: FunctionGiven = {}): FissionFunction => {
      const {
        archive = { literal: "" },
        environment = "nodejs",
        metadata,
        name = "hello",
        namespace = "default",
        spec
      } = given
      api.put(Packages, { metadata: { name: `${name}-pkg`, namespace }, spec: { deployment: archive } })
      const stored = api.put(Functions, {
        metadata: { name, namespace, ...metadata },
        spec: {
          environment: { name: environment, namespace },
          package: { packageref: { name: `${name}-pkg`, namespace } },
          InvokeStrategy: { ExecutionStrategy: { ExecutorType: "poolmgr" } },
          ...spec
        }
      })
      return Result.getOrThrow(Functions.decode(stored))
    }

    const warmPod = (environment: Environment, name: string, address: string) => {
      const namespace = environment.metadata.namespace ?? ""
      const { deployment: desired } = Result.getOrThrow(poolDeployment(environment, settings, "stock-id"))
      const template = JSON.parse(JSON.stringify(desired.spec.template))
      api.put(Pods, {
        metadata: {
          name,
          namespace,
          ...template.metadata,
          labels: { ...poolLabels(environment), ...template.metadata.labels }
        },
        spec: { containers: [{ name: "runtime" }, { name: "fetcher" }] },
        status: {
          phase: "Running",
          podIP: address,
          containerStatuses: [
            { name: "runtime", ready: true },
            { name: "fetcher", ready: true }
          ]
        }
      })
    }

    return {
      api,
      executor: (leadership = Leadership.layerAlways, others = {}, addOns = Layer.empty) =>
        Layer.fresh(Layer.orDie(Executor.layerOver(addOns))).pipe(
          Layer.provide(ReplicaRole.fenced),
          Layer.provideMerge(leadership),
          Layer.provide([recorded, fetcher, runtime, Layer.orDie(Settings.layer({ ...variables, ...others }))]),
          Layer.provide(log)
        ),
      sent,
      specialized,
      openedAhead,
      runtimeCalls,
      answer: (next) => {
        answer = next
      },
      environment,
      fn,
      warmPod,
      pools: (namespace = "default") => deploymentsOf(api, namespace),
      userDeletes: (kind, name, namespace = "default") =>
        void api.store.delete(servedKind(kind), kind.namespaced ? namespace : undefined, name, {}),
      pod: (name, namespace = "default") => api.find(Pods, { namespace, name })
    }
  })
