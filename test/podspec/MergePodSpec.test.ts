import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Json } from "../../src/podspec/Json.ts"
import { mergePodSpec } from "../../src/podspec/MergePodSpec.ts"
import { names } from "./environments.ts"
import { frozen } from "./StockObjects.ts"

const merged = (ours: Json, theirs: Json) => Result.getOrThrow(mergePodSpec(frozen(ours), frozen(theirs)))

const problems = (ours: Json, theirs: Json) =>
  Result.getOrThrow(Result.flip(mergePodSpec(frozen(ours), frozen(theirs))))

describe("a pod spec laid over ours (poolmgr.md section 6.8)", () => {
  it.each<readonly [field: string, ours: unknown, theirs: unknown]>([
    ["nodeName", "", "node-1"],
    ["subdomain", "a", "b"],
    ["schedulerName", undefined, "mine"],
    ["priorityClassName", undefined, "high"],
    ["priority", 5, 0],
    ["preemptionPolicy", undefined, "Never"],
    ["terminationGracePeriodSeconds", 90, 0],
    ["enableServiceLinks", true, false],
    ["securityContext", { runAsUser: 1, fsGroup: 2 }, { runAsUser: 3 }],
    ["affinity", { podAffinity: {} }, { nodeAffinity: { required: true } }],
    ["hostname", undefined, "h"],
    ["runtimeClassName", undefined, "gvisor"],
    ["restartPolicy", undefined, "Always"],
    ["activeDeadlineSeconds", undefined, 60],
    ["dnsPolicy", undefined, "Default"],
    ["shareProcessNamespace", undefined, false]
  ])("overrides %s, as a whole", (field, ours, theirs) => {
    const { ignored, podSpec } = merged({ [field]: ours }, { [field]: theirs })
    assert.deepStrictEqual(podSpec, { [field]: theirs })
    assert.deepStrictEqual(ignored, [])
  })

  it.each(["imagePullSecrets", "tolerations", "hostAliases"])("appends %s", (field) => {
    const { podSpec } = merged({ [field]: [{ name: "a" }] }, { [field]: [{ name: "b" }] })
    assert.deepStrictEqual(podSpec, { [field]: [{ name: "a" }, { name: "b" }] })
  })

  it("does not change what it does not set", () => {
    const ours = { hostname: "h", tolerations: [{ key: "a" }], nodeSelector: { a: "1" }, volumes: [{ name: "v" }] }
    assert.deepStrictEqual(merged(ours, { hostname: "", tolerations: null, nodeSelector: {} }).podSpec, ours)
  })

  it("only adds to the node selector", () => {
    const { podSpec } = merged({ nodeSelector: { a: "1" } }, { nodeSelector: { a: "2", b: "3" } })
    assert.deepStrictEqual(podSpec, { nodeSelector: { a: "1", b: "3" } })
  })

  it("merges containers of the same name and keeps the order of both sides (W22)", () => {
    const ours = { containers: [{ name: "main", image: "a" }, { name: "fetcher" }] }
    const theirs = { containers: [{ name: "z" }, { name: "main", image: "b" }, { name: "c" }] }
    const { podSpec } = merged(ours, theirs)
    assert.deepStrictEqual(podSpec["containers"], [
      { name: "main", image: "b" },
      { name: "fetcher" },
      { name: "z" },
      { name: "c" }
    ])
  })

  it("25.3: takes initContainers, without privileges", () => {
    const { podSpec } = merged({}, { initContainers: [{ name: "i", securityContext: { privileged: true } }] })
    assert.deepStrictEqual(podSpec, { initContainers: [{ name: "i", securityContext: { privileged: false } }] })
  })

  it("25.3: appends volumes, but none of the host", () => {
    const theirs = {
      volumes: [
        { name: "cache", emptyDir: {} },
        { name: "etc", hostPath: { path: "/etc" } }
      ]
    }
    const { ignored, podSpec } = merged({ volumes: [{ name: "userfunc" }] }, theirs)
    assert.deepStrictEqual(names(podSpec["volumes"]), ["userfunc", "cache"])
    assert.deepStrictEqual(ignored, ["volumes[etc].hostPath"])
  })

  it("is refused with every conflict at once", () => {
    const ours = { volumes: [{ name: "v" }], containers: [{ name: "main", env: [{ name: "A" }] }] }
    assert.deepStrictEqual(problems(ours, ours), [
      'two volumes are named "v"',
      'container "main" has two env with name "A"'
    ])
  })
})

