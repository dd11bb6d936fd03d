import { assert, describe, it } from "@effect/vitest"
import type { ContainerState } from "../../../src/devcluster/kubelet/ContainerState.ts"
import { podStatus } from "../../../src/devcluster/kubelet/PodStatus.ts"

const running: ContainerState = {
  state: { running: { startedAt: "t1" } },
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

const statusOf = (states: ReadonlyArray<ContainerState>, restartPolicy = "Always") => {
  const names = states.map((_, index) => `container-${index}`)
  return podStatus(
    {
      pod: {
        metadata: { name: "pod-1" },
        spec: { restartPolicy, containers: names.map((name) => ({ name, image: "a" })) }
      },
      address: "127.1.2.3",
      startTime: "t0",
      containers: new Map(names.flatMap((name, index) => (states[index] ? [[name, states[index]] as const] : [])))
    },
    undefined,
    "t3"
  )
}

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

it("is ready when every container is", () => {
  const ready = (states: ReadonlyArray<ContainerState>) =>
    statusOf(states).conditions.find(({ type }) => type === "Ready")?.status
  assert.strictEqual(ready([running, running]), "True")
  assert.strictEqual(ready([running, { ...running, ready: false }]), "False")
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
