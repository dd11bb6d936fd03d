import { Effect, type Fiber, Layer, type Scope } from "effect"
import { Settings } from "../../src/Config.ts"
import { ApiServerHealth } from "../../src/kubernetes/ApiServerHealth.ts"
import { NamespaceSet } from "../../src/informers/NamespaceSet.ts"
import { Circuits } from "../../src/namespaces/Circuits.ts"
import type { CellHandlers } from "../../src/namespaces/NamespaceCell.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { EventRecorder } from "../../src/safeguards/EventRecorder.ts"
import { Leadership } from "../../src/safeguards/Leadership.ts"
import * as CapturedLog from "./CapturedLog.ts"
import * as KubernetesApiInMemory from "./KubernetesApiInMemory.ts"

/** Supervised cells over an API in memory, with nothing below them but the test's handlers. */
export interface Cells {
  readonly api: KubernetesApiInMemory.KubernetesApiInMemory
  readonly supervisor: Supervisor["Service"]
  readonly circuits: Circuits["Service"]
  readonly log: CapturedLog.CapturedLog
  /** `namespace/name` of every item that `recording` has handled, in order. */
  readonly handled: ReadonlyArray<string>
  /** Enqueues every changed object by its name and records it. */
  readonly recording: CellHandlers
  /** Runs the supervisor in the background, as the process does. */
  readonly start: (handlers: CellHandlers) => Effect.Effect<Fiber.Fiber<never>, never, Scope.Scope>
}

/** Makes cells for these namespaces; nothing runs yet. */
export const make = (namespaces: readonly [string, ...Array<string>]): Effect.Effect<Cells, never, Scope.Scope> =>
  Effect.gen(function* () {
    const api = yield* KubernetesApiInMemory.make({ namespaces })
    const log = yield* CapturedLog.make
    const handled: Array<string> = []
    const layer = Supervisor.layer.pipe(
      Layer.provide(NamespaceSet.layerStatic),
      Layer.provideMerge(Circuits.layer),
      Layer.provide(EventRecorder.layer),
      Layer.provide([ApiServerHealth.layer, Leadership.layerAlways]),
      Layer.provideMerge(Layer.orDie(Settings.layer({ FISSION_RESOURCE_NAMESPACES: namespaces.join(",") }))),
      Layer.provideMerge(api.layer),
      Layer.provideMerge(log.layer)
    )
    const context = yield* Layer.build(layer)
    const supervisor = yield* Effect.provide(Supervisor, context)
    return {
      api,
      supervisor,
      circuits: yield* Effect.provide(Circuits, context),
      log,
      handled,
      recording: {
        onChange: (_, { change }) => [{ handler: "record", name: change.object.metadata.name }],
        work: { record: (view, name) => Effect.sync(() => void handled.push(`${view.namespace}/${name}`)) },
        loops: []
      },
      start: (handlers) => supervisor.run(handlers).pipe(Effect.provide(context), Effect.forkScoped)
    }
  })
