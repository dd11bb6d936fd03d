import { type ContainerState, hasSucceeded, type Terminated } from "./ContainerState.ts"
import type { Container, KubeletPod } from "./PodObject.ts"

/** A condition of a Pod as the kubelet writes it; reason and message only where it does not hold. */
export interface PodCondition {
  readonly type: string
  readonly status: "True" | "False"
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime: string
}

/** What a status is made of. */
export interface PodFacts {
  readonly pod: KubeletPod
  readonly address: string
  readonly startTime: string
  /** By name, the init containers among them. */
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
  const { address, pod, startTime } = facts
  const statusesOf = (containers: ReadonlyArray<Container>) =>
    containers.map((container) => containerStatus(container, facts.containers.get(container.name)))
  const initContainers = pod.spec.initContainers ?? []
  const phase = phaseOf(facts)
  return {
    phase,
    conditions: conditionsOf(facts, phase).map((condition) => {
      const held = previous?.conditions.find(({ type }) => type === condition.type)
      return { ...condition, lastTransitionTime: held?.status === condition.status ? held.lastTransitionTime : now }
    }),
    hostIP: "127.0.0.1",
    podIP: address,
    podIPs: [{ ip: address }],
    startTime,
    ...(initContainers.length === 0 ? {} : { initContainerStatuses: statusesOf(initContainers) }),
    containerStatuses: statusesOf(pod.spec.containers)
  }
}

const containerStatus = ({ image, name }: Container, known: ContainerState | undefined) => ({
  name,
  image: image ?? "",
  imageID: "",
  ready: known?.ready ?? false,
  started: known?.started ?? false,
  restartCount: known?.restartCount ?? 0,
  state: known?.state ?? {},
  lastState: known?.lastTerminated === undefined ? {} : { terminated: known.lastTerminated }
})

type Untimed = Omit<PodCondition, "lastTransitionTime">

const condition = (type: string, problem?: Pick<PodCondition, "reason" | "message">): Untimed =>
  problem === undefined ? { type, status: "True" } : { type, status: "False", ...problem }

const conditionsOf = ({ containers, pod }: PodFacts, phase: string): ReadonlyArray<Untimed> => {
  const { initContainers, containers: main } = pod.spec
  const pending = (initContainers ?? []).filter(({ name }) => !hasSucceeded(containers.get(name)))
  const unready = main.filter(({ name }) => containers.get(name)?.ready !== true)
  const names = (some: ReadonlyArray<Container>) => `[${some.map(({ name }) => name).join(" ")}]`
  const uninitialized =
    pending.length === 0
      ? undefined
      : { reason: "ContainersNotInitialized", message: `containers with incomplete status: ${names(pending)}` }
  const notReady =
    unready.length === 0
      ? undefined
      : { reason: "ContainersNotReady", message: `containers with unready status: ${names(unready)}` }
  const ended = { Succeeded: { reason: "PodCompleted" }, Failed: { reason: "PodFailed" } }[phase]
  return [
    condition("PodScheduled"),
    condition("Initialized", uninitialized),
    condition("ContainersReady", ended ?? notReady),
    condition("Ready", ended ?? notReady)
  ]
}

const phaseOf = ({ containers, pod }: PodFacts): string => {
  const { containers: main, initContainers } = pod.spec
  const restartPolicy = pod.spec.restartPolicy ?? "Always"
  const statesOf = (some: ReadonlyArray<Container>) => some.flatMap(({ name }) => containers.get(name) ?? [])
  const endsOf = (states: ReadonlyArray<ContainerState>) =>
    states.flatMap(({ state }): ReadonlyArray<Terminated> => ("terminated" in state ? [state.terminated] : []))

  const hasFailed = ({ exitCode }: Terminated) => exitCode !== 0
  if (restartPolicy === "Never" && endsOf(statesOf(initContainers ?? [])).some(hasFailed)) return "Failed"
  const states = statesOf(main)
  const ends = endsOf(states)
  if (ends.length === states.length && states.length > 0 && restartPolicy !== "Always") {
    if (!ends.some(hasFailed)) return "Succeeded"
    if (restartPolicy === "Never") return "Failed"
  }
  const isStarted = states.every(({ lastTerminated, state }) => !("waiting" in state) || lastTerminated !== undefined)
  return isStarted ? "Running" : "Pending"
}
