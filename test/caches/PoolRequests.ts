import { it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Metric } from "effect"
import {
  type Admission,
  type Demand,
  type FunctionGeneration,
  PoolCache,
  type PooledPod,
  type Reservation,
  type Slot
} from "../../src/caches/PoolCache.ts"
import { FissionError } from "../../src/Errors.ts"

export const hello: FunctionGeneration = { uid: "uid-hello", generation: 1, name: "hello", namespace: "default" }

/** The pod `a` has the UID `uid-a` and the address `a:8888`. */
export const podOf = (name: string, overrides?: Partial<PooledPod>): PooledPod => ({
  address: `${name}:8888`,
  namespace: "fission-function",
  name,
  uid: `uid-${name}`,
  fn: hello,
  environmentUid: "uid-nodejs",
  shared: false,
  cpuLimit: 0,
  ...overrides
})

/** A final answer of a pod: 500 `x` unless told otherwise. */
export const finalAnswer = (kind: FissionError["kind"] = "Internal", text = "x") => new FissionError({ kind, text })

/** A request at the cache. */
export interface Request {
  /** `hit <pod>`, `miss`, `parked`, `left`, `429`, or status and text of another refusal: how it stands now. */
  readonly outcome: () => string
  /** Its client goes away. */
  readonly leave: Effect.Effect<void>
}

const outcomeOf = (exit: Exit.Exit<Admission, FissionError> | undefined): string => {
  if (exit === undefined) return "parked"
  if (Exit.isSuccess(exit)) return exit.value._tag === "Hit" ? `hit ${exit.value.slot.pod.name}` : "miss"
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return "left"
  return error.value.kind === "TooManyRequests" ? "429" : `${error.value.status} ${error.value.text}`
}

/** What a reserve was answered: `ok`, or like a request. */
const reserveOutcome = (exit: Exit.Exit<Reservation, FissionError>): string =>
  Exit.isSuccess(exit) ? "ok" : outcomeOf(Exit.failCause(exit.cause))

/**
 * Requests for one function generation and what becomes of them. Every step lets the requests that it answers go on
 * before it returns; reservations are settled in the order in which they were given.
 */
export const requestsFor = Effect.fnUntraced(function* (settings: Partial<Demand>) {
  const cache = yield* PoolCache
  const demand: Demand = {
    fn: hello,
    requestsPerPod: 1,
    concurrency: 5,
    retainPods: 0,
    inputs: "package 1",
    ...settings
  }
  const owned: Array<Reservation> = []
  const slots: Array<Slot> = []

  const keep = (admission: Admission) => {
    if (admission._tag === "Hit") slots.push(admission.slot)
    else owned.push(admission.reservation)
  }
  const step = (run: () => void) => Effect.andThen(Effect.sync(run), Effect.yieldNow)

  const get = Effect.gen(function* () {
    const request = Effect.tap(cache.admit(demand), (admission) => Effect.sync(() => keep(admission)))
    const fiber = yield* Effect.forkChild(request, { startImmediately: true })
    return { outcome: () => outcomeOf(fiber.pollUnsafe()), leave: Fiber.interrupt(fiber) } satisfies Request
  })
  const gets = (count: number) => Effect.forEach(Array.from({ length: count }), () => get)

  const take = () => {
    const reservation = owned.shift()
    if (reservation === undefined) throw new Error("nobody has a reservation")
    return reservation
  }

  return {
    cache,
    demand,
    slots,
    get,
    gets,
    /** What one more request is answered at once. */
    ask: Effect.map(get, (request) => request.outcome()),
    /** The same for several requests. */
    asks: (count: number) => Effect.map(gets(count), outcomes),
    reserve: (maxPending: number) =>
      Effect.map(Effect.exit(cache.reserve(demand, maxPending)), (exit) => {
        if (Exit.isSuccess(exit)) owned.push(exit.value)
        return reserveOutcome(exit)
      }),
    /** The oldest creator succeeds. */
    add: (name: string, overrides?: Partial<PooledPod>) =>
      step(() => void slots.push(take().fulfil(podOf(name, { fn: demand.fn, ...overrides })))),
    /** The oldest creator fails. */
    fail: (answer?: FissionError) => step(() => take().abandon(answer)),
    creators: () => owned.length,
    unTap: (name: string) => step(() => cache.unTap(demand.fn, `${name}:8888`)),
    /** Gives back the oldest slots that were handed out. */
    release: (count: number) =>
      step(() => {
        for (const slot of slots.splice(0, count)) slot.release()
      }),
    state: () => stateOf(cache, demand.fn),
    activeOf: (name: string) => activeOf(cache, name)
  }
})

export const outcomes = (requests: ReadonlyArray<Request>) => requests.map((request) => request.outcome())

/** The counters of one generation; undefined where it has no group. */
export const stateOf = (cache: PoolCache["Service"], fn: FunctionGeneration) => {
  const group = cache.snapshot().find(({ key }) => key === `${fn.uid}_${fn.generation}`)
  return group && { n: group.n, w: group.w, q: group.q, p: group.p }
}

/** Requests in progress in one pod; undefined where it is unknown. */
const activeOf = (cache: PoolCache["Service"], name: string) =>
  cache
    .snapshot()
    .flatMap(({ pods }) => pods)
    .find(({ address }) => address === `${name}:8888`)?.active

export type Requests = Effect.Success<ReturnType<typeof requestsFor>>

/** A test of the requests for one function generation at an empty cache. */
export const scenario = (
  name: string,
  settings: Partial<Demand>,
  run: (requests: Requests) => Effect.Effect<void, unknown, PoolCache>
) =>
  it.effect(name, () =>
    Effect.flatMap(requestsFor(settings), run).pipe(
      Effect.provide(PoolCache.layer),
      Effect.provideService(Metric.MetricRegistry, new Map())
    )
  )
