import { assert } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall, KubernetesError } from "../../src/Errors.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"

/*
 * One call of an executor goes wrong once, and whatever it was for happens all the same (failure-semantics.md section 8).
 */

/** What becomes of one call. */
type Fault = (call: KubernetesCall) => Effect.Effect<void, KubernetesError>

const failing =
  (failure: Failures.Failure): Fault =>
  (call) =>
    Effect.fail(failure(call))

/** Any call may meet these. */
const everywhere: ReadonlyArray<readonly [name: string, fault: Fault]> = [
  ["504", failing(Failures.gatewayTimeout)],
  ["etcdserver: request timed out", failing(Failures.etcdTimeout)],
  ["etcdserver: leader changed", failing(Failures.answered(500, "", "etcdserver: leader changed"))],
  ["429 with Retry-After", failing(Failures.tooManyRequests(2))],
  ["429 without Retry-After", failing(Failures.answered(429, "TooManyRequests", "too many requests"))],
  ["refused", failing(Failures.connectionRefused)],
  ["reset", failing(Failures.connectionReset)],
  ["hang", () => Effect.never],
  ["403", failing(Failures.forbidden)]
]
/** Of the others each can come to some verbs only: a delete of one UID has no version to conflict with. */
const sometimes: ReadonlyArray<readonly [name: string, fault: Fault, verbs: ReadonlyArray<KubernetesCall["verb"]>]> = [
  ["409", failing(Failures.conflict), ["update", "patch"]],
  ["410", failing(Failures.expired), ["list", "watch"]]
]

export type Acting = Effect.Effect<unknown, never, ExecutorInMemory.ExecutorServices>

/** One call of the inventory (failure-semantics.md section 5): what leads to it, and how to see its purpose met. */
export interface Row<World> {
  /** Its numbers in the inventory, and what is asked. */
  readonly id: string
  readonly call: Pick<KubernetesCall, "verb" | "resource">
  readonly variables?: { readonly [name: string]: string }
  /** Done before the fault is in place. */
  readonly before?: (world: World) => Acting
  /** Leads to the call. Absent: the start of the executor does. */
  readonly act?: (world: World) => Acting
  readonly isDone: (world: World) => boolean
  /** What may be deleted or scaled down, by kind or by name; a pod of a claim that failed may always be. */
  readonly mayGo: ReadonlyArray<string>
}

/** Where rows are played. */
export interface Stage<World> {
  readonly make: (variables?: { readonly [name: string]: string }) => Effect.Effect<World>
  /** Done every second, as the rest of the cluster would. */
  readonly everySecond?: (world: World) => Effect.Effect<unknown>
}

/** Seconds for everything: idle time, drain, a deadline, a back-off of a whole minute. */
const within = 480

const isHealthy = Effect.map(Supervisor, ({ cells }) => cells.every((cell) => cell.health().state === "Healthy"))

/** Plays one row, in which `harm` makes the first matching call go wrong. */
export const run = <World extends ExecutorInMemory.ExecutorInMemory>(
  stage: Stage<World>,
  row: Row<World>,
  harm: (world: World, isFirst: (call: KubernetesCall) => boolean) => void
) =>
  Effect.gen(function* () {
    const world = yield* stage.make(row.variables)
    let hits = 0
    const isFirst = ({ resource, verb }: KubernetesCall) =>
      verb === row.call.verb && resource === row.call.resource && hits++ === 0
    const startsIt = row.act === undefined && row.before === undefined
    if (startsIt) harm(world, isFirst)

    const test = Effect.gen(function* () {
      yield* row.before?.(world) ?? Effect.void
      if (!startsIt) harm(world, isFirst)
      const acting = yield* Effect.forkChild(row.act?.(world) ?? Effect.void)
      yield* TestClock.adjust(0)
      for (let second = 0; !row.isDone(world) || !(yield* isHealthy) || acting.pollUnsafe() === undefined; second++) {
        assert.isBelow(second, within, "it did not happen in time")
        yield* stage.everySecond?.(world) ?? Effect.void
        yield* TestClock.adjust("1 second")
      }
      assert.isAtLeast(hits, 1, "the call was never made")
      const pools = world.pools().filter(({ metadata }) => metadata.labels?.["executorType"] === "poolmgr")
      assert.isAtMost(pools.length, 1)
      const decisions = yield* DecisionLog.use((log) => log.recent())
      const deleted = decisions
        .filter(({ action, ground }) => ["Deleted", "ScaledDown"].includes(action) && ground !== "FailedClaim")
        .filter(({ kind, name }) => !row.mayGo.includes(kind) && !row.mayGo.includes(name))
      assert.deepStrictEqual(
        deleted.map(({ kind, name }) => `${kind} ${name}`),
        []
      )
    })
    yield* ExecutorInMemory.running(world, test)
  }).pipe(Random.withSeed("one fault"))

/** Each row with each fault that its call may meet. */
export const casesOf = <World>(
  rows: ReadonlyArray<Row<World>>
): ReadonlyArray<readonly [name: string, row: Row<World>, fault: Fault]> =>
  rows.flatMap((row) =>
    [...everywhere, ...sometimes.filter(([, , verbs]) => verbs.includes(row.call.verb))].map(
      ([name, fault]) => [`${row.id}: ${name}`, row, fault] as const
    )
  )

/** The rows whose call changes something. */
export const writesOf = <World>(
  rows: ReadonlyArray<Row<World>>
): ReadonlyArray<readonly [name: string, row: Row<World>]> =>
  rows
    .filter(({ call }) => ["create", "update", "patch", "delete"].includes(call.verb))
    .map((row) => [row.id, row] as const)

/** The first matching call fails. */
export const fails =
  (fault: Fault) =>
  ({ api }: ExecutorInMemory.ExecutorInMemory, isFirst: (call: KubernetesCall) => boolean) =>
    api.intercept((call) => (isFirst(call) ? fault(call) : undefined))

/** The first matching call is answered by nothing, although it was applied. */
export const losesAnswer = ({ api }: ExecutorInMemory.ExecutorInMemory, isFirst: (call: KubernetesCall) => boolean) =>
  api.interceptAnswers((call) => (isFirst(call) ? Effect.fail(Failures.connectionReset(call)) : undefined))
