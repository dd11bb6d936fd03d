import { Duration, Effect, Random } from "effect"
import {
  Deployments,
  type Described,
  Environments,
  Functions,
  Packages,
  Pods,
  type ResourceKind
} from "../fission/ResourceKind.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as Reflector from "../kubernetes/Reflector.ts"
import type { NamespaceView, ViewChange } from "./NamespaceView.ts"

/** Everything the executor owns for poolmgr carries this label. */
const poolmgrObjects = "executorType=poolmgr"
/** State of the reflector of one kind. */
export interface KindStatus {
  /** Plural resource name. */
  readonly resource: string
  readonly required: boolean
  readonly status: Reflector.ReflectorStatus
}

/** Who is told what happens in a scope. */
export interface ScopeListener {
  /** Synchronous, after the view was updated. A throw is a defect of the scope's `run`. */
  readonly onChange: (change: ViewChange) => void
  /** Each transition of each reflector. */
  readonly onStatus: (status: KindStatus) => Effect.Effect<void>
}

/** The reflectors of one namespace and the views that they keep. */
export interface WatchScope {
  readonly view: NamespaceView
  /** Lists and watches until interrupted. Never fails; after a defect it can be run again and the views are kept. */
  readonly run: Effect.Effect<never>
  /** Leaves every back-off at once: something showed that the API answers again. */
  readonly retryNow: Effect.Effect<void>
}

/** Makes the reflectors of a namespace; nothing is asked of the API before `run`. */
export const make = (options: {
  readonly namespace: string
  readonly workloadNamespace: string
  /** The first list is sent after a random part of this, so that many scopes do not meet the API server at once. */
  readonly startWithin: Duration.Duration
  readonly listener: ScopeListener
}): Effect.Effect<WatchScope, never, KubernetesApi> =>
  Effect.gen(function* () {
    const { namespace, workloadNamespace, startWithin, listener } = options

    const reflect = <A extends Described>(
      kind: ResourceKind<A>,
      settings: Pick<Reflector.ReflectorOptions<A>, "namespace" | "labelSelector" | "indexes" | "onChange"> & {
        readonly required: boolean
      }
    ) =>
      Reflector.make({
        kind,
        ...settings,
        onStatus: (status) => listener.onStatus({ resource: kind.plural, required: settings.required, status })
      })
    const environmentUid = (object: Described) => labelValues(object, "environmentUid")
    const functionUid = (object: Described) => labelValues(object, "functionUid")

    const functions = yield* reflect(Functions, {
      namespace,
      required: true,
      onChange: (change) => listener.onChange({ kind: "functions", change })
    })
    const environments = yield* reflect(Environments, {
      namespace,
      required: true,
      onChange: (change) => listener.onChange({ kind: "environments", change })
    })
    const packages = yield* reflect(Packages, {
      namespace,
      required: false,
      onChange: (change) => listener.onChange({ kind: "packages", change })
    })
    const pods = yield* reflect(Pods, {
      namespace: workloadNamespace,
      labelSelector: poolmgrObjects,
      indexes: { environmentUid, functionUid },
      required: true,
      onChange: (change) => listener.onChange({ kind: "pods", change })
    })
    const deployments = yield* reflect(Deployments, {
      namespace: workloadNamespace,
      labelSelector: poolmgrObjects,
      indexes: { environmentUid },
      required: true,
      onChange: (change) => listener.onChange({ kind: "deployments", change })
    })
    const reflectors = [functions, environments, packages, pods, deployments]

    const spread = Effect.flatMap(Random.next, (random) => Effect.sleep(Duration.times(startWithin, random)))

    return {
      view: {
        namespace,
        workloadNamespace,
        functions: functions.store,
        environments: environments.store,
        packages: packages.store,
        pods: pods.store,
        deployments: deployments.store
      },
      run: Effect.andThen(
        spread,
        Effect.forEach(reflectors, (reflector) => reflector.run, { concurrency: "unbounded", discard: true })
      ).pipe(Effect.andThen(Effect.never)),
      retryNow: Effect.forEach(reflectors, (reflector) => reflector.retryNow, { discard: true })
    }
  })

const labelValues = (object: Described, label: string): ReadonlyArray<string> => {
  const value = object.metadata.labels?.[label]
  return value === undefined ? [] : [value]
}
