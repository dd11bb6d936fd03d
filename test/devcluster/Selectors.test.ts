import { assert, describe, it } from "@effect/vitest"
import { fieldSelector, labelSelector } from "../../src/devcluster/Selectors.ts"
import { StatusError } from "../../src/devcluster/Status.ts"

const object = {
  metadata: { name: "pod-1", labels: { app: "web", tier: "front", "fission.io/served": "true", empty: "" } },
  spec: { nodeName: "embedded" }
}

describe("labelSelector", () => {
  it.each([
    ["", true],
    ["app=web", true],
    ["app==web", true],
    ["app!=web", false],
    ["other!=web", true],
    ["app", true],
    ["!app", false],
    ["!other", true],
    ["app in (web, api)", true],
    ["app notin (web,api)", false],
    ["other notin (web)", true],
    ["empty=", true],
    ["fission.io/served=true,app=web,tier in (front)", true],
    ["app=web,tier=back", false]
  ])("takes %s for %s", (selector, expected) => {
    assert.strictEqual(labelSelector(selector)(object), expected)
  })

  it("refuses what is no requirement", () => {
    assert.throws(() => labelSelector("a=b=c"), StatusError)
  })
})

describe("fieldSelector", () => {
  it.each([
    ["", true],
    ["metadata.name=pod-1", true],
    ["metadata.name==pod-2", false],
    ["spec.nodeName!=embedded", false],
    ["spec.nodeName=embedded,metadata.name!=pod-2", true],
    ["status.phase=", true]
  ])("takes %s for %s", (selector, expected) => {
    assert.strictEqual(fieldSelector(selector)(object), expected)
  })

  it("refuses what is no field", () => {
    assert.throws(() => fieldSelector("metadata.name"), StatusError)
  })
})
