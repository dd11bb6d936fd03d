import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { adoptionWarning, identityLabels, nameFor, type Owners } from "../../src/cli/orphans/Adoption.ts"
import type { OwnedKind } from "../../src/fission/ClaimedOwners.ts"
import { functionObjectName } from "../../src/fission/FunctionObjectName.ts"
import { functionServiceName } from "../../src/fission/FunctionServiceName.ts"
import { Environments, Functions } from "../../src/fission/ResourceKind.ts"

const metadata = {
  name: "hello",
  namespace: "default",
  uid: "0f3c2a1e-0000-4000-8000-00000000f001",
  resourceVersion: "7"
}

const functionOf = (type: string, more: { readonly [field: string]: unknown } = {}) =>
  Result.getOrThrow(
    Functions.decode({
      metadata: { ...metadata, ...more },
      spec: { InvokeStrategy: { ExecutionStrategy: { ExecutorType: type } }, package: { packageref: {} } }
    })
  )
const environment = Result.getOrThrow(
  Environments.decode({ metadata: { ...metadata, name: "nodejs", uid: "e1" }, spec: { version: 3, runtime: {} } })
)
const newdeploy = functionOf("newdeploy")
const ofFunction = { functionName: "hello", functionNamespace: "default", functionUid: metadata.uid }
const ofEnvironment = { environmentName: "nodejs", environmentNamespace: "default", environmentUid: "e1" }
const ourName = functionObjectName("newdeploy", metadata)

const object = (name: string, more: { readonly [field: string]: unknown } = {}, spec = {}) => ({
  metadata: { namespace: "default", name, ...more },
  spec
})

const refusalOf = (kind: OwnedKind, given: Parameters<typeof identityLabels>[1], owners: Owners) =>
  Result.match(identityLabels(kind, given, owners), { onSuccess: () => "none", onFailure: (reason) => reason })

describe("the labels that make an object its owner's", () => {
  it("name the Function, and on a Service the executor", () => {
    assert.deepStrictEqual(Result.getOrThrow(identityLabels("Deployment", object(ourName), { fn: newdeploy })), {
      executorType: "newdeploy",
      ...ofFunction
    })
    assert.deepStrictEqual(Result.getOrThrow(identityLabels("Service", object(ourName), { fn: newdeploy })), {
      executorType: "newdeploy",
      ...ofFunction,
      "fission.io/managed-by": "fission"
    })
  })

  it("name the Environment of a pool", () => {
    assert.deepStrictEqual(Result.getOrThrow(identityLabels("Deployment", object("any"), { environment })), {
      executorType: "poolmgr",
      ...ofEnvironment
    })
  })

  it("complete those of a specialized pod", () => {
    const held = { labels: { managed: "false", functionName: "hello" }, annotations: { svcHost: "10.0.0.1:8888" } }
    const owners = { environment, fn: functionOf("poolmgr") }
    assert.deepStrictEqual(Result.getOrThrow(identityLabels("Pod", object("pod", held), owners)), {
      executorType: "poolmgr",
      ...ofEnvironment,
      ...ofFunction
    })
  })
})

describe("an object is not given to", () => {
  it.each([
    [
      "a Function that would look elsewhere",
      object("other"),
      { fn: newdeploy },
      /looks for Deployment newdeploy-hello-/u
    ],
    [
      "a Function without such objects",
      object("x"),
      { fn: functionOf("poolmgr") },
      /of type poolmgr has no Deployment/u
    ],
    ["nobody", object("x"), {}, /names no owner/u],
    [
      "a Function that is leaving",
      object(ourName),
      { fn: functionOf("newdeploy", { deletionTimestamp: "2026-01-01T00:00:00Z" }) },
      /hello is being deleted/u
    ],
    [
      "anybody while another controller has it",
      object(ourName, {
        ownerReferences: [{ apiVersion: "v1", kind: "Boss", name: "b", uid: "b1", controller: true }]
      }),
      { fn: newdeploy },
      /controlled by Boss b/u
    ],
    [
      "an Environment that its selector contradicts",
      object("x", {}, { selector: { matchLabels: { environmentUid: "e0" } } }),
      { environment },
      /asks for environmentUid e0/u
    ],
    [
      "a Function that lives elsewhere",
      object(ourName, { namespace: "team" }),
      { fn: functionOf("newdeploy", { namespace: "team-b" }) },
      /./u
    ]
  ] as const)("%s", (_, given, owners, reason) => {
    assert.match(refusalOf("Deployment", given, owners), reason)
    assert.notStrictEqual(refusalOf("Deployment", given, owners), "none")
  })

  it.each([
    ["one that warms a pool", { labels: { managed: "true" } }, /goes with its Deployment/u],
    ["one that serves nothing", { labels: { managed: "false" } }, /never finished specialization/u],
    [
      "one that runs another Function's code",
      { labels: { managed: "false", functionUid: "f0" }, annotations: { svcHost: "10.0.0.1:8888" } },
      /its functionUid is f0/u
    ]
  ] as const)("a Function, of pods: %s", (_, held, reason) => {
    assert.match(refusalOf("Pod", object("pod", held), { environment, fn: functionOf("poolmgr") }), reason)
  })
})

describe("a warning, that the executor will replace it (newdeploy-and-container.md section 12.3),", () => {
  const selecting = (labels: { readonly [label: string]: string }) =>
    object(ourName, {}, { selector: { matchLabels: labels } })

  it("is given with a Deployment whose selector does not name the Function", () => {
    assert.match(adoptionWarning("Deployment", selecting({ app: "x" }), { fn: newdeploy }) ?? "", /makes another/u)
  })

  it("is not given with one whose selector does, a pool, or a Service", () => {
    assert.isUndefined(adoptionWarning("Deployment", selecting({ functionUid: metadata.uid }), { fn: newdeploy }))
    assert.isUndefined(adoptionWarning("Deployment", selecting({ app: "x" }), { environment }))
    assert.isUndefined(adoptionWarning("Service", object(ourName), { fn: newdeploy }))
  })
})

describe("the name that an owner uses", () => {
  it("is that of the Service which leads to its pods, or of its Deployment; of pools its beginning", () => {
    const poolmgr = functionOf("poolmgr")
    assert.strictEqual(nameFor("Service", object("x"), { fn: poolmgr }), functionServiceName(metadata, ""))
    assert.strictEqual(nameFor("HorizontalPodAutoscaler", object("x"), { fn: newdeploy }), ourName)
    assert.strictEqual(nameFor("Deployment", object("x"), { environment }), "poolmgr-nodejs-default-")
    assert.isUndefined(nameFor("Service", object("x"), { environment }))
  })

  it("has the version of what serves one", () => {
    const labels = { executorType: "newdeploy", "fission.io/function-version": "hello-v3" }
    assert.match(nameFor("Deployment", object("x", { labels }), { fn: newdeploy }) ?? "", /-v3$/u)
  })
})
