import { Duration, Effect, Exit, Fiber, Schedule, Scope } from "effect"
import type { KubernetesApi, KubernetesDeletion } from "../../../src/kubernetes/KubernetesApi.ts"
import type { ShownDecision, Subject, Unmet } from "./Subject.ts"
import * as Workload from "./Workload.ts"

/** One fault and how long it lasts. */
export interface Scenario<R> {
  readonly fault: string
  readonly lasts: Duration.Input
  /** What it forks into its scope ends with the fault. */
  readonly begin: (subject: Subject) => Effect.Effect<unknown, unknown, R | Scope.Scope>
  readonly end: (subject: Subject) => Effect.Effect<unknown, unknown, R>
  /** The executor is started during it, so that nothing is warm for it yet. */
  readonly isStart?: boolean
  /** The only namespace that it hits. */
  readonly only?: string
  /** Longest time until a cold start succeeds after its end; default 2 s. */
  readonly resumesWithin?: Duration.Input
}

/** What was seen. */
export interface Row {
  readonly fault: string
  readonly requests: number
  readonly failedWarm: number
  /** Functions that were started during the fault, and those of them that had no address by its end. */
  readonly cold: number
  readonly failedCold: number
  readonly deleted: number
  readonly recovery: Duration.Duration
  readonly lists: number
  readonly memory: string
  /** What every row demands and this one does not show. */
  readonly unmet: ReadonlyArray<string>
}

/** What a suite has in hand. */
export interface Stage {
  readonly subject: Subject
  /** One in each namespace, warm since the beginning. */
  readonly warm: ReadonlyArray<Workload.RouterFunction>
  /** Lists that the executor made so far. */
  readonly lists: Effect.Effect<number>
}

/** Kinds that are watched in each namespace. */
const collections = 5 * Workload.namespaces.length
/** Sockets that an executor at rest has: watches, and idle connections for calls. */
const socketsAtMost = 2 * collections + 64

let played = 0

/** Plays one scenario on a stage that is at rest, and leaves it at rest. */
export const play = <R>(
  { lists, subject, warm }: Stage,
  scenario: Scenario<R>
): Effect.Effect<Row, Unmet, R | KubernetesApi | KubernetesDeletion> =>
  Effect.scoped(
    Effect.gen(function* () {
      played++
      const first = Workload.namespaces.filter((namespace) => namespace !== scenario.only).slice(0, 3)
      const create = (name: string) =>
        Effect.forEach([...first, ...(scenario.only === undefined ? [] : [scenario.only])], (namespace) =>
          Workload.createFunction(namespace, `${name}-${played}`)
        )
      const during = yield* Effect.orDie(create("during"))
      const afterwards = yield* Effect.orDie(create("afterwards"))
      yield* Workload.timeUntil("its functions are held", Workload.areHeld([...during, ...afterwards]), "60 seconds")
      const since = yield* Workload.wallClock
      const ask = (fn: Workload.RouterFunction) => Workload.ask(subject, fn)

      const load =
        scenario.isStart === true ? [] : yield* Effect.forEach(warm, (fn) => Workload.keepAsking(subject, fn))
      const fault = yield* Scope.fork(yield* Effect.scope)
      yield* scenario.begin(subject).pipe(Scope.provide(fault), Effect.orDie)
      yield* Effect.sleep("500 millis")
      const starting = yield* Effect.forEach(during, (fn) => Effect.forkChild(insisted(ask(fn))))
      yield* Effect.sleep(Duration.subtract(Duration.fromInputUnsafe(scenario.lasts), Duration.millis(500)))
      const failedCold = starting.filter((fiber) => fiber.pollUnsafe() === undefined).length

      const listsBefore = yield* lists
      yield* Scope.close(fault, Exit.void)
      yield* Effect.orDie(scenario.end(subject))
      const resumed = yield* Effect.forEach(
        afterwards,
        (fn) => Workload.timeUntil(`a cold start after ${scenario.fault}`, ask(fn), "120 seconds"),
        { concurrency: "unbounded" }
      )
      const recovery = resumed.reduce(Duration.max, Duration.zero)
      yield* Workload.timeUntil("every namespace is healthy", isHealthy(subject), "120 seconds")
      const listsAfter = yield* lists
      const counts = load.map((read) => read())
      const decisions = yield* subject.decisions(since)
      const deleted = decisions.filter(({ action, ground }) => isLoss(action, ground))

      const answered = during.filter((_, index) => starting[index]?.pollUnsafe() !== undefined)
      yield* Effect.forEach(starting, Fiber.interrupt)
      const marked = Workload.areServed([...answered, ...afterwards])
      yield* Workload.timeUntil("its pods are marked", marked, "150 seconds")
      yield* Workload.removeFunctions([...during, ...afterwards])
      // A silent watch is given up after 100 s.
      yield* Workload.timeUntil("its functions are gone", Workload.areGone([...during, ...afterwards]), "150 seconds")
      yield* Workload.timeUntil("the pools are full again", Workload.isFurnished, "60 seconds")

      const failedWarm = counts.reduce((sum, { failed }) => sum + failed, 0)
      const limit = Duration.fromInputUnsafe(scenario.resumesWithin ?? "2 seconds")
      const unmet = [
        failedWarm > 0 && `${failedWarm} warm requests failed`,
        deleted.length > 0 && `deleted: ${deleted.map(described).join(", ")}`,
        Duration.isGreaterThan(recovery, limit) && `no cold start within ${Duration.format(limit)}`,
        listsAfter - listsBefore > 2 * collections && `${listsAfter - listsBefore} lists`,
        subject.sockets() > socketsAtMost && `${subject.sockets()} sockets`,
        !subject.isAlive() && "the executor is gone"
      ]
      return {
        fault: scenario.fault,
        requests: counts.reduce((sum, { requests }) => sum + requests, 0),
        failedWarm,
        cold: during.length,
        failedCold,
        deleted: deleted.length,
        recovery,
        lists: listsAfter - listsBefore,
        memory: `${subject.residentMebibytes().toFixed(0)} MiB`,
        unmet: unmet.filter((one) => one !== false)
      }
    })
  )

