import { Clock, Duration, Effect, Schedule } from "effect"
import type { KubernetesError } from "../../Errors.ts"
import { timestamp } from "../Timestamp.ts"
import type { ConfigError } from "./ContainerConfig.ts"
import { type ContainerProcess, start } from "./ContainerProcess.ts"
import { type ContainerState, creating, type State, type Terminated } from "./ContainerState.ts"
import type { Container } from "./PodObject.ts"
import { runProbe } from "./Probes.ts"
import type { Program } from "./Programs.ts"

/** What a process still gets after its preStop hook used up the grace period. */
const leastGrace = Duration.seconds(2)
/** A container that ran this long has recovered: its next crash is the first. */
const recoveredAfter = Duration.minutes(10)
/** Waits for a Secret or ConfigMap that is missing. */
const untilConfigured = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")])

/** One container of one pod. */
export interface ContainerOptions {
  readonly container: Container
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
}

/** Runs a container and stops it. */
export interface ContainerRunner {
  /** Starts the process, and starts it again when it ends, as the restart policy has it. Interrupting it kills. */
  readonly run: Effect.Effect<void>
  /** Stops the process for good: preStop sleep, SIGTERM, SIGKILL once the grace period is over; returns at its end. */
  readonly stop: (graceSeconds: number) => Effect.Effect<void>
  readonly pid: () => number | undefined
}

/** The wait before a container is started again: none, then 10 s, doubling up to five minutes. */
export const restartDelay = (crashes: number): Duration.Duration =>
  crashes <= 1 ? Duration.zero : Duration.min(Duration.seconds(10 * 2 ** (crashes - 2)), Duration.minutes(5))

/** Makes a runner; nothing is started before `run`. */
export const make = (options: ContainerOptions): ContainerRunner => {
  const { address, container, environment, onState, programs, restartPolicy } = options
  let current: ContainerProcess | undefined
  let stopping = false
  let held = creating

  const become = (change: Partial<ContainerState>) => {
    held = { ...held, ...change }
    onState(held)
  }
  const wait = (reason: string, message: string) =>
    Effect.sync(() => become({ ready: false, state: { waiting: { reason, message } } }))

  /** Asks a process to end and sees to it that it does. */
  const terminate = Effect.fnUntraced(function* (running: ContainerProcess, graceSeconds: number) {
    const grace = Duration.seconds(graceSeconds)
    const sleep = Duration.min(Duration.seconds(container.lifecycle?.preStop?.sleep?.seconds ?? 0), grace)
    yield* Effect.timeoutOption(running.exited, sleep)
    if (graceSeconds > 0) {
      yield* running.signal("SIGTERM")
      yield* Effect.timeoutOption(running.exited, Duration.max(Duration.subtract(grace, sleep), leastGrace))
    }
    yield* running.signal("SIGKILL")
    yield* running.exited
  })

  const supervise = Effect.fnUntraced(function* (running: ContainerProcess) {
    const { livenessProbe, readinessProbe } = container
    if (readinessProbe) {
      const onVerdict = (ready: boolean) =>
        Effect.sync(() => {
          if (ready !== held.ready) become({ ready })
        })
      yield* Effect.forkScoped(runProbe(readinessProbe, container, address, onVerdict))
    }
    if (livenessProbe) {
      const onVerdict = (isAlive: boolean) => (isAlive ? Effect.void : terminate(running, options.graceSeconds))
      yield* Effect.forkScoped(runProbe(livenessProbe, container, address, onVerdict))
    }
    return yield* running.exited
  })

  /** One life of the process. */
  const live = (program: Program, variables: { readonly [name: string]: string }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const startedAt = yield* timestamp
        const running = yield* start({
          file: program.file,
          parameters: [...(container.command ?? []).slice(1), ...(container.args ?? [])],
          directory: options.directory,
          environment: variables,
          onLine: options.onLine
        })
        current = running
        become({ state: { running: { startedAt } }, ready: !container.readinessProbe })
        const { exitCode } = yield* supervise(running)
        const reason = exitCode === 0 ? ("Completed" as const) : ("Error" as const)
        const terminated: Terminated = { exitCode, reason, startedAt, finishedAt: yield* timestamp }
        return terminated
      })
    )

  const configured = environment.pipe(
    Effect.tapError((error) => wait("CreateContainerConfigError", error.message)),
    Effect.retry(untilConfigured)
  )

  const isRestarted = (exitCode: number): boolean =>
    !stopping && (restartPolicy === "Always" || (restartPolicy === "OnFailure" && exitCode !== 0))

  const run = Effect.gen(function* () {
    const program = programs.find(({ runs }) => runs(container))
    if (program === undefined) return yield* Effect.andThen(wait("ErrImagePull", cannotRun(options)), Effect.never)
    let crashes = 0
    while (true) {
      const variables = yield* configured
      const begun = yield* Clock.monotonicTimeNanos
      const terminated = yield* live(program, variables)
      current = undefined
      become({ ready: false, state: { terminated } })
      if (!isRestarted(terminated.exitCode)) return
      const lasted = Duration.nanos((yield* Clock.monotonicTimeNanos) - begun)
      crashes = Duration.isGreaterThan(lasted, recoveredAfter) ? 1 : crashes + 1
      const delay = restartDelay(crashes)
      become({
        ...waitingAgain(container.name, delay, { terminated }),
        restartCount: held.restartCount + 1,
        lastTerminated: terminated
      })
      yield* Effect.sleep(delay)
      if (stopping) return
    }
  })

  const stop = Effect.fnUntraced(function* (graceSeconds: number) {
    stopping = true
    if (current !== undefined) yield* terminate(current, graceSeconds)
  })

  // Whatever `configured` fails with is retried without end.
  return { run: Effect.orDie(run), stop, pid: () => current?.pid }
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
