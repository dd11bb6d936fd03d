import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { TestClock } from "effect/testing"
import type { KubernetesCall, KubernetesError } from "../../src/Errors.ts"
import type { FissionFunction } from "../../src/fission/Function.ts"
import { Deployments, Environments, Functions } from "../../src/fission/ResourceKind.ts"
import { Supervisor } from "../../src/namespaces/Supervisor.ts"
import { DecisionLog } from "../../src/safeguards/DecisionLog.ts"
import * as ExecutorInMemory from "../fakes/ExecutorInMemory.ts"
import * as Failures from "../fakes/Failures.ts"
import { seconds } from "../fakes/Reflecting.ts"

/** What becomes of one call (failure-semantics.md section 8). */
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

interface World extends ExecutorInMemory.ExecutorInMemory {
  readonly function: FissionFunction
}

type Acting = Effect.Effect<unknown, never, ExecutorInMemory.ExecutorServices>

/** One call of the inventory (failure-semantics.md section 5): what leads to it, and how to see its purpose met. */
interface Row {
  /** Its numbers in the inventory, and what is asked. */
  readonly id: string
  readonly call: Pick<KubernetesCall, "verb" | "resource">
  readonly variables?: { readonly [name: string]: string }
  /** Done before the fault is in place. */
  readonly before?: (world: World) => Acting
  /** Leads to the call. Absent: the start of the executor does. */
  readonly act?: (world: World) => Acting
  readonly isDone: (world: World) => boolean
  /** What may be deleted; a pod of a claim that failed may always be. */
  readonly mayGo: ReadonlyArray<string>
}

const reference = (name: string) => ({ namespace: "default", name })
const podNames = ["warm-1", "warm-2"]

const isServing = (world: World) =>
  podNames.some((name) => world.pod(name)?.metadata.labels?.["fission.io/served"] === "true")
const onePodIsGone = (world: World) => podNames.filter((name) => world.pod(name) !== undefined).length === 1
const hasReplicas = (replicas: number) => (world: World) => {
  const spec = world.pools()[0]?.["spec"]
  return typeof spec === "object" && spec !== null && "replicas" in spec && spec.replicas === replicas
}
const functionOf = (world: World) => world.api.find(Functions, reference("hello"))

/** Asks as the router does: again after every answer that is no address. */
const served = (world: World): Acting =>
  ExecutorInMemory.ask(world.function).pipe(
    Effect.flatMap((service) => service.release),
    Effect.catch(() =>
      Effect.andThen(
        Effect.sleep("1 second"),
        Effect.suspend(() => served(world))
      )
    )
  )
const resized = (world: World): Acting =>
  Effect.sync(() => world.api.merge(Environments, reference("nodejs"), { spec: { poolsize: 5 } }))
const environmentGone = (world: World): Acting => Effect.sync(() => world.api.remove(Environments, reference("nodejs")))
const functionGone = (world: World): Acting => Effect.sync(() => world.api.remove(Functions, reference("hello")))
/** Served, and everything written that follows from it. */
const settled = (world: World): Acting => Effect.andThen(served(world), seconds(2))