describe("what is not taken of a pod spec is named (W31)", () => {
  it.each<readonly [field: string, value: unknown]>([
    ["serviceAccountName", "admin"],
    ["serviceAccount", "admin"],
    ["hostNetwork", true],
    ["hostPID", true],
    ["hostIPC", true],
    ["automountServiceAccountToken", true],
    ["dnsConfig", { options: [{ name: "ndots" }] }],
    ["topologySpreadConstraints", [{ maxSkew: 1 }]],
    ["readinessGates", [{ conditionType: "x" }]],
    ["overhead", { cpu: "1" }],
    ["hostUsers", false],
    ["ephemeralContainers", [{ name: "debug" }]]
  ])("%s", (field, value) => {
    assert.deepStrictEqual(merged({ hostname: "h" }, { [field]: value }), {
      podSpec: { hostname: "h" },
      ignored: [field]
    })
  })

  it("unless it is set to what every function pod has anyway", () => {
    const theirs = { hostNetwork: false, automountServiceAccountToken: false, dnsConfig: {}, readinessGates: null }
    assert.deepStrictEqual(merged({}, theirs), { podSpec: {}, ignored: [] })
  })
})

describe("the fetcher and its token (W37)", () => {
  const tokenMount = { name: "fission-fetcher-sa-token", mountPath: "/token" }
  const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"
  const ours = {
    containers: [{ name: "main" }, { name: "fetcher", image: "ours", env: [{ name: "FISSION_FETCHER_KEY" }] }]
  }

  it("of a container named fetcher only resources, variables and mounts are taken", () => {
    const fetcher = {
      name: "fetcher",
      image: "theirs",
      command: ["sh"],
      resources: { limits: { cpu: "1" } },
      env: [{ name: "EXTRA" }, { name: "FISSION_STORAGE_KEY" }],
      volumeMounts: [
        { name: "cache", mountPath: "/cache" },
        { name: "mine", mountPath: tokenPath }
      ]
    }
    const { ignored, podSpec } = merged(ours, { containers: [fetcher] })
    assert.deepStrictEqual(podSpec["containers"], [
      { name: "main" },
      {
        name: "fetcher",
        image: "ours",
        env: [{ name: "FISSION_FETCHER_KEY" }, { name: "EXTRA" }],
        resources: { limits: { cpu: "1" } },
        volumeMounts: [{ name: "cache", mountPath: "/cache" }]
      }
    ])
    assert.deepStrictEqual(ignored, [
      "containers[fetcher].image",
      "containers[fetcher].command",
      "containers[fetcher].env[FISSION_STORAGE_KEY]",
      `containers[fetcher].volumeMounts[${tokenPath}]`
    ])
  })

  it.each<readonly [list: string, name: string]>([
    ["containers", "main"],
    ["containers", "sidecar"],
    ["initContainers", "init"]
  ])("%s[%s] cannot mount the token", (list, name) => {
    const volumeMounts = [tokenMount, { name: "x", mountPath: tokenPath }, { name: "y", mountPath: "/y" }]
    const { ignored, podSpec } = merged(ours, { [list]: [{ name, volumeMounts }] })
    assert.notInclude(JSON.stringify(podSpec), "sa-token")
    assert.notInclude(JSON.stringify(podSpec), tokenPath)
    assert.include(JSON.stringify(podSpec), '"/y"')
    assert.deepStrictEqual(ignored, [
      `${list}[${name}].volumeMounts[/token]`,
      `${list}[${name}].volumeMounts[${tokenPath}]`
    ])
  })
})
