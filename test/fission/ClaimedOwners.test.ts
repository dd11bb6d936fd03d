import { assert, describe, it } from "@effect/vitest"
import { claimOf, type OwnedKind, ownerlessReason, type OwnerState } from "../../src/fission/ClaimedOwners.ts"
import { read, recordedObjects } from "../podspec/StockObjects.ts"

const kinds: ReadonlyMap<string, OwnedKind> = new Map([
  ["deployment", "Deployment"],
  ["service", "Service"],
  ["pod", "Pod"],
  ["horizontalpodautoscaler", "HorizontalPodAutoscaler"]
])

/** The recorded objects of the stock executor, by file, with their kind. */
const recorded = recordedObjects().flatMap((file) => {
  const kind = kinds.get(/-([a-z]+)(-\d+)?\.json$/u.exec(file)?.[1] ?? "")
  return kind === undefined ? [] : [[file, kind] as const]
})

const ofFunction = { executorType: "newdeploy", functionName: "f", functionNamespace: "ns", functionUid: "1" }
const ofPool = { executorType: "poolmgr", environmentName: "e", environmentNamespace: "ns", environmentUid: "2" }

const ownersOf = (kind: OwnedKind, labels: { readonly [label: string]: string }) =>
  claimOf(kind, { name: "x", labels }).owners.map((owner) => `${owner.kind} ${owner.namespace}/${owner.name}`)

describe("whose an object says it is", () => {
  it.each(recorded)("is whole in what the stock executor makes: %s", (file, kind) => {
    const claim = claimOf(kind, read(`objects/${file}`).metadata)
    assert.deepStrictEqual(claim.missing, [])
    assert.isNotEmpty(claim.owners)
  })

  it("is its Function and the version that it serves, not the Environment that made it", () => {
    const labels = { ...ofPool, ...ofFunction, "fission.io/function-version": "f-v1" }
    assert.deepStrictEqual(ownersOf("Deployment", labels), ["Function ns/f", "FunctionVersion ns/f-v1"])
  })

  it("is both its Environment and its Function, for a pod of poolmgr", () => {
    assert.deepStrictEqual(ownersOf("Pod", { ...ofFunction, ...ofPool }), ["Environment ns/e", "Function ns/f"])
  })

  it("is not in doubt for a pod whose claim nobody finished: that is looked after without its labels", () => {
    const labels = { ...ofPool, managed: "false" }
    assert.deepStrictEqual(claimOf("Pod", { name: "x", labels }).missing, [])
    const served = claimOf("Pod", { name: "x", labels, annotations: { svcHost: "10.0.0.1:8888" } })
    assert.deepStrictEqual(served.missing, ["functionName", "functionNamespace", "functionUid"])
  })
})

describe("why an object has no owner", () => {
  const reasonWhen = (state: OwnerState) =>
    ownerlessReason(claimOf("Deployment", { name: "x", labels: ofFunction }), () => state)

  it("is that its owner does not exist, or is another one, or nothing while it is there", () => {
    assert.strictEqual(reasonWhen("Absent"), "Function ns/f does not exist")
    assert.strictEqual(reasonWhen("AnotherUid"), "Function ns/f is another one: its UID is not 1")
    assert.isUndefined(reasonWhen("Present"))
  })

  it("is that labels are missing, whoever lives", () => {
    const claim = claimOf("Service", { name: "x", labels: { executorType: "poolmgr" } })
    const missing = "fission.io/managed-by, functionName, functionNamespace, functionUid"
    assert.strictEqual(
      ownerlessReason(claim, () => "Present"),
      `its labels are incomplete: it has no ${missing}`
    )
  })
})
