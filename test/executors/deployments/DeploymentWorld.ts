import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import {
  Deployments,
  Functions,
  HorizontalPodAutoscalers,
  type ResourceKind,
  Services
} from "../../../src/fission/ResourceKind.ts"
import type { KubernetesObject } from "../../../src/kubernetes/KubernetesApi.ts"
import { type Json, objectOf } from "../../../src/podspec/Json.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"

/** An executor over a cluster in which Deployments become available when a test says so. */
export interface DeploymentWorld extends ExecutorInMemory.ExecutorInMemory {
  /** A function of that type, which has a container of its own where it needs one. */
  readonly function: (type: string, strategy?: Json, spec?: Json, metadata?: Json) => FissionFunction
  /** Changes the spec of the function `hello`. */
  readonly change: (spec: Json) => FissionFunction
  /** Every Deployment gets the pods that it asks for. */
  readonly bringUp: Effect.Effect<void>
  /** The only object of a kind that is of the executor type; undefined where there is none. */
  readonly only: (kind: ResourceKind, type?: string) => KubernetesObject | undefined
  /** Replicas that the only Deployment asks for. */
  readonly replicas: () => unknown
  /** Writes of Services, Deployments and autoscalers so far, as text. */
  readonly objectWrites: () => ReadonlyArray<string>
}

/** A second: whatever is due happens, and idle passes run. */
export const aSecond = TestClock.adjust("1 second")

export const make = (variables: { readonly [name: string]: string } = {}): Effect.Effect<DeploymentWorld> =>
  Effect.map(ExecutorInMemory.make({ FINALIZER_ENABLED: "true", ...variables }), (world) => {
    const { api } = world
    world.environment()

    const ofType = (kind: ResourceKind, type?: string) =>
      api.list(kind).filter(({ metadata }) => type === undefined || metadata.labels?.["executorType"] === type)
    const deployments = () =>
      ofType(Deployments).filter(({ metadata }) => metadata.labels?.["executorType"] !== "poolmgr")

    return {
      ...world,
      function: (type, strategy = {}, spec = {}, metadata = {}) =>
        world.fn({
          metadata: { finalizers: ["fission.io/function-cleanup"], ...metadata },
          spec: {
            InvokeStrategy: { ExecutionStrategy: { ExecutorType: type, MinScale: 0, MaxScale: 3, ...strategy } },
            podspec: { containers: [{ name: "hello", image: "app", ports: [{ containerPort: 8080 }] }] },
            ...spec
          }
        }),
      change: (spec) =>
        Result.getOrThrow(Functions.decode(api.merge(Functions, { namespace: "default", name: "hello" }, { spec }))),
      bringUp: Effect.andThen(
        Effect.sync(() => {
          for (const { metadata, spec } of deployments()) {
            const { replicas } = objectOf(spec)
            const status = { replicas, availableReplicas: replicas, observedGeneration: metadata.generation }
            api.merge(Deployments, referenceOf(metadata), { status })
          }
        }),
        ExecutorInMemory.settle
      ),
      only: (kind, type) => {
        const [found, ...others] = ofType(kind, type).filter(
          ({ metadata }) => type !== undefined || metadata.labels?.["executorType"] !== "poolmgr"
        )
        if (others.length > 0) throw new Error(`there are ${others.length + 1} of ${kind.plural}`)
        return found
      },
      replicas: () => objectOf(deployments()[0]?.["spec"])["replicas"],
      objectWrites: () =>
        ExecutorInMemory.writes(world).filter((line) =>
          [Services, Deployments, HorizontalPodAutoscalers].some(
            ({ plural }) => line.includes(` ${plural}`) && !line.includes("poolmgr-")
          )
        )
    }
  })

/** Where an object is; of none a name that nothing has. */
export const referenceOf = (metadata: KubernetesObject["metadata"] | undefined) => ({
  namespace: metadata?.namespace ?? "",
  name: metadata?.name ?? "none"
})

/** The kinds of a function's objects. */
export const kinds = [Services, Deployments, HorizontalPodAutoscalers] as const
