import { Clock, Duration, Effect, Schedule, type Scope } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import type { Happening } from "../EventRecorder.ts"
import { timestamp } from "../Timestamp.ts"
import type { ConfigError } from "./ContainerConfig.ts"
import { watchHealth } from "./ContainerHealth.ts"
import type { ContainerProcess, ProcessOptions } from "./ContainerProcess.ts"
import { type ContainerState, creating, type State, type Terminated } from "./ContainerState.ts"
import type { HandlerTarget, RunHandler } from "./Handlers.ts"
import type { Container } from "./PodObject.ts"
import type { Program } from "./Programs.ts"
import { terminate } from "./Termination.ts"

/** A container that ran this long has recovered: its next crash is the first. */
const recoveredAfter = Duration.minutes(10)
/** Waits for a Secret or ConfigMap that is missing. */
const untilConfigured = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])

/** How processes are started and handlers run, which tests do without processes. */
export interface ContainerRuntime {
  readonly start: (options: ProcessOptions) => Effect.Effect<ContainerProcess, never, Scope.Scope>
  readonly handlersOf: (target: HandlerTarget) => RunHandler
}

/** One container of one pod. */
export interface ContainerOptions {
  readonly container: Container
  readonly runtime: ContainerRuntime
  readonly programs: ReadonlyArray<Program>
  readonly address: string
  /** The pod's root directory. */
  readonly directory: string
  /** The complete environment of the process. */
  readonly environment: Effect.Effect<{ readonly [name: string]: string }, ConfigError | KubernetesError>
  readonly restartPolicy: string
  /** The grace period of a restart, in seconds. */
  readonly graceSeconds: number
  readonly onState: (state: ContainerState) => void
  readonly onLine: (line: string) => void
  readonly record: (happening: Happening) => Effect.Effect<void>
}

/** Runs a container and stops it. */
export interface ContainerRunner {
  /** Starts the process, and starts it again when it ends, as the restart policy has it. Interrupting it kills. */
  readonly run: Effect.Effect<void>
  /** Stops the process for good: preStop, SIGTERM, SIGKILL once the grace period is over; returns at its end. */
  readonly stop: (graceSeconds: number) => Effect.Effect<void>
  readonly pid: () => number | undefined
}

/** The wait before a container is started again: none, then 10 s, doubling up to five minutes. */
export const restartDelay = (crashes: number): Duration.Duration =>
  crashes <= 1 ? Duration.zero : Duration.min(Duration.seconds(10 * 2 ** (crashes - 2)), Duration.minutes(5))

/** What runs, and what it was given. */
interface Life {
  readonly running: ContainerProcess
  readonly handlers: RunHandler
}

