/** The end of a container's process. */
export interface Terminated {
  readonly exitCode: number
  readonly reason: "Completed" | "Error"
  readonly startedAt: string
  readonly finishedAt: string
}

/** One of the three states of a container, as its status writes it. */
export type State =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | { readonly terminated: Terminated }

/** What is known about a container. */
export interface ContainerState {
  readonly state: State
  /** The process runs and its startup probe, if any, has succeeded. */
  readonly started: boolean
  readonly ready: boolean
  readonly restartCount: number
  readonly lastTerminated: Terminated | undefined
}

/** A container that has not been started yet. */
export const creating: ContainerState = {
  state: { waiting: { reason: "ContainerCreating" } },
  started: false,
  ready: false,
  restartCount: 0,
  lastTerminated: undefined
}

/** A container that waits for the init containers before it. */
export const initializing: ContainerState = { ...creating, state: { waiting: { reason: "PodInitializing" } } }

/** Whether a container has ended, and well. */
export const hasSucceeded = (known: ContainerState | undefined): boolean =>
  known !== undefined && "terminated" in known.state && known.state.terminated.exitCode === 0
