import { assert } from "@effect/vitest"
import { Effect, Result } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall } from "../../src/Errors.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Pods } from "../../src/fission/ResourceKind.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesApi.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import type * as Failures from "../fakes/Failures.ts"

/** Where the executor works. */
export const namespaces = Array.from({ length: 10 }, (_, index) => `team-${index}`)
/** The namespace that is hit where only one is. */
export const hit = "team-3"

/** A function that is warm before the fault, one that starts during it, and one that starts after it, everywhere. */
export interface World extends ExecutorInMemory.ExecutorInMemory {
  /** What a ReplicaSet does: three pods that nobody claimed in each pool. */
  readonly refill: () => void
  readonly functions: ReadonlyArray<{
    readonly namespace: string
    readonly warm: FissionFunction
    readonly during: FissionFunction
    readonly afterwards: FissionFunction
  }>
}

/** Makes them all; no executor runs yet. */
export const makeWorld = Effect.gen(function* () {
  const world = yield* ExecutorInMemory.make({ FISSION_RESOURCE_NAMESPACES: namespaces.join(",") })
  let made = 0
  const environments = namespaces.map((namespace) => world.environment({ namespace, spec: { poolsize: 3 } }))
  const isWarm = ({ metadata }: KubernetesObject) =>
    metadata.labels?.["managed"] === "true" && metadata.deletionTimestamp === undefined
  const refill = () => {
    for (const environment of environments) {
      const namespace = environment.metadata.namespace ?? ""
      for (let count = world.api.list(Pods, namespace).filter(isWarm).length; count < 3; count++) {
        world.warmPod(environment, `pod-${++made}`, `10.0.${made >> 8}.${made % 256}`)
      }
    }
  }
  refill()
  const functions = namespaces.map((namespace) => {
    const fn = (name: string) => world.fn({ namespace, name, spec: { idletimeout: 7200 } })
    return { namespace, warm: fn("warm"), during: fn("during"), afterwards: fn("afterwards") }
  })
  return { ...world, functions, refill } satisfies World
})

/** One request that has ended. */
export const request = (fn: FissionFunction) =>
  Effect.result(Effect.tap(ExecutorInMemory.ask(fn), ({ release }) => release))

/** Asks as the router does, again after every answer that is no address. */
export const insisted = (fn: FissionFunction): Effect.Effect<void, never, ExecutorInMemory.ExecutorServices> =>
  Effect.suspend(() =>
    Effect.flatMap(request(fn), (answer) =>
      Result.isSuccess(answer) ? Effect.void : Effect.andThen(Effect.sleep("100 millis"), insisted(fn))
    )
  )

/** What was deleted or scaled down although no claim of it had failed. */
export const healthyDeleted = Effect.map(
  DecisionLog.use((log) => log.recent()),
  (decisions) =>
    decisions
      .filter(({ action, ground }) => ["Deleted", "ScaledDown"].includes(action) && ground !== "FailedClaim")
      .map(({ name, namespace }) => `${namespace}/${name}`)
)

/** Whether every namespace says so of itself. */
export const allHealthy = Effect.map(Supervisor, ({ cells }) =>
  cells.every((cell) => cell.health().state === "Healthy")
)

/** Time until it is so, in steps of a tenth of a second. */
export const timeUntil = <R>(world: World, isSo: Effect.Effect<boolean, never, R>, atMost: number) =>
  Effect.gen(function* () {
    let tenths = 0
    while (!(yield* isSo)) {
      world.refill()
      assert.isBelow(tenths++, atMost * 10, "it did not happen in time")
      yield* TestClock.adjust("100 millis")
    }
    return tenths / 10
  })

/** Six kinds and two sorts of Events about web sockets, each watched in ten namespaces; a page each. */
export const collections = 8 * namespaces.length

/** Calls fail from now on: all, or those that a condition picks. */
export const failing =
  (failure: Failures.Failure, isHit: (call: KubernetesCall) => boolean = () => true) =>
  (world: World) =>
    Effect.sync(() => world.api.intercept((call) => (isHit(call) ? Effect.fail(failure(call)) : undefined)))

/** What is open breaks. */
export const breakWatches = (world: World, failure: Failures.Failure) => {
  for (const watch of world.api.watches()) watch.fail(failure)
}

/** Calls of one verb and kind. */
export const isOf = (verb: KubernetesCall["verb"], resource: string) => (call: KubernetesCall) =>
  call.verb === verb && call.resource === resource
/** Calls of one namespace. */
export const isIn = (namespace: string) => (call: KubernetesCall) => call.namespace === namespace
