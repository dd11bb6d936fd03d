import { assert, describe, it } from "@effect/vitest"
import type { Json } from "../../src/podspec/Json.ts"
import { unsafeFields } from "../../src/podspec/PodSpecSafety.ts"
import { environment } from "./environments.ts"
import { environmentOf } from "./StockObjects.ts"

const podspec = "Environment.spec.runtime.podspec"

describe("what no function pod may have (lifecycle.md section 14)", () => {
  it.each<readonly [runtime: Json, sentence: string]>([
    [{ podspec: { hostNetwork: true } }, `${podspec}.hostNetwork is not allowed`],
    [{ podspec: { hostPID: true } }, `${podspec}.hostPID is not allowed`],
    [{ podspec: { hostIPC: true } }, `${podspec}.hostIPC is not allowed`],
    [{ podspec: { serviceAccountName: "admin" } }, `${podspec}.serviceAccountName override is not allowed`],
    [{ podspec: { serviceAccount: "admin" } }, `${podspec}.serviceAccount override is not allowed`],
    [
      { podspec: { volumes: [{ name: "etc", hostPath: { path: "/etc" } }] } },
      `${podspec}.volumes[etc].hostPath is not allowed`
    ],
    [{ podspec: { ephemeralContainers: [{ name: "debug" }] } }, `${podspec}.ephemeralContainers is not allowed`],
    [
      { podspec: { containers: [{ name: "side", securityContext: { privileged: true } }] } },
      `${podspec}.containers[side].securityContext.privileged=true is not allowed`
    ],
    [
      { podspec: { initContainers: [{ name: "init", securityContext: { allowPrivilegeEscalation: true } }] } },
      `${podspec}.initContainers[init].securityContext.allowPrivilegeEscalation=true is not allowed`
    ],
    [
      { container: { securityContext: { capabilities: { add: ["NET_BIND_SERVICE", "SYS_ADMIN"] } } } },
      'Environment.spec.runtime.container.securityContext.capabilities.add["SYS_ADMIN"] is not in the allowlist (only NET_BIND_SERVICE may be added)'
    ]
  ])("%j", (runtime, sentence) => {
    assert.deepStrictEqual(unsafeFields(environment(runtime)), [sentence])
  })

  it("is named all at once", () => {
    const securityContext = { privileged: true }
    const runtime = {
      podspec: { hostNetwork: true, hostPID: true, containers: [{ name: "node", securityContext }] },
      container: { securityContext }
    }
    assert.deepStrictEqual(unsafeFields(environment(runtime)), [
      `${podspec}.hostNetwork is not allowed`,
      `${podspec}.hostPID is not allowed`,
      `${podspec}.containers[node].securityContext.privileged=true is not allowed`,
      "Environment.spec.runtime.container.securityContext.privileged=true is not allowed"
    ])
  })

  it("is the volume of the host in the recorded Environment", () => {
    assert.deepStrictEqual(unsafeFields(environmentOf("env-custom")), [
      `${podspec}.volumes[host].hostPath is not allowed`
    ])
  })

  it.each<Json>([
    {},
    { podspec: { hostNetwork: false, serviceAccountName: "", volumes: [{ name: "cache", emptyDir: {} }] } },
    { container: { securityContext: { privileged: false, capabilities: { add: ["NET_BIND_SERVICE"] } } } }
  ])("is none of %j", (runtime) => {
    assert.deepStrictEqual(unsafeFields(environment(runtime)), [])
  })
})
