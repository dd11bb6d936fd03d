import { Duration, Effect, Layer } from "effect"
import { FissionError } from "../../src/Errors.ts"
import { type ExecutorType, ExecutorTypes, type ServiceAddress } from "../../src/executors/ExecutorType.ts"
import type { Environment } from "../../src/fission/Environment.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import type { PodEvent } from "../../src/fission/PodReports.ts"
import type { FunctionAlias, FunctionVersion } from "../../src/fission/FunctionVersion.ts"
import type { Described } from "../../src/fission/ResourceKind.ts"
import type { Deployment, Pod, Service } from "../../src/fission/Workloads.ts"
import * as Store from "../../src/kubernetes/Store.ts"
import type { NamespaceCell } from "../../src/namespaces/NamespaceCell.ts"
import type { HealthState } from "../../src/namespaces/NamespaceHealth.ts"
import { Degradation } from "../../src/namespaces/Degradation.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"

/** An executor type that has nothing to do unless told otherwise. */
export const fakeType = (name: string, members: Partial<ExecutorType> = {}): ExecutorType => ({
  name,
  admit: () => Effect.fail(new FissionError({ kind: "Internal", text: "nobody expected this request" })),
  tap: () => false,
  unTap: () => {},
  onChange: () => [],
  tapAll: () => {},
  work: {},
  reconcileEnvironment: () => Effect.void,
  removeEnvironment: () => Effect.void,
  removeFunction: () => Effect.void,
  owners: () => [],
  reapEvery: Duration.seconds(5),
  reapIdle: () => Effect.void,
  ...members
})

/** An address that counts how often its slot came back. */
export const countedService = (
  address: string
): { readonly service: ServiceAddress; readonly released: () => number } => {
  let released = 0
  return { service: { address, release: Effect.sync(() => void released++) }, released: () => released }
}

/** The registry with these types. */
export const typesLayer = (types: ReadonlyArray<ExecutorType>): Layer.Layer<ExecutorTypes> =>
  Layer.effectDiscard(
    Effect.map(ExecutorTypes, (registry) => {
      for (const type of types) registry.register(type)
    })
  ).pipe(Layer.provideMerge(ExecutorTypes.layer))

/** A cell that runs nothing, and the switches of what it shows. */
export const fakeCell = (namespace: string) => {
  const stores = {
    functions: Store.make<FissionFunction>(),
    environments: Store.make<Environment>(),
    packages: Store.make<Described>(),
    pods: Store.make<Pod>(),
    deployments: Store.make<Deployment>(),
    services: Store.make<Service>(),
    secrets: Store.make<Described>(),
    configMaps: Store.make<Described>(),
    functionVersions: Store.make<FunctionVersion>(),
    functionAliases: Store.make<FunctionAlias>(),
    webSocketsOpened: Store.make<PodEvent>(),
    webSocketsEnded: Store.make<PodEvent>()
  }
  let state: HealthState = "Starting"
  const cell: NamespaceCell = {
    view: {
      namespace,
      workloadNamespace: namespace,
      functions: stores.functions.reader,
      environments: stores.environments.reader,
      packages: stores.packages.reader,
      pods: stores.pods.reader,
      deployments: stores.deployments.reader,
      services: stores.services.reader,
      secrets: stores.secrets.reader,
      configMaps: stores.configMaps.reader,
      functionVersions: stores.functionVersions.reader,
      functionAliases: stores.functionAliases.reader,
      webSocketsOpened: stores.webSocketsOpened.reader,
      webSocketsEnded: stores.webSocketsEnded.reader,
      wantWebSockets: () => {},
      wantVersions: () => {},
      wantReferences: () => {}
    },
    health: () => ({ state, since: 0, reason: "" }),
    kinds: () => [],
    queueSize: () => 0,
    enqueue: () => {},
    enqueueAfter: () => Effect.void,
    relist: () => Effect.void,
    run: () => Effect.never
  }
  return {
    cell,
    sync: () => {
      for (const store of Object.values(stores)) store.writer.endList()
      state = "Healthy"
    },
    become: (next: HealthState) => void (state = next)
  }
}

/** A supervisor of these cells that runs nothing, and nobody who tells users of trouble. */
export const supervisorLayer = (cells: ReadonlyArray<NamespaceCell>): Layer.Layer<Supervisor | Degradation> =>
  Layer.succeed(
    Supervisor,
    Supervisor.of({
      cells,
      cell: (namespace) => cells.find((cell) => cell.view.namespace === namespace),
      cellOfWorkloads: (namespace) => cells.find((cell) => cell.view.workloadNamespace === namespace),
      run: () => Effect.never
    })
  ).pipe(
    Layer.merge(
      Layer.succeed(Degradation, {
        refused: () => Effect.void,
        failed: () => Effect.void,
        succeeded: () => Effect.void
      })
    )
  )