/** Makes a runner; nothing is started before `run`. */
export const make = (options: ContainerOptions): ContainerRunner => {
  const { container, environment, onState, programs, restartPolicy } = options
  let current: Life | undefined
  let stopping = false
  let held = creating

  const normal = (reason: string, message: string) => options.record({ type: "Normal", reason, message })
  const warning = (reason: string, message: string) => options.record({ type: "Warning", reason, message })

  const become = (change: Partial<ContainerState>) => {
    held = { ...held, ...change }
    onState(held)
  }
  const wait = (reason: string, message: string) =>
    Effect.sync(() => become({ ready: false, state: { waiting: { reason, message } } }))

  const end = ({ handlers, running }: Life, graceSeconds: number) => {
    const hook = container.lifecycle?.preStop
    const preStop = hook
      ? Effect.catch(handlers(hook), ({ message }) => warning("FailedPreStopHook", `PreStopHook failed: ${message}`))
      : Effect.void
    return terminate(running, preStop, graceSeconds)
  }

  const supervise = (life: Life) =>
    watchHealth({
      container,
      run: life.handlers,
      onStarted: (ready) => Effect.sync(() => become({ started: true, ready })),
      onReady: (ready) =>
        Effect.sync(() => {
          if (ready !== held.ready) become({ ready })
        }),
      onUnhealthy: (kind, message) => warning("Unhealthy", `${kind} probe failed: ${message}`),
      onDead: (kind, probe) =>
        Effect.suspend(() => {
          if (stopping) return Effect.void
          const message = `Container ${container.name} failed ${kind.toLowerCase()} probe, will be restarted`
          return Effect.andThen(
            normal("Killing", message),
            end(life, probe.terminationGracePeriodSeconds ?? options.graceSeconds)
          )
        })
    })

  /** One life of the process. */
  const live = Effect.fnUntraced(function* (program: Program, variables: { readonly [name: string]: string }) {
    const startedAt = yield* timestamp
    const { directory, onLine } = options
    yield* normal("Pulled", `Container image "${container.image ?? ""}" already present on machine`)
    const running = yield* options.runtime.start({
      command: process.execPath,
      parameters: [program.file, ...(container.command ?? []).slice(1), ...(container.args ?? [])],
      directory,
      environment: variables,
      onLine
    })
    const handlers = options.runtime.handlersOf({ ...options, environment: variables })
    current = { running, handlers }
    become({ state: { running: { startedAt } } })
    yield* normal("Created", `Created container: ${container.name}`)
    yield* normal("Started", `Started container: ${container.name}`)
    yield* Effect.forkScoped(supervise(current), { startImmediately: true })
    const { exitCode } = yield* running.exited
    const reason = exitCode === 0 ? ("Completed" as const) : ("Error" as const)
    const terminated: Terminated = { exitCode, reason, startedAt, finishedAt: yield* timestamp }
    return terminated
  }, Effect.scoped)

  const configured = environment.pipe(
    Effect.tapError(({ message }) =>
      Effect.andThen(wait("CreateContainerConfigError", message), warning("Failed", `Error: ${message}`))
    ),
    Effect.retry(untilConfigured)
  )

  const isRestarted = (exitCode: number): boolean =>
    !stopping && (restartPolicy === "Always" || (restartPolicy === "OnFailure" && exitCode !== 0))

  const refuse = Effect.gen(function* () {
    const message = cannotRun(options)
    yield* warning("Failed", message)
    return yield* Effect.andThen(wait("ErrImagePull", message), Effect.never)
  })

  const run = Effect.gen(function* () {
    const program = programs.find(({ runs }) => runs(container))
    if (program === undefined) return yield* refuse
    let crashes = 0
    while (true) {
      const variables = yield* configured
      const begun = yield* Clock.monotonicTimeNanos
      const terminated = yield* live(program, variables)
      current = undefined
      become({ started: false, ready: false, state: { terminated } })
      if (!isRestarted(terminated.exitCode)) return
      const lasted = Duration.nanos((yield* Clock.monotonicTimeNanos) - begun)
      crashes = Duration.isGreaterThan(lasted, recoveredAfter) ? 1 : crashes + 1
      const delay = restartDelay(crashes)
      become({
        ...waitingAgain(container.name, delay, { terminated }),
        restartCount: held.restartCount + 1,
        lastTerminated: terminated
      })
      if (!Duration.isZero(delay)) {
        yield* warning("BackOff", `Back-off restarting failed container ${container.name}`)
      }
      yield* Effect.sleep(delay)
      if (stopping) return
    }
  })

  const stop = Effect.fnUntraced(function* (graceSeconds: number) {
    stopping = true
    if (current === undefined) return
    yield* normal("Killing", `Stopping container ${container.name}`)
    yield* end(current, graceSeconds)
  })

  // Whatever `configured` fails with is retried without end.
  return { run: Effect.orDie(run), stop, pid: () => current?.running.pid }
}

/** Between two lives a container is terminated while it is started again at once, else it waits. */
const waitingAgain = (name: string, delay: Duration.Duration, ended: State): { readonly state: State } => {
  if (Duration.isZero(delay)) return { state: ended }
  const message = `back-off ${Duration.format(delay)} restarting failed container=${name}`
  return { state: { waiting: { reason: "CrashLoopBackOff", message } } }
}

const cannotRun = ({ container, programs }: ContainerOptions): string =>
  `the embedded kubelet cannot run the image "${container.image ?? ""}" of the container ${container.name}; it runs ${programs
    .map(({ description }) => description)
    .join(" and ")}`
