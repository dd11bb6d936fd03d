import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Happening } from "../../../src/devcluster/EventRecorder.ts"
import type { ContainerProcess, ProcessExit } from "../../../src/devcluster/kubelet/ContainerProcess.ts"
import * as ContainerRunner from "../../../src/devcluster/kubelet/ContainerRunner.ts"
import { type ContainerState, creating } from "../../../src/devcluster/kubelet/ContainerState.ts"
import { HandlerError } from "../../../src/devcluster/kubelet/Handlers.ts"
import type { Container, Handler } from "../../../src/devcluster/kubelet/PodObject.ts"
import { programs } from "../../../src/devcluster/kubelet/Programs.ts"

/** A process that ends when a test or a signal says so. */
interface FakeProcess {
  readonly exit: (code: number) => void
  /** Whether SIGTERM ends it. */
  obeys: boolean
}

const handler = (name: string): Handler => ({ exec: { command: [name] } })

/** Runs a container whose process and handlers are the test's; `happened` is what was done to them, and when. */
const running = (
  container: Partial<Container> = {},
  options: {
    readonly restartPolicy?: string
    /** What a handler does; default it succeeds. */
    readonly handlers?: { readonly [name: string]: Effect.Effect<void, HandlerError> }
  } = {}
) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const happened: Array<string> = []
    const events: Array<string> = []
    const processes: Array<FakeProcess> = []
    const note = (what: string) =>
      Effect.sync(() => void happened.push(`${clock.currentTimeMillisUnsafe() / 1000} s: ${what}`))
    let state: ContainerState = creating

    const start = Effect.gen(function* () {
      yield* note("start")
      const ended = yield* Deferred.make<ProcessExit>()
      const exit = (exitCode: number) => void Deferred.doneUnsafe(ended, Effect.succeed({ exitCode }))
      const fake: FakeProcess = { exit, obeys: true }
      processes.push(fake)
      const running: ContainerProcess = {
        pid: processes.length,
        exited: Deferred.await(ended),
        signal: (signal) =>
          Effect.suspend(() => {
            if (Deferred.isDoneUnsafe(ended)) return Effect.void
            const isObeyed = signal === "SIGKILL" || fake.obeys
            const end = Effect.sync(() => (isObeyed ? exit(signal === "SIGKILL" ? 137 : 0) : undefined))
            return Effect.andThen(note(signal), end)
          })
      }
      return running
    })
    const runner = ContainerRunner.make({
      container: { name: "node", image: "example.com/node-env:1", ...container },
      runtime: {
        start: () => start,
        handlersOf:
          () =>
          ({ exec }) => {
            const [name = ""] = exec?.command ?? []
            return Effect.andThen(note(name), options.handlers?.[name] ?? Effect.void)
          }
      },
      programs,
      address: "127.1.2.3",
      directory: "/",
      environment: Effect.succeed({}),
      restartPolicy: options.restartPolicy ?? "Always",
      graceSeconds: 30,
      onState: (next) => {
        state = next
      },
      onLine: () => {},
      record: ({ message, reason }: Happening) => Effect.sync(() => void events.push(`${reason}: ${message}`))
    })
    yield* Effect.forkScoped(runner.run)
    yield* TestClock.adjust(0)
    return {
      events,
      happened,
      runner,
      state: () => state,
      /** The process that runs now. */
      process: () => processes.at(-1) ?? { exit: () => {}, obeys: true },
      exit: (code: number) =>
        Effect.andThen(
          Effect.sync(() => processes.at(-1)?.exit(code)),
          TestClock.adjust(0)
        )
    }
  })

const waitingReason = ({ state }: ContainerState) => ("waiting" in state ? state.waiting.reason : undefined)
const no: Effect.Effect<void, HandlerError> = Effect.fail(new HandlerError({ message: "no" }))

it("waits longer with each crash, up to five minutes", () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 20].map((crashes) => Duration.toSeconds(ContainerRunner.restartDelay(crashes)))
  assert.deepStrictEqual(seconds, [0, 10, 20, 40, 80, 160, 300, 300])
})

