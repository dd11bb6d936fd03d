import { Duration, Effect, Latch, Random } from "effect"
import type { FissionFunction } from "../fission/Function.ts"
import type { PodEvent } from "../fission/PodReports.ts"
import { annotations, labels } from "../fission/Labels.ts"
import { referencedObjects, referencesIn } from "../fission/ReferencedObjects.ts"
import {
  ConfigMaps,
  Deployments,
  type Described,
  Environments,
  Events,
  FunctionAliases,
  Functions,
  FunctionVersions,
  Packages,
  Pods,
  type ResourceKind,
  Secrets,
  Services
} from "../fission/ResourceKind.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import * as Reflector from "../kubernetes/Reflector.ts"
import type { NamespaceView, ViewChange } from "./NamespaceView.ts"

/** Selectors of what the executor owns: pods are of interest to poolmgr alone, Services to the other types. */
const owned = {
  pods: "executorType=poolmgr",
  deployments: "executorType in (poolmgr,newdeploy,container)",
  services: "executorType in (poolmgr,newdeploy,container)"
}

/** State of the reflector of one kind. */
export interface KindStatus {
  /** Plural resource name. */
  readonly resource: string
  /** Where it is listed and watched. */
  readonly namespace: string
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
  /** Lists the kind of that plural name again; at most once a minute, more often it does nothing. */
  readonly relist: (resource: string) => Effect.Effect<void>
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
      settings: Pick<Reflector.ReflectorOptions<A>, "labelSelector" | "fieldSelector" | "indexes" | "onChange"> & {
        readonly namespace: string
        readonly required: boolean
        /** What tells two of the same kind apart, for people. */
        readonly resource?: string
      }
    ) =>
      Reflector.make({
        kind,
        ...settings,
        onStatus: (status) =>
          listener.onStatus({
            resource: settings.resource ?? kind.plural,
            namespace: settings.namespace,
            required: settings.required,
            status
          })
      })
    const environmentUid = (object: Described) => labelValues(object, "environmentUid")
    const functionUid = (object: Described) => labelValues(object, "functionUid")

    const functions = yield* reflect(Functions, {
      namespace,
      required: true,
      indexes: {
        environment: (fn: FissionFunction) => [fn.spec.environment?.name ?? ""],
        package: (fn: FissionFunction) => [fn.spec.package?.packageref?.name ?? ""],
        secret: (fn: FissionFunction) => referencedObjects(fn).secrets,
        configMap: (fn: FissionFunction) => referencedObjects(fn).configMaps
      },
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
      labelSelector: owned.pods,
      indexes: { environmentUid, functionUid, reference: referencesOf },
      required: true,
      onChange: (change) => listener.onChange({ kind: "pods", change })
    })
    const deployments = yield* reflect(Deployments, {
      namespace: workloadNamespace,
      labelSelector: owned.deployments,
      indexes: {
        environmentUid: (object: Described) => (isOfPoolmgr(object) ? environmentUid(object) : []),
        functionUid: (object: Described) => (isOfPoolmgr(object) ? [] : functionUid(object))
      },
      required: true,
      onChange: (change) => listener.onChange({ kind: "deployments", change })
    })
    const services = yield* reflect(Services, {
      namespace: workloadNamespace,
      labelSelector: owned.services,
      indexes: { functionUid },
      required: false,
      onChange: (change) => listener.onChange({ kind: "services", change })
    })
    const secrets = yield* reflect(Secrets, {
      namespace,
      required: false,
      onChange: (change) => listener.onChange({ kind: "secrets", change })
    })
    const configMaps = yield* reflect(ConfigMaps, {
      namespace,
      required: false,
      onChange: (change) => listener.onChange({ kind: "configMaps", change })
    })
    const functionVersions = yield* reflect(FunctionVersions, {
      namespace,
      required: false,
      onChange: (change) => listener.onChange({ kind: "functionVersions", change })
    })
    const functionAliases = yield* reflect(FunctionAliases, {
      namespace,
      required: false,
      onChange: (change) => listener.onChange({ kind: "functionAliases", change })
    })
    const webSockets = (kind: "webSocketsOpened" | "webSocketsEnded", reason: string) =>
      reflect(Events, {
        resource: `events (${reason})`,
        namespace: workloadNamespace,
        fieldSelector: `involvedObject.kind=Pod,type=Normal,reason=${reason}`,
        indexes: { pod: ({ involvedObject }: PodEvent) => [involvedObject?.name ?? ""] },
        required: false,
        onChange: (change) => listener.onChange({ kind, change })
      })
    const webSocketsOpened = yield* webSockets("webSocketsOpened", "WsConnectionStarted")
    const webSocketsEnded = yield* webSockets("webSocketsEnded", "NoActiveConnections")
    const fromTheStart = [functions, environments, packages, pods, deployments, services]
    const versionsWanted = yield* Latch.make()
    const referencesWanted = yield* Latch.make()
    const webSocketsWanted = yield* Latch.make()
    const fromFirstUse = [
      { wanted: webSocketsWanted, reflectors: [webSocketsOpened, webSocketsEnded] },
      { wanted: versionsWanted, reflectors: [functionVersions, functionAliases] },
      { wanted: referencesWanted, reflectors: [secrets, configMaps] }
    ]

    const byResource = new Map<string, Pick<Reflector.Reflector<unknown>, "relist">>([
      [Functions.plural, functions],
      [Environments.plural, environments],
      [Packages.plural, packages],
      [Pods.plural, pods],
      [Deployments.plural, deployments],
      [Services.plural, services],
      [FunctionVersions.plural, functionVersions]
    ])
    const spread = Effect.flatMap(Random.next, (random) => Effect.sleep(Duration.times(startWithin, random)))

    return {
      view: {
        namespace,
        workloadNamespace,
        functions: functions.store,
        environments: environments.store,
        packages: packages.store,
        pods: pods.store,
        deployments: deployments.store,
        services: services.store,
        secrets: secrets.store,
        configMaps: configMaps.store,
        functionVersions: functionVersions.store,
        functionAliases: functionAliases.store,
        webSocketsOpened: webSocketsOpened.store,
        webSocketsEnded: webSocketsEnded.store,
        wantWebSockets: () => webSocketsWanted.openUnsafe(),
        wantVersions: () => versionsWanted.openUnsafe(),
        wantReferences: () => referencesWanted.openUnsafe()
      },
      run: Effect.andThen(
        spread,
        Effect.forEach(
          [
            ...fromTheStart.map((reflector) => reflector.run),
            ...fromFirstUse.flatMap(({ reflectors, wanted }) =>
              reflectors.map((reflector) => Effect.andThen(wanted.await, reflector.run))
            )
          ],
          (run) => run,
          { concurrency: "unbounded", discard: true }
        )
      ).pipe(Effect.andThen(Effect.never)),
      retryNow: Effect.forEach(
        [...fromTheStart, ...fromFirstUse.flatMap(({ reflectors }) => reflectors)],
        (reflector) => reflector.retryNow,
        { discard: true }
      ),
      relist: (resource) =>
        Effect.suspend(() => byResource.get(resource)?.relist ?? Effect.die(new Error(`no view of ${resource}`)))
    }
  })

const labelValues = (object: Described, label: string): ReadonlyArray<string> => {
  const value = object.metadata.labels?.[label]
  return value === undefined ? [] : [value]
}

/** What a pod was given when it loaded its function. */
const referencesOf = ({ metadata }: Described): ReadonlyArray<string> => [
  ...referencesIn(metadata.annotations?.[annotations.references] ?? "").keys()
]

const isOfPoolmgr = (object: Described): boolean => object.metadata.labels?.[labels.executorType] === "poolmgr"
