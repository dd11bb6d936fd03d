import { assert, describe, it } from "@effect/vitest"
import { fieldSelector } from "../../src/devcluster/FieldSelector.ts"
import { StatusError } from "../../src/devcluster/Status.ts"
import { served } from "./ClusterFixture.ts"

const object = { metadata: { name: "pod-1" }, spec: { nodeName: "embedded" } }

describe("fieldSelector", () => {
  it.each([
    ["", true],
    ["metadata.name=pod-1", true],
    ["metadata.name==pod-2", false],
    ["spec.nodeName!=embedded", false],
    ["spec.nodeName=embedded,metadata.name!=pod-2", true],
    ["status.phase=", true]
  ])("takes %s for %s", (selector, expected) => {
    assert.strictEqual(fieldSelector(selector, served("Pod"))(object), expected)
  })

  it.each(["metadata.name", "metadata.name>a", "spec.odd=1"])("refuses %s", (selector) => {
    assert.throws(() => fieldSelector(selector, served("Pod")), StatusError)
  })
})