describe("a container", () => {
  it.effect("runs, is ready without a probe, and says so in Events", () =>
    Effect.gen(function* () {
      const { events, state } = yield* running()
      assert.deepInclude(state(), { state: { running: { startedAt: "1970-01-01T00:00:00Z" } }, started: true })
      assert.isTrue(state().ready)
      assert.deepStrictEqual(events, [
        'Pulled: Container image "example.com/node-env:1" already present on machine',
        "Created: Created container: node",
        "Started: Started container: node"
      ])
    })
  )

  it.effect("of an image that cannot be run waits, and says why", () =>
    Effect.gen(function* () {
      const { events, state } = yield* running({ name: "main", image: "example.com/cobol" })
      assert.strictEqual(waitingReason(state()), "ErrImagePull")
      assert.match(events.join(), /^Failed: the embedded kubelet cannot run the image "example\.com\/cobol"/u)
    })
  )

  it.effect("that crashes starts again at once, then after a wait that grows", () =>
    Effect.gen(function* () {
      const { events, exit, happened, state } = yield* running()
      yield* exit(1)
      assert.deepInclude(state(), { restartCount: 1, ready: true })
      yield* exit(1)
      assert.strictEqual(waitingReason(state()), "CrashLoopBackOff")
      assert.include(events, "BackOff: Back-off restarting failed container node")
      yield* TestClock.adjust("10 seconds")
      yield* exit(1)
      yield* TestClock.adjust("19 seconds")
      assert.strictEqual(waitingReason(state()), "CrashLoopBackOff")
      yield* TestClock.adjust("1 second")
      assert.deepInclude(state(), { restartCount: 3, ready: true })
      assert.deepInclude(state().lastTerminated, { exitCode: 1, reason: "Error" })
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: start", "10 s: start", "30 s: start"])
    })
  )

  it.effect("that ran for more than ten minutes has recovered", () =>
    Effect.gen(function* () {
      const { exit, happened } = yield* running()
      yield* exit(1)
      yield* exit(1)
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.adjust("601 seconds")
      yield* exit(1)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: start", "10 s: start", "611 s: start"])
    })
  )

  it.effect.each([
    ["Never", 1, 1],
    ["OnFailure", 0, 1],
    ["OnFailure", 1, 2],
    ["Always", 0, 2]
  ] as const)("with restartPolicy %s that ends with %d has been started %d times", ([restartPolicy, code, starts]) =>
    Effect.gen(function* () {
      const { exit, happened } = yield* running({}, { restartPolicy })
      yield* exit(code)
      assert.strictEqual(happened.length, starts)
    })
  )
})

