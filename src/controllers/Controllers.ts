import { Duration, Effect, Layer, Random } from "effect"
import type { Settings } from "../Config.ts"
import { labels } from "../fission/Labels.ts"
import { executorTypeOf } from "../fission/Function.ts"
import type { Described } from "../fission/ResourceKind.ts"
import type { NamespaceView, ViewChange } from "../informers/NamespaceView.ts"
import type { StoreReader } from "../kubernetes/Store.ts"
import type { KubernetesApi } from "../kubernetes/KubernetesApi.ts"
import type { CellHandlers } from "../namespaces/NamespaceCell.ts"
import type { Degradation } from "../namespaces/Degradation.ts"
import { Supervisor } from "../namespaces/Supervisor.ts"
import type { WorkKey } from "../namespaces/WorkQueue.ts"
import {
  environmentWork,
  type ExecutorType,
  ExecutorTypes,
  functionVersionWork,
  functionWork
} from "../executors/ExecutorType.ts"
import { LeftoverAutoscalers } from "../executors/deployments/LeftoverAutoscalers.ts"
import type { OwnerReference } from "../safeguards/Ground.ts"
import { AbsentOwners } from "./AbsentOwners.ts"
import * as EnvironmentController from "./EnvironmentController.ts"
import * as FunctionController from "./FunctionController.ts"
import * as FunctionVersionController from "./FunctionVersionController.ts"

/** Name of the look for autoscalers that are left over. */
const autoscalersWork = "autoscalers"

/** Time between two looks for orphans and for drift, which read the views alone, before jitter (lifecycle.md section 17). */
const sweepInterval = Duration.minutes(10)

/** Runs every namespace's cell with the controllers and the handlers of all executor types, until the scope closes. */
export const layer: Layer.Layer<
  never,
  never,
  Settings | KubernetesApi | ExecutorTypes | LeftoverAutoscalers | AbsentOwners | Degradation | Supervisor
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const supervisor = yield* Supervisor
    yield* Effect.forkScoped(supervisor.run(yield* handlers))
  })
)

const handlers = Effect.gen(function* () {
  const types = yield* ExecutorTypes
  const absentOwners = yield* AbsentOwners
  const leftovers = yield* LeftoverAutoscalers
  const supervisor = yield* Supervisor

  const onOwnChange = (view: NamespaceView, { change, kind }: ViewChange): ReadonlyArray<WorkKey> => {
    const { name, uid = "" } = change.object.metadata
    switch (kind) {
      case "functions":
      case "functionVersions":
      case "environments": {
        const owner = { kind: ownerKinds[kind], namespace: view.namespace, name, uid: uid ?? "" }
        if (change.type === "Delete") absentOwners.suspect(owner, change.evidence)
        return [{ handler: workOf[kind], name }]
      }
      case "deployments":
        return environmentKey(change.object)
      default:
        return []
    }
  }

  /** Raises a suspicion about every owner that the view does not show. */
  const lookForOrphans = (view: NamespaceView) =>
    Effect.sync(() => {
      const cell = supervisor.cell(view.namespace)
      for (const owner of types.all().flatMap((type) => [...type.owners(view)])) {
        const kind = viewOf[owner.kind] ?? "environments"
        if (!view[kind].isSynced() || isShown(view, kind, owner)) continue
        absentOwners.suspect(owner, "List")
        cell?.enqueue({ handler: workOf[kind], name: owner.name })
      }
    })

  /** Has what runs for each Function compared with it: what nobody told us, and what was left alone a while ago. */
  const lookForDrift = (view: NamespaceView) =>
    Effect.sync(() => {
      const cell = supervisor.cell(view.namespace)
      for (const fn of view.functions.values(view.namespace)) {
        if (types.get(executorTypeOf(fn))?.reconcileFunction === undefined) continue
        cell?.enqueue({ handler: functionWork, name: fn.metadata.name })
      }
    })

  /** Has what no view shows looked for once; what fails comes back through the queue. */
  const lookForLeftovers = (view: NamespaceView) =>
    Effect.sync(() => supervisor.cell(view.namespace)?.enqueue({ handler: autoscalersWork, name: "" }))

  const cellHandlers: CellHandlers = {
    onChange: (view, change) => [
      ...onOwnChange(view, change),
      ...types.all().flatMap((type) => type.onChange(view, change))
    ],
    work: {
      ...Object.assign({}, ...types.all().map((type) => type.work)),
      [functionWork]: yield* FunctionController.make,
      [functionVersionWork]: yield* FunctionVersionController.make,
      [environmentWork]: yield* EnvironmentController.make,
      [autoscalersWork]: (view) => Effect.andThen(leftovers.look(view), lookForOrphans(view))
    },
    workWithoutLease: Object.assign({}, ...types.all().map((type) => type.workWithoutLease)),
    loops: [
      ...types.all().flatMap((type) => type.loops ?? []),
      ...passesOf(types.all()).map(([interval, together]) => (view: NamespaceView) => {
        const reap = Effect.suspend(() => Effect.forEach(together, (type) => type.reapIdle(view), { discard: true }))
        const tapAll = Effect.sync(() => together.forEach((type) => type.tapAll(view)))
        return Effect.andThen(tapAll, every(interval, reap))
      }),
      (view) =>
        Effect.andThen(
          lookForLeftovers(view),
          every(sweepInterval, Effect.andThen(lookForOrphans(view), lookForDrift(view)))
        )
    ]
  }
  return cellHandlers
})

/** The types that look for idle capacity equally often, which they do one after the other. */
const passesOf = (types: ReadonlyArray<ExecutorType>): ReadonlyArray<readonly [Duration.Duration, typeof types]> => {
  const passes = new Map<number, Array<ExecutorType>>()
  for (const type of types) {
    const millis = Duration.toMillis(type.reapEvery)
    passes.set(millis, [...(passes.get(millis) ?? []), type])
  }
  return [...passes].map(([millis, together]) => [Duration.millis(millis), together] as const)
}

/** The view in which an owner of a kind is. */
const viewOf: { readonly [kind: string]: keyof typeof workOf } = {
  Function: "functions",
  FunctionVersion: "functionVersions",
  Environment: "environments"
}

const isShown = (view: NamespaceView, kind: keyof typeof workOf, { name, uid }: OwnerReference): boolean => {
  const store: StoreReader<Described> = view[kind]
  const shown = store.get(view.namespace, name)
  return shown !== undefined && (uid === "" || shown.metadata.uid === uid)
}

const ownerKinds = { functions: "Function", functionVersions: "FunctionVersion", environments: "Environment" } as const

const workOf = {
  functions: functionWork,
  functionVersions: functionVersionWork,
  environments: environmentWork
} as const

/** The work of the Environment whose pool a Deployment is. */
const environmentKey = ({ metadata }: Described): ReadonlyArray<WorkKey> => {
  const { [labels.executorType]: type, [labels.environmentName]: name = "" } = metadata.labels ?? {}
  return type !== "poolmgr" || name === "" ? [] : [{ handler: environmentWork, name }]
}

/** Runs at once and then again and again, with ±10 % of jitter in between (lifecycle.md section 11.4 item 8). */
const every = (interval: Duration.Duration, self: Effect.Effect<void>): Effect.Effect<never> =>
  Effect.forever(
    Effect.andThen(
      self,
      Effect.flatMap(Random.next, (random) => Effect.sleep(Duration.times(interval, 0.9 + 0.2 * random)))
    )
  )
