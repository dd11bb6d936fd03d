import { assert, it } from "@effect/vitest"
import { plenty, shortagesOf } from "../../../src/devcluster/kubelet/Capacity.ts"
import type { KubeletPod } from "../../../src/devcluster/kubelet/PodObject.ts"

type Resources = { readonly requests?: Record<string, string>; readonly limits?: Record<string, string> }

const pod = (containers: ReadonlyArray<Resources>, initContainers: ReadonlyArray<Resources> = []): KubeletPod => ({
  metadata: { name: "pod-1" },
  spec: {
    containers: containers.map((resources, index) => ({ name: `container-${index}`, resources })),
    initContainers: initContainers.map((resources, index) => ({ name: `init-${index}`, resources }))
  }
})

const cpu = (amount: string): Resources => ({ requests: { cpu: amount } })
const hasRoom = (pod: KubeletPod, others: ReadonlyArray<KubeletPod> = []) =>
  shortagesOf({ ...plenty, cpu: "1" }, others, pod).length === 0

it("counts the containers of a pod together", () => {
  assert.isTrue(hasRoom(pod([cpu("400m"), cpu("600m")])))
  assert.isFalse(hasRoom(pod([cpu("500m"), cpu("600m")])))
})

it("counts init containers only where one needs more than the others together", () => {
  assert.isTrue(hasRoom(pod([cpu("1")], [cpu("1"), cpu("1")])))
  assert.isFalse(hasRoom(pod([cpu("100m")], [cpu("2")])))
})

it("takes a limit for a request where there is none", () => {
  assert.isFalse(hasRoom(pod([{ limits: { cpu: "2" } }])))
  assert.isTrue(hasRoom(pod([{ requests: { cpu: "1" }, limits: { cpu: "2" } }])))
})

it("has room for a pod that asks for nothing, however full the node is", () => {
  assert.isTrue(hasRoom(pod([{}]), [pod([cpu("1")])]))
  assert.isFalse(hasRoom(pod([cpu("1m")]), [pod([cpu("1")])]))
})