const rows: ReadonlyArray<Row> = [
  ...["functions", "environments", "pods", "deployments", "packages"].map((resource) => ({
    id: `B4, A1, A3, A4, I1, I2, I3: list ${resource}`,
    call: { verb: "list", resource } as const,
    isDone: (world: World) => hasReplicas(2)(world) && podNames.every((name) => world.pod(name) !== undefined),
    mayGo: []
  })),
  ...["functions", "environments", "pods", "deployments"].map((resource) => ({
    id: `B5: watch ${resource}`,
    call: { verb: "watch", resource } as const,
    act: (world: World) =>
      Effect.gen(function* () {
        for (const watch of world.api.watches(resource)) watch.end()
        yield* seconds(3)
        yield* resized(world)
        yield* served(world)
      }),
    isDone: (world: World) => isServing(world) && hasReplicas(5)(world),
    mayGo: []
  })),
  {
    id: "P3: create a pool",
    call: { verb: "create", resource: "deployments" },
    isDone: hasReplicas(2),
    mayGo: []
  },
  {
    id: "P3: update a pool",
    call: { verb: "update", resource: "deployments" },
    act: resized,
    isDone: hasReplicas(5),
    mayGo: []
  },
  {
    id: "P6: claim a pod",
    call: { verb: "patch", resource: "pods" },
    act: served,
    isDone: isServing,
    mayGo: []
  },
  {
    id: "P6: claim a pod for the reserve",
    call: { verb: "patch", resource: "pods" },
    variables: { EXECUTOR_WARM_RESERVE: "1" },
    isDone: (world) => podNames.some((name) => world.pod(name)?.metadata.labels?.["fission.io/claimed"] === "true"),
    mayGo: []
  },
  {
    id: "P10: label a pod that was handed out of the reserve",
    call: { verb: "patch", resource: "pods" },
    variables: { EXECUTOR_WARM_RESERVE: "1" },
    before: () => seconds(1),
    act: served,
    isDone: isServing,
    mayGo: []
  },
  {
    id: "P11: patch the status of a Function",
    call: { verb: "patch", resource: "functions/status" },
    act: served,
    isDone: (world) => JSON.stringify(functionOf(world)?.["status"] ?? {}).includes("Ready"),
    mayGo: []
  },
  {
    id: "P17: delete the pool of an Environment that is gone",
    call: { verb: "delete", resource: "deployments" },
    act: environmentGone,
    isDone: (world) => world.pools().length === 0,
    mayGo: ["pool"]
  },
  {
    id: "R4: look whether an Environment is gone",
    call: { verb: "get", resource: "environments" },
    act: environmentGone,
    isDone: (world) => world.pools().length === 0,
    mayGo: ["pool"]
  },
  {
    id: "R1: look whether a Function is gone",
    call: { verb: "get", resource: "functions" },
    before: settled,
    act: functionGone,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "P9, P19, A7: delete the pod of a Function that is gone",
    call: { verb: "delete", resource: "pods" },
    before: settled,
    act: functionGone,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "R2: patch the finalizer of a Function",
    call: { verb: "patch", resource: "functions" },
    variables: { FINALIZER_ENABLED: "true" },
    isDone: (world) => (functionOf(world)?.metadata.finalizers ?? []).length === 1,
    mayGo: []
  },
  {
    id: "I7: take an idle pod out of service",
    call: { verb: "patch", resource: "pods" },
    before: settled,
    isDone: onePodIsGone,
    mayGo: podNames
  },
  {
    id: "I8: delete an idle pod",
    call: { verb: "delete", resource: "pods" },
    before: settled,
    isDone: onePodIsGone,
    mayGo: podNames
  }
]

/** Seconds for everything: idle time, drain, a deadline, a back-off of a whole minute. */
const within = 480

const isHealthy = Effect.map(Supervisor, ({ cells }) => cells.every((cell) => cell.health().state === "Healthy"))

/** Runs one row, in which `harm` makes the first matching call go wrong. */
const run = (row: Row, harm: (world: World, isFirst: (call: KubernetesCall) => boolean) => void) =>
  Effect.gen(function* () {
    const made = yield* ExecutorInMemory.make(row.variables)
    const environment = made.environment()
    for (const [index, name] of podNames.entries()) made.warmPod(environment, name, `10.0.0.${index + 1}`)
    const world: World = { ...made, function: made.fn() }
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
        yield* TestClock.adjust("1 second")
      }
      assert.isAtLeast(hits, 1, "the call was never made")
      assert.isAtMost(world.pools().length, 1)
      const decisions = yield* DecisionLog.use((log) => log.recent())
      const deleted = decisions
        .filter(({ action, ground }) => ["Deleted", "ScaledDown"].includes(action) && ground !== "FailedClaim")
        .map(({ kind, name }) => (kind === Deployments.kind ? "pool" : name))
      assert.deepStrictEqual(
        deleted.filter((name) => !row.mayGo.includes(name)),
        []
      )
    })
    yield* ExecutorInMemory.running(world, test)
  }).pipe(Random.withSeed("one fault"))

describe("after one fault everything happens all the same, and nothing wrong is deleted", () => {
  const cases = rows.flatMap((row) =>
    [...everywhere, ...sometimes.filter(([, , verbs]) => verbs.includes(row.call.verb))].map(
      ([name, fault]) => [`${row.id}: ${name}`, row, fault] as const
    )
  )

  it.effect.each(cases)("%s", ([, row, fault]) =>
    run(row, ({ api }, isFirst) => api.intercept((call) => (isFirst(call) ? fault(call) : undefined)))
  )
})

describe("a write that was applied although its answer was lost is not made twice", () => {
  const writes = rows.filter(({ call }) => ["create", "update", "patch", "delete"].includes(call.verb))

  it.effect.each(writes.map((row) => [row.id, row] as const))("%s", ([, row]) =>
    run(row, ({ api }, isFirst) =>
      api.interceptAnswers((call) => (isFirst(call) ? Effect.fail(Failures.connectionReset(call)) : undefined))
    )
  )
})

it.effect("B5: a watch that falls silent is given up and resumed, and nothing is missed", () =>
  run(
    {
      id: "B5",
      call: { verb: "watch", resource: "environments" },
      act: (world) =>
        Effect.gen(function* () {
          for (const watch of world.api.watches("environments")) watch.mute()
          yield* resized(world)
        }),
      isDone: hasReplicas(5),
      mayGo: []
    },
    ({ api }, isFirst) => api.intercept((call) => (isFirst(call) ? Effect.void : undefined))
  )
)
