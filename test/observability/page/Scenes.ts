import { Context, Effect, Layer, Logger, Schedule, type Scope } from "effect"
import { Settings } from "../../../src/Config.ts"
import { Dispatcher } from "../../../src/executors/Dispatcher.ts"
import type { FissionFunction } from "../../../src/fission/Function.ts"
import { Pods } from "../../../src/fission/ResourceKind.ts"
import { DebugListener } from "../../../src/observability/DebugListener.ts"
import { poolLabels } from "../../../src/podspec/PodTemplate.ts"
import { SpecializeError } from "../../../src/specialization/PodRequests.ts"
import * as ExecutorInMemory from "../../fakes/ExecutorInMemory.ts"
import { etcdTimeout, expired } from "../../fakes/Failures.ts"

/** An executor whose pages are served. */
export interface Scene {
  readonly world: ExecutorInMemory.ExecutorInMemory
  /** Address of the operator's page. */
  readonly url: string
  /** Asks for an address as the router does; whether there was one. */
  readonly ask: (fn: FissionFunction) => Effect.Effect<boolean>
}

const quiet = Logger.layer([])

/** Opens an executor and its pages in real time, with four namespaces that are empty unless `before` fills them. */
export const open = (
  before: (world: ExecutorInMemory.ExecutorInMemory) => void = () => {}
): Effect.Effect<Scene, never, Scope.Scope> =>
  Effect.gen(function* () {
    const variables = { FISSION_RESOURCE_NAMESPACES: "billing,media,search,shop", EXECUTOR_WARM_RESERVE: "1" }
    const world = yield* ExecutorInMemory.make(variables)
    before(world)
    const executor = yield* Layer.build(
      DebugListener.layer.pipe(
        Layer.provideMerge(world.executor()),
        Layer.provide(Layer.orDie(Settings.layer({ ...variables, METRICS_ADDR: "127.0.0.1:0" })))
      )
    )
    const isReady = Effect.flatMap(Dispatcher, ({ ready }) => ready).pipe(Effect.provideContext(executor))
    yield* Effect.repeat(isReady, { until: (ready) => ready, schedule: Schedule.spaced("5 millis") })
    return {
      world,
      url: `http://127.0.0.1:${Context.get(executor, DebugListener).port}/`,
      ask: (fn) =>
        ExecutorInMemory.ask(fn).pipe(Effect.isSuccess, Effect.provide(quiet), Effect.provideContext(executor))
    }
  })

/** Environments with pools, and functions of which some were asked for. */
export const busy = Effect.gen(function* () {
  let asked: ReadonlyArray<FissionFunction> = []
  const scene = yield* open((world) => {
    const node = world.environment({ name: "nodejs", namespace: "shop", spec: { poolsize: 3 } })
    const python = world.environment({ name: "python", namespace: "media", spec: { poolsize: 3 } })
    const batch = world.environment({ name: "batch", namespace: "billing", spec: { poolsize: 2 } })
    for (const [environment, pods] of [
      [node, 9],
      [python, 6],
      [batch, 4]
    ] as const) {
      const { name, namespace } = environment.metadata
      for (let pod = 1; pod <= pods; pod++) {
        world.warmPod(environment, `poolmgr-${name}-${namespace}-7d9f6c-${pod}`, `10.${namespace?.length}.0.${pod}`)
      }
    }
    const of = (namespace: string, environment: string, names: ReadonlyArray<string>, spec = {}) =>
      names.map((name) => world.fn({ name, namespace, environment, spec }))
    asked = [
      ...of("shop", "nodejs", ["cart", "catalog", "checkout"], { requestsPerPod: 5, concurrency: 10 }),
      ...of("media", "python", ["thumbnails"]),
      ...of("billing", "batch", ["invoices"])
    ]
    of("shop", "nodejs", ["coupons", "recommendations", "wishlist"])
    of("media", "python", ["captions", "transcode"])
    world.answer(() => Effect.sleep("45 millis"))
  })
  for (const fn of asked) yield* scene.ask(fn)
  for (const fn of asked.slice(0, 1)) yield* scene.ask(fn)
  return scene
})

/** The same with a function that cannot load, a pool whose pods cannot start, and a namespace whose calls time out. */
export const troubled = Effect.gen(function* () {
  const scene = yield* busy
  const { world } = scene
  const rust = world.environment({ name: "rust", namespace: "search", spec: { poolsize: 2 } })
  world.api.put(Pods, {
    metadata: { name: "poolmgr-rust-search-5f7b9d-1", namespace: "search", labels: poolLabels(rust) },
    spec: { containers: [{ name: "rust" }] },
    status: {
      phase: "Pending",
      containerStatuses: [
        {
          name: "rust",
          ready: false,
          state: { waiting: { reason: "ImagePullBackOff", message: 'Back-off pulling image "rust-env:1.9"' } }
        }
      ]
    }
  })
  const receipts = world.fn({ name: "receipts", namespace: "shop", environment: "nodejs" })
  const refusal = "SyntaxError: Unexpected token '}' in /userfunc/user/receipts.js:12"
  world.answer(() => Effect.fail(new SpecializeError({ reason: "Answered", status: 500, text: refusal })))
  yield* scene.ask(receipts)
  world.api.intercept((call) => (call.namespace === "billing" ? Effect.fail(etcdTimeout(call)) : undefined))
  for (const watch of world.api.watches(undefined, "billing")) watch.fail(expired)
  return scene
})
