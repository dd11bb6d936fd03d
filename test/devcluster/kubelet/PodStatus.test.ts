import { assert, describe, it } from "@effect/vitest"
import type { ContainerState } from "../../../src/devcluster/kubelet/ContainerState.ts"
import { podStatus } from "../../../src/devcluster/kubelet/PodStatus.ts"

const running: ContainerState = {
  state: { running: { startedAt: "t1" } },
  started: true,
  ready: true,
  restartCount: 0,
  lastTerminated: undefined
}

const ended = (exitCode: number): ContainerState => ({
  ...running,
  ready: false,
  state: { terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt: "t1", finishedAt: "t2" } }
})

const waiting: ContainerState = { ...running, ready: false, state: { waiting: { reason: "ContainerCreating" } } }

const named = (states: ReadonlyArray<ContainerState>, prefix: string) =>
  states.map((state, index) => [`${prefix}-${index}`, state] as const)

const containersOf = (states: ReadonlyArray<readonly [name: string, state: ContainerState]>) =>
  states.map(([name]) => ({ name, image: "a" }))

const statusOf = (
  states: ReadonlyArray<ContainerState>,
  restartPolicy = "Always",
  initStates: ReadonlyArray<ContainerState> = []
) => {
  const main = named(states, "container")
  const init = named(initStates, "init")
  return podStatus(
    {
      pod: {
        metadata: { name: "pod-1" },
        spec: { restartPolicy, initContainers: containersOf(init), containers: containersOf(main) }
      },
      address: "127.1.2.3",
      startTime: "t0",
      containers: new Map([...init, ...main])
    },
    undefined,
    "t3"
  )
}

const condition = (status: ReturnType<typeof statusOf>, type: string) =>
  status.conditions.find((held) => held.type === type)

describe("phase", () => {
  it.each([
    ["Pending", [running, waiting], "Always"],
    ["Running", [running, running], "Always"],
    ["Running", [running, ended(1)], "Always"],
    [
      "Running",
      [{ ...waiting, lastTerminated: { exitCode: 1, reason: "Error", startedAt: "", finishedAt: "" } }],
      "Always"
    ],
    ["Running", [ended(0), running], "Never"],
    ["Succeeded", [ended(0), ended(0)], "OnFailure"],
    ["Failed", [ended(0), ended(2)], "Never"],
    ["Running", [ended(2)], "OnFailure"]
  ] satisfies ReadonlyArray<[string, ReadonlyArray<ContainerState>, string]>)(
    "is %s for %o with restartPolicy %s",
    (phase, states, restartPolicy) => {
      assert.strictEqual(statusOf(states, restartPolicy).phase, phase)
    }
  )
})

describe("conditions", () => {
  it("are all true once every container is ready", () => {
    assert.deepStrictEqual(
      statusOf([running, running]).conditions.map(({ status, type }) => [type, status]),
      [
        ["PodScheduled", "True"],
        ["Initialized", "True"],
        ["ContainersReady", "True"],
        ["Ready", "True"]
      ]
    )
  })

  it("name the containers that are not ready", () => {
    const status = statusOf([running, { ...running, ready: false }, waiting])
    for (const type of ["ContainersReady", "Ready"]) {
      assert.deepInclude(condition(status, type), {
        status: "False",
        reason: "ContainersNotReady",
        message: "containers with unready status: [container-1 container-2]"
      })
    }
  })

  it("say that a pod has ended", () => {
    assert.deepInclude(condition(statusOf([ended(0)], "Never"), "Ready"), { status: "False", reason: "PodCompleted" })
    assert.deepInclude(condition(statusOf([ended(1)], "Never"), "Ready"), { status: "False", reason: "PodFailed" })
  })

  it("say which init containers are still to come", () => {
    assert.deepInclude(condition(statusOf([waiting], "Always", [ended(0), running, waiting]), "Initialized"), {
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [init-1 init-2]"
    })
    assert.deepInclude(condition(statusOf([running], "Always", [ended(0)]), "Initialized"), { status: "True" })
  })
})

describe("init containers", () => {
  it("keep the pod pending", () => {
    assert.strictEqual(statusOf([waiting], "Always", [running]).phase, "Pending")
    assert.strictEqual(statusOf([waiting], "Always", [ended(1)]).phase, "Pending")
  })

  it("that fail make a pod fail which is never restarted", () => {
    assert.strictEqual(statusOf([waiting], "Never", [ended(1)]).phase, "Failed")
  })
})

it("keeps the time of a condition while its status stays", () => {
  const facts = {
    pod: { metadata: { name: "pod-1" }, spec: { containers: [{ name: "main" }] } },
    address: "127.1.2.3",
    startTime: "t0"
  }
  const first = podStatus({ ...facts, containers: new Map([["main", waiting]]) }, undefined, "t1")
  const second = podStatus({ ...facts, containers: new Map([["main", running]]) }, first, "t2")
  const times = Object.fromEntries(second.conditions.map(({ lastTransitionTime, type }) => [type, lastTransitionTime]))
  assert.deepStrictEqual(times, { PodScheduled: "t1", Initialized: "t1", ContainersReady: "t2", Ready: "t2" })
})
