import { assert, describe, it } from "@effect/vitest"
import { labelSelector } from "../../src/devcluster/LabelSelector.ts"
import { StatusError } from "../../src/devcluster/Status.ts"

const object = {
  metadata: { name: "pod-1", labels: { app: "web", tier: "front", "fission.io/served": "true", empty: "", age: "7" } }
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
    ["app=web,tier=back", false],
    ["age>3", true],
    ["age<3", false],
    ["app>3", false]
  ])("takes %s for %s", (selector, expected) => {
    assert.strictEqual(labelSelector(selector)(object), expected)
  })

  it.each([
    ["a=b=c", "found '=', expected: ',' or 'end of string'"],
    ["a=b,", "found '', expected: identifier after ','"],
    [",", "found ',', expected: !, identifier, or 'end of string'"],
    ["!", "unable to parse requirement: found '', expected: identifier"],
    ["a in b", "unable to parse requirement: found 'b' expected: '('"],
    ["a notin (x y)", "unable to parse requirement: found 'y', expected: ',' or ')'"]
  ])("refuses %s", (selector, problem) => {
    assert.throws(() => labelSelector(selector), StatusError, problem)
  })
})