/**
 * Growth of the heap per round (MiB) by which twenty outages may exceed as many rounds without one: two and a half standard
 * errors of a slope over twenty rounds, whose values scatter by 0.2 MiB.
 */
const slopeNoise = 0.02

/**
 * Plays one scenario twenty times and gives one row for all: the slowest recovery and the most lists of a round, the sum of
 * everything else. An outage must leave nothing behind: what is alive on the heap may not grow faster than in ten rounds
 * before and ten after that do the same work without one. Those grow, too, until logs of bounded length are full.
 * Resident memory would not tell, for an allocator keeps what it once had.
 */
export const playTwenty = <R>(
  stage: Stage,
  scenario: Scenario<R>
): Effect.Effect<Row, Unmet, R | KubernetesApi | KubernetesDeletion> =>
  Effect.gen(function* () {
    const quiet: Scenario<R> = { ...scenario, begin: () => Effect.void, end: () => Effect.void }
    const before = yield* playRounds(stage, quiet, 10)
    const { alive, rows } = yield* playRounds(stage, scenario, 20)
    const after = yield* playRounds(stage, quiet, 10)
    const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)
    const growth = slopeOf(alive)
    const usual = (slopeOf(before.alive) + slopeOf(after.alive)) / 2
    const told = `${growth.toFixed(2)} MiB a round on the heap, ${usual.toFixed(2)} without a fault`
    return {
      fault: `${scenario.fault}, twenty times`,
      requests: sum(({ requests }) => requests),
      failedWarm: sum(({ failedWarm }) => failedWarm),
      cold: sum(({ cold }) => cold),
      failedCold: sum(({ failedCold }) => failedCold),
      deleted: sum(({ deleted }) => deleted),
      recovery: rows.map(({ recovery }) => recovery).reduce(Duration.max, Duration.zero),
      lists: Math.max(...rows.map(({ lists }) => lists)),
      memory: told,
      unmet: [
        ...rows.flatMap(({ unmet }) => unmet),
        ...(growth > usual + slopeNoise ? [`the heap grows: ${alive.map((mib) => mib.toFixed(2)).join(", ")} MiB`] : [])
      ]
    }
  })

/** The rows of as many rounds, and what was alive on the heap after each (MiB). */
const playRounds = <R>(stage: Stage, scenario: Scenario<R>, count: number) =>
  Effect.gen(function* () {
    const rounds = yield* Effect.forEach(Array.from({ length: count }), () =>
      Effect.all([play(stage, scenario), stage.subject.liveMebibytes])
    )
    return { rows: rounds.map(([row]) => row), alive: rounds.map(([, mebibytes]) => mebibytes) }
  })

/** Growth from one value to the next, by least squares. */
const slopeOf = (values: ReadonlyArray<number>): number => {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const [above, below] = values.reduce(
    ([products, squares], value, index) => [
      products + (index - middle) * (value - mean),
      squares + (index - middle) ** 2
    ],
    [0, 0]
  )
  return above / below
}

/** Asks again a second later, as the answers say, until there is an address. */
const insisted = (ask: Effect.Effect<boolean>) =>
  Effect.repeat(ask, { schedule: Schedule.spaced("1 second"), until: (answered) => answered })

const described = ({ evidence, ground, name, reason }: ShownDecision): string =>
  `${name} (${ground}: ${reason} ${JSON.stringify(evidence)})`

const isLoss = (action: string, ground: string | undefined): boolean =>
  ["Deleted", "ScaledDown"].includes(action) && ground !== "FailedClaim" && ground !== "OwnerDeleting"

const isHealthy = (subject: Subject) =>
  Effect.map(subject.states, (states) => Workload.namespaces.every((namespace) => states.get(namespace) === "Healthy"))