describe("probes", () => {
  it.effect("of readiness put a container in and out of service", () =>
    Effect.gen(function* () {
      let result = no
      const readinessProbe = { ...handler("ready"), periodSeconds: 1, failureThreshold: 2 }
      const { events, state } = yield* running(
        { readinessProbe },
        { handlers: { ready: Effect.suspend(() => result) } }
      )
      assert.deepInclude(state(), { started: true, ready: false })
      result = Effect.void
      yield* TestClock.adjust("1 second")
      assert.isTrue(state().ready)
      result = no
      yield* TestClock.adjust("1 second")
      assert.isTrue(state().ready)
      yield* TestClock.adjust("1 second")
      assert.deepInclude(state(), { started: true, ready: false, restartCount: 0 })
      assert.strictEqual(events.at(-1), "Unhealthy: Readiness probe failed: no")
    })
  )

  it.effect("of liveness that fail have the process stopped and started again", () =>
    Effect.gen(function* () {
      const livenessProbe = { ...handler("alive"), periodSeconds: 10, failureThreshold: 2 }
      const lifecycle = { preStop: handler("hook") }
      const { events, happened, state } = yield* running({ lifecycle, livenessProbe }, { handlers: { alive: no } })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(happened.slice(0, 6), [
        "0 s: start",
        "0 s: alive",
        "10 s: alive",
        "10 s: hook",
        "10 s: SIGTERM",
        "10 s: start"
      ])
      assert.include(events, "Unhealthy: Liveness probe failed: no")
      assert.include(events, "Killing: Container node failed liveness probe, will be restarted")
      assert.strictEqual(state().restartCount, 1)
    })
  )

  it.effect("kill a process that does not end within the pod's grace period, or their own", () =>
    Effect.gen(function* () {
      const livenessProbe = { ...handler("alive"), initialDelaySeconds: 1, failureThreshold: 1 }
      const pods = yield* running({ livenessProbe }, { handlers: { alive: no } })
      pods.process().obeys = false
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual(pods.happened.slice(2, 5), ["1 s: SIGTERM", "31 s: SIGKILL", "31 s: start"])
      assert.strictEqual(pods.state().lastTerminated?.exitCode, 137)

      const own = { ...livenessProbe, terminationGracePeriodSeconds: 5 }
      const probes = yield* running({ livenessProbe: own }, { handlers: { alive: no } })
      probes.process().obeys = false
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(probes.happened.slice(2, 5), ["32 s: SIGTERM", "37 s: SIGKILL", "37 s: start"])
    })
  )

  it.effect("of startup hold the others back until one succeeds", () =>
    Effect.gen(function* () {
      let result = no
      const { happened, state } = yield* running(
        {
          startupProbe: { ...handler("started"), periodSeconds: 1, failureThreshold: 30 },
          livenessProbe: handler("alive"),
          readinessProbe: handler("ready")
        },
        { handlers: { started: Effect.suspend(() => result) } }
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(state(), { started: false, ready: false })
      result = Effect.void
      yield* TestClock.adjust("1 second")
      assert.deepInclude(state(), { started: true, ready: true })
      assert.deepStrictEqual(happened.slice(1).sort(), [
        "0 s: started",
        "1 s: started",
        "2 s: started",
        "3 s: alive",
        "3 s: ready",
        "3 s: started"
      ])
    })
  )

  it.effect("of startup that fail have the process started again", () =>
    Effect.gen(function* () {
      const startupProbe = { ...handler("started"), periodSeconds: 1, failureThreshold: 3 }
      const { events, happened } = yield* running({ startupProbe }, { handlers: { started: no } })
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(happened.filter((what) => what.endsWith("start")).length, 2)
      assert.include(events, "Killing: Container node failed startup probe, will be restarted")
    })
  )
})

describe("stopping", () => {
  /** Begins to stop with a grace period of ten seconds, and lets some time go by. */
  const stopping = (container: Partial<Container>, hook: Effect.Effect<void, HandlerError>, obeys: boolean) =>
    Effect.gen(function* () {
      const all = yield* running(container, { handlers: { hook } })
      all.process().obeys = obeys
      yield* Effect.forkScoped(all.runner.stop(10))
      yield* TestClock.adjust("1 minute")
      return all
    })
  const lifecycle = { preStop: handler("hook") }

  it.effect("asks the process to end, and does not start it again", () =>
    Effect.gen(function* () {
      const { events, happened, state } = yield* stopping({}, Effect.void, true)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: SIGTERM"])
      assert.strictEqual(events.at(-1), "Killing: Stopping container node")
      assert.isFalse(state().ready)
      assert.deepInclude(state().state, {
        terminated: {
          exitCode: 0,
          reason: "Completed",
          startedAt: "1970-01-01T00:00:00Z",
          finishedAt: "1970-01-01T00:00:00Z"
        }
      })
    })
  )

  it.effect("kills the process when the grace period is over", () =>
    Effect.gen(function* () {
      const { happened } = yield* stopping({}, Effect.void, false)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: SIGTERM", "10 s: SIGKILL"])
    })
  )

  it.effect("runs the hook first, within the same grace period", () =>
    Effect.gen(function* () {
      const { happened } = yield* stopping({ lifecycle }, Effect.sleep("4 seconds"), false)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: hook", "4 s: SIGTERM", "10 s: SIGKILL"])
    })
  )

  it.effect("leaves the process two seconds where the hook took all the time", () =>
    Effect.gen(function* () {
      const { happened } = yield* stopping({ lifecycle }, Effect.never, false)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: hook", "10 s: SIGTERM", "12 s: SIGKILL"])
    })
  )

  it.effect("goes on after a hook that fails, and says so", () =>
    Effect.gen(function* () {
      const { events, happened } = yield* stopping({ lifecycle }, no, true)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: hook", "0 s: SIGTERM"])
      assert.include(events, "FailedPreStopHook: PreStopHook failed: no")
    })
  )

  it.effect("is over when the process ends during the hook", () =>
    Effect.gen(function* () {
      const { exit, happened, runner } = yield* running({ lifecycle }, { handlers: { hook: Effect.never } })
      const stopped = yield* Effect.forkScoped(runner.stop(10))
      yield* TestClock.adjust("1 second")
      yield* exit(0)
      assert.isDefined(stopped.pollUnsafe())
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: hook"])
    })
  )

  it.effect("kills at once without a grace period", () =>
    Effect.gen(function* () {
      const { happened, runner } = yield* running({ lifecycle })
      yield* runner.stop(0)
      assert.deepStrictEqual(happened, ["0 s: start", "0 s: SIGKILL"])
    })
  )

  it.effect("goes on asking for readiness, and does not heed liveness any more", () =>
    Effect.gen(function* () {
      let result: Effect.Effect<void, HandlerError> = Effect.void
      const probes = {
        readinessProbe: { ...handler("ready"), periodSeconds: 1, failureThreshold: 1 },
        livenessProbe: { ...handler("alive"), periodSeconds: 1, failureThreshold: 1 }
      }
      const handlers = { ready: Effect.suspend(() => result), alive: Effect.suspend(() => result), hook: Effect.never }
      const { events, runner, state } = yield* running({ lifecycle, ...probes }, { handlers })
      assert.isTrue(state().ready)
      yield* Effect.forkScoped(runner.stop(10))
      result = no
      yield* TestClock.adjust("2 seconds")
      assert.isFalse(state().ready)
      assert.notInclude(events.join(), "will be restarted")
    })
  )
})
