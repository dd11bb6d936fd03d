import { Duration, Effect, Layer, Random } from "effect"
import type { Settings } from "../Config.ts"
import { labels } from "../fission/Labels.ts"
import type { Described } from "../fission/ResourceKind.ts"
import type { NamespaceView, ViewChange } from "../informers/NamespaceView.ts"
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
import { AbsentOwners } from "./AbsentOwners.ts"
import * as EnvironmentController from "./EnvironmentController.ts"
import * as FunctionController from "./FunctionController.ts"
import * as FunctionVersionController from "./FunctionVersionController.ts"

/** Time between two looks for objects whose owner is in no view, before jitter (lifecycle.md section 6.2). */
const orphanInterval = Duration.minutes(10)

/** Runs every namespace's cell with the controllers and the handlers of all executor types, until the scope closes. */
export const layer: Layer.Layer<
  never,
  never,
  Settings | KubernetesApi | ExecutorTypes | AbsentOwners | Degradation | Supervisor
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const supervisor = yield* Supervisor
    yield* Effect.forkScoped(supervisor.run(yield* handlers))
  })
)

const handlers = Effect.gen(function* () {
  const types = yield* ExecutorTypes
  const absentOwners = yield* AbsentOwners
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
  const lookForOrphans = (view: NamespaceView) => {
    const cell = supervisor.cell(view.namespace)
    for (const owner of types.all().flatMap((type) => [...type.owners(view)])) {
      const kind = owner.kind === "Function" ? "functions" : "environments"
      if (view[kind].get(view.namespace, owner.name)?.metadata.uid === owner.uid) continue
      absentOwners.suspect(owner, "List")
      cell?.enqueue({ handler: workOf[kind], name: owner.name })
    }
  }

  const cellHandlers: CellHandlers = {
    onChange: (view, change) => [
      ...onOwnChange(view, change),
      ...types.all().flatMap((type) => type.onChange(view, change))
    ],
    work: {
      ...Object.assign({}, ...types.all().map((type) => type.work)),
      [functionWork]: yield* FunctionController.make,
      [functionVersionWork]: yield* FunctionVersionController.make,
      [environmentWork]: yield* EnvironmentController.make
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
        every(
          orphanInterval,
          Effect.sync(() => lookForOrphans(view))
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
