import type { ContainerState, Terminated } from "./ContainerState.ts"
import type { KubeletPod } from "./PodObject.ts"

/** A condition of a Pod as the kubelet writes it. */
export interface PodCondition {
  readonly type: string
  readonly status: "True" | "False"
  readonly lastTransitionTime: string
}

/** What a status is made of. */
export interface PodFacts {
  readonly pod: KubeletPod
  readonly address: string
  readonly startTime: string
  readonly containers: ReadonlyMap<string, ContainerState>
}

/** The status of a Pod. */
export interface PodStatus {
  readonly phase: string
  readonly conditions: ReadonlyArray<PodCondition>
  readonly [field: string]: unknown
}

/** The status of a Pod on its node. A condition keeps its time from `previous` while its status stays. */
export const podStatus = (facts: PodFacts, previous: PodStatus | undefined, now: string): PodStatus => {
  const { address, containers, pod, startTime } = facts
  const states = [...containers.values()]
  const phase = phaseOf(pod, states)
  const isReady = phase === "Running" && states.every(({ ready }) => ready)
  return {
    phase,
    conditions: [
      { type: "PodScheduled", status: "True" as const },
      { type: "Initialized", status: "True" as const },
      { type: "ContainersReady", status: isReady ? ("True" as const) : ("False" as const) },
      { type: "Ready", status: isReady ? ("True" as const) : ("False" as const) }
    ].map((condition) => {
      const held = previous?.conditions.find(({ type }) => type === condition.type)
      return { ...condition, lastTransitionTime: held?.status === condition.status ? held.lastTransitionTime : now }
    }),
    hostIP: "127.0.0.1",
    podIP: address,
    podIPs: [{ ip: address }],
    startTime,
    containerStatuses: pod.spec.containers.map(({ image, name }) => {
      const known = containers.get(name)
      return {
        name,
        image: image ?? "",
        imageID: "",
        ready: known?.ready ?? false,
        started: known !== undefined && "running" in known.state,
        restartCount: known?.restartCount ?? 0,
        state: known?.state ?? {},
        lastState: known?.lastTerminated === undefined ? {} : { terminated: known.lastTerminated }
      }
    })
  }
}

const phaseOf = ({ spec }: KubeletPod, states: ReadonlyArray<ContainerState>): string => {
  const ends = states.flatMap(({ state }): ReadonlyArray<Terminated> =>
    "terminated" in state ? [state.terminated] : []
  )
  const isOver = ends.length === states.length && states.length > 0 && (spec.restartPolicy ?? "Always") !== "Always"
  if (isOver) {
    if (ends.every(({ exitCode }) => exitCode === 0)) return "Succeeded"
    if (spec.restartPolicy === "Never") return "Failed"
  }
  const isStarted = states.every(({ lastTerminated, state }) => !("waiting" in state) || lastTerminated !== undefined)
  return isStarted ? "Running" : "Pending"
}
