import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Functions, Pods } from "../../src/fission/ResourceKind.ts"
import type { Json } from "../../src/podspec/Json.ts"
import { claimPatch, servedPatch } from "../../src/podspec/PodPatches.ts"
import { specializeRequest } from "../../src/podspec/SpecializeRequest.ts"
import { at, differences, environmentOf, frozen, lines, type Permitted, read } from "./StockObjects.ts"

/** The first cold start of each function: the scenario, the function's name, and the Environment it uses. */
const coldStarts = [
  ["first", "pm-basic", "env-v3"],
  ["pm-custom", "pm-custom", "env-custom"],
  ["pm-grace0", "pm-grace0", "env-grace0"],
  ["pm-inf", "pm-inf", "env-inf"],
  ["pm-inf2", "pm-inf2", "env-inf"],
  ["pm-once", "pm-once", "env-v3"],
  ["pm-secret", "pm-secret", "env-v3"],
  ["pm-spec300", "pm-spec300", "env-v3"],
  ["pm-tenant", "pm-tenant", "env-tenant"],
  ["pm-url", "pm-url", "env-v2"],
  ["pm-v1", "pm-v1", "env-v1"]
] as const

/** The shared pod of an `infinite` Environment stays in its pool: nothing claims it (poolmgr.md section 19). */
const shared: ReadonlyArray<string> = ["pm-inf", "pm-inf2"]

/** What our requests may differ in, with the reason. */
const permitted: ReadonlyArray<Permitted> = [
  ...["managedFields", "finalizers", "creationTimestamp", "annotations"].map((field) => ({
    path: ["LoadReq", "FunctionMetadata", field],
    reason: "a runtime has no use for it, and annotations may outgrow its body limit (P09)"
  })),
  { path: ["metadata", "uid"], reason: "a precondition: no other pod of the same name (W03)" },
  { path: ["metadata", "resourceVersion"], reason: "a precondition: nobody touched the pod since we looked (W03)" },
  {
    path: ["metadata", "annotations", "fission.io/runtime-fingerprint"],
    reason: "our identity of a template, besides the stock label (poolmgr.md section 5)"
  }
]

/** The body of the request that reached the pod. */
const recordedRequest = (scenario: string) => {
  const request = lines(`pod-side/c-poolmgr-cold-${scenario}.ndjson`).find(({ path }) => path === "/specialize")
  return JSON.parse(String(request?.["body"]))
}

/** The Function as it was when the request was sent. */
const functionOf = (scenario: string, name: string) =>
  frozen(
    Result.getOrThrow(
      Functions.decode({
        ...read(`crs/fn-${name}.json`),
        metadata: at(recordedRequest(scenario), "LoadReq", "FunctionMetadata")
      })
    )
  )

/** The patch of a pod that wrote the given field, as it was sent and answered. */
const recordedPatch = (scenario: string, ...field: ReadonlyArray<string>) =>
  lines(`exchanges/c-poolmgr-cold-${scenario}.ndjson`).find(
    ({ method, path, request }) =>
      method === "PATCH" && String(path).includes("/pods/") && at(request, "metadata", ...field) !== undefined
  )

const podOf = (patch: Json | undefined) => Result.getOrThrow(Pods.decode(patch?.["response"]))

describe("the request that loads a function into a pod", () => {
  it.each(coldStarts)("%s: equals the recorded one", (scenario, name, environment) => {
    const ours = specializeRequest(environmentOf(environment), functionOf(scenario, name))
    assert.deepStrictEqual(differences(scenario, ours, recordedRequest(scenario), permitted), [])
  })
})

describe("the patch that claims a pod", () => {
  it.each(coldStarts.filter(([scenario]) => !shared.includes(scenario)))(
    "%s: equals the recorded one",
    (scenario, name, environment) => {
      const recorded = recordedPatch(scenario, "labels", "managed")
      const pod = podOf(recorded)
      const ours = claimPatch({
        pod,
        environment: environmentOf(environment),
        fn: functionOf(scenario, name),
        instanceId: String(at(recorded, "request", "metadata", "annotations", "executorInstanceId"))
      })
      assert.deepStrictEqual(differences(scenario, ours, recorded?.["request"], permitted), [])
      const preconditions = {
        uid: at(ours, "metadata", "uid"),
        resourceVersion: at(ours, "metadata", "resourceVersion")
      }
      const { resourceVersion, uid } = pod.metadata
      assert.deepStrictEqual(preconditions, { uid, resourceVersion })
    }
  )

  it.each(shared)("%s: was not sent for a shared pod", (scenario) => {
    assert.isUndefined(recordedPatch(scenario, "labels", "managed"))
  })
})

describe("the patch that records that a pod serves", () => {
  it.each(coldStarts)("%s: equals the recorded one", (scenario, name) => {
    const recorded = recordedPatch(scenario, "labels", "fission.io/served")
    const address = String(at(recorded, "request", "metadata", "annotations", "svcHost"))
    const { resourceVersion = "" } = functionOf(scenario, name).metadata
    const pod = podOf(recorded)
    const ours = servedPatch(pod, address, resourceVersion ?? "")
    assert.deepStrictEqual(differences(scenario, ours, recorded?.["request"], permitted), [])
    assert.strictEqual(at(ours, "metadata", "uid"), pod.metadata.uid)
  })
})
