import { assert, it } from "@effect/vitest"
import { deletionOrder, isActive } from "../../../src/devcluster/controllers/PodRank.ts"
import type { WorkloadPod } from "../../../src/devcluster/Kinds.ts"

const pod = (
  name: string,
  given: {
    readonly nodeName?: string
    readonly phase?: string
    readonly readySince?: string
    readonly created?: string
    readonly deletionTimestamp?: string
  } = {}
): WorkloadPod => ({
  metadata: {
    name,
    creationTimestamp: given.created ?? "2026-01-01T00:00:00Z",
    deletionTimestamp: given.deletionTimestamp
  },
  spec: { nodeName: given.nodeName },
  status: {
    phase: given.phase ?? "Pending",
    conditions:
      given.readySince === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: given.readySince }]
  }
})

it("gives up unbound pods first, then pending, not ready, newly ready and young ones", () => {
  const running = { nodeName: "node", phase: "Running" }
  const pods = [
    pod("old", { ...running, readySince: "2026-01-01T00:00:01Z" }),
    pod("young", { ...running, readySince: "2026-01-01T00:00:01Z", created: "2026-01-01T00:00:01Z" }),
    pod("newly ready", { ...running, readySince: "2026-01-01T00:00:05Z" }),
    pod("not ready", running),
    pod("pending", { nodeName: "node" }),
    pod("unbound")
  ]
  assert.deepStrictEqual(
    [...pods].sort(deletionOrder).map(({ metadata }) => metadata.name),
    ["unbound", "pending", "not ready", "newly ready", "young", "old"]
  )
})

it("counts no pod as a replica that is being deleted or has ended", () => {
  assert.isTrue(isActive(pod("a")))
  assert.isFalse(isActive(pod("a", { deletionTimestamp: "2026-01-01T00:00:00Z" })))
  assert.isFalse(isActive(pod("a", { phase: "Failed" })))
})
